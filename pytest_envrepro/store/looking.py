"""Looks at the files of a folder: the status of each, as data, and where two looks differ."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

# By folder (`""`, or a path that ends with a slash) and name: the mode alone of a folder, else mode, size, and the times
# of the last change of content and of status, in nanoseconds. Lists, because that is what JSON gives back: a dictionary
# of a folder that was just scanned is compared with a remembered one at once.
Tree = dict[str, dict[str, list[int]]]

BYTECODE = "__pycache__"  # PEP 3147.


def scan(root: str | Path, *, inodes: bool = False, closed: Collection[str] = ()) -> Tree:
    """Look at everything in a folder, links not followed.

    Args:
        inodes: note those, and not the time of the last change of status. That time is new where a file was linked to;
            and where its other times were set back, which is what it is noted for.
        closed: folders of bytecode that are not looked into: their mode is noted, and the time of their last change.
            Python (`importlib`, `compileall`), pip and uv write bytecode beside its place and rename it, which changes
            that time. Not seen is who writes into such a file without that, or sets the folder's time back.

    Raises:
        OSError: a folder cannot be read.
    """
    tree: Tree = {}
    base = os.fspath(root)
    folders = [""]
    while folders:
        folder = folders.pop()
        here: dict[str, list[int]] = {}
        with _entries(f"{base}/{folder}") as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                mode = status.st_mode
                if not stat.S_ISDIR(mode):
                    last = status.st_ino if inodes else status.st_ctime_ns
                    here[entry.name] = [mode, status.st_size, status.st_mtime_ns, last]
                elif closed and entry.name == BYTECODE and f"{folder}{BYTECODE}/" in closed:
                    here[entry.name] = [mode, status.st_mtime_ns]
                else:
                    here[entry.name] = [mode]
                    folders.append(f"{folder}{entry.name}/")
        tree[folder] = here
    return tree


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


def status_in(tree: Tree, path: str) -> list[int] | None:
    """Give the status of one path; None where there is none."""
    folder, _, name = path.rpartition("/")
    return tree.get(f"{folder}/" if folder else "", {}).get(name)


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
