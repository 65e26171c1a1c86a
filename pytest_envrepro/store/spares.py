"""Private copies that lie ready: made beside a session's tests, or given back by one for the next.

A spare lies in the entry's folder, and whoever takes it renames it: so it is nobody else's, and has a path that never was
another's. No file of it is another's either. What it was when it was noted down lies beside it; `renewing` makes it that
again.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.store import layout, looking
from pytest_envrepro.store.entries import INSIDE
from pytest_envrepro.store.housekeeping import SPARES
from pytest_envrepro.store.manifest import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_envrepro.store.parts import Parts

OF = "of"  # The name of a file beside a private copy: what was noted down of it.
_MOST = 8  # For one entry: each is a copy of every file.
_MOST_EACH = 4  # For each session that uses it, where these are more.


class Noted(NamedTuple):
    """What was noted down of a private copy before it was given out.

    Attributes:
        entry: the name of the entry's folder.
        build: of the entry.
        since: when, in nanoseconds, by the clock of the disk.
        folders: the inodes of its folders, by their keys in a tree.
        outside: of the folder that it lies in, and of its own: the mode and `looking.traits`.
        made: what was put right after that, with its times of change.
    """

    entry: str
    build: str
    since: int
    folders: dict[str, int]
    outside: list[list[Any]]
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
    since = now(folder)
    inodes = {each: os.lstat(f"{folder}/{INSIDE}/{each}").st_ino for each in folders}
    write(folder, Noted(entry.name, build, since, inodes, [*map(_outside, (folder, folder / INSIDE))], {}))


def _outside(folder: Path) -> list[Any]:
    return [stat.S_IMODE(os.lstat(folder).st_mode), *looking.traits(folder)]


def now(folder: Path) -> int:
    """Tell what time it is by the clock of the disk, in nanoseconds, and forget what was noted down.

    Raises:
        OSError: it cannot be told.
    """
    path = folder / OF
    path.unlink(missing_ok=True)  # A link that a test has left there is not to be followed.
    path.touch()
    return path.stat().st_ctime_ns


def write(folder: Path, as_it_is: Noted) -> None:
    """Note down what a copy is, in the place of what was.

    Raises:
        OSError: it cannot be written.
    """
    # The file's own time may be changed later, by a test that touches all it finds: so it stands within.
    (folder / OF).write_bytes(encoded(as_it_is))


def noted(folder: Path) -> Noted | None:
    """Give what was noted down of a copy; None where that is nothing, or is not as it was written."""
    try:
        return Noted(*json.loads((folder / OF).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def count(entry: Path) -> int:
    """Count the spares of an entry."""
    try:
        return len(os.listdir(entry / SPARES))
    except OSError:
        return 0


def withdraw(parts: Parts, folder: Path) -> Path:
    """Take a private copy away from the path that a test knows, and give where it is then: there, if it stays."""
    away = parts.layout.at / layout.name_of_private("back", parts.owners.claim())
    try:
        # A folder to which its owner has no rights is moved to no other; `renew` gives its mode back.
        folder.chmod(0o700)
        folder.rename(away)
    except OSError:
        return folder
    return away


def put(parts: Parts, folder: Path) -> bool:
    """Keep a private copy for the next; false where nobody would take it."""
    before = noted(folder)
    if before is None:
        return False
    entry = parts.layout.at / os.path.basename(before.entry)
    spares = entry / SPARES
    try:
        lying = count(entry)
        if not entry.is_dir() or (lying >= _MOST and lying >= _MOST_EACH * parts.owners.using(entry.name)):
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
