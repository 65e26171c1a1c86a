"""Compares where something comes from: URLs, VCS checkouts, folders (PEP 508, PEP 610)."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from pytest_envrepro.places import VCS, equal_but_for_variables, is_local, normal, resolved, same_place, split_revision

if TYPE_CHECKING:
    from pytest_envrepro.inventory import Source
    from pytest_envrepro.model import Pin, Root

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def is_installed_from(source: Source | None, pin: Pin, root: str) -> bool:
    """Tell whether what is installed comes from the URL or the path of a pin.

    Args:
        root: the project's folder, to find relative paths by.
    """
    url = pin.requirement.url
    if url is None or source is None:
        return False
    if pin.editable and url.startswith(VCS):
        return source.editable  # pip records the folder of the checkout, and nothing of where it came from.
    place, revision = split_revision(url)
    # The files of an editable installation are those in use: another working tree's are others.
    if not same_place(place, source.url, bases(pin, root), moved=not source.editable):
        return False
    if source.commit is not None and revision:
        known = (source.commit, source.revision or "")
        return any(equal_but_for_variables(revision, each) for each in known)
    if source.hashes and pin.hashes:
        return not source.hashes.isdisjoint(pin.hashes)
    return not source.directory or source.editable == pin.editable


def is_the_pinned_release(source: Source | None, pin: Pin) -> bool:
    """Tell whether what is installed may be the very release that an index would give for a pin.

    An archive of this machine may: `pip install wheels/*.whl` is how many images are built. Its hash, where both are
    known, tells better. A checkout or a folder is not a release.
    """
    if source is None:
        return True
    if source.hashes and pin.hashes:
        return not source.hashes.isdisjoint(pin.hashes)
    return source.released or (is_local(source.url) and not source.directory)


def meets(asked: Root, pin: Pin, root: str) -> bool:
    """Tell whether the URL that an input asks for is the one that is pinned; a commit may stand for a branch."""
    place, revision = split_revision(asked.requirement.url or "")
    pinned_place, pinned_revision = split_revision(pin.requirement.url or "")
    if not same_place(place, pinned_place, bases(asked, root) | bases(pin, root)):
        return False
    if _contradict(asked.requirement.url or "", pin.requirement.url or ""):
        return False
    return equal_but_for_variables(revision, pinned_revision) or _COMMIT.fullmatch(pinned_revision) is not None


def _contradict(asked: str, pinned: str) -> bool:
    """Tell whether the fragments of two URLs name different subdirectories or, of one algorithm, different hashes."""
    one, other = (parse_qs(url.partition("#")[2]) for url in (asked, pinned))
    if one.get("subdirectory") != other.get("subdirectory"):
        return True
    return any(name != "egg" and one[name] != other[name] for name in one.keys() & other.keys())


def bases(written: Pin | Root, root: str) -> frozenset[str]:
    """Give the folders that a relative path may be relative to: the root, the file's own, and those between."""
    folder = normal(root)
    found = [folder]
    for part in posixpath.dirname(written.file).split("/"):
        folder = posixpath.join(folder, part)
        found.append(posixpath.normpath(folder))
    return frozenset(found)


def is_root(pin: Pin, root: str) -> bool:
    """Tell whether a pin is the project itself: `-e .`."""
    return not resolved(normal(pin.requirement.url or ""), bases(pin, root)).isdisjoint({normal(root)})


def is_below(url: str, folder: str) -> bool:
    """Tell whether a URL or a path is a folder, or lies in it; both are absolute."""
    place, parent = normal(url), normal(folder)
    return is_local(place) and bool(parent) and f"{place}/".startswith(f"{parent}/")
