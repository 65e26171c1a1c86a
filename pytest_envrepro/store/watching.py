"""Has the system tell whether anything was done in a folder, in the place of looking at each file of it again and again.

On Linux, by inotify(7): it tells of what any process of this machine does, by whatever means, before that is done with. It
does not tell who did it, or what: so where it tells of anything, one looks again, file by file. What it does not tell of
is what is written by another name of a file that lies elsewhere, what is written into mapped memory before that is let go
of, and what is mounted over a part of it: so whoever relies on it looks once more at the end.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import weakref
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

# inotify(7): what is to be told of a folder, and of what lies in it.
_IN_MODIFY = 0x002
_IN_ATTRIB = 0x004
_IN_CLOSE_WRITE = 0x008
_IN_MOVED_FROM = 0x040
_IN_MOVED_TO = 0x080
_IN_CREATE = 0x100
_IN_DELETE = 0x200
_IN_DELETE_SELF = 0x400
_IN_MOVE_SELF = 0x800
_OF_FILES = _IN_MODIFY | _IN_ATTRIB | _IN_CLOSE_WRITE
_OF_NAMES = _IN_MOVED_FROM | _IN_MOVED_TO | _IN_CREATE | _IN_DELETE | _IN_DELETE_SELF | _IN_MOVE_SELF
# And how: of a folder alone, and of no other one that a link leads to.
_IN_ONLYDIR = 0x0100_0000
_IN_DONT_FOLLOW = 0x0200_0000
_MASK = _OF_FILES | _OF_NAMES | _IN_ONLYDIR | _IN_DONT_FOLLOW
_LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")
# fcntl(2): the signal that is sent for an open file, to who asks for signals: nobody does. What is opened in the place of
# ours has none, or another one; their status would not tell, since all that are no files of a disk have the same.
_F_SETSIG, _F_GETSIG = 10, 11
_MARKS = cycle(range(1, 65))


class Watch:
    """Watches a folder with all in it, from when it is made.

    Nothing is ever read of what is told, only that there is something: so it stays told, to each thread, to a process that
    was forked, and to who is interrupted while he asks.

    Args:
        root: the folder.
        folders: those in it, as paths that begin in it; itself is the empty one. A slash at the end means nothing.

    Attributes:
        count: how many folders that are.

    Raises:
        OSError: they cannot be watched: not by this system, or no more of them.
    """

    def __init__(self, root: Path, folders: Collection[str]) -> None:
        system = _system()
        if system is None:
            raise OSError("there is nothing to watch it with")
        self.count = len(folders)
        self._root = root
        self._file = _checked(system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        try:
            for folder in folders:
                path = os.path.join(root, folder).rstrip(os.sep)  # With a slash, a link would be followed after all.
                _checked(system.inotify_add_watch(self._file, os.fsencode(path), _MASK))
            self._mark = _marked(self._file)
            self._tree = _identity(root)
        except BaseException:
            os.close(self._file)
            raise
        # Whoever forgets this closes it. At its end a process closes all by itself.
        self._closing = weakref.finalize(self, _close, self._file, self._mark)
        self._closing.atexit = False

    def is_quiet(self) -> bool:
        """Tell whether nothing was done there since it is watched, and it is the same folder."""
        try:
            # Whoever moves a folder above it moves it too, and that is not told.
            is_same = _is_ours(self._file, self._mark) and _identity(self._root) == self._tree
            return self._closing.alive and is_same and not _has_something(self._file)
        except OSError:
            return False

    def close(self) -> None:
        """End it."""
        self._closing()


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
def most() -> int:
    """Tell how many folders a user may watch at once; 0 where the system does not say so."""
    try:
        return int(_LIMIT.read_bytes())
    except (OSError, ValueError):
        return 0


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


def _checked(answer: int) -> int:
    if answer >= 0:
        return answer
    import ctypes  # noqa: PLC0415  # Is there by now.

    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))


def _has_something(file: int) -> bool:
    poll = select.poll()  # `select` alone knows no descriptor above 1023.
    poll.register(file, select.POLLIN)
    return bool(poll.poll(0))


def _marked(file: int) -> int:
    """Give an open file a mark by which it is known again, and give that."""
    import fcntl  # noqa: PLC0415  # Is not on every system, and there by now.

    mark = next(_MARKS)
    fcntl.fcntl(file, _F_SETSIG, mark)
    return mark


def _is_ours(file: int, mark: int) -> bool:
    """Tell whether an open file is still what was marked so: a test may close all that it finds, and open others."""
    import fcntl  # noqa: PLC0415  # As above.

    return fcntl.fcntl(file, _F_GETSIG) == mark


def _close(file: int, mark: int) -> None:
    """Close a file, if it is still what was marked so."""
    with contextlib.suppress(OSError):
        if _is_ours(file, mark):
            os.close(file)


def _identity(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino
