"""Private copies that were given back, made as new for the next: most of their files are still what they were.

A spare lies in the entry's folder, and whoever takes it renames it: so it is nobody else's, has a path that never was
another's, and goes with its entry. That a file is still the twin's is told by its inode; what was changed, added or
removed is put right, and all that holds the path is written anew.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from typing import TYPE_CHECKING

from pytest_envrepro.store import cloning
from pytest_envrepro.store.entries import INSIDE
from pytest_envrepro.store.manifest import Tree, differences, encoded, scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pytest_envrepro.store.parts import Parts

_SPARES = "spares"
_OF = "of"  # The name of a file beside a private copy: the entry that it was made of.
_INODES = "inodes"  # The name of a file beside the twin: its status.
_MOST = 8  # For one entry: each has a name for every file, which is what takes time to delete.
_WORTH = 2_000  # Differences; with more of them, a new copy is as fast.


def remember(entry: Path, build: str, status: Tree) -> None:
    """Write down the status of a twin, with its inodes, when it was made.

    Args:
        entry: the folder of the entry.

    Raises:
        OSError: it cannot be written.
    """
    temporary = entry / f".{os.urandom(8).hex()}"
    temporary.write_bytes(encoded({"build": build, "status": status}))
    temporary.replace(entry / _INODES)


def remembered(entry: Path, build: str) -> Tree | None:
    """Give what was written down of a twin; None where that is of another build, or not whole."""
    try:
        told = json.loads((entry / _INODES).read_bytes())
    except (OSError, ValueError):
        return None
    status: Tree = told["status"]
    return status if told["build"] == build else None


def are_same(twin: Path, status: Tree, paths: Iterable[str]) -> bool:
    """Tell whether some files of a twin are what was written down of them."""
    return all(_status(twin / path) == _told(status, path) for path in paths)


def _told(status: Tree, path: str) -> list[int] | None:
    folder, _, name = path.rpartition("/")
    return status[f"{folder}/" if folder else ""].get(name)


def _status(path: Path) -> list[int] | None:
    try:
        seen = path.lstat()
    except OSError:
        return None
    return [seen.st_mode, seen.st_size, seen.st_mtime_ns, seen.st_ino]


def there_are(entry: Path) -> bool:
    """Tell whether an entry has a spare."""
    try:
        return bool(os.listdir(entry / _SPARES))
    except OSError:
        return False


def note(folder: Path, entry: str) -> None:
    """Write down which entry a private copy is of.

    Raises:
        OSError: it cannot be written.
    """
    (folder / _OF).write_text(entry)


def put(parts: Parts, folder: Path) -> bool:
    """Keep a private copy for the next; false where nobody would take it."""
    try:
        entry = parts.layout.at / (folder / _OF).read_text()
        spares = entry / _SPARES
        if not entry.is_dir() or (spares.is_dir() and len(os.listdir(spares)) >= _MOST):
            return False
        spares.mkdir(exist_ok=True)
        folder.rename(spares / os.urandom(8).hex())
    except OSError:
        return False
    return True


def take(entry: Path, folder: Path) -> bool:
    """Put a spare in the place of a new folder; false where there is none.

    Args:
        entry: the folder of the entry.
        folder: is empty but for an empty folder, and gone where there is a spare.
    """
    try:
        names = os.listdir(entry / _SPARES)
    except OSError:
        return False
    for name in names:
        with contextlib.suppress(OSError):
            (folder / INSIDE).rmdir()
        with contextlib.suppress(OSError):
            (entry / _SPARES / name).rename(folder)  # In the place of an empty folder, and by one of us alone.
            return True
    return False


def renew(
    parts: Parts, path: Path, twin: Path, tree: Tree, written: Mapping[str, bytes], links: Mapping[str, str]
) -> bool:
    """Make a spare what a new copy would be; false where that is not worth it, or cannot be done.

    Args:
        tree: the twin's status, with inodes.
        written: the files that are the copy's own.
        links: the symbolic links, and where they are to lead.
    """
    try:
        apart = {*written, *links}
        found = [each for each in differences(tree, scan(path, inodes=True)) if each[0] not in apart]
        if len(found) > _WORTH:
            return False
        # What a test has written in place has changed in the twin too.
        if not are_same(twin, tree, [each for each, then, _ in found if then and stat.S_ISREG(then[0])]):
            return False
        for each, then, now in found:
            _put_right(parts, path / each, twin / each, then, now)
        for each in apart:
            _remove(parts, path / each)
        cloning.write(path, written, tree)
        cloning.link(path, links)
    except OSError:
        return False
    return True


def _put_right(parts: Parts, place: Path, origin: Path, then: list[int] | None, now: list[int] | None) -> None:
    if then is not None and stat.S_ISDIR(then[0]):
        if now is None or not stat.S_ISDIR(now[0]):
            _remove(parts, place)
            place.mkdir()
        place.chmod(stat.S_IMODE(then[0]))
        return
    _remove(parts, place)
    if then is not None:
        os.link(origin, place)


def _remove(parts: Parts, place: Path) -> None:
    """Take away whatever lies there; what lay in a folder that is gone is gone with it."""
    if place.is_dir() and not place.is_symlink():
        parts.trash.put(place)
    else:
        place.unlink(missing_ok=True)
