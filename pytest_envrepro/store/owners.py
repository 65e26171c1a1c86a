"""Who uses what in a store: a session has a lock that ends with it, however it ends, and its leases beside that lock."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.locking import Held, held, hold

if TYPE_CHECKING:
    from pathlib import Path

_OLD = 3600.0  # Seconds after which nobody asks any more what a session had said.
_MANY = 50  # Sessions that have ended and are listened to still: the last ones.


class Said(NamedTuple):
    """What a session has said.

    Attributes:
        owner: its name.
        what: plain JSON.
        ended: by which time it had ended, in seconds since the epoch; None for one that lives.
    """

    owner: str
    what: Any
    ended: float | None


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
        self._length = 0  # Bytes of that; what is shorter is filled up, which JSON allows.
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

    def using(self, what: str) -> int:
        """Tell how many sessions use something, or did until they were killed: that is told apart at the next sweep."""
        return sum(1 for _ in self._folder.glob(f"*/{what}"))

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
                with contextlib.suppress(OSError):  # It was killed: whatever it was at, now it is over.
                    os.utime(path.with_suffix(".said"))
                lock.release()
                path.unlink(missing_ok=True)
        return frozenset(alive)

    def say(self, said: object) -> None:
        """Tell other sessions something, in the place of what was said before; plain JSON.

        Raises:
            OSError, BuildError: as `hold` does.
        """
        if self._last is None:
            self._forget_said()
            self._last = self._folder / f"{self.claim()}.said"
        data = json.dumps(said).encode()
        # At once, over what stands there: a file that is put in its place takes a disk ten times as long, test by test.
        file = os.open(self._last, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            os.write(file, data.ljust(self._length))
        finally:
            os.close(file)
        self._length = len(data)

    def heard(self) -> list[Said]:
        """Give what other sessions have said; the last that have ended too, for an hour.

        Raises:
            OSError, BuildError: as `hold` does.
        """
        living = self.living()
        told: list[Said] = []
        for path in self._folder.glob("????????.said"):
            if path != self._last:
                with contextlib.suppress(OSError, ValueError):
                    ended = None if path.stem in living else path.stat().st_mtime
                    told.append(Said(path.stem, json.loads(path.read_text()), ended))
        return told

    def _forget_said(self) -> None:
        """Take away what sessions had said that have ended, but for the last of them."""
        living = self.living()
        ended: list[tuple[float, Path]] = []
        for path in self._folder.glob("????????.said"):
            with contextlib.suppress(OSError):
                ended += [(path.stat().st_mtime, path)] if path.stem not in living else []
        ended.sort(reverse=True)
        for index, (when, path) in enumerate(ended):
            if index >= _MANY or when < time.time() - _OLD:
                path.unlink(missing_ok=True)

    def forget_all(self, locks: Path) -> None:
        """Take away what sessions that have ended said, and, where no other lives, the locks that they had.

        Whoever takes one of those has called `claim` before, which nobody can meanwhile.

        Args:
            locks: the folder of locks that sessions take.

        Raises:
            OSError, BuildError: as `hold` does.
        """
        living = self.living()
        for path in self._folder.glob("????????.said"):
            if path.stem not in living:
                path.unlink(missing_ok=True)
        with held(self._folder / "sweep.lock"):
            if any(path.stem != self.name for path in self._folder.glob("????????.lock")):
                return
            for path in locks.iterdir():
                path.unlink(missing_ok=True)

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
