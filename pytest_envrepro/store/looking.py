"""Looks at the files of a folder: the status of each, as data, and where two looks differ."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

# By folder (`""`, or a path that ends with a slash) and name: the mode alone of a folder, else mode, size, and the times
# of the last change of content and of status, in nanoseconds. Lists, because that is what JSON gives back: a dictionary
# of a folder that was just scanned is compared with a remembered one at once.
Tree = dict[str, dict[str, list[int]]]

BYTECODE = "__pycache__"  # PEP 3147.
_NEVER = -(1 << 63)  # A time that is before all others: nothing is unchanged since then.


def scan(root: str | Path) -> Tree:
    """Look at everything in a folder, links not followed.

    Raises:
        OSError: a folder cannot be read.
    """
    return _look(root, _NEVER, None)


def scan_since(root: str | Path, since: int, known: Mapping[str, int]) -> Tree:
    """Look at a folder for what was done in it since a time.

    The last number of a file's status is 0 where its status has not changed since then. Nobody can set that time
    (`ctime`), and it is a new one after each write, also of the same bytes, and after a change of mode, time, name or
    number of links. A folder that was renamed has the files that it had: so it is not looked into unless it is known.

    Args:
        since: in nanoseconds, by the clock of that disk; the time itself counts as later.
        known: folders, as keys of a tree, with their inodes. Another one has -1 besides its mode; so has one that has
            other `traits` than the first one, but for the mode: an owner, or rights that no mode tells.

    Raises:
        OSError: a folder cannot be read.
    """
    return _look(root, since, known)


def _look(root: str | Path, since: int, known: Mapping[str, int] | None) -> Tree:
    """Do what `scan_since` does; None for `known` stands for all folders."""
    tree: Tree = {}
    base = os.fspath(root)
    usual = None if known is None else traits(base)
    folders = [""]
    while folders:
        folder = folders.pop()
        here: dict[str, list[int]] = {}
        with _entries(f"{base}/{folder}") as entries:
            for entry in entries:
                name = entry.name
                status = entry.stat(follow_symlinks=False)
                mode = status.st_mode
                if not stat.S_ISDIR(mode):
                    changed = status.st_ctime_ns
                    here[name] = [mode, status.st_size, status.st_mtime_ns, 0 if changed < since else changed]
                elif known is None or (
                    known.get(f"{folder}{name}/") == status.st_ino
                    and (status.st_ctime_ns < since or traits(f"{base}/{folder}{name}") == usual)
                ):
                    here[name] = [mode]
                    folders.append(f"{folder}{name}/")
                else:
                    here[name] = [mode, -1]
        tree[folder] = here
    return tree


def traits(folder: str | Path) -> list[Any]:
    """Tell what a folder has besides its mode and what lies in it: owner, group, and attributes (xattr(7), acl(5)).

    What the system itself labels (`security`, as by SELinux) is left out.

    Raises:
        OSError: it cannot be looked at.
    """
    status = os.lstat(folder)
    found: list[str] = []
    if hasattr(os, "listxattr"):
        with contextlib.suppress(OSError):  # The disk has none.
            names = sorted(os.listxattr(folder, follow_symlinks=False))
            names = [name for name in names if not name.startswith("security.")]
            found = [f"{name}={os.getxattr(folder, name, follow_symlinks=False).hex()}" for name in names]
    return [status.st_uid, status.st_gid, *found]


def untouched(tree: Tree) -> Tree:
    """Give what `scan_since` gives of a copy of a tree that nothing was done in."""
    return {
        folder: {name: [*status[:3], 0] if len(status) > 1 else status for name, status in here.items()}
        for folder, here in tree.items()
    }


@contextlib.contextmanager
def _entries(path: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    """List a folder that stays open meanwhile: the system need not walk to each file from the root (a sixth less)."""
    if os.scandir not in os.supports_fd:
        with os.scandir(path) as entries:
            yield entries
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with os.scandir(descriptor) as entries:
            yield entries
    finally:
        os.close(descriptor)


def bytecode(tree: Tree) -> frozenset[str]:
    """Give the folders that hold bytecode, which Python can make again, and nothing else."""
    return frozenset(
        folder
        for folder, here in tree.items()
        if folder.endswith(f"/{BYTECODE}/")
        and all(name.endswith(".pyc") and stat.S_ISREG(status[0]) for name, status in here.items())
    )


def paths(tree: Mapping[str, Mapping[str, list[int]]]) -> Iterator[tuple[str, list[int]]]:
    """Give every path with its status."""
    for folder, here in tree.items():
        for name, status in here.items():
            yield f"{folder}{name}", status


def differences(tree: Tree, seen: Tree) -> list[tuple[str, list[int] | None, list[int] | None]]:
    """Compare two looks at a folder: the paths that differ, each with its status then and now, or None."""
    if tree == seen:
        return []
    found: list[tuple[str, list[int] | None, list[int] | None]] = []
    for folder in sorted(tree.keys() | seen.keys()):
        then, now = tree.get(folder, {}), seen.get(folder, {})
        if then != now:
            names = sorted(then.keys() | now.keys())
            found += [
                (f"{folder}{name}", then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)
            ]
    return found
