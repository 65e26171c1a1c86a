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

    def add(self, folder: Path, found: Manifest, now: tuple[int, int] | None, *, cached: bool, started: float) -> Entry:
        """Note an entry, and give it.

        Args:
            now: the stamp of its manifest: see `entries.stamp`.
            started: when it was begun to look for it, by `time.perf_counter`.
        """
        entry = Entry(found.key, folder / INSIDE, cached, time.perf_counter() - started, found.facts, found.build)
        if now is not None:
            self._found[found.key] = _Found(now, entry._replace(cached=True), found)
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

    def forget(self, entry: Entry) -> None:
        """Have an entry compared again."""
        self._found.pop(entry.key, None)

    def clear(self) -> None:
        """Have all of them compared again."""
        self._found.clear()
