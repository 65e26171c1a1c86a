"""Locks on files, which end with the process that holds them; whoever waits long for one is told for whom."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from inspect import signature
from typing import TYPE_CHECKING, Any

from pytest_envrepro.errors import BuildError
from pytest_envrepro.programs import NOT_WAITED_FOR, may_wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from filelock import BaseFileLock

_LOOKING = 0.5  # Seconds between two looks at whether it is still worth waiting.
_LONG = 3.0  # Seconds after which it is told what is waited for: most work is over by then.
_AGAIN = 60.0  # Seconds between two words about that, whatever is waited for.


class Held:
    """A lock on a file, held by this process; the system lets go of it when the process ends."""

    def __init__(self, lock: BaseFileLock | None) -> None:
        self._lock = lock
        self.is_real = lock is not None  # Else the disk knows no locks.

    def release(self) -> None:
        """Let go of it; the file stays, since another process may be waiting for it."""
        if self._lock is not None:
            self._lock.release(force=True)


def hold(path: Path, timeout: float) -> Held | None:
    """Take the lock on a file; None where another has it for longer than that.

    Where the disk knows no locks, it is given to everybody: it saves work, and nothing is right because of it alone.

    Args:
        timeout: in seconds; negative: wait for ever.

    Raises:
        BuildError: filelock is not installed.
        OSError: the file cannot be made, or belongs to somebody else.
    """
    try:
        from filelock import FileLock, Timeout  # noqa: PLC0415  # Is needed for environments alone, and may be absent.
    except ImportError:
        raise BuildError("environments need filelock, which is not installed: run pip install filelock") from None
    # Newer versions would put a file in the place of a lock that the disk does not know, and a killed session leaves it.
    further: dict[str, Any] = (
        {"fallback_to_soft": False} if "fallback_to_soft" in signature(FileLock).parameters else {}
    )
    lock = FileLock(path, thread_local=False, **further)  # One thread takes it, and perhaps another lets go of it.
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        return None
    except (
        NotImplementedError,
        OSError,
    ) as error:  # Of a disk without locks versions of filelock say the one or the other.
        if isinstance(error, OSError) and error.errno != errno.ENOSYS:
            raise
        return Held(None)
    return Held(lock)


@contextlib.contextmanager
def held(path: Path, timeout: float = -1) -> Iterator[bool]:
    """Hold the lock on a file for a while; tell whether it was to be had.

    Raises:
        OSError, BuildError: as `hold` does.
    """
    lock = hold(path, timeout)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            lock.release()


class Waiting:
    """Waits for locks, and tells which process has one for long.

    Args:
        tell: is given a line for people.
        run: a word that the processes of one run share, which tell themselves what they are at; empty where it is one.
    """

    def __init__(self, tell: Callable[[str], None], run: str = "") -> None:
        self._tell = tell
        self._run = run
        self._told = float("-inf")  # When it was told last what is waited for, by a steady clock.

    def hold(self, path: Path, title: str = "") -> Held:
        """Take the lock on a file, however long that takes, and write beside it who has it.

        Args:
            title: of what is waited for, for people; empty where they are told that besides.

        Raises:
            BuildError: this session ends meanwhile; or as `hold` does.
            OSError: as `hold` does.
        """
        who = path.with_suffix(".who")
        since = time.monotonic()
        lock = hold(path, _LOOKING)
        while lock is None:
            if not may_wait():
                raise BuildError(NOT_WAITED_FOR)
            self._tell_of(who, title, since)
            lock = hold(path, _LOOKING)
        with contextlib.suppress(OSError):
            said = f"process {os.getpid()}, which has been at it since {time.strftime('%H:%M:%S')}"
            new = who.with_suffix(".new")  # Whoever waits reads it at any moment: it is never half there.
            new.write_text(f"{said}\n{self._run}")
            new.replace(who)
        return lock

    def _tell_of(self, who: Path, title: str, since: float) -> None:
        now = time.monotonic()
        if now < max(since + _LONG, self._told + _AGAIN):
            return
        said, _, run = _read(who).partition("\n")
        if not run or run != self._run:
            self._tell(f"{title}{': ' if title else ''}waiting for {said or 'another process'}")
            self._told = now


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
