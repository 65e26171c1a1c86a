"""Remembers verdicts between sessions, in the user's cache folder; whatever goes wrong there, nothing is remembered."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_envrepro import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEPT = 64  # Verdicts: each is a few kilobytes, and one project has a handful.


class VerdictCache:
    """Verdicts by the digest of all that they depend on."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, key: str) -> dict[str, Any] | None:
        """Give what was put under the key, or None."""
        if self.folder is None:
            return None
        try:
            data = json.loads(_path(self.folder, key).read_bytes())
        except (OSError, ValueError):
            return None
        return data if isinstance(data, dict) else None

    def put(self, key: str, data: Mapping[str, Any]) -> None:
        """Keep plain JSON types under a key: whole, or not at all."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError):
            path = _path(self.folder, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".new")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(data, file)
            os.replace(temporary, path)
            _prune(path.parent)


def _path(folder: Path, key: str) -> Path:
    return folder / "verdicts" / f"{hashlib.sha256(f'{__version__} {key}'.encode()).hexdigest()}.json"


def _prune(folder: Path) -> None:
    entries = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in entries[_KEPT:]:
        old.unlink(missing_ok=True)


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Give the folder for what is remembered; None where nobody says where it may be."""
    chosen = environ.get("PYTEST_ENVREPRO_CACHE")
    if chosen:
        return Path(chosen)
    try:
        import platformdirs  # noqa: PLC0415  # Is not needed where the variable is set, and may be absent.
    except ImportError:
        return None
    return platformdirs.user_cache_path("pytest-envrepro")
