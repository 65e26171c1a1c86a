"""Mends an environment of the store in place, where no file's content is lost."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_envrepro.store.entries import INSIDE, is_doubted, trust, write
from pytest_envrepro.store.hashing import hash_of
from pytest_envrepro.store.looking import differences, scan
from pytest_envrepro.store.manifest import changes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_envrepro.store.looking import Tree
    from pytest_envrepro.store.manifest import Change, Manifest


def whole(
    folder: Path,
    found: Manifest,
    key: str,
    remove: Callable[[Path], object],
    note: Callable[[Sequence[Change]], object],
) -> Manifest | None:
    """Look again at an entry, under its lock, and mend what can be mended; None where it has to be built anew.

    Of one that is doubted every file is read.

    Args:
        folder: the entry's.
        remove: takes a file or folder away.
        note: is told what has changed before anything is mended.
    """
    if found.key != key:
        return None
    root = folder / INSIDE
    with contextlib.suppress(OSError):
        seen = scan(root)
        if is_doubted(folder):
            every = changes(root, found, full=True, seen=seen)
            if {*every} - {*changes(root, found, seen=seen)}:
                note(every)
                return None
            trust(folder)
        if seen == found.tree:
            return found
        note(changes(root, found, seen=seen))
        again = mended(root, found, seen, remove)
        if again is not None:
            write(folder, again)
            return again
    return None


def mended(root: Path, manifest: Manifest, seen: Tree, remove: Callable[[Path], object]) -> Manifest | None:
    """Take away what is new, and give modes, times and links back; None where a file is gone or has another content.

    Args:
        seen: a look at it.
        remove: takes a file or folder away.

    Returns:
        the manifest with the status of the files as it is now.

    Raises:
        OSError: something cannot be read or mended.
    """
    for path, then, now in differences(manifest.tree, seen):
        place = root / path
        if then is None:
            if os.path.lexists(place):  # Else it has gone with its folder.
                remove(place)
        elif path in manifest.links:
            _link(place, manifest.links[path], then, remove)
        elif now is None or stat.S_IFMT(then[0]) != stat.S_IFMT(now[0]):
            return None
        else:
            if stat.S_ISREG(then[0]):
                if then[1] != now[1] or hash_of(place) != manifest.hashes[path]:
                    return None
                os.utime(place, ns=(then[2], then[2]))
            os.chmod(place, stat.S_IMODE(then[0]))
    now_seen = scan(root)
    return replace(manifest, tree=now_seen) if _without_changed(now_seen) == _without_changed(manifest.tree) else None


def _link(place: Path, target: str, then: list[int], remove: Callable[[Path], object]) -> None:
    if not place.is_symlink() or os.readlink(place) != target:
        if os.path.lexists(place):
            remove(place)
        place.symlink_to(target)
    if os.utime in os.supports_follow_symlinks:  # Windows changes only what a link leads to: the entry is made anew.
        os.utime(place, ns=(then[2], then[2]), follow_symlinks=False)


def _without_changed(tree: Tree) -> Tree:
    return {folder: {name: status[:3] for name, status in here.items()} for folder, here in tree.items()}
