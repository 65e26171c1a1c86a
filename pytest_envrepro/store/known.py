"""What a session has found whole: it is not compared a second time as long as its manifest stays the same file.

And what it looks at again and again: to have the system tell of what is done there takes some milliseconds once, and to
look takes them each time. So it is looked at until that has taken as long, and watched from then on.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.store import manifest
from pytest_envrepro.store.entries import INSIDE, Entry, stamp
from pytest_envrepro.store.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_envrepro.store.manifest import Manifest

_PATIENCE = 0.025  # Seconds: to watch 500 folders takes 10 ms, and to end that up to 17 more.


class _Found(NamedTuple):
    stamp: tuple[int, int]
    entry: Entry
    manifest: Manifest


class Known:
    """The entries that were found whole in this session, by key."""

    def __init__(self) -> None:
        self._found: dict[str, _Found] = {}
        self._looked: dict[str, float] = {}  # By build, as all that follows.
        self._spent: dict[str, float] = {}
        self._watches: dict[str, Watch] = {}

    def add(self, folder: Path, found: Manifest, now: tuple[int, int] | None, *, cached: bool, started: float) -> Entry:
        """Note an entry, and give it.

        Args:
            now: the stamp of its manifest: see `entries.stamp`.
            started: when it was begun to look for it, by `time.perf_counter`.
        """
        entry = Entry(found.key, folder / INSIDE, cached, time.perf_counter() - started, found.facts, found.build)
        if now is not None:
            self._found[found.key] = _Found(now, entry._replace(cached=True), found)
            self._looked[found.build] = time.time() - entry.seconds
            self._spent[found.build] = entry.seconds if cached else 0.0
        return entry

    def entry(self, key: str, now: tuple[int, int] | None) -> Entry | None:
        """Give an entry whose manifest has this stamp; None where there is none."""
        found = self._found.get(key)
        return found.entry if found is not None and found.stamp == now else None

    def manifest(self, entry: Entry) -> Manifest | None:
        """Give the manifest of an entry, read again where it is another file; None where it is gone, or not whole."""
        found = self._found.get(entry.key)
        folder = entry.path.parent
        return found.manifest if found and found.stamp == stamp(folder) else manifest.read(folder)

    def look(self, entry: Entry, began: float, seconds: float = 0.0, watch: Watch | None = None) -> None:
        """Note a look at an entry that found it whole.

        Args:
            began: when, in seconds since the epoch; seconds: that it took.
            watch: that began before it, from when on the entry is watched.
        """
        self._looked[entry.build] = began
        self._spent[entry.build] = self._spent.get(entry.build, 0.0) + seconds
        if watch is not None:
            self._watches[entry.build] = watch

    def watch(self, entry: Entry, found: Manifest, is_told: Callable[[], bool]) -> Watch | None:
        """Begin to watch an entry that is about to be looked at, if it was looked at for long enough.

        Args:
            is_told: tells whether the system tells of what is done there.
        """
        if self._spent.get(entry.build, 0.0) < _PATIENCE or entry.build in self._watches:
            return None
        # Where it cannot be watched, or is changed again and again, to try that takes no more than to look.
        self._spent[entry.build] = 0.0
        with contextlib.suppress(OSError):
            return Watch(entry.path, found.tree) if is_told() else None
        return None

    def is_watched(self, entry: Entry) -> bool:
        """Tell whether an entry is watched."""
        return entry.build in self._watches

    def is_quiet(self, entry: Entry) -> bool:
        """Tell whether an entry is watched, was found whole since, and nothing was done there."""
        watch = self._watches.get(entry.build)
        if watch is None or watch.is_quiet():
            return watch is not None
        self._watches.pop(entry.build, None)
        return False

    def looked(self, entry: Entry) -> float:
        """Tell when the last look at an entry began that found it whole; 0 where it was not, or has changed since."""
        return self._looked.get(entry.build, 0.0)

    def forget(self, entry: Entry) -> None:
        """Have an entry compared again."""
        self._found.pop(entry.key, None)
        self._looked.pop(entry.build, None)
        self._watches.pop(entry.build, None)

    def clear(self) -> None:
        """Have all of them compared again."""
        self._found.clear()
        self._looked.clear()
        self._watches.clear()
