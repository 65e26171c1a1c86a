"""Copies a tree of files so that no file is another's: by shared blocks where the disk has them, else by bytes.

Links are none of the means: one file with two names is changed under both by whoever writes into it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import struct
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from pytest_envrepro.store.looking import Tree

    Means = Literal["reflink", "copy"]

_FICLONE = 0x40049409  # ioctl_ficlonerange(2): all of one file's blocks become another's, until either is written to.
# ioctl_iflags(2), with the size of a long in them, and chattr(1)'s `T`.
_FS_IOC_GETFLAGS, _FS_IOC_SETFLAGS = (
    direction << 30 | struct.calcsize("l") << 16 | ord("f") << 8 | number for direction, number in ((2, 1), (1, 2))
)
_TOP = 0x0002_0000
_HAS_DESCRIPTORS = os.open in os.supports_dir_fd and os.utime in os.supports_fd and os.chmod in os.supports_fd
_PIECE = 1024 * 1024  # Bytes that are read at once: nearly every file is smaller.
_MOST = 4  # Threads: what they do is done by the system, which lets other threads of Python go on meanwhile.


def means(folder: Path) -> Means:
    """Try out what the disk of a folder can do.

    Raises:
        OSError: no file can be written there.
    """
    source, target = (folder / f".{os.urandom(8).hex()}" for _ in range(2))
    try:
        source.write_bytes(b"it")
        with contextlib.suppress(OSError, ImportError), source.open("rb") as one, target.open("wb") as other:
            _share(one.fileno(), other.fileno())
            return "reflink"
        return "copy"
    finally:
        source.unlink(missing_ok=True)
        target.unlink(missing_ok=True)


def spread(folder: Path) -> None:
    """Tell the disk that the folders in this one have nothing to do with each other, where it listens to that.

    ext4 puts a new folder beside its parent's, and without a journal it passes over what was deleted there within the
    last minutes, one by one, for each file that is made: that is ten times the time of all else. Of folders in one that
    has this mark, each is put where there is room instead.
    """
    with contextlib.suppress(OSError, ImportError):
        import fcntl  # noqa: PLC0415  # Is not on every system.

        with _opened(os.fspath(folder), os.O_RDONLY) as descriptor:
            flags = bytearray(struct.calcsize("l"))
            fcntl.ioctl(descriptor, _FS_IOC_GETFLAGS, flags)
            (now,) = struct.unpack_from("I", flags)
            if not now & _TOP:
                struct.pack_into("I", flags, 0, now | _TOP)
                fcntl.ioctl(descriptor, _FS_IOC_SETFLAGS, flags)


class Changed(OSError):  # noqa: N818  # Says what the file is.
    """A file is not what was written down of it."""


def clone(
    source: Path,
    target: Path,
    tree: Tree,
    *,
    by: Means,
    without: Collection[str] = (),
    pause: Callable[[], None] | None = None,
) -> None:
    """Copy folders and files, with their modes and times; the target must not exist.

    Args:
        tree: what there is in the source: nothing is looked for there, and what is not as it tells is not copied.
        without: files to leave out. Symbolic links are left out too: see `link`.
        pause: is called after each folder, and nothing is done beside it then; without it, several threads copy.

    Raises:
        Changed: a file is not what the tree tells of it.
        OSError: a file of the source is not there, or cannot be copied; part of the target then exists.
    """
    target.mkdir(parents=True)
    usual = os.stat(target).st_mode
    left_out = frozenset(without)
    folders = sorted(tree)
    others: list[tuple[str, int]] = []
    for folder in folders:
        for name, status in tree[folder].items():
            if stat.S_ISDIR(status[0]) and f"{folder}{name}/" in tree:
                os.mkdir(f"{target}/{folder}{name}")
                if status[0] != usual:
                    others.append((f"{target}/{folder}{name}", status[0]))

    def fill(folder: str) -> None:
        here = tree[folder]
        names = [name for name, status in here.items() if stat.S_ISREG(status[0])]
        names = [name for name in names if f"{folder}{name}" not in left_out] if left_out else names
        copy(f"{source}/{folder}", f"{target}/{folder}", names, here, by=by)
        if pause is not None:
            pause()

    _each(fill, folders, 1 if pause is not None else min(_MOST, os.cpu_count() or 1))
    # Last, and the deepest first: a folder may be one that nothing can be written to.
    for path, mode in reversed(others):
        os.chmod(path, stat.S_IMODE(mode))


def _each(work: Callable[[str], None], folders: Iterable[str], threads: int) -> None:
    """Do a work for each folder, in several threads; the first error ends all of them, and is raised."""
    left = deque(folders)

    def several() -> None:
        try:
            while (folder := _first(left)) is not None:
                work(folder)
        finally:
            left.clear()

    if threads == 1:
        several()
        return
    with ThreadPoolExecutor(threads - 1, "pytest-envrepro copies") as pool:
        others = [pool.submit(several) for _ in range(threads - 1)]
        several()
    for each in others:
        each.result()


def _first(left: deque[str]) -> str | None:
    try:
        return left.popleft()
    except IndexError:  # Another thread has taken the last.
        return None


def copy(source: str, target: str, names: Iterable[str], here: Mapping[str, list[int]], *, by: Means) -> None:
    """Copy files of one folder, which must not exist in the other: with both open, no path is walked from the root.

    Args:
        here: the status of the files.

    Raises:
        Changed, OSError: as `clone`.
    """
    names = list(names)
    if not names:
        return
    if not _HAS_DESCRIPTORS:
        for name in names:
            shutil.copyfile(f"{source}{name}", f"{target}{name}")
            _check(os.lstat(f"{source}{name}"), here[name], name)
            _stamp(f"{target}{name}", here[name])
        return
    with _opened(source, os.O_RDONLY) as origin, _opened(target, os.O_RDONLY) as end:
        for name in names:
            with (
                _opened(name, os.O_RDONLY, dir_fd=origin) as one,
                _opened(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, dir_fd=end) as other,
            ):
                if by == "reflink":
                    _share(one, other)
                else:
                    _transfer(one, other, here[name][1])
                # Afterwards: what was copied is what is looked at.
                _check(os.fstat(one), here[name], name)
                _stamp(other, here[name])


def read(source: Path, tree: Tree, paths: Iterable[str]) -> dict[str, bytes]:
    """Read files, each as the tree tells of it.

    Raises:
        Changed, OSError: as `clone`.
    """
    contents = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        with open(source / path, "rb") as file:
            contents[path] = file.read()
            _check(os.fstat(file.fileno()), tree[f"{folder}/" if folder else ""][name], path)
    return contents


def link(target: Path, links: Mapping[str, str]) -> None:
    """Make symbolic links: paths below a folder, and where they lead.

    Raises:
        OSError: one cannot be made.
    """
    for path, leads_to in links.items():
        os.symlink(leads_to, target / path)


def write(target: Path, contents: Mapping[str, bytes], tree: Tree) -> None:
    """Write files with the modes and times of others.

    Raises:
        OSError: one cannot be written.
    """
    for path, content in contents.items():
        folder, _, name = path.rpartition("/")
        (target / path).write_bytes(content)
        _stamp(f"{target}/{path}", tree[f"{folder}/" if folder else ""][name])


class _opened:  # noqa: N801  # Is used as a function.
    """Open a file or folder for a while. No generator: those take longer than the system does."""

    __slots__ = ("_descriptor",)

    def __init__(self, path: str, flags: int, dir_fd: int | None = None) -> None:
        self._descriptor = os.open(path, flags, 0o600, dir_fd=dir_fd)

    def __enter__(self) -> int:
        return self._descriptor

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _transfer(source: int, target: int, size: int) -> None:
    """Copy so many bytes: whether there are more is told by the status, and need not be read."""
    while size > 0 and (piece := os.read(source, min(size, _PIECE))):
        size -= len(piece)
        while piece:
            piece = piece[os.write(target, piece) :]


def _share(source: int, target: int) -> None:
    import fcntl  # noqa: PLC0415  # Is not on every system.

    fcntl.ioctl(target, _FICLONE, source)


def _check(seen: os.stat_result, status: list[int], path: str) -> None:
    if [seen.st_mode, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns] != status:
        raise Changed(errno.ESTALE, "has changed", path)


def _stamp(place: str | int, status: list[int]) -> None:
    """Give a file the mode of another, and its time: bytecode is valid for a source of that time."""
    os.chmod(place, stat.S_IMODE(status[0]))
    os.utime(place, ns=(status[2], status[2]))
