"""Private copies that lie ready: made beside a session's tests, or given back and made as new for the next.

A spare lies in the entry's folder, and whoever takes it renames it: so it is nobody else's, and has a path that never was
another's. No file of it is another's either. What was done in it since it was noted down is told by times that nobody
can set (`looking.scan_since`); that is copied again from the entry, and all that holds the path is written anew. A program
that a test has left running may go on writing into it, also while it is looked through and put right: so what counts is
the time before the look, and what was put right since then is known by its own times.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.store import cloning, looking
from pytest_envrepro.store.entries import INSIDE
from pytest_envrepro.store.housekeeping import SPARES
from pytest_envrepro.store.manifest import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pytest_envrepro.store.looking import Tree
    from pytest_envrepro.store.manifest import Manifest
    from pytest_envrepro.store.parts import Parts

_OF = "of"  # The name of a file beside a private copy: what was noted down of it.
_MOST = 8  # For one entry: each is a copy of every file.
_WORTH = 2_000  # Differences; with more of them, a new copy is as fast.


class Noted(NamedTuple):
    """What was noted down of a private copy before it was given out.

    Attributes:
        entry: the name of the entry's folder.
        build: of the entry.
        since: when, in nanoseconds, by the clock of the disk.
        folders: the inodes of its folders, by their keys in a tree.
        made: what was put right after that, with its times of change.
    """

    entry: str
    build: str
    since: int
    folders: dict[str, int]
    made: dict[str, int]


def note(folder: Path, entry: Path, build: str, folders: Iterable[str]) -> None:
    """Note down a copy that is as it is to be: what is done in it from now on is told by its time.

    Args:
        folder: the one that it lies in.
        entry: the folder of the entry.
        folders: that it has, as keys of a tree.

    Raises:
        OSError: it cannot be written, or a folder is not there.
    """
    since = _now(folder)
    inodes = {each: os.lstat(f"{folder}/{INSIDE}/{each}").st_ino for each in folders}
    _write(folder, Noted(entry.name, build, since, inodes, {}))


def _now(folder: Path) -> int:
    """Tell what time it is by the clock of the disk, in nanoseconds."""
    path = folder / _OF
    path.unlink(missing_ok=True)  # A link that a test has left there is not to be followed.
    path.touch()
    return path.stat().st_ctime_ns


def _write(folder: Path, noted: Noted) -> None:
    # The file's own time may be changed later, by a test that touches all it finds: so it stands within.
    (folder / _OF).write_bytes(encoded(noted))


def _noted(folder: Path) -> Noted | None:
    try:
        return Noted(*json.loads((folder / _OF).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def count(entry: Path) -> int:
    """Count the spares of an entry."""
    try:
        return len(os.listdir(entry / SPARES))
    except OSError:
        return 0


def put(parts: Parts, folder: Path) -> bool:
    """Keep a private copy for the next; false where nobody would take it."""
    noted = _noted(folder)
    if noted is None:
        return False
    entry = parts.layout.at / os.path.basename(noted.entry)
    spares = entry / SPARES
    try:
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
        names = os.listdir(entry / SPARES)
    except OSError:
        return False
    for name in names:
        with contextlib.suppress(OSError):
            (folder / INSIDE).rmdir()
        with contextlib.suppress(OSError):
            (entry / SPARES / name).rename(folder)  # In the place of an empty folder, and by one of us alone.
            return True
    return False


def renew(
    parts: Parts, folder: Path, entry: Path, found: Manifest, written: Mapping[str, bytes], links: Mapping[str, str]
) -> bool:
    """Make a spare what a new copy would be; false where that is not worth it, or cannot be done.

    A folder of bytecode that it does not have is left to Python, as in a copy that is made on the spot.

    Args:
        folder: the one that it lies in.
        entry: the folder of the entry.
        written: the files that are the copy's own.
        links: the symbolic links, and where they are to lead.

    Raises:
        Changed: a file of the entry is not what the manifest tells.
    """
    noted = _noted(folder)
    path = folder / INSIDE
    try:
        if noted is None or noted.build != found.build or os.lstat(path).st_ino != noted.folders.get(""):
            return False
        since = _now(folder)
        seen = looking.scan_since(path, noted.since, noted.folders)
        apart = {*written, *links}
        differing = [
            (name, then, now)
            for name, then, now in looking.differences(found.untouched, seen)
            if name not in apart
            and not _is_as_made(noted.made.get(name), then, now, entry / INSIDE / name, path / name)
        ]
        absent = _absent(found.tree, seen) if differing else frozenset()
        wrong = [
            each for each in differing if f"{each[0]}/" not in absent and f"{each[0].rpartition('/')[0]}/" not in absent
        ]
        if len(wrong) > _WORTH:
            return False
        files, folders = _put_right(parts, path, entry / INSIDE, found.tree, wrong)
        for each in apart:
            _remove(parts, path / each)
        cloning.write(path, written, found.tree)
        cloning.link(path, links)
        inodes = {each: noted.folders[each] for each in found.tree.keys() - absent - folders.keys()}
        _write(folder, Noted(entry.name, found.build, since, inodes | folders, files))
    except cloning.Changed:
        raise
    except (OSError, KeyError):  # Also where a program has taken away a folder in between.
        return False
    return True


def _is_as_made(made: int | None, then: list[int] | None, now: list[int] | None, source: Path, place: Path) -> bool:
    """Tell whether a file is the one that was copied when this was put right the last time.

    Its content is read besides: its time was looked at when it was made, and a program may have written just then.
    """
    return (
        made is not None
        and then is not None
        and now == [*then[:3], made]
        and stat.S_ISREG(then[0])
        and source.read_bytes() == place.read_bytes()
    )


def _absent(tree: Tree, seen: Tree) -> frozenset[str]:
    """Give the folders of bytecode in whose places there is nothing."""
    gone = (each for each in looking.bytecode(tree) if each not in seen)
    return frozenset(each for each in gone if looking.BYTECODE not in seen.get(each[: -len(looking.BYTECODE) - 1], {}))


def _put_right(
    parts: Parts,
    path: Path,
    source: Path,
    tree: Tree,
    wrong: Iterable[tuple[str, list[int] | None, list[int] | None]],
) -> tuple[dict[str, int], dict[str, int]]:
    """Take away what is not to be there, and copy what is; a folder comes before what is in it.

    Returns:
        the files that were copied, with their times of change, and the inodes of the folders that were made.
    """
    made: dict[str, int] = {}
    new: dict[str, int] = {}
    files: dict[str, list[str]] = {}
    modes: list[tuple[Path, int]] = []
    for each, then, now in wrong:
        place = path / each
        if then is None or not stat.S_ISDIR(then[0]):
            _remove(parts, place)
            if then is not None:
                folder, slash, name = each.rpartition("/")
                files.setdefault(folder + slash, []).append(name)
            continue
        if now is None or len(now) > 1 or not stat.S_ISDIR(now[0]):
            _remove(parts, place)
            place.mkdir()
            new[f"{each}/"] = os.lstat(place).st_ino
        modes.append((place, stat.S_IMODE(then[0])))
    for folder, names in files.items():
        regular = [name for name in names if stat.S_ISREG(tree[folder][name][0])]
        cloning.copy(f"{source}/{folder}", f"{path}/{folder}", regular, tree[folder], by=parts.how())
        made |= {f"{folder}{name}": os.lstat(f"{path}/{folder}{name}").st_ctime_ns for name in regular}
    for place, mode in reversed(modes):
        place.chmod(mode)
    return made, new


def _remove(parts: Parts, place: Path) -> None:
    """Take away whatever lies there; what lay in a folder that is gone is gone with it."""
    if place.is_dir() and not place.is_symlink():
        parts.trash.put(place)
    else:
        place.unlink(missing_ok=True)
