"""Remembers verdicts between sessions, in the user's cache folder; whatever goes wrong there, nothing is remembered."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_envrepro.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = "PYTEST_ENVREPRO_CACHE"
_KEPT = 64  # Verdicts: each is a few kilobytes, and one project has a handful.


class VerdictCache:
    """Verdicts, and what else is remembered, by the digest of all that they depend on.

    Args:
        folder: the user's cache folder; None where nothing can be remembered.
        room: the folder within it.
        kept: how many are kept; the oldest go first.
    """

    def __init__(self, folder: Path | None, *, room: str = "verdicts", kept: int = _KEPT) -> None:
        self.folder = folder
        self._room = room
        self._kept = kept

    def get(self, key: str) -> dict[str, Any] | None:
        """Give what was put under the key, or None: also where the file is not as it was written."""
        if self.folder is None:
            return None
        try:
            digest, _, body = self._path(self.folder, key).read_bytes().partition(b"\n")
        except OSError:
            return None
        if digest != _digest(body):
            return None
        data: dict[str, Any] = json.loads(body)
        return data

    def put(self, key: str, data: Mapping[str, Any]) -> None:
        """Keep plain JSON types under a key: whole, or not at all."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError):
            path = self._path(self.folder, key)
            body = json.dumps(data).encode()
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".new")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_digest(body) + b"\n" + body)
                os.replace(temporary, path)
            except OSError:  # As where the disk is full, which half of a file keeps so.
                os.unlink(temporary)
                raise
            _prune(path.parent, self._kept)

    def _path(self, folder: Path, key: str) -> Path:
        return folder / self._room / f"{hashlib.sha256(f'{VERSION} {key}'.encode()).hexdigest()}.json"


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def _prune(folder: Path, kept: int) -> None:
    entries = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in entries[kept:]:
        old.unlink(missing_ok=True)


def is_named(environ: Mapping[str, str]) -> bool:
    """Tell whether somebody has said which folder it is: no other one takes its place then."""
    return bool(environ.get(_VARIABLE))


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Give the folder for what is remembered; None where nobody says where it may be."""
    chosen = environ.get(_VARIABLE)
    if chosen:
        return Path(chosen).absolute()
    try:
        import platformdirs  # noqa: PLC0415  # Is not needed where the variable is set, and may be absent.
    except ImportError:
        return None
    folder = platformdirs.user_cache_path("pytest-envrepro")
    # Of a user without a home `~` stays as it is, and would be made in the project.
    return folder if folder.is_absolute() else None
