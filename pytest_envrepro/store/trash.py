"""Deletes what is no longer used, beside what goes on: it is renamed away at once, and its files go one by one later."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

from pytest_envrepro.store.background import Background

if TYPE_CHECKING:
    from pathlib import Path


class Trash:
    """A folder of what is to be deleted, on the disk of what it comes from.

    A thread deletes as long as there is something to delete. What it does not come to, the next session's does.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._background = Background("pytest-envrepro deletes")

    def put(self, path: Path) -> bool:
        """Take a folder away at once; false where another process was faster, or the system does not let it go."""
        try:
            self.folder.mkdir(exist_ok=True)
            path.rename(self.folder / os.urandom(8).hex())
        except OSError:
            return False
        return True

    def start(self) -> None:
        """Delete what is there, beside what goes on."""
        self._background.start(self._delete)

    def stop(self, seconds: float) -> None:
        """Let the thread end, and wait so long for what it still has to do; the rest is left."""
        self._background.stop(seconds)

    def empty(self) -> None:
        """Delete all of it, and return when it is gone."""
        self._background.hold()
        self._delete(threading.Event())

    def _delete(self, stop: threading.Event) -> None:
        # What was put there while the last of it was deleted is found by another look.
        while not stop.is_set() and (names := _names(self.folder)):
            gone = [_removed(f"{self.folder}/{name}", stop) for name in names]
            if not any(gone):
                return  # Nothing of it may be deleted, or others are at it.


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _removed(path: str, stop: threading.Event) -> bool:
    """Remove a folder and all within, as far as it can be, links not followed; tell whether it is gone."""
    if os.path.islink(path) or not os.path.isdir(path):
        return _unlink(path)
    for entry in _inside(path):
        if stop.is_set():
            return False
        if entry.is_dir(follow_symlinks=False):
            _removed(entry.path, stop)
        else:
            _unlink(entry.path)
    try:
        os.rmdir(path)
    except OSError:
        return False
    return True


def _inside(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except PermissionError:
        # A test may have taken away its own right to look into a folder.
        with contextlib.suppress(OSError):
            os.chmod(path, 0o700)
            with os.scandir(path) as entries:
                return list(entries)
    except OSError:
        pass
    return []


def _unlink(path: str) -> bool:
    try:
        os.unlink(path)
    except PermissionError:
        with contextlib.suppress(OSError):
            os.chmod(os.path.dirname(path), 0o700)
            os.unlink(path)
            return True
        return False
    except OSError:
        return False
    return True
