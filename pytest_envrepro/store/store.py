"""Environments by key, for all sessions of a user: built once, shared, checked before they are used, and copied."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_envrepro.locking import held
from pytest_envrepro.store import copying, healing, layout, manifest
from pytest_envrepro.store.entries import INSIDE, Damaged, Entry, doubt, is_doubted, is_whole, stamp
from pytest_envrepro.store.keeping import Keeping
from pytest_envrepro.store.making import make
from pytest_envrepro.store.manifest import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_envrepro.store.manifest import Manifest
    from pytest_envrepro.store.mends import Mend
    from pytest_envrepro.store.parts import Parts

__all__ = ["Damaged", "Entry", "Store"]

T = TypeVar("T")


class Store(Keeping):
    """A folder of environments.

    That nothing is ever seen half made rests on renames alone; locks save work. A session, in this sense, is one object
    of this class in one process; it may be used by several threads.
    """

    def find(self, key: str) -> Entry | None:
        """Find an environment, and compare it with its manifest, once in a session; None where it is not whole.

        From then on it is in use, until the session ends: nobody's `prune` or `clean` takes it away.

        Raises:
            BuildError: the store's folder cannot be used.
        """
        started = time.perf_counter()
        parts = self._open
        folder = parts.layout.entry(key)
        now = stamp(folder)
        if (entry := self._known.entry(key, now)) is not None and not is_doubted(folder):
            return entry._replace(seconds=time.perf_counter() - started)
        if now is None:
            return None
        with parts.explained():
            with held(parts.lock(folder.name), 0) as free:
                if not free:
                    return None  # It is being made or taken away: `get` waits for what comes of it.
                parts.lease(folder)
            found = manifest.read(folder)
        if found is None or found.key != key or not is_whole(folder, found):
            return None
        return self._known.add(folder, found, now, cached=True, started=started)

    def get(
        self, key: str, build: Callable[[Path], dict[str, Any]], *, rebuild: bool = False, title: str = ""
    ) -> Entry:
        """Find an environment, mend it, or build it.

        Args:
            build: fills an empty folder, and gives facts about it as plain JSON. All that it writes into files is made
                right for the folder that they come to lie in. What it raises passes through, and leaves nothing; where
                the disk is full, it is asked a second time once there is room.
            rebuild: an environment that is older than this session does not count.
            title: what it is called, for people.

        Raises:
            BuildError: the store's folder cannot be used, or has no room.
        """
        started = time.perf_counter()
        if not rebuild and (entry := self.find(key)) is not None:
            return entry
        parts = self._open
        folder = parts.layout.entry(key)
        noted: set[Change] = set()

        def note(changes: Sequence[Change]) -> None:
            new = [change for change in changes if change not in noted]
            noted.update(new)
            if new:
                parts.mends.note(folder / INSIDE, new, title or folder.name)

        with parts.alone(folder.name, title):
            with parts.explained():
                parts.lease(folder)
                before = manifest.read(folder)
                found = before and healing.whole(folder, before, key, parts.trash.put, note)
            if found is not None and not (rebuild and found.built < self._started):
                return self._known.add(folder, found, stamp(folder), cached=True, started=started)
            if found is None and before is not None:
                self._tell(f"{title or folder.name}: what is cached has changed, and is built anew")
            made = parts.with_room(
                title or key, lambda: make(parts, key, build, title=title, replaced=before, note=note)
            )
            return self._known.add(folder, made, stamp(folder), cached=False, started=started)

    def changes(self, entry: Entry, *, closely: bool = False) -> tuple[Change, ...]:
        """Compare every file's status with what it was when it was built, and the content where that differs.

        One that was compared for long enough is watched from then on, where the system can do that, and compared again
        only where something was done there: see `watching`. An entry with changes is not given out again before it is
        mended.

        Args:
            closely: compare every file's status all the same.
        """
        began = time.time()
        if not closely and self._known.is_quiet(entry):
            self._known.spare(entry, began)
            return ()
        return self._compared(entry, full=False)

    def is_watched(self, entry: Entry) -> bool:
        """Tell whether the system tells what is done in an environment."""
        return self._known.is_watched(entry)

    def is_unseen(self, entry: Entry) -> bool:
        """Tell whether an environment was last found unchanged because nothing was told of it, and not by its files."""
        return self._known.is_unseen(entry)

    def verify(self, entry: Entry) -> tuple[Change, ...]:
        """Compare every file's content too: what a disk loses, and who sets times back, is seen in no status.

        An entry with changes is built anew before it is given out again, by other sessions too.
        """
        changes = self._compared(entry, full=True)
        if changes:
            doubt(entry.path.parent)
        return changes

    def looked(self, entry: Entry) -> float:
        """Tell when this session began its last look at an environment that found it whole; 0 where that is not so.

        In seconds since the epoch.
        """
        return self._known.looked(entry)

    def mends(self, entry: Entry, after: int = 0) -> tuple[Mend, ...]:
        """Give what any session has put right in an environment, the oldest first: the last twenty times.

        Whoever compares it first, and then asks here, misses nothing.

        Args:
            after: the number of one: only those count that come later.
        """
        return tuple(mend for mend in self._open.mends.of(entry.path.parent.name) if mend.number > after)

    def prepare(self, entry: Entry, wanted: int = 1) -> None:
        """Make a private copy that lies ready, unless there are enough.

        Args:
            wanted: how many processes want one, each of which calls this.

        Raises:
            Damaged: the environment has changed.
            BuildError: the store's folder cannot be used, or has no room.
        """
        name = entry.path.parent.name
        self._copied(entry, name, lambda parts, entry, found: copying.prepare(parts, entry, found, wanted))

    def private(self, entry: Entry, name: str) -> Path:
        """Make a copy of an environment that may be changed by installers and by hand, and give its prefix.

        Scripts, activation and RECORDs are right for its path. It is this session's: it goes with `release`, or when
        the next session sweeps.

        Args:
            name: is the beginning of its folder's name, for people.

        Raises:
            Damaged: the environment has changed.
            BuildError: the store's folder cannot be used, or has no room.
        """
        return self._copied(entry, name, lambda parts, entry, found: copying.private(parts, entry, found, name))

    def release(self, path: Path, *, keep: bool = False) -> None:
        """End the use of a private copy: it is gone at once, and made as new for the next; or kept for three days.

        Raises:
            BuildError: the store's folder cannot be used.
        """
        parts = self._open
        folder = path.parent
        if folder.parent != parts.layout.at or layout.owner_of(folder.name) is None:
            raise ValueError(f"{path} is no private copy of this store")
        with parts.explained():
            copying.give_back(parts, folder, keep=keep)

    def _compared(self, entry: Entry, *, full: bool) -> tuple[Change, ...]:
        began, started = time.time(), time.perf_counter()
        found = self._known.manifest(entry)
        # From before the look on: there is no gap.
        watch = None if found is None else self._known.watch(entry, found, self._open.is_told)
        changes = (Change(".", "is gone"),) if found is None else manifest.changes(entry.path, found, full=full)
        if changes:
            self._known.forget(entry)
        else:
            self._known.look(entry, began, time.perf_counter() - started, watch)
        return changes

    def _copied(self, entry: Entry, name: str, work: Callable[[Parts, Entry, Manifest], T]) -> T:
        parts = self._open
        found = self._known.manifest(entry)
        if found is None or is_doubted(entry.path.parent):
            raise Damaged(entry.path)
        try:
            with parts.explained():
                return parts.with_room(name, lambda: work(parts, entry, found))
        except Damaged:
            self._known.forget(entry)
            raise
