"""Compares the files of installed distributions with RECORD, the list that an installer leaves (PEP 376, PEP 627).

A file is hashed only where its times say that it could have changed since: installers write RECORD last, and no program
sets an inode's time (`ctime`) back. Links to a cache (uv) and copies have later times, and are hashed once more.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import stat
import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.envs.metadata import NOT_BLOCKING, SETTLED
from pytest_envrepro.envs.recordtext import place_of, quoted, read_record
from pytest_envrepro.inventory import Recorded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.envs.recordtext import Row

_LARGEST = 64 * 1024 * 1024  # Bytes of a RECORD; that of torch, with 13,000 files, has 1.5 MB.
_CHUNK = 256 * 1024  # Bytes that are read at once to be hashed.
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR})
# They write RECORD in every installation. Distributors' tools leave it out, which says that the files are theirs.
_ALWAYS_RECORD = frozenset({b"pip", b"uv"})
_NO_FILE = "no regular file"


class _Look(NamedTuple):
    """What was seen of a distribution: its RECORD, and for each row what `stat` said, or the number of its error.

    Attributes:
        recorded: the time of RECORD in nanoseconds; a file of that time or later could have changed.
        verdict: what is known before any file is looked at.
    """

    folder: str
    rows: list[Row]
    places: list[str]
    seen: list[os.stat_result | int]
    recorded: int
    digest: bytes
    verdict: Recorded


class Records:
    """The RECORDs of an environment.

    Args:
        found: the canonical name and the metadata folder of each distribution, in the order of what is given.
        root: the folder that stands for `/`, of what is a copy of another machine's.
    """

    def __init__(self, found: Iterable[tuple[str, str]], *, root: str = "") -> None:
        self._found = tuple(found)
        self._root = root
        self._looks: list[_Look] | None = None

    def state(self) -> str | None:
        """Digest the RECORDs, and size, times and inode of each file; `compare` then uses what was seen here.

        None where a file changed a moment ago, since it could change again within the same tick of the clock.
        """
        started = time.time()
        self._looks = [_look(name, path, self._root) for name, path in self._found]
        digest = hashlib.sha256()
        newest = 0
        for look in self._looks:
            stamps: list[int] = [look.recorded]
            for seen in look.seen:
                if isinstance(seen, int):
                    stamps.append(-seen)
                else:
                    stamps += (seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino, seen.st_mode)
                    newest = max(newest, seen.st_ctime_ns)
            # The paths are in the digest of RECORD, in the same order.
            digest.update(look.digest + repr((look.folder, look.verdict, stamps)).encode(errors="surrogateescape"))
        return digest.hexdigest() if newest < (started - SETTLED) * 1e9 else None

    def compare(self, *, full: bool) -> tuple[Recorded, ...]:
        """Compare every file with what RECORD tells of it.

        Args:
            full: hash every file, and not those alone that could have changed.
        """
        looks = self._looks or [_look(name, path, self._root) for name, path in self._found]
        self._looks = None
        return tuple(_compare(look, full=full) for look in looks)


def _look(name: str, path: str, root: str) -> _Look:
    folder, label = os.path.split(path)
    nothing = Recorded(name=name, label=label)
    if not label.endswith(".dist-info"):
        return _Look(folder, [], [], [], 0, b"", nothing._replace(left_out="no RECORD"))
    installer = _installer(path)
    if installer == b"conda" or (not installer and folder.endswith("/dist-packages")):
        changes_files = "conda" if installer else "Debian"
        return _Look(folder, [], [], [], 0, b"", nothing._replace(left_out=changes_files))
    try:
        content, recorded = _read(f"{path}/RECORD")
        rows, unknown = read_record(content, folder)
    except FileNotFoundError:
        if installer in _ALWAYS_RECORD:
            faults = ((f"{label}/RECORD", None, None),)
            return _Look(folder, [], [], [], 0, b"", nothing._replace(files=1, faults=faults))
        return _Look(folder, [], [], [], 0, b"", nothing._replace(left_out="no RECORD"))
    except (OSError, ValueError) as error:
        words = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
        return _Look(folder, [], [], [], 0, b"", nothing._replace(unknown=f"its RECORD {words}"))
    verdict = nothing._replace(files=len(rows), unknown=unknown and f"its RECORD {unknown}")
    places = [place_of(folder, row.path, root) for row in rows]
    return _Look(folder, rows, places, _stat(places), recorded, hashlib.sha256(content).digest(), verdict)


def _installer(path: str) -> bytes:
    try:
        return _read(f"{path}/INSTALLER")[0].strip()
    except OSError:
        return b""


def _stat(places: list[str]) -> list[os.stat_result | int]:
    """Look at the files, through links: what counts is what an import reads."""
    seen: list[os.stat_result | int] = []
    for place in places:
        try:
            seen.append(os.stat(place))
        except OSError as error:
            seen.append(error.errno or errno.EIO)
    return seen


def _compare(look: _Look, *, full: bool) -> Recorded:
    faults: list[tuple[str, str | None, str | None]] = []
    unknown = look.verdict.unknown
    for row, place, seen in zip(look.rows, look.places, look.seen, strict=True):
        told = row.hash or (f"{int(row.size)} bytes" if row.size else None)
        if isinstance(seen, int):
            if seen in _ABSENT:
                faults.append((row.path, told, None))
            else:
                unknown = unknown or f"{quoted(row.path)} cannot be looked at: {os.strerror(seen)}"
        elif told is None:
            continue
        elif not stat.S_ISREG(seen.st_mode):
            faults.append((row.path, told, _NO_FILE))
        elif row.size and int(row.size) != seen.st_size:
            faults.append((row.path, f"{int(row.size)} bytes", f"{seen.st_size} bytes"))
        elif row.hash and (full or max(seen.st_mtime_ns, seen.st_ctime_ns) >= look.recorded):
            try:
                found = _hash(place, row.hash.partition("=")[0])
            except OSError as error:
                unknown = unknown or f"{quoted(row.path)} cannot be read: {error.strerror}"
            else:
                if found != row.hash.rstrip("="):
                    faults.append((row.path, row.hash, found))
    return look.verdict._replace(faults=(*look.verdict.faults, *faults), unknown=unknown)


def _read(path: str) -> tuple[bytes, int]:
    """Read a file as a whole; with the earlier of its times, since one of them is new in a copy."""
    descriptor = os.open(path, NOT_BLOCKING)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a regular file")
        if status.st_size > _LARGEST:
            raise OSError(0, f"it has more than {_LARGEST // 1024 // 1024} MiB")
        return os.read(descriptor, status.st_size), min(status.st_mtime_ns, status.st_ctime_ns)
    finally:
        os.close(descriptor)


def _hash(path: str, algorithm: str) -> str:
    """Hash a file, as RECORD writes it."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    descriptor = os.open(path, NOT_BLOCKING)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a regular file")
        left = status.st_size  # And no more, of a file that grows.
        while left > 0 and (data := os.read(descriptor, min(left, _CHUNK))):
            digest.update(data)
            left -= len(data)
    finally:
        os.close(descriptor)
    return f"{algorithm}={base64.urlsafe_b64encode(digest.digest()).rstrip(b'=').decode()}"
