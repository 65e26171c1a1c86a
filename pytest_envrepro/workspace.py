"""Folders for copies of a project's files: a tool works on those, and never on the user's own."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NEVER_COPIED = frozenset(
    {".git", ".hg", ".tox", ".nox", "node_modules", "site-packages", "__pycache__", ".venv"}
    | {".mypy_cache", ".pytest_cache", ".ruff_cache"}
)
_MOST_FILES = 20_000
_MOST_BYTES = 512 * 1024 * 1024


class TooLargeError(Exception):
    """A project is too large to be copied; the text says how large it may be."""


@contextlib.contextmanager
def workspace(cache: Path | None) -> Iterator[Path]:
    """Give an empty folder that is gone at the end; those of sessions that were killed are swept first.

    Args:
        cache: the user's cache folder; None for the machine's folder of temporary files, where nothing is swept.

    Raises:
        OSError: no folder can be made.
    """
    if cache is None:
        with tempfile.TemporaryDirectory(prefix="envrepro-") as temporary:
            yield Path(temporary).resolve()
        return
    # Only where something is compiled: a session that merely checks needs no locks on files.
    from filelock import FileLock  # noqa: PLC0415

    parent = cache / "work"
    parent.mkdir(parents=True, exist_ok=True)
    # Its holder is alive: the system lets go of it when a process ends, however that is.
    with FileLock(parent / "sweep.lock"):
        _sweep(parent)
        folder = Path(tempfile.mkdtemp(dir=parent)).resolve()
        owner = FileLock(f"{folder}.lock")
        owner.acquire()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        owner.release()
        Path(f"{folder}.lock").unlink(missing_ok=True)


def _sweep(parent: Path) -> None:
    """Remove the folders whose owners have ended."""
    from filelock import FileLock, Timeout  # noqa: PLC0415

    for folder in parent.iterdir():
        if folder.is_dir():
            with contextlib.suppress(Timeout, OSError), FileLock(f"{folder}.lock", timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
                Path(f"{folder}.lock").unlink(missing_ok=True)


def copy_files(root: Path, paths: Iterable[str], target: Path) -> None:
    """Copy some files of a project, as far as they exist and lie within it.

    Args:
        paths: relative to the root.
        target: the folder that stands for the root.

    Raises:
        OSError: one of them cannot be read, or there is no room.
    """
    for path in sorted(set(paths)):
        if path.startswith(("/", "../")) or path == "..":
            continue
        source, copy = root / path, target / path
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if stat.S_ISREG(source.stat().st_mode):
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)


def copy_tree(root: Path, target: Path, without: Path | None = None) -> None:
    """Copy a project, but for environments, caches and its history; a link to a file becomes the file.

    Args:
        target: the folder that stands for the root; it may lie within it.
        without: a folder that is left out, as the cache is that the copy itself lies in.

    Raises:
        TooLargeError: it has more than 20,000 files or 512 MiB.
        OSError: something cannot be read, or there is no room.
    """
    files = size = 0
    left_out = {os.path.realpath(each) for each in (without, target) if each is not None}
    for folder, names, entries in os.walk(root):
        if "pyvenv.cfg" in entries:
            names.clear()
            continue
        names[:] = [
            name
            for name in names
            if name not in _NEVER_COPIED and os.path.realpath(os.path.join(folder, name)) not in left_out
        ]
        here = target / os.path.relpath(folder, root)
        here.mkdir(parents=True, exist_ok=True)
        for name in entries:
            source = os.path.join(folder, name)
            with contextlib.suppress(FileNotFoundError):  # A link to nothing.
                status = os.stat(source)
                if not stat.S_ISREG(status.st_mode):
                    continue
                files, size = files + 1, size + status.st_size
                if files > _MOST_FILES or size > _MOST_BYTES:
                    raise TooLargeError("the project has more than 20,000 files or 512 MiB: it is not copied")
                shutil.copy2(source, here / name)
