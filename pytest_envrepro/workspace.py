"""Folders for copies of a project's files: a tool works on those, and never on the user's own."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envrepro.errors import BuildError
from pytest_envrepro.locking import Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NEVER_COPIED = frozenset(
    {".git", ".hg", ".tox", ".nox", "node_modules", "site-packages", "__pycache__", ".venv"}
    | {".mypy_cache", ".pytest_cache", ".ruff_cache"}
)
_MOST_FILES = 20_000
_MOST_BYTES = 512 * 1024 * 1024
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


class CopyError(Exception):
    """A project cannot be copied; the text says why."""


@contextlib.contextmanager
def workspace(cache: Path | None) -> Iterator[Path]:
    """Give an empty folder that is gone at the end; those of sessions that were killed are swept first.

    Args:
        cache: the user's cache folder; where there is none, or none can be made, the folder is one of the machine's
            temporary ones, and nothing is swept.

    Raises:
        CopyError: no folder can be made.
    """
    parent = _made(cache / "work") if cache is not None else None
    if parent is None:
        try:
            temporary = tempfile.TemporaryDirectory(prefix="envrepro-")
        except OSError as error:
            raise CopyError(str(error)) from error
        with temporary as name:
            yield Path(name).resolve()
        return
    # Only where something is compiled: a session that merely checks needs no locks on files.
    from filelock import FileLock  # noqa: PLC0415

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


def _quiet(_: str) -> None:
    """Tell nobody."""


def _made(folder: Path) -> Path | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def _sweep(parent: Path) -> None:
    """Remove the folders whose owners have ended."""
    from filelock import FileLock, Timeout  # noqa: PLC0415

    for folder in parent.iterdir():
        if folder.is_dir():
            with contextlib.suppress(Timeout, OSError), FileLock(f"{folder}.lock", timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
                Path(f"{folder}.lock").unlink(missing_ok=True)


@contextlib.contextmanager
def alone(cache: Path | None, name: str, waiting: Waiting | None = None) -> Iterator[None]:
    """Wait until no other session of this user does the same.

    Args:
        name: of what is done, as part of a file's name.
        waiting: tells of a wait that is long; nobody is told unless given.

    Raises:
        BuildError: this session ends meanwhile.
    """
    parent = _made(cache / "mending") if cache is not None else None
    if parent is None:
        yield
        return
    lock = (waiting or Waiting(_quiet)).hold(parent / f"{name}.lock")
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def at_once(cache: Path, name: str) -> Iterator[bool]:
    """Hold the lock of `alone` for a while, if nobody has it; tell whether that is so."""
    parent = _made(cache / "mending")
    if parent is None:
        yield True
        return
    from filelock import FileLock, Timeout  # noqa: PLC0415

    lock = FileLock(parent / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


@contextlib.contextmanager
def needing_room(cache: Path) -> Iterator[None]:
    """Say that the disk of the user's cache folder is full, where that is what goes wrong.

    Raises:
        BuildError: it is; the error's cause is the system's.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise BuildError(
            f"the disk of {cache} is full ({error.strerror}), where environments are made: free some space, or set "
            "PYTEST_ENVREPRO_CACHE to a folder on another disk"
        ) from error


def is_unused(cache: Path) -> bool:
    """Tell whether no session compiles or builds here at this moment; what dead ones have left is swept."""
    from filelock import FileLock, Timeout  # noqa: PLC0415

    work, mending = cache / "work", cache / "mending"
    is_used = False
    if work.is_dir():
        with FileLock(work / "sweep.lock"):
            _sweep(work)
            is_used = any(each.is_dir() for each in work.iterdir())
    for path in mending.glob("*.lock"):
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            is_used = True
    return not is_used


def copy_files(root: Path, paths: Iterable[str], target: Path) -> None:
    """Copy some files of a project, as far as they exist.

    Args:
        paths: relative to the root.
        target: the folder that stands for the root.

    Raises:
        CopyError: one of them cannot be read or is a link out of the project, or there is no room.
    """
    real = os.path.realpath(root)
    for path in sorted(set(paths)):
        source, copy = root / path, target / path
        try:
            if not stat.S_ISREG(source.stat().st_mode):
                continue
            if not _is_below(source, real):
                raise CopyError(f"{path} leads out of this project")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CopyError(f"{path}: {error.strerror or error}") from error


def copy_tree(root: Path, target: Path, without: Path | None = None) -> None:
    """Copy a project, but for environments, caches and its history.

    A link to a file of the project becomes the file, one to a folder of it stays a link; one that leads out is left out,
    as is what cannot be read.

    Args:
        target: the folder that stands for the root; it may lie within it.
        without: a folder that is left out, as the cache is that the copy itself lies in.

    Raises:
        CopyError: it has more than 20,000 files or 512 MiB, or there is no room.
    """
    files = size = 0
    real = os.path.realpath(root)
    for folder, names, entries in walk_tree(root, without, target):
        here = target / os.path.relpath(folder, root)
        here.mkdir(parents=True, exist_ok=True)
        for name in names:
            _link(Path(folder, name), here / name, real)
        for name, status in entries:
            files, size = files + 1, size + status.st_size
            if files > _MOST_FILES or size > _MOST_BYTES:
                raise CopyError("the project has more than 20,000 files or 512 MiB")
            try:
                shutil.copy2(Path(folder, name), here / name)
            except (FileNotFoundError, PermissionError):  # A link to nothing, or what the tool could not read either.
                continue
            except OSError as error:
                raise CopyError(f"{name}: {error.strerror or error}") from error


def walk_tree(
    root: Path, *without: Path | None
) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, os.stat_result]]]]:
    """Give the folders of a project that are copied, each with the names of its folders and with its files.

    Args:
        without: folders that are left out.
    """
    real = os.path.realpath(root)
    left_out = {os.path.realpath(each) for each in without if each is not None}
    for folder, names, entries in os.walk(root):
        if "pyvenv.cfg" in entries:
            names.clear()
            continue
        every = tuple(names)
        names[:] = [
            name
            for name in names
            if name not in _NEVER_COPIED and os.path.realpath(os.path.join(folder, name)) not in left_out
        ]
        files = []
        for name in entries:
            source = Path(folder, name)
            with contextlib.suppress(OSError):  # A link to nothing, or what may not be read.
                status = source.stat()
                if stat.S_ISREG(status.st_mode) and _is_below(source, real):
                    files.append((name, status))
        yield folder, every, files


def _link(source: Path, copy: Path, root: str) -> None:
    """Make the same link to a folder, where it is relative and leads to another folder of the project."""
    if source.is_symlink() and not os.path.isabs(os.readlink(source)) and _is_below(source, root):
        with contextlib.suppress(OSError):
            copy.symlink_to(os.readlink(source), target_is_directory=True)


def _is_below(path: Path, root: str) -> bool:
    return f"{os.path.realpath(path)}{os.sep}".startswith(f"{root}{os.sep}")
