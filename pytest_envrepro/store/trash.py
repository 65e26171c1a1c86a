"""Deletes what is no longer used, beside what goes on: it is renamed away at once, and its files go one by one later."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import threading
from pathlib import Path

from pytest_envrepro.store.background import Background

_HAS_DESCRIPTORS = shutil.rmtree.avoids_symlink_attacks and os.rename in os.supports_dir_fd and hasattr(os, "fchmod")
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_DEEPEST = 50  # Folders within folders that are open at once.
_ESCAPED = re.compile(rb"\\([0-7]{3})")


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
            gone = [_removed(self.folder, name, stop) for name in names]
            if not any(gone):
                return  # Nothing of it may be deleted, or others are at it.


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _removed(trash: Path, name: str, stop: threading.Event) -> bool:
    """Remove what has this name, as far as it can be; tell whether it is gone."""
    if _is_mounted_into(trash / name):
        return False
    if not _HAS_DESCRIPTORS:
        shutil.rmtree(trash / name, ignore_errors=True)
        with contextlib.suppress(OSError):
            (trash / name).unlink()
        return not os.path.lexists(trash / name)
    try:
        at = os.open(trash, _FOLDER)
    except OSError:
        return False
    try:
        return _Removing(at, stop).remove(name, at)
    except _TooManyOpenError:
        return False
    finally:
        os.close(at)


def _is_mounted_into(folder: Path) -> bool:
    """Tell whether something is mounted below a folder, which has its files elsewhere: they are not ours to delete."""
    try:
        rows = Path("/proc/self/mountinfo").read_bytes().splitlines()  # Linux, proc(5).
    except OSError:
        return False
    below = os.fsencode(os.path.realpath(folder)) + b"/"
    return any(_ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), row.split()[4]).startswith(below) for row in rows)


class _TooManyOpenError(Exception):
    """No other file may be open, in this process or in all."""


class _Removing:
    """Removes a folder and all within; links are not followed, whatever is put in a folder's place meanwhile.

    Each folder is opened by its name in the one above, which is open, and never as a link; from then on it is what was
    opened, and no path. That is what `shutil.rmtree` does where `rmtree.avoids_symlink_attacks`; besides, this ends when
    it is told to, and gets into folders without rights.
    """

    def __init__(self, trash: int, stop: threading.Event) -> None:
        self._trash = trash
        self._stop = stop

    def remove(self, name: str, at: int, depth: int = 0) -> bool:
        """Remove what has a name in an open folder; tell whether it is gone from there.

        Raises:
            _TooManyOpenError: it cannot be opened while so many others are.
        """
        folder = _opened(name, at)
        if folder is None:
            return _unlinked(name, at)
        try:
            for inside in _listed(folder):
                if self._stop.is_set():
                    return False
                if not _unlinked(inside, folder):
                    self._deeper(inside, folder, depth + 1)
        finally:
            os.close(folder)
        with contextlib.suppress(OSError):
            os.rmdir(name, dir_fd=at)
            return True
        return False

    def _deeper(self, name: str, at: int, depth: int) -> None:
        if depth < _DEEPEST:
            with contextlib.suppress(_TooManyOpenError):
                self.remove(name, at, depth)
                return
        # Neither Python's stack nor the number of open files is to be the measure: it is trash of its own.
        with contextlib.suppress(OSError):
            os.rename(name, os.urandom(8).hex(), src_dir_fd=at, dst_dir_fd=self._trash)


def _opened(name: str, at: int) -> int | None:
    """Open a folder, also one that its owner may not look into; None for all else.

    Raises:
        _TooManyOpenError: as many as may be are open already.
    """
    try:
        return os.open(name, _FOLDER, dir_fd=at)
    except PermissionError:
        pass
    except OSError as error:
        _raise_too_many(error)
        return None
    with contextlib.suppress(OSError):
        _permit(name, at)
        return os.open(name, _FOLDER, dir_fd=at)
    return None


def _permit(name: str, at: int) -> None:
    """Give the owner of a folder all rights to it, where the system can do so by a name without following that.

    Raises:
        OSError: it is no folder, or is somebody else's.
    """
    if not hasattr(os, "O_PATH"):
        if os.chmod in os.supports_dir_fd and os.chmod in os.supports_follow_symlinks:
            os.chmod(name, 0o700, dir_fd=at, follow_symlinks=False)
        return
    # Linux changes no mode by a name without following it (fchmodat(2)); this is a name of what was opened.
    place = os.open(name, _FOLDER | os.O_PATH, dir_fd=at)
    try:
        os.chmod(f"/proc/self/fd/{place}", 0o700)
    finally:
        os.close(place)


def _listed(folder: int) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        _raise_too_many(error)
        return []


def _raise_too_many(error: OSError) -> None:
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        raise _TooManyOpenError from error


def _unlinked(name: str, at: int) -> bool:
    """Remove a file or a link; false where it is a folder, or stays."""
    for _ in range(2):
        try:
            os.unlink(name, dir_fd=at)
        except PermissionError:
            # The folder that it is in; or it is a folder itself, to which POSIX answers in the same way.
            with contextlib.suppress(OSError):
                os.fchmod(at, 0o700)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        else:
            return True
    return False
