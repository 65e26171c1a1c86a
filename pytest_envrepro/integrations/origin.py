"""Compares where something was installed from (`direct_url.json`, PEP 610) with the URL of a requirement (PEP 508)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from pytest_envrepro.credentials import redact
from pytest_envrepro.places import equal_but_for_variables, normal, same_place, split_revision

if TYPE_CHECKING:
    from pytest_envrepro.inventory import Source

_SHORT_COMMIT = re.compile(r"[0-9a-f]{7,39}")
_HASH = re.compile(r"(?:md5|sha\d+)")


def is_from(source: Source | None, url: str, root: str) -> bool:
    """Tell whether something was installed from a URL: the place, the revision, and a hash where both tell one.

    Args:
        root: the project's folder, to find relative paths by.
    """
    if source is None:
        return False
    place, revision = split_revision(url)
    if not same_place(place, source.url, frozenset({normal(root)}), moved=False):
        return False
    if revision and not _is_revision(source, revision):
        return False
    asked = {
        f"{name}:{value}" for name, (value, *_) in parse_qs(url.partition("#")[2]).items() if _HASH.fullmatch(name)
    }
    algorithms = {each.partition(":")[0] for each in source.hashes}
    told = {each for each in asked if each.partition(":")[0] in algorithms}
    return told <= source.hashes


def _is_revision(source: Source, revision: str) -> bool:
    if any(equal_but_for_variables(revision, known) for known in (source.commit or "", source.revision or "")):
        return True
    return _SHORT_COMMIT.fullmatch(revision) is not None and (source.commit or "").startswith(revision)


def place_of(source: Source | None) -> str:
    """Say where something was installed from."""
    if source is None:
        return "an index"
    return redact(source.url) + (f"@{source.commit}" if source.commit else "")
