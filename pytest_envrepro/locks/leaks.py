"""Finds what a lock holds of the machine that wrote it: paths, indexes and credentials."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_envrepro.outcome import Finding
from pytest_envrepro.requirement import has_credentials, redact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.locks.syntax import Document

_ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]|\\\\|~|file:(?://(?:localhost)?)?/")
_LOCAL_HOST = re.compile(r"\w+://(?:[^/@]*@)?(?:localhost|127\.[\d.]+|0\.0\.0\.0|\[::1\])(?=[:/]|$)")
_ABSOLUTE_IN_URL = re.compile(r"file:(?://(?:localhost)?)?/")


def find_leaks(path: str, document: Document) -> Iterator[Finding]:
    """Give a finding for each option and each requirement that holds only on one machine, or gives a secret away."""
    for setting in document.settings:
        shown = f"{setting.option} {setting.value}"
        if has_credentials(setting.value):
            yield _leak(path, setting.line, shown, "holds a credential")
        elif setting.option != "--trusted-host" and _is_local(setting.value):
            yield _leak(path, setting.line, shown, "is this machine's own")
    for entry in document.entries:
        url = entry.raw.partition(" --")[0]
        if has_credentials(url):
            yield _leak(path, entry.line, url, "holds a credential")
        elif _LOCAL_HOST.search(url) or _ABSOLUTE_IN_URL.search(url) or _is_absolute(url):
            yield _leak(path, entry.line, url, "is this machine's own")
    for comment in document.header:
        if has_credentials(comment):
            yield _leak(path, 1, comment.strip(), "holds a credential")


def _is_local(value: str) -> bool:
    return _LOCAL_HOST.match(value) is not None or _is_absolute(value)


def _is_absolute(text: str) -> bool:
    return _ABSOLUTE.match(text.removeprefix("-e ").strip()) is not None


def _leak(path: str, line: int, shown: str, why: str) -> Finding:
    return Finding(code="host-leak", actual=redact(shown), file=path, line=line, message=f"'{redact(shown)}' {why}")
