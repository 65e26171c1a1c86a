"""What a session has found whole: it is not compared a second time as long as its manifest stays the same file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.store import manifest
from pytest_envrepro.store.entries import INSIDE, Entry, stamp

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_envrepro.store.manifest import Manifest


class _Found(NamedTuple):
    stamp: tuple[int, int]
    entry: Entry
    manifest: Manifest


class Known:
    """The entries that were found whole in this session, by key."""

    def __init__(self) -> None:
        self._found: dict[str, _Found] = {}
        self._looked: dict[str, float] = {}  # By build.

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

    def look(self, entry: Entry, began: float) -> None:
        """Note when a look at an entry began that found it whole, in seconds since the epoch."""
        self._looked[entry.build] = began

    def looked(self, entry: Entry) -> float:
        """Tell when the last look at an entry began that found it whole; 0 where it was not, or has changed since."""
        return self._looked.get(entry.build, 0.0)

    def forget(self, entry: Entry) -> None:
        """Have an entry compared again."""
        self._found.pop(entry.key, None)
        self._looked.pop(entry.build, None)

    def clear(self) -> None:
        """Have all of them compared again."""
        self._found.clear()
        self._looked.clear()
