"""Reads and hashes files, large ones too."""

from __future__ import annotations

import hashlib
import mmap
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MAPPED = 16 * 1024 * 1024  # Bytes; larger files are mapped, and not read as a whole.


def hash_of(path: str | Path) -> str:
    """Hash a regular file.

    Raises:
        OSError: it cannot be read.
    """
    with content_of(path) as data:
        return hashlib.sha256(data).hexdigest()


class content_of:  # noqa: N801  # Is used as a function.
    """Give the content of a file for a while: read, or mapped where it is large.

    Raises:
        OSError: it cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._map: mmap.mmap | None = None

    def __enter__(self) -> bytes | mmap.mmap:
        with open(self._path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size < _MAPPED:
                return file.read()
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._map

    def __exit__(self, *_: object) -> None:
        if self._map is not None:
            self._map.close()
