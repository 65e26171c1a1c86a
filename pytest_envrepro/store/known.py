"""What a session has found whole: it is not compared a second time as long as its manifest stays the same file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.store import manifest
from pytest_envrepro.store.entries import INSIDE, Entry, stamp
from pytest_envrepro.store.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_envrepro.store.manifest import Manifest
    from pytest_envrepro.store.watching import Watch


class _Found(NamedTuple):
    stamp: tuple[int, int]
    entry: Entry
    manifest: Manifest


class Known:
    """The entries that were found whole in this session, by key."""

    def __init__(self) -> None:
        self._found: dict[str, _Found] = {}
        self._looked: dict[str, float] = {}  # By build.
        self._watched = Watched()
        self._unseen: set[str] = set()  # Those at which a look was spared last.

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
            if cached:
                self._watched.spend(found.build, entry.seconds)  # Nearly all of it was a look.
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

    def look(self, entry: Entry, began: float, seconds: float, watch: Watch | None) -> None:
        """Note a look at an entry that found it whole.

        Args:
            began: when, in seconds since the epoch; seconds: that it took.
            watch: that began before it, and is relied on from now on.
        """
        self._looked[entry.build] = began
        self._unseen.discard(entry.build)
        self._watched.spend(entry.build, seconds)
        if watch is not None:
            self._watched.add(entry.build, watch)

    def spare(self, entry: Entry, began: float) -> None:
        """Note that an entry was not looked at, since it is quiet.

        Args:
            began: when, in seconds since the epoch.
        """
        self._looked[entry.build] = began
        self._unseen.add(entry.build)

    def watch(self, entry: Entry, found: Manifest, is_told: Callable[[], bool]) -> Watch | None:
        """Begin to watch an entry that is about to be looked at, if that is worth it: see `Watched.begin`."""
        return self._watched.begin(entry.build, entry.path, found.tree, is_told)

    def is_watched(self, entry: Entry) -> bool:
        """Tell whether an entry is watched."""
        return entry.build in self._watched

    def is_unseen(self, entry: Entry) -> bool:
        """Tell whether a look at an entry was spared last, whether it is watched still or not."""
        return entry.build in self._unseen

    def is_quiet(self, entry: Entry) -> bool:
        """Tell whether an entry is watched, nothing was done there since it was found whole, and its manifest is the same."""
        found = self._found.get(entry.key)
        is_known = found is not None and found.stamp == stamp(entry.path.parent)
        return is_known and self._watched.is_quiet(entry.build)

    def looked(self, entry: Entry) -> float:
        """Tell when the last look at an entry began that found it whole; 0 where it was not, or has changed since."""
        return self._looked.get(entry.build, 0.0)

    def forget(self, entry: Entry) -> None:
        """Have an entry compared again."""
        self._found.pop(entry.key, None)
        self._looked.pop(entry.build, None)
        self._watched.forget(entry.build)
        self._unseen.discard(entry.build)

    def clear(self) -> None:
        """Have all of them compared again."""
        self._found.clear()
        self._looked.clear()
        self._watched.clear()
        self._unseen.clear()
