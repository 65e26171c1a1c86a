"""Decides what is looked at, and what is watched in its place.

To have the system tell what is done in an environment takes some milliseconds once; to look takes them each time. So one
is looked at until that has taken as long, and watched from then on.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pytest_envrepro.store.watching import Watch, most

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

_PATIENCE = 0.025  # Seconds: to watch 500 folders takes 10 ms, and to end that up to 17 more.
# For each process: editors, and what is tested, watch too. A user may have 128 such files, and 8,192 folders with older
# kernels, as a rule.
_MOST = 4
_SHARE = 32


class Watched:
    """What is watched in a session, by build."""

    def __init__(self) -> None:
        self._spent: dict[str, float] = {}
        self._patience: dict[str, float] = {}
        self._watches: dict[str, Watch] = {}

    def __contains__(self, build: str) -> bool:
        return build in self._watches

    def spend(self, build: str, seconds: float) -> None:
        """Note that somebody has looked for so long."""
        self._spent[build] = self._spent.get(build, 0.0) + seconds

    def begin(self, build: str, root: Path, folders: Collection[str], is_told: Callable[[], bool]) -> Watch | None:
        """Begin to watch what is about to be looked at, if that was done for long enough; `add` if it was found whole.

        Args:
            is_told: tells whether the system tells of what is done there.
        """
        patience = self._patience.get(build, _PATIENCE)
        if build in self._watches or self._spent.get(build, 0.0) < patience or len(folders) > most() // _SHARE:
            return None
        # What cannot be watched, or has something done to it again and again, is tried ever less often.
        self._spent[build], self._patience[build] = 0.0, 2 * patience
        with contextlib.suppress(OSError):
            return Watch(root, folders) if is_told() else None
        return None

    def add(self, build: str, watch: Watch) -> None:
        """Rely on a watch from now on; those that have lasted longest give way to it."""
        self.forget(build)
        self._watches[build] = watch
        while len(self._watches) > _MOST or sum(each.count for each in self._watches.values()) > most() // _SHARE:
            self.forget(next(iter(self._watches)))

    def is_quiet(self, build: str) -> bool:
        """Tell whether one is watched, and nothing was done there since."""
        watch = self._watches.get(build)
        if watch is None:
            return False
        if watch.is_quiet():
            return True
        self.forget(build)
        return False

    def forget(self, build: str) -> None:
        """Have one looked at again."""
        watch = self._watches.pop(build, None)
        if watch is not None:
            watch.close()

    def clear(self) -> None:
        """Have all of them looked at again."""
        for build in [*self._watches]:
            self.forget(build)
