"""Has the system tell whether anything was done in a folder, in the place of looking at each file of it again and again.

On Linux, by inotify(7): it tells of what any process of this machine does, by whatever means, before that is done with. It
does not tell who did it, or what: so where it tells of anything, one looks again, file by file. What it does not tell of
is what is written by another name of a file that lies elsewhere, and what is written into mapped memory before that is let
go of: so whoever relies on it looks once more at the end.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import weakref
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

# inotify(7): content, status, end of writing, names that come or go, and the folder itself; of folders alone, no links.
_MASK = 0x002 | 0x004 | 0x008 | 0x040 | 0x080 | 0x100 | 0x200 | 0x400 | 0x800 | 0x0100_0000 | 0x0200_0000
_LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")
_SHARE = 32  # Of all that a user may have (8,192 with older kernels) one folder takes so much at most: editors have some too.
_PART = 1 << 16  # Bytes that are read at once.


class Watch:
    """Watches a folder with all in it, from when it is made; it does so for the process that has made it alone.

    Args:
        root: the folder.
        folders: those in it, as paths that begin in it; itself is the empty one.

    Raises:
        OSError: this cannot be watched: not by this system, not on this disk, or there is too much of it.
    """

    def __init__(self, root: Path, folders: Collection[str]) -> None:
        self._root = root
        self._guard = threading.Lock()
        self._pid = os.getpid()
        system = _system()
        if system is None or len(folders) > _most():
            raise OSError("too much to watch, or nothing to watch it with")
        self._file = _checked(system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        # Whoever forgets this, or ends, closes it; once.
        self._close = weakref.finalize(self, os.close, self._file)
        try:
            self._same = _identity(os.fstat(self._file))
            for folder in folders:
                _watch(system, self._file, os.path.join(root, folder))
            self._tree = _identity(os.stat(root))
        except BaseException:
            self.close()
            raise

    def is_quiet(self) -> bool:
        """Tell whether nothing was done there, and it is the same folder; from the first time that it is not, it is not."""
        if self._pid != os.getpid():
            return False  # What is read by one of them, the other one is not told.
        with self._guard:
            if not self._close.alive:
                return False
            if self._is_ours() and self._is_silent():
                return True
        self.close()
        return False

    def _is_ours(self) -> bool:
        """Tell whether the file is still what was opened: a test may close all that it finds, and open others."""
        with contextlib.suppress(OSError):
            if _identity(os.fstat(self._file)) == self._same:
                return True
        self._close.detach()
        return False

    def _is_silent(self) -> bool:
        try:
            os.read(self._file, _PART)
        except BlockingIOError:
            with contextlib.suppress(OSError):  # Whoever moves a folder above it moves it too, and that is not told.
                return _identity(os.stat(self._root)) == self._tree
        return False

    def close(self) -> None:
        """End it."""
        self._close()


def is_told(folder: Path) -> bool:
    """Try out whether the system tells of what is done in a folder: not each file system has it do so.

    Raises:
        OSError: no file can be written there.
    """
    try:
        watch = Watch(folder, [""])
    except OSError:
        return False
    with contextlib.closing(watch):
        (folder / "it").touch()
        return not watch.is_quiet()


@cache
def _system() -> Any:
    """Give what has the system's functions, or None: Python has no module for these."""
    if sys.platform != "linux":
        return None
    try:
        import ctypes  # noqa: PLC0415  # Takes 4 ms, and is needed where much is looked at alone; may be absent.

        library = ctypes.CDLL(None, use_errno=True)
        library.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
        library.inotify_init1.argtypes = (ctypes.c_int,)
    except (ImportError, OSError, AttributeError):
        return None
    return library


def _watch(system: Any, file: int, folder: str) -> None:
    _checked(system.inotify_add_watch(file, os.fsencode(folder), _MASK))


def _checked(answer: int) -> int:
    if answer >= 0:
        return answer
    import ctypes  # noqa: PLC0415  # Is there by now.

    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))


@cache
def _most() -> int:
    """Tell how many folders may be watched at once; 0 where the system has no such limit, since it has nothing to limit."""
    try:
        return int(_LIMIT.read_bytes()) // _SHARE
    except (OSError, ValueError):
        return 0


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
