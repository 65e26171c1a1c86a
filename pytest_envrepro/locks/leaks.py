"""Finds what a lock holds of the machine that wrote it: paths, indexes and credentials."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_envrepro.credentials import has_credentials, redact
from pytest_envrepro.outcome import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_envrepro.locks.statements import Document

_ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]|\\\\|~|file:(?://(?:localhost)?)?/")
_LOCAL_HOST = re.compile(r"(?<!\w)\w+://(?:[^/@]*@)?(?:localhost|127\.[\d.]+|0\.0\.0\.0|\[::1\])(?=[:/]|$)")
_ABSOLUTE_IN_URL = re.compile(r"file:(?://(?:localhost)?)?/")

_WITHOUT = {
    "--find-links": "--no-emit-find-links",
    "--index-url": "--no-emit-index-url",
    "--extra-index-url": "--no-emit-index-url",
}


def find_leaks(path: str, document: Document) -> Iterator[Finding]:
    """Give a finding for each option and each requirement that holds only on one machine, or gives a secret away."""
    for setting in document.settings:
        # What a variable holds on this machine is none of the lock's.
        shown = f"{setting.option} {setting.raw}"
        if has_credentials(setting.raw):
            yield _leak(path, setting.line, shown, "holds a credential: revoke it")
        elif setting.option in _WITHOUT and _is_local(setting.raw):
            mend = f"compile with {_WITHOUT[setting.option]}"
            yield _leak(path, setting.line, shown, f"works on one machine only: {mend}")
    for entry in document.entries:
        url = entry.raw.partition(" --")[0]
        if has_credentials(url):
            yield _leak(path, entry.line, url, "holds a credential: revoke it")
        elif _LOCAL_HOST.search(url) or _ABSOLUTE_IN_URL.search(url) or _is_absolute(url):
            yield _leak(path, entry.line, url, "works on one machine only")
    for comment in document.header:
        if has_credentials(comment.text):
            yield _leak(path, comment.line, comment.text.strip(), "holds a credential: revoke it")


def find_leaks_of(path: str, places: Iterable[tuple[str, int | None]]) -> Iterator[Finding]:
    """Give the same for the indexes, URLs and paths of any lock, each with its line."""
    for place, line in places:
        if has_credentials(place):
            yield _leak(path, line, place, "holds a credential: revoke it")
        elif _LOCAL_HOST.search(place) or _ABSOLUTE.match(place) or _ABSOLUTE_IN_URL.search(place):
            yield _leak(path, line, place, "works on one machine only")


def _is_local(value: str) -> bool:
    return _LOCAL_HOST.match(value) is not None or _is_absolute(value)


def _is_absolute(text: str) -> bool:
    return _ABSOLUTE.match(text.removeprefix("-e ").strip()) is not None


def _leak(path: str, line: int | None, shown: str, why: str) -> Finding:
    return Finding(code="host-leak", actual=redact(shown), file=path, line=line, message=f"'{redact(shown)}' {why}")
