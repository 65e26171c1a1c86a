"""Copies a tree of files by the cheapest means that its disk has: shared blocks, links, or bytes."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from pytest_envrepro.store.looking import Tree

    Means = Literal["reflink", "hardlink", "copy"]

_FICLONE = 0x40049409  # ioctl_ficlonerange(2): all of one file's blocks become another's, until either is written to.
_HAS_DESCRIPTORS = os.link in os.supports_dir_fd and os.open in os.supports_dir_fd


def means(folder: Path) -> Means:
    """Try out what the disk of a folder can do.

    Raises:
        OSError: no file can be written there.
    """
    source, target = (folder / f".{os.urandom(8).hex()}" for _ in range(2))
    try:
        source.write_bytes(b"it")
        with contextlib.suppress(OSError, ImportError):
            _reflink(str(source), str(target))
            return "reflink"
        target.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            os.link(source, target)
            return "hardlink"
        return "copy"
    finally:
        source.unlink(missing_ok=True)
        target.unlink(missing_ok=True)


class Changed(OSError):  # noqa: N818  # Says what the file is.
    """A file is not what was written down of it."""


def clone(
    source: Path,
    target: Path,
    tree: Tree,
    *,
    by: Means,
    without: Collection[str] = (),
    pause: Callable[[], None] = lambda: None,
) -> None:
    """Copy folders, files and links, with their modes and times; the target must not exist.

    Args:
        tree: what there is in the source: nothing is looked for there. A folder that is told of and not looked into is
            left out. For links it has inodes: see `looking.scan`.
        by: `hardlink` gives one file two names. A file that has too many already (EMLINK) is copied.
        without: files to leave out. Symbolic links are left out too: see `link`.
        pause: is called after each folder.

    Raises:
        Changed: a file that was linked to is not what the tree tells of it.
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

    for folder in folders:
        here = tree[folder]
        names = [name for name, status in here.items() if stat.S_ISREG(status[0])]
        names = [name for name in names if f"{folder}{name}" not in left_out] if left_out else names
        inside, copy = f"{source}/{folder}", f"{target}/{folder}"
        if by == "hardlink":
            _link_all(inside, copy, names, here)
        else:
            for name in names:
                _copy(f"{inside}{name}", f"{copy}{name}", here[name], by=by)
        pause()
    # Last, and the deepest first: a folder may be one that nothing can be written to.
    for path, mode in reversed(others):
        os.chmod(path, stat.S_IMODE(mode))


def link_bytecode(source: str, target: str, here: Mapping[str, list[int]], status: list[int]) -> None:
    """Link a folder of bytecode, with its mode and its time; the target must not exist.

    Args:
        here: what there is in the source.
        status: of the source: mode, and time of its last change.

    Raises:
        Changed: something in the source was replaced, added or removed.
        OSError: a file is not there, or cannot be linked; part of the target then exists.
    """
    os.mkdir(target)
    for name in here:
        if not _linked(f"{source}/{name}", f"{target}/{name}"):
            _copy(f"{source}/{name}", f"{target}/{name}", here[name], by="copy")
    if os.stat(source).st_mtime_ns != status[1]:
        raise Changed(errno.ESTALE, "has changed", source)
    os.chmod(target, stat.S_IMODE(status[0]))
    os.utime(target, ns=(status[1], status[1]))


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


def _link_all(source: str, target: str, names: list[str], here: Mapping[str, list[int]]) -> None:
    """Link the files of one folder: with the folders open, the system need not walk to each from the root."""
    if not names:
        return
    if not _HAS_DESCRIPTORS:
        for name in names:
            _link_same(f"{source}{name}", f"{target}{name}", here[name])
        return
    origin = os.open(source, os.O_RDONLY)
    try:
        copy = os.open(target, os.O_RDONLY)
        try:
            for name in names:
                if _linked(name, name, origin, copy):
                    seen = os.stat(name, dir_fd=copy, follow_symlinks=False)
                    if [seen.st_mode, seen.st_size, seen.st_mtime_ns, seen.st_ino] != here[name]:
                        raise Changed(errno.ESTALE, "has changed", f"{source}{name}")
                else:
                    _link_same(f"{source}{name}", f"{target}{name}", here[name])
        finally:
            os.close(copy)
    finally:
        os.close(origin)


def _link_same(source: str, target: str, status: list[int]) -> None:
    """Link or copy a file; afterwards, see that it is the one that was meant: what was linked is looked at."""
    if not _linked(source, target):
        _copy(source, target, status, by="copy")
    seen = os.lstat(source)
    if [seen.st_mode, seen.st_size, seen.st_mtime_ns, seen.st_ino] != status:
        raise Changed(errno.ESTALE, "has changed", source)


def _linked(source: str, target: str, origin: int | None = None, copy: int | None = None) -> bool:
    """Link a file; false where it has as many links as its disk allows (65,000 on ext4, 1,023 on NTFS)."""
    try:
        os.link(source, target, src_dir_fd=origin, dst_dir_fd=copy)
    except OSError as error:
        if error.errno != errno.EMLINK:
            raise
        return False
    return True


def _copy(source: str, target: str, status: list[int], *, by: Means) -> None:
    if by == "reflink":
        _reflink(source, target)
    else:
        shutil.copyfile(source, target)
    _stamp(target, status)


def _reflink(source: str, target: str) -> None:
    import fcntl  # noqa: PLC0415  # Is not on every system.

    origin = os.open(source, os.O_RDONLY)
    try:
        copy = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.ioctl(copy, _FICLONE, origin)
        finally:
            os.close(copy)
    finally:
        os.close(origin)


def _stamp(path: str, status: list[int]) -> None:
    """Give a file the mode of another, and its time: bytecode is valid for a source of that time."""
    os.chmod(path, stat.S_IMODE(status[0]))
    os.utime(path, ns=(status[2], status[2]))
