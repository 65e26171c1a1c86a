"""Private copies that were given back, made as new for the next: most of their files are still what they were.

A spare lies in the entry's folder, and whoever takes it renames it: so it is nobody else's, has a path that never was
another's, and goes with its entry. That a file is still the twin's is told by its inode; what was changed, added or
removed is put right, and all that holds the path is written anew.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.store import cloning, twins
from pytest_envrepro.store.entries import INSIDE
from pytest_envrepro.store.looking import differences

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_envrepro.store.parts import Parts
    from pytest_envrepro.store.twins import Told

_SPARES = "spares"
_OF = "of"  # The name of a file beside a private copy: the entry that it was made of.
_MOST = 8  # For one entry: each has a name for every file, which is what takes time to delete.
_WORTH = 2_000  # Differences; with more of them, a new copy is as fast.
_BYTECODE = 2  # Numbers in the status of a folder of bytecode: see `looking.scan`.


class Source(NamedTuple):
    """What spares are linked to.

    Attributes:
        path: of the twin.
        told: what was written down of it.
        bytecode: what its folders of bytecode hold.
    """

    path: Path
    told: Told
    bytecode: Mapping[str, Mapping[str, list[int]]]


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


def renew(parts: Parts, path: Path, source: Source, written: Mapping[str, bytes], links: Mapping[str, str]) -> bool:
    """Make a spare what a new copy would be; false where that is not worth it, or cannot be done.

    A folder of bytecode that it never had is left to Python, as in a new copy; where something was written to one, it
    gets what the twin has.

    Args:
        written: the files that are the copy's own.
        links: the symbolic links, and where they are to lead.
    """
    twin, tree = source.path, source.told.status
    try:
        apart = {*written, *links}
        found = [
            (each, then, now)
            for each, then, now in differences(tree, source.told.seen(path))
            if each not in apart and not (then is not None and len(then) == _BYTECODE and now is None)
        ]
        if len(found) > _WORTH:
            return False
        # What a test has written in place has changed in the twin too.
        if not twins.are_same(twin, tree, [each for each, then, _ in found if then and not _is_plain_folder(then)]):
            return False
        for each, then, now in found:
            if then is not None and len(then) == _BYTECODE:
                _remove(parts, path / each)
                cloning.link_bytecode(f"{twin}/{each}", f"{path}/{each}", source.bytecode[f"{each}/"], then)
            else:
                _put_right(parts, path / each, twin / each, then, now)
        for each in apart:
            _remove(parts, path / each)
        cloning.write(path, written, tree)
        cloning.link(path, links)
    except OSError:
        return False
    return True


def _is_plain_folder(status: list[int]) -> bool:
    return stat.S_ISDIR(status[0]) and len(status) != _BYTECODE


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
