"""The twin of an entry: a second copy, made once, which private copies are linked to, and which nobody runs.

A link is one file with two names: who writes into a private copy by hand, without giving the file a new inode as pip and
uv do, changes what it was linked to. That is the twin: the environment that other tests read stays what it was, and no
other test is blamed. Its status was written down, with inodes; one that has changed is made anew.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.store import cloning, looking, manifest
from pytest_envrepro.store.entries import Damaged
from pytest_envrepro.store.housekeeping import TWIN
from pytest_envrepro.store.manifest import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_envrepro.store.entries import Entry
    from pytest_envrepro.store.looking import Tree
    from pytest_envrepro.store.manifest import Manifest
    from pytest_envrepro.store.parts import Parts

_INODES = "inodes"  # The name of a file beside the twin: its status.


class Told(NamedTuple):
    """What was written down of a twin when it was made.

    Attributes:
        status: of its files, with inodes; of folders of bytecode, their own alone.
        bytecode: those folders.
    """

    status: Tree
    bytecode: frozenset[str]

    def seen(self, root: Path) -> Tree:
        """Look at a folder in the same way.

        Raises:
            OSError: it cannot be read.
        """
        return looking.scan(root, inodes=True, closed=self.bytecode)


def told(entry: Path, build: str) -> Told | None:
    """Give what was written down of a twin; None where that is of another build, or not whole.

    Args:
        entry: the folder of the entry.
    """
    try:
        found = json.loads((entry / _INODES).read_bytes())
        return Told(found["status"], frozenset(found["bytecode"])) if found["build"] == build else None
    except (OSError, ValueError, KeyError):
        return None


def are_same(twin: Path, status: Tree, paths: Iterable[str]) -> bool:
    """Tell whether some files of a twin, or folders of bytecode, are what was written down of them."""
    return all(_status(twin / path) == looking.status_in(status, path) for path in paths)


def ensured(parts: Parts, entry: Entry, found: Manifest, *, is_doubted: bool) -> Told:
    """Make a twin where there is none.

    Args:
        is_doubted: look at all of it, and make it anew where it has changed.

    Raises:
        Damaged: the entry has changed.
        OSError: it cannot be made.
    """
    folder = entry.path.parent
    known = told(folder, entry.build)
    if known is None or is_doubted:
        with parts.alone(folder.name):
            known = told(folder, entry.build)  # Another process may have made it meanwhile.
            if known is None or not _is_whole(folder / TWIN, known):
                known = _made(parts, entry, found)
    return known


def _is_whole(twin: Path, known: Told) -> bool:
    try:
        return known.seen(twin) == known.status
    except OSError:
        return False


def _made(parts: Parts, entry: Entry, found: Manifest) -> Told:
    twin = entry.path.parent / TWIN
    new = parts.folder_of_ours("twin")
    try:
        if manifest.changes(entry.path, found):
            raise Damaged(entry.path)
        cloning.clone(entry.path, new / TWIN, found.tree, by="copy")
        cloning.link(new / TWIN, found.links)
        if manifest.changes(entry.path, found):  # While it was copied.
            raise Damaged(entry.path)
        folders = looking.bytecode(found.tree)
        known = Told(looking.scan(new / TWIN, inodes=True, closed=folders), folders)
        temporary = new / _INODES
        temporary.write_bytes(encoded({"build": entry.build, "bytecode": sorted(folders), "status": known.status}))
        if twin.exists():
            parts.trash.put(twin)
        (new / TWIN).rename(twin)
        temporary.replace(entry.path.parent / _INODES)
    finally:
        parts.throw_away(new)
    return known


def _status(path: Path) -> list[int] | None:
    try:
        seen = os.lstat(path)
    except OSError:
        return None
    if path.name == looking.BYTECODE:
        return [seen.st_mode, seen.st_mtime_ns]
    return [seen.st_mode, seen.st_size, seen.st_mtime_ns, seen.st_ino]
