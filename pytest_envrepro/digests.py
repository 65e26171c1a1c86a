"""Digests of what a compilation depends on: two of them are the same where nothing has changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SETTLED = 2_000_000_000  # Nanoseconds: of two changes that are closer, a file system may tell the same time.
_SEPARATOR = re.compile(r"[\s,]+")  # pip's lists of folders have spaces between them, uv's have commas.


def digest_of_file(path: Path) -> str:
    """Digest a file.

    Raises:
        OSError: it cannot be read.
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Digests:
    """Digests of files, each read again only where it has changed: by its inode, its size and its times."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def of(self, path: Path) -> str:
        """Digest a file.

        Raises:
            OSError: it cannot be read.
        """
        status = path.stat()
        stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        known = self._known.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        digest = digest_of_file(path)
        if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED:
            self._known[path] = stamp, digest
        return digest


def digest_of_setting(value: str) -> str:
    """Digest the value of a variable, with the files and folders that it names; it may hold credentials."""
    digest = hashlib.sha256(value.encode(errors="surrogateescape"))
    for word in _SEPARATOR.split(value):
        with contextlib.suppress(OSError, ValueError):
            if os.path.isfile(word):
                digest.update(Path(word).read_bytes())
            elif os.path.isdir(word):
                stamps = sorted(
                    (entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in os.scandir(word)
                )
                digest.update(repr(stamps).encode(errors="surrogateescape"))
    return digest.hexdigest()


def is_unchanged(root: Path, read: Mapping[str, str]) -> bool:
    """Tell whether the files are still what was compiled."""
    try:
        return all(digest_of_file(root / file) == digest for file, digest in read.items())
    except OSError:
        return False
