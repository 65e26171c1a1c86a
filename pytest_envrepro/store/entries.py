"""An environment of the store, as it is given out; and what tells whether it is still what was built."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.errors import BuildError
from pytest_envrepro.store import looking, manifest

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_envrepro.store.looking import Tree
    from pytest_envrepro.store.manifest import Manifest

INSIDE = "env"  # The environment's own folder, within the entry's.
_DOUBTED = "doubted"  # A file beside it that says: the status of its files does not tell what has changed in it.
_BLOCK = 4096


class Entry(NamedTuple):
    """An environment of the store.

    Attributes:
        key: the whole key.
        path: the environment's own folder, its prefix.
        cached: whether it was there already.
        seconds: that it took to get it.
        facts: what the builder said of it: plain JSON.
        build: which build of this key it is.
    """

    key: str
    path: Path
    cached: bool
    seconds: float
    facts: dict[str, Any]
    build: str


class Damaged(BuildError):  # noqa: N818  # Says what the environment is.
    """An environment has changed; it is no longer given out, and `Store.get` mends it or builds it anew."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"the environment in {path} has changed since it was built")


def stamp(folder: Path) -> tuple[int, int] | None:
    """Tell one manifest of an entry from another, without reading it; None where there is none."""
    try:
        status = os.stat(f"{folder}/{manifest.NAME}")
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def doubt(folder: Path) -> None:
    """Have every file of an entry read before it is given out again, by any session."""
    with contextlib.suppress(OSError):  # It may be gone.
        (folder / _DOUBTED).touch()


def is_doubted(folder: Path) -> bool:
    """Tell whether somebody has found in an entry what the status of its files does not tell."""
    return os.path.lexists(f"{folder}/{_DOUBTED}")


def trust(folder: Path) -> None:
    """End that doubt: every file has the content that it had.

    Raises:
        OSError: it cannot be ended.
    """
    (folder / _DOUBTED).unlink(missing_ok=True)


def is_whole(folder: Path, found: Manifest) -> bool:
    """Tell whether an entry's files have the status that they had, and nobody knows more than that tells."""
    try:
        return not is_doubted(folder) and looking.scan(folder / INSIDE) == found.tree
    except OSError:
        return False


def write(folder: Path, made: Manifest) -> None:
    """Write an entry's manifest: whole, or not at all.

    Raises:
        OSError: it cannot be written.
    """
    temporary = folder / f".{os.urandom(8).hex()}"
    temporary.write_bytes(made.encoded())
    temporary.replace(folder / manifest.NAME)


def size_of(tree: Tree) -> int:
    """Give the bytes that files take on a disk."""
    regular = (status for _, status in looking.paths(tree) if stat.S_ISREG(status[0]))
    return sum(-(-status[1] // _BLOCK) * _BLOCK for status in regular)
