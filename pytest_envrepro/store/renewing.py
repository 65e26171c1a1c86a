"""Makes a private copy that was lent before what a new one would be, for the next who has it.

What was done in it since it was noted down is told by times that nobody can set (`looking.scan_since`); that is copied
again from the entry, and all that holds the path is written anew. A program that a test has left running may go on writing
into it, also while it is looked through and put right: so what counts is the time before the look, and what was put right
since then is known by its own times.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from pytest_envrepro.store import cloning, looking, spares
from pytest_envrepro.store.entries import INSIDE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pytest_envrepro.store.looking import Tree
    from pytest_envrepro.store.manifest import Manifest
    from pytest_envrepro.store.parts import Parts

_WORTH = 2_000  # Differences; with more of them, a new copy is as fast.


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
    noted = spares.noted(folder)
    path = folder / INSIDE
    try:
        if noted is None or noted.build != found.build or os.lstat(path).st_ino != noted.folders.get(""):
            return False
        if not _is_cleared(parts, folder, noted.outside):
            return False
        since = spares.now(folder)
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
        spares.write(folder, spares.Noted(entry.name, found.build, since, inodes | folders, noted.outside, files))
    except cloning.Changed:
        raise
    except (OSError, KeyError):  # Also where a program has taken away a folder in between.
        return False
    return True


def _is_cleared(parts: Parts, folder: Path, outside: list[list[Any]]) -> bool:
    """Take away what lies beside a private copy, and give modes back; false where the folders have something else.

    Raises:
        OSError: something cannot be taken away, or looked at.
    """
    for place, (mode, *traits) in zip((folder, folder / INSIDE), outside, strict=True):
        if stat.S_IMODE(os.lstat(place).st_mode) != mode:
            place.chmod(mode)
        if looking.traits(place) != traits:
            return False
    for name in os.listdir(folder):
        if name not in {INSIDE, spares.OF}:
            _remove(parts, folder / name)
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
