"""Tar archives, as engines take and give files: written, and read without trust. For folders see `unpacking`."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MOST = 256 << 20  # Bytes of a file that is read: as much as of a program's streams.
BLOCK = 1 << 20  # Bytes.
# What `tarfile` raises of archives that nobody has made by accident: of numbers that are none, of headers within headers.
BROKEN = (tarfile.TarError, ValueError, OverflowError, RecursionError)
_ENDS = 100  # How often one may read at the end of an archive: of a whole one, twice.


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
        with tarfile.open(fileobj=reader(chunks), mode="r|") as archive:
            member = archive.next()
            file = archive.extractfile(member) if member is not None and member.isreg() else None
            if file is None or member is None:
                raise EngineError(f"{path} in the container is no file")
            refuse_sparse(member)
            refuse_large(member.size, path, most)
            data = file.read()
            if len(data) != member.size:
                raise EngineError(f"{path} was not sent whole: {len(data)} of {member.size} bytes")
            # What comes after it is read too: else the engine takes it for a failure.
            for _ in archive:
                pass
            return data
    except BROKEN as error:
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


def refuse_sparse(member: tarfile.TarInfo) -> None:
    """Refuse a file with holes: no engine sends one, and few bytes of an archive would fill a disk.

    Raises:
        EngineError: it is one.
    """
    if member.issparse():
        raise EngineError(f"the engine has sent {member.name!r} with holes, which is not read")


def reader(chunks: Iterable[bytes]) -> io.BufferedReader:
    """Give chunks as a file."""
    return io.BufferedReader(_Chunks(iter(chunks)), BLOCK)


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
