"""Keeps a store small and clean: what dead sessions left, what was not used for longest, what was kept for a while."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.locking import held
from pytest_envrepro.store.layout import owner_of
from pytest_envrepro.store.manifest import read_head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from pytest_envrepro.store.layout import Layout
    from pytest_envrepro.store.mends import Mends
    from pytest_envrepro.store.owners import Owners
    from pytest_envrepro.store.trash import Trash

KEPT = "kept"  # The name of a file that says: this private copy outlives its session.
SPARES = "spares"  # The name of a folder within an entry: copies that lie ready.
_KEPT_FOR = 3 * 24 * 3600  # Seconds, as many days as people take to come back to a failure.
_FORGOTTEN = 30 * 24 * 3600  # Seconds after which nobody can still be waiting for a lock.


class _Lying(NamedTuple):
    path: Path
    used: float
    size: int
    title: str


class Housekeeping:
    """What is done to a store beside its use; what a living session uses is left alone."""

    def __init__(self, layout: Layout, owners: Owners, trash: Trash, mends: Mends) -> None:
        self._layout = layout
        self._owners = owners
        self._trash = trash
        self._mends = mends

    def sweep(self) -> None:
        """Take away what was being built, or was private, when its session ended; and what was kept for long."""
        # The folders first: a session that begins meanwhile has its name before it has a folder.
        names = os.listdir(self._layout.at)
        living = self._owners.living()
        for name in names:
            path = self._layout.at / name
            if owner_of(name) not in (None, *living) and not _is_kept(path):
                self._trash.put(path)

    def prune(self, limit: int) -> tuple[int, int]:
        """Take away the entries that were not used for longest, until the others have so many bytes at most.

        Where those that sessions use have more, what lies ready beside them goes too: the next copy is made on the spot.

        Returns:
            how many entries went, and their bytes.
        """
        entries = sorted(self._entries(), key=lambda entry: entry.used)
        total = sum(entry.size for entry in entries)
        count = size = 0
        for entry in entries:
            if total - size <= limit:
                break
            if self._take(entry.path):
                count, size = count + 1, size + entry.size
        self._give_up_spares(entries, total - size - limit)
        self._forget_locks({entry.path.name for entry in entries})
        gone = self._mends.names() - set(os.listdir(self._layout.at))
        if gone:  # It may be in use all the same, where somebody has deleted it.
            self._mends.forget(gone - self._owners.leased())
        return count, size

    def clean(self, tell: Callable[[str], None]) -> tuple[int, int]:
        """Take away all that no living session uses, kept private copies too.

        Returns:
            how many entries went, and their bytes.
        """
        self._owners.claim()  # Nobody who cleans at the same time takes away what we lock.
        self.sweep()
        for name in os.listdir(self._layout.at):
            if owner_of(name) is not None and _is_kept(self._layout.at / name, for_ever=False):
                self._trash.put(self._layout.at / name)
        gone = self.prune(-1)
        for entry in self._entries():
            tell(f"{entry.title or entry.path.name} stays: a session that runs uses it")
        self._owners.forget_all(self._layout.locks)
        return gone

    def size(self) -> int:
        """Give the bytes of all entries."""
        return sum(entry.size for entry in self._entries())

    def _entries(self) -> list[_Lying]:
        found = []
        for name in os.listdir(self._layout.at):
            path = self._layout.at / name
            if owner_of(name) is None:
                with contextlib.suppress(OSError):
                    used = path.stat().st_mtime
                    head = read_head(path)
                    copies = 1 + len(_names(path / SPARES))
                    found.append(_Lying(path, used, head.size * copies, head.title))
        return found

    def _give_up_spares(self, entries: Iterable[_Lying], too_much: int) -> None:
        for entry in entries:
            spares = _names(entry.path / SPARES)
            for name in spares:
                # Whoever takes one renames it too: it is theirs, or it goes.
                if too_much > 0 and self._trash.put(entry.path / SPARES / name):
                    too_much -= entry.size // (1 + len(spares))

    def _take(self, path: Path) -> bool:
        """Take an entry away, unless somebody has begun to use it."""
        with held(self._layout.lock(path.name), 0) as free:
            # Leases are given under the same lock.
            return free and path.name not in self._owners.leased() and self._trash.put(path)

    def _forget_locks(self, names: set[str]) -> None:
        for path in self._layout.locks.iterdir():
            with contextlib.suppress(OSError):
                if path.name.partition(".")[0] not in names and path.stat().st_mtime < time.time() - _FORGOTTEN:
                    path.unlink()


def _names(path: Path) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _is_kept(path: Path, *, for_ever: bool = True) -> bool:
    try:
        since = (path / KEPT).stat().st_mtime
    except OSError:
        return False
    return not for_ever or since > time.time() - _KEPT_FOR
