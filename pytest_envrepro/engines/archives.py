"""Tar archives, as engines take and give files: written for one file, and read without trust."""

from __future__ import annotations

import errno
import io
import os
import posixpath
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MOST = 256 << 20  # Bytes of a file that is read: as much as of a program's streams.
_BLOCK = 1 << 20  # Bytes.
# What `tarfile` raises of archives that nobody has made by accident: of numbers that are none, of headers within headers.
_BROKEN = (tarfile.TarError, ValueError, OverflowError, RecursionError)
_ENDS = 100  # How often one may read at the end of an archive: of a whole one, twice.
_RIGHTS = 0o777  # No set-user-id and its like come to this machine.


class Member(NamedTuple):
    """One file or folder of an archive that is written.

    Attributes:
        name: with slashes; data: None for a folder.
        uid, gid: its owner.
    """

    name: str
    data: bytes | None
    mode: int
    uid: int = 0
    gid: int = 0


def packed(members: Sequence[Member], *, mtime: float) -> bytes:
    """Write an archive.

    Args:
        mtime: of all that is in it, in seconds since 1970.
    """
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.mode, info.uid, info.gid, info.mtime = member.mode, member.uid, member.gid, int(mtime)
            if member.data is None:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            else:
                info.size = len(member.data)
                archive.addfile(info, io.BytesIO(member.data))
    return file.getvalue()


def only_file(chunks: Iterable[bytes], path: str, most: int = MOST) -> bytes:
    """Give the one file of an archive.

    Args:
        path: where it comes from, for the message.
        most: how large it may be, in bytes: all of it is held in memory.

    Raises:
        EngineError: it holds something else, is larger, or ends too early.
    """
    try:
        with tarfile.open(fileobj=_reader(chunks), mode="r|") as archive:
            member = archive.next()
            file = archive.extractfile(member) if member is not None and member.isreg() else None
            if file is None or member is None:
                raise EngineError(f"{path} in the container is no file")
            _refuse_sparse(member)
            refuse_large(member.size, path, most)
            data = file.read()
            if len(data) != member.size:
                raise EngineError(f"{path} was not sent whole: {len(data)} of {member.size} bytes")
            # What comes after it is read too: else the engine takes it for a failure.
            for _ in archive:
                pass
            return data
    except _BROKEN as error:
        raise EngineError(f"{path} was not sent whole, or not as a tar archive: {error}") from error


def refuse_large(size: int, path: str, most: int = MOST) -> None:
    """Refuse a file that is too large to be held in memory.

    Args:
        size, most: in bytes; path: where it is, for the message.

    Raises:
        EngineError: it is.
    """
    if size > most:
        raise EngineError(
            f"{path} in the container has more than {most >> 20} MiB, which is too much to be read: have a program there "
            "take what is wanted of it"
        )


