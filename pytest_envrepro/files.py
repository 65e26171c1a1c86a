"""The project's files: each is read once, decoded as pip decodes it, and a file that cannot be read is one clear error."""

from __future__ import annotations

import codecs
import os
import re
import stat
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pytest_envrepro.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LARGEST = 16 * 1024 * 1024  # Bytes. The largest lock seen in public is under 3 MB.
_COOKIE = re.compile(rb"#.*?coding[:=]\s*([-\w.]+)")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NEVER_ENTERED = frozenset({".git", ".tox", ".nox", "node_modules", "site-packages"})
_DEPTH = 2  # Levels of folders below the root that discovery looks into.


class Files:
    """The files below a root; paths are relative to it, with forward slashes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._prefix = str(root)
        self._texts: dict[str, str | LockError] = {}
        self._exists: dict[str, bool] = {}

    def exists(self, path: str) -> bool:
        """Tell whether the path leads to something that could be read: all but a folder, so that a FIFO is a fault."""
        if path not in self._exists:
            try:
                self._exists[path] = not stat.S_ISDIR(os.stat(self._absolute(path)).st_mode)
            except (OSError, ValueError):
                self._exists[path] = os.path.islink(self._absolute(path)) if "\0" not in path else False
        return self._exists[path]

    def read(self, path: str) -> str:
        """Give a file's text.

        Raises:
            LockError: it cannot be opened, is no text, is not in its encoding, or is larger than 16 MiB.
        """
        if path not in self._texts:
            try:
                self._texts[path] = decode(path, self._bytes(path))
            except LockError as error:
                self._texts[path] = error
        text = self._texts[path]
        if isinstance(text, LockError):
            raise text
        return text

    def changed(self, path: str) -> float:
        """Give the time of a file's last change, in seconds since the epoch; 0 where there is none."""
        try:
            return os.stat(self._absolute(path)).st_mtime
        except OSError:
            return 0.0

    def folders(self, path: str) -> list[str]:
        """Give the names of the folders in a folder, sorted; none where it cannot be looked into."""
        try:
            return sorted(entry.name for entry in os.scandir(self._absolute(path)) if entry.is_dir())
        except (OSError, ValueError):
            return []

    def holding(self, path: str, data: bytes) -> Files:
        """Give the same files, as if one of them held something else."""
        files = Files(self.root)
        files._texts = dict(self._texts)
        try:
            files._texts[path] = decode(path, data)
        except LockError as error:
            files._texts[path] = error
        files._exists = {**self._exists, path: True}
        return files

    def walk(self, exclude: tuple[str, ...]) -> Iterator[str]:
        """Give the paths of the files at the root and two levels below it, sorted: discovery looks no deeper."""
        yield from sorted(self._walk("", 0, exclude))

    def _walk(self, folder: str, depth: int, exclude: tuple[str, ...]) -> Iterator[str]:
        try:
            entries = list(os.scandir(self._absolute(folder)))
        except OSError:
            return  # A folder that this user may not enter holds nothing that this user could be asked to judge.
        if any(entry.name == "pyvenv.cfg" for entry in entries):
            return
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            # What is not called in UTF-8 can be shown nowhere.
            if not _is_text(path) or any(fnmatchcase(path, pattern) for pattern in exclude):
                continue
            if not entry.is_dir(follow_symlinks=False):
                yield path
            elif depth < _DEPTH and entry.name not in _NEVER_ENTERED:
                yield from self._walk(path, depth + 1, exclude)

    def _absolute(self, path: str) -> str:
        return os.path.join(self._prefix, path)

    def _bytes(self, path: str) -> bytes:
        try:
            # Not blocking, or a FIFO would hang the session before it is known to be one.
            descriptor = os.open(self._absolute(path), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise LockError(path, None, "is not a regular file")
                if status.st_size > _LARGEST:
                    size = status.st_size / 1024 / 1024
                    raise LockError(path, None, f"has {size:.0f} MiB: more than 16 MiB cannot be a lock or an input")
                return file.read()
        except OSError as error:
            raise LockError(path, None, f"cannot be read: {error.strerror or error}") from error


def _is_text(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_BINARY = getattr(os, "O_BINARY", 0)


def decode(path: str, data: bytes) -> str:
    """Decode a requirements file: by its byte order mark, its coding line (PEP 263), or as UTF-8.

    Raises:
        LockError: the bytes are none of that encoding, with the line of the first that is not.
    """
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), None)
    if encoding is None:
        if b"\0" in data:
            line = data.count(b"\n", 0, data.index(b"\0")) + 1
            raise LockError(path, line, "holds a NUL byte: this is not a text file")
        cookie = next(filter(None, map(_COOKIE.match, data.split(b"\n", 2)[:2])), None)
        encoding = cookie[1].decode("ascii") if cookie else "utf-8"
    try:
        text = data.decode(encoding)
    except LookupError as error:
        raise LockError(path, 1, f"names an unknown encoding: {encoding}") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        message = f"is not {encoding.upper()}: byte 0x{byte:02x}. Save it as UTF-8, or name its encoding in line 1"
        raise LockError(path, line, message) from error
    except UnicodeError as error:  # Of an encoding that is not one of texts, such as idna.
        raise LockError(path, 1, f"is not {encoding.upper()}: {error}") from error
    if not _is_text(text):  # As `unicode_escape` makes them of `\\ud800`.
        raise LockError(path, 1, f"is not {encoding.upper()}: it holds half a character")
    return text
