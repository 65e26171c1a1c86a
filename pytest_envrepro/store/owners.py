"""Who uses what in a store: a session has a lock that ends with it, however it ends, and its leases beside that lock."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from typing import TYPE_CHECKING, Any

from pytest_envrepro.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filelock import BaseFileLock


_OLD = 3600.0  # Seconds after which nobody asks any more what a session had said.


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
    lock = FileLock(path, thread_local=False)  # One thread takes it, and perhaps another lets go of it.
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        return None
    except NotImplementedError:
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


class Owners:
    """The sessions that use a store.

    Attributes:
        name: of this session there, once `claim` was called: eight hexadecimal digits.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._lock: Held | None = None
        self._last: Path | None = None  # The file of what this session has said.
        self.name = ""

    def claim(self) -> str:
        """Give this session's name; it lives from now on.

        Raises:
            OSError, BuildError: as `hold` does.
        """
        with self._guard:
            if not self.name:
                # A name without a lock is one to be swept: nobody may look between the two.
                with held(self._folder / "sweep.lock"):
                    name = os.urandom(4).hex()
                    self._lock = hold(self._folder / f"{name}.lock", -1)
                    (self._folder / name).mkdir()
                    self.name = name
        return self.name

    def lease(self, what: str) -> None:
        """Say that this session uses something. Whoever would take it away holds the same lock as our caller does."""
        (self._folder / self.claim() / what).touch()

    def leased(self) -> frozenset[str]:
        """Give what sessions use that live."""
        names: set[str] = set()
        for owner in self.living():
            with contextlib.suppress(OSError):
                names.update(os.listdir(self._folder / owner))
        return frozenset(names)

    def living(self) -> frozenset[str]:
        """Give the sessions that live; of the others, nothing is left here.

        Raises:
            OSError, BuildError: as `hold` does.
        """
        alive = {self.name} - {""}
        with held(self._folder / "sweep.lock"):
            for path in self._folder.glob("????????.lock"):
                if path.stem in alive:
                    continue
                lock = self._of_the_dead(path)
                if lock is None:
                    alive.add(path.stem)
                    continue
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                lock.release()
                path.unlink(missing_ok=True)
        return frozenset(alive)

    def say(self, said: object) -> None:
        """Tell other sessions something, in the place of what was said before; plain JSON.

        Raises:
            OSError, BuildError: as `hold` does.
        """
        if self._last is None:
            for path in self._folder.glob("????????.said"):
                if path.stat().st_mtime < time.time() - _OLD:
                    path.unlink(missing_ok=True)
            self._last = self._folder / f"{self.claim()}.said"
        temporary = self._last.with_suffix(".saying")
        temporary.write_text(json.dumps(said))
        temporary.replace(self._last)

    def heard(self) -> list[Any]:
        """Give what other sessions have said; those that have ended too, for an hour."""
        told = []
        for path in self._folder.glob("????????.said"):
            if path != self._last:
                with contextlib.suppress(OSError, ValueError):
                    told.append(json.loads(path.read_text()))
        return told

    @staticmethod
    def _of_the_dead(path: Path) -> Held | None:
        try:
            lock = hold(path, 0)
        except OSError:  # Of another user: it may live.
            return None
        return lock if lock is not None and lock.is_real else None

    def leave(self) -> None:
        """End this session's use of everything."""
        with self._guard:
            if self.name:
                shutil.rmtree(self._folder / self.name, ignore_errors=True)
                with contextlib.suppress(OSError):  # The folder may be gone with all that is in it.
                    (self._folder / f"{self.name}.lock").unlink()
                self.name = ""
            if self._lock is not None:
                self._lock.release()
                self._lock = None
            self._last = None
