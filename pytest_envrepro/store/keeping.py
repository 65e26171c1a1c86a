"""A store's folder, and what is done to it beside its use."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from pytest_envrepro.errors import BuildError
from pytest_envrepro.store import layout
from pytest_envrepro.store.known import Known
from pytest_envrepro.store.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pytest_envrepro.store.mends import Mend
    from pytest_envrepro.store.owners import Said

_LIMIT = 10 * 1024**3  # Bytes of all entries: some forty environments of 44 distributions.


def _quiet(_: str) -> None:
    """Tell nobody."""


class Keeping:
    """A folder of environments that is opened when it is needed, kept small and clean, and closed.

    Args:
        folder: is made when it is needed. Where it may not be written, one among the temporary files takes its place,
            if `may_move`.
        limit_bytes: that `prune` leaves at most.
        tell: is given what takes long or is out of the ordinary, for people, one line at a time.
        since: when the session began, in seconds since the epoch; now unless given.
        run: a word that the processes of one run share; empty where it is one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        limit_bytes: int = _LIMIT,
        tell: Callable[[str], None] = _quiet,
        since: float | None = None,
        run: str = "",
        may_move: bool = True,
    ) -> None:
        self._wanted = folder
        self._may_move = may_move
        self._limit = limit_bytes
        self._tell = tell
        self._run = run
        self._started = since if since is not None else time.time()
        self._known = Known()
        self._guard = threading.Lock()
        self._parts: Parts | None = None

    @property
    def folder(self) -> Path:
        """The folder that is used; links in its path are followed.

        Raises:
            BuildError: none can be made.
        """
        return self._open.layout.folder

    @property
    def _open(self) -> Parts:
        with self._guard:
            if self._parts is None:
                place = layout.opened(self._wanted, self._tell, may_move=self._may_move)
                self._parts = Parts(place, self._tell, self._run)
            return self._parts

    @property
    def name(self) -> str:
        """Of this session, by which others hear of it; empty where it has none yet."""
        return self._open.owners.name

    def ask_whom(self, at_work: Callable[[float], Mapping[str, tuple[str, ...]]]) -> None:
        """Have it noted who was at work when something was changed that is put right from now on.

        Args:
            at_work: tells that for a time in seconds since the epoch: names by the session, as `name` gives it.
        """
        self._open.mends.at_work = at_work

    def mended(self) -> tuple[Mend, ...]:
        """Give what this session has put right in all environments, the oldest first."""
        with self._guard:
            return tuple(self._parts.mends.ours) if self._parts is not None else ()

    def say(self, said: object) -> None:
        """Tell the other sessions that use this store something: plain JSON, in the place of what was said before."""
        with contextlib.suppress(OSError, BuildError):  # It makes messages better, and nothing else.
            self._open.owners.say(said)

    def heard(self) -> list[Said]:
        """Give what other sessions have said, those that have ended within the last hour too."""
        try:
            return self._open.owners.heard()
        except (OSError, BuildError):  # As above.
            return []

    def sweep(self) -> None:
        """Take away what sessions left that were killed; it is deleted beside what goes on.

        Raises:
            BuildError: the store's folder cannot be used.
        """
        parts = self._open
        with parts.explained():
            parts.keeping.sweep()
        parts.trash.start()

    def prune(self) -> None:
        """Take away what was not used for longest, down to the limit; what a living session uses stays.

        Raises:
            BuildError: the store's folder cannot be used.
        """
        parts = self._open
        with parts.explained():
            parts.keeping.prune(self._limit)
        parts.trash.start()

    def clean(self) -> tuple[int, int]:
        """Take away and delete all that no living session uses.

        Returns:
            how many environments went, and their bytes.

        Raises:
            BuildError: the store's folder cannot be used.
        """
        parts = self._open
        with parts.explained():
            gone = parts.keeping.clean(self._tell)
        parts.trash.empty()
        return gone

    def close(self, seconds: float = 1.0) -> None:
        """End this session's use of everything; what it has not deleted after so many seconds is left to the next."""
        with self._guard:
            parts, self._parts = self._parts, None
        self._known.clear()
        if parts is None:
            return
        parts.leave(seconds)
