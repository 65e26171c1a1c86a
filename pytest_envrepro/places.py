"""Compares URLs and paths: whether two are one place, and which revision a URL of a version control names."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

VCS = ("git+", "hg+", "bzr+", "svn+")
_PLACEHOLDER = re.compile(r"\$\{\w+\}")
_FILE_SCHEME = re.compile(r"file:(?://(?:localhost)?(?=/))?", re.IGNORECASE)


def split_revision(url: str) -> tuple[str, str]:
    """Split a VCS URL at the revision; any other URL has none. Fragments are left out."""
    place = url.partition("#")[0]
    if not place.startswith(VCS):
        return place, ""
    scheme, _, rest = place.partition("://")
    host, slash, path = rest.partition("/")
    if "@" in path:
        path, _, revision = path.rpartition("@")
        return f"{scheme}://{host}{slash}{path}", revision
    return place, ""


def same_place(one: str, other: str, bases: frozenset[str] = frozenset(), *, moved: bool = True) -> bool:
    """Tell whether two URLs or paths are one place: without credentials, `.git` and the final slash.

    Args:
        bases: the folders that a relative path may be relative to.
        moved: whether a relative path is also compared with the end of an absolute one: the project may have been
            somewhere else when it was compiled or installed, in a stage of a container's build for one.
    """
    first, second = normal(one), normal(other)
    if equal_but_for_variables(first, second):
        return True
    if not (is_local(first) and is_local(second)):
        return False
    if not resolved(first, bases).isdisjoint(resolved(second, bases)):
        return True
    if not moved or first.startswith("/") == second.startswith("/"):
        return False
    relative, absolute = (second, first) if first.startswith("/") else (first, second)
    tail = re.sub(r"^(?:\.\.?/)+", "", relative)
    return tail not in {".", ".."} and absolute.endswith(f"/{tail}")


def is_local(url: str) -> bool:
    """Tell whether a URL is a path or a `file:` URL."""
    return "://" not in url or url.lower().startswith("file:")


def resolved(path: str, bases: frozenset[str]) -> set[str]:
    """Give what a path may be, relative to some folders; an absolute one is itself."""
    if path.startswith("/"):
        return {path}
    return {posixpath.normpath(posixpath.join(base, path)) for base in bases}


def taken_apart(url: str) -> SplitResult | None:
    """Give the parts of a URL; None where its host is an address in brackets that is none (`http://[x`)."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def normal(url: str) -> str:
    """Write a URL or a path in one way: without credentials, `.git`, and the final slash."""
    parts = taken_apart(url)
    if parts is None:
        return url
    if parts.scheme.lower() in ("", "file") or len(parts.scheme) == 1:
        path = _FILE_SCHEME.sub("", url.replace("\\", "/").partition("#")[0])
        return posixpath.normpath(unquote(path)) if path else ""
    host = parts.netloc.rpartition("@")[2].lower()
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{host}{parts.path.rstrip('/').removesuffix('.git')}{query}"


def equal_but_for_variables(one: str, other: str) -> bool:
    """Tell whether two URLs or paths may be the same, where `${NAME}` in either stands for any text."""
    if one == other:
        return True
    pattern, text = (one, other) if "${" in one else (other, one)
    first, *rest = _PLACEHOLDER.split(pattern)
    if not rest or not text.startswith(first):
        return False
    *between, last = rest
    position = len(first)
    for part in between:
        found = text.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return text.endswith(last) and position <= len(text) - len(last)