def unpack(chunks: Iterable[bytes], folder: Path) -> dict[str, str]:
    """Lay the content of an archive into a folder: files, folders, and links that stay within it.

    Nothing is written through a link, or over what is there.

    Returns:
        what was left out, by its path in the archive: the text of a link that leads out, or `device`.

    Raises:
        EngineError: a member has a path that leads out, that another has or that is too long, or it is no whole archive.
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    laying = _Laying(Path(os.path.abspath(folder)))
    try:
        with tarfile.open(fileobj=_reader(chunks), mode="r|") as archive:
            for member in archive:
                laying.lay(archive, member)
        laying.finish()
    except _BROKEN as error:
        raise EngineError(f"what the engine has sent is no whole tar archive: {error}") from error
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise EngineError(f"the engine has sent a path that is too long for this machine: {error.filename}") from error
    return laying.left_out


class _Laying:
    """One archive on its way into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folders: dict[str, int] = {}  # With their rights, which are given last: they may forbid to write.
        self._files: set[str] = set()
        self._links: dict[str, str] = {}
        self.left_out: dict[str, str] = {}

    def lay(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Lay one member.

        Raises:
            EngineError: its path leads out, or is taken.
        """
        name = _inner(member.name)
        if name == ".":
            return
        self._make_parents(name)
        target = self._folder / name
        if member.isdir():
            if name not in self._folders:
                self._refuse_taken(name)
                if target.exists():
                    raise EngineError(f"{target} is there already")
                target.mkdir()
            self._folders[name] = member.mode & _RIGHTS
            return
        self._refuse_taken(name)
        if member.isreg():
            _refuse_sparse(member)
            self._write(archive, member, target)
            self._files.add(name)
        elif member.issym() and member.linkname:
            self._links[name] = member.linkname
        elif member.islnk() and (source := _inner(member.linkname)) in self._files:
            shutil.copyfile(self._folder / source, target)
            shutil.copymode(self._folder / source, target)
            self._files.add(name)
        else:
            self.left_out[name] = member.linkname or "device"

    def _make_parents(self, name: str) -> None:
        parents = []
        while name := posixpath.dirname(name):
            parents.append(name)
        for parent in reversed(parents):
            if parent not in self._folders:
                self._refuse_taken(parent)
                (self._folder / parent).mkdir(exist_ok=True)
                self._folders[parent] = 0o755

    def _refuse_taken(self, name: str) -> None:
        if name in self._files or name in self._links or name in self._folders or name in self.left_out:
            raise EngineError(f"the engine has sent {name!r} twice: nothing is written over or through it")
        if os.path.lexists(self._folder / name) and not os.path.isdir(self._folder / name):
            raise EngineError(f"{self._folder / name} is there already")
        if os.path.islink(self._folder / name):
            raise EngineError(f"{self._folder / name} is a link: nothing is written through it")

    @staticmethod
    def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
        source = archive.extractfile(member)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        left = member.size
        with open(os.open(target, flags, 0o600), "wb") as file:
            while source is not None and left and (data := source.read(min(left, _BLOCK))):
                left -= len(data)
                file.write(data)
        if left:
            raise EngineError(f"{member.name!r} was not sent whole: {left} bytes are missing")
        os.chmod(target, member.mode & _RIGHTS | 0o400)
        os.utime(target, (member.mtime, member.mtime))

    def finish(self) -> None:
        """Make the links, once no more is written, and give the folders their rights."""
        for name, text in self._links.items():
            # By what all links together come to: one of them may lead out by way of another.
            if self._stays(name):
                os.symlink(text, self._folder / name)
            else:
                self.left_out[name] = text
        for name, mode in sorted(self._folders.items(), reverse=True):
            os.chmod(self._folder / name, mode | 0o700)

    def _stays(self, name: str) -> bool:
        """Follow a link step by step, through other links too, as the system does; one that goes in circles stays."""
        waiting = [*reversed(self._links[name].split("/"))]
        if posixpath.isabs(self._links[name]):
            return False
        here = posixpath.dirname(name)
        for _ in range(10_000):
            if not waiting:
                return True
            part = waiting.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                if not here:
                    return False
                here = posixpath.dirname(here)
                continue
            here = posixpath.join(here, part)
            if here in self._links:
                text = self._links[here]
                if posixpath.isabs(text):
                    return False
                waiting += reversed(text.split("/"))
                here = posixpath.dirname(here)
        return True


def _refuse_sparse(member: tarfile.TarInfo) -> None:
    """Refuse a file with holes: no engine sends one, and few bytes of an archive would fill a disk.

    Raises:
        EngineError: it is one.
    """
    if member.issparse():
        raise EngineError(f"the engine has sent {member.name!r} with holes, which is not read")


def _inner(name: str) -> str:
    """Give a path within an archive, normalised.

    Raises:
        EngineError: it leads out.
    """
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if posixpath.isabs(name) or ".." in parts or "\0" in name or (os.name == "nt" and set("\\:") & set(name)):
        raise EngineError(f"the engine has sent the path {name!r}, which leads out of the folder")
    return "/".join(parts) or "."


def _reader(chunks: Iterable[bytes]) -> io.BufferedReader:
    return io.BufferedReader(_Chunks(iter(chunks)), _BLOCK)


class _Chunks(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""
        self._ends = 0

    def readable(self) -> bool:
        """It is read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Give what is there, or the next chunk; 0 at the end.

        Raises:
            tarfile.ReadError: more and more is asked for after it: `tarfile` goes to the end of a member in steps, and of
                one that says it has an exabyte it would take years.
        """
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._ends += 1
                if self._ends > _ENDS:
                    raise tarfile.ReadError("unexpected end of data")
                return 0
            self._rest = chunk
        view = memoryview(buffer)  # type: ignore[arg-type]  # A buffer, by the protocol of `io`.
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
