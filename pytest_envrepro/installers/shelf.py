"""The shelf of wheels that were built here: each lies there by its content, and what was not used for longest goes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from pathlib import Path

from pytest_envrepro.cache import VerdictCache
from pytest_envrepro.installers.source import REMEMBERED, ROOM
from pytest_envrepro.workspace import alone

_MOST = 32  # Wheels.
_MOST_BYTES = 1024**3
_IN_USE = 3600.0  # Seconds: what somebody has taken may not be installed yet.
_LOCK = "wheels"


class Shelf:
    """Wheels by the source that they were built of, and by who built them.

    Two sources that come to the same wheel have one path: what is made of it is the same too.

    Args:
        cache: the user's cache folder.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._folder = cache / "wheels"
        self._memory = VerdictCache(cache, room=ROOM, kept=REMEMBERED)

    def find(self, source: str, builder: str) -> Path | None:
        """Find a wheel, and note that it is used; None where there is none, or where it is not as it was built."""
        known = self._memory.get(f"wheel {source} {builder}")
        if known is None:
            return None
        path = self._folder / str(known["digest"]) / str(known["name"])
        with contextlib.suppress(OSError), alone(self._cache, _LOCK):
            if _digest(path) == known["digest"]:
                os.utime(path.parent)
                return path
        return None

    def put(self, made: Path, source: str, builder: str) -> Path:
        """Move a wheel here, and take away what is too much.

        Raises:
            OSError: there is no room.
        """
        digest = _digest(made)
        path = self._folder / digest / made.name
        with alone(self._cache, _LOCK):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(made, path)
            os.utime(path.parent)
            self._memory.put(f"wheel {source} {builder}", {"digest": digest, "name": made.name})
            self._prune()
        return path

    def _prune(self) -> None:
        """Leave the wheels that were used last, and those of the last hour."""
        stamps = sorted(((entry.stat().st_mtime, entry.path) for entry in os.scandir(self._folder)), reverse=True)
        size = 0
        for number, (used, path) in enumerate(stamps):
            size += sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
            if (number >= _MOST or size > _MOST_BYTES) and time.time() - used > _IN_USE:
                shutil.rmtree(path, ignore_errors=True)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
