"""Compares where something comes from: URLs, VCS checkouts, folders (PEP 508, PEP 610)."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from pytest_envrepro.model import Pin, Source

_COMMIT = re.compile(r"[0-9a-f]{40}")


def is_installed_from(source: Source | None, pin: Pin) -> bool:
    """Tell whether what is installed comes from the URL or the path of a pin."""
    url = pin.requirement.url
    if url is None or source is None:
        return False
    place, revision = split_revision(url)
    if not same_place(place, source.url):
        return False
    if source.commit is not None and revision:
        return source.commit == revision if _COMMIT.fullmatch(revision) else source.revision == revision
    if source.hashes and pin.hashes:
        return not source.hashes.isdisjoint(pin.hashes)
    return not source.directory or source.editable == pin.editable


def meets(asked: str, pinned: str) -> bool:
    """Tell whether the URL that an input asks for is the one that is pinned; a commit may stand for a branch."""
    place, revision = split_revision(asked)
    pinned_place, pinned_revision = split_revision(pinned)
    if not same_place(place, pinned_place):
        return False
    return revision == pinned_revision or _COMMIT.fullmatch(pinned_revision) is not None


def split_revision(url: str) -> tuple[str, str]:
    """Split a VCS URL at the revision; any other URL has none. Fragments are left out."""
    place = url.partition("#")[0]
    if not place.startswith(("git+", "hg+", "bzr+", "svn+")):
        return place, ""
    scheme, _, rest = place.partition("://")
    host, slash, path = rest.partition("/")
    if "@" in path:
        path, _, revision = path.rpartition("@")
        return f"{scheme}://{host}{slash}{path}", revision
    return place, ""


def same_place(one: str, other: str) -> bool:
    """Tell whether two URLs or paths are one place: without credentials, `.git` and the final slash.

    A relative path is compared with the end of an absolute one, since only the folder of the command would tell more.
    """
    first, second = _normal(one), _normal(other)
    if first == second:
        return True
    if "://" in first or "://" in second:
        return False
    relative, absolute = sorted((first, second), key=lambda path: path.startswith("/"))
    return not relative.startswith("/") and absolute.startswith("/") and _ends_with(absolute, relative)


def _ends_with(absolute: str, relative: str) -> bool:
    """Compare a path that is relative to an unknown folder; `.` and `..` cannot be compared, and are taken as equal."""
    tail = relative.removeprefix("./")
    return tail in {".", ""} or tail.startswith("..") or absolute.endswith(f"/{tail}")


def _normal(url: str) -> str:
    parts = urlsplit(url.replace("\\", "/"))
    if parts.scheme in ("", "file") or len(parts.scheme) == 1:
        path = url.replace("\\", "/").partition("#")[0]
        path = re.sub(r"^file:(?://(?:localhost)?(?=/))?", "", path)
        return posixpath.normpath(unquote(path))
    host = parts.netloc.rpartition("@")[2].lower()
    return f"{parts.scheme}://{host}{parts.path.rstrip('/').removesuffix('.git')}"
