"""What a store consists of, and what each of its works needs: a lock, a folder of one's own, room on the disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import TYPE_CHECKING, TypeVar

from pytest_envrepro.errors import BuildError, EnvReproError
from pytest_envrepro.locking import Waiting
from pytest_envrepro.store import cloning, holding, layout, owners, watching
from pytest_envrepro.store.background import Background
from pytest_envrepro.store.entries import INSIDE
from pytest_envrepro.store.housekeeping import KEPT, Housekeeping
from pytest_envrepro.store.mends import Mends
from pytest_envrepro.store.trash import Trash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_envrepro.store.cloning import Means

T = TypeVar("T")

_QUICK = (
    100e-6  # Seconds of the processor in which a folder is made, where nothing is passed over: it takes 15 to 50 µs.
)
_TRIES = 6


class Parts:
    """A store whose folder is known.

    Args:
        run: a word that the processes of one run share, which tell themselves what they are at; empty where it is one.

    Attributes:
        ahead: makes ready what is to be taken later.
        taken: the names of entries that this session has had a private copy of.
        lent: the folders of the private copies that it has, each with the name of its entry.
        since: programs that began earlier are none of this run; see `holding.began`.
        came_to: the bytes of the last environment that found no room.
    """

    def __init__(self, place: layout.Layout, tell: Callable[[str], None], run: str = "") -> None:
        self.layout = place
        self.owners = owners.Owners(place.owners)
        self.trash = Trash(place.trash)
        self.mends = Mends(place.mends)
        self.keeping = Housekeeping(place, self.owners, self.trash, self.mends)
        self.tell = tell
        self._waiting = Waiting(tell, run)
        self.ahead = Background("pytest-envrepro makes ready")
        self.taken: set[str] = set()
        self.lent: dict[Path, str] = {}
        # What the process has begun that has begun this one may work for a test too.
        self.since = holding.began(os.getppid() if run else os.getpid())
        self._means: Means | None = None
        self._is_told: bool | None = None
        self.came_to = 0

    @contextlib.contextmanager
    def alone(self, name: str, title: str = "") -> Iterator[None]:
        """Hold an entry's lock; while another process has it for long, say which one.

        Raises:
            BuildError: the lock cannot be taken at all; or this session ends meanwhile.
        """
        with self.explained():
            lock = self._waiting.hold(self.lock(name), title or name)
        try:
            yield
        finally:
            lock.release()

    def lock(self, name: str) -> Path:
        """Give the file of an entry's lock: it stays as long as this session lives, which may wait for it.

        Raises:
            OSError, BuildError: it cannot be written, or this session can have no name.
        """
        path = self.layout.lock(name)
        path.touch()  # Before the name: where both belong to somebody else, this is what people know.
        self.owners.claim()
        return path

    def how(self) -> Means:
        """Tell how files are copied there: that is tried out once.

        Raises:
            OSError: no file can be written there.
        """
        if self._means is None:
            self._means = cloning.means(self.layout.at)
        return self._means

    def is_told(self) -> bool:
        """Tell whether the system tells of what is done there: that is tried out once."""
        if self._is_told is None:
            self._is_told = False
            with contextlib.suppress(OSError, BuildError):
                folder = self.folder_of_ours("watched")
                try:
                    self._is_told = watching.is_told(folder)
                finally:
                    self.throw_away(folder)
        return self._is_told

    def explained(self) -> contextlib.AbstractContextManager[None]:
        """Say what is wrong where the system refuses something: see `layout.explained`."""
        return layout.explained(self.layout.folder)

    def lease(self, folder: Path) -> None:
        """Say that this session uses an entry, under its lock.

        Of one whose environment is gone, the folder's own times stay: they tell when that was.

        Raises:
            OSError: it cannot be said.
        """
        self.owners.lease(folder.name)
        with contextlib.suppress(OSError):
            if (folder / INSIDE).is_dir():
                os.utime(folder)

    def folder_of_ours(self, name: str) -> Path:
        """Make a folder that is this session's, with an empty one within it.

        Where that takes long, so would each file in it (see `cloning.spread`): then it is tried again, and the disk
        takes another place as long as the first one is not empty.

        Raises:
            OSError: it cannot be made.
        """
        tried: list[tuple[float, Path]] = []
        while len(tried) < _TRIES and (not tried or tried[-1][0] > _QUICK):
            folder = self.layout.at / layout.name_of_private(name, self.owners.claim())
            folder.mkdir()
            began = time.thread_time()
            os.mkdir(f"{folder}/{INSIDE}")
            tried.append((time.thread_time() - began, folder))
        best, *others = (folder for _, folder in sorted(tried))
        for other in others:
            (other / INSIDE).rmdir()
            other.rmdir()
        return best

    def throw_away(self, folder: Path) -> None:
        """Take a folder away; it is deleted beside what goes on."""
        self.trash.put(folder)
        self.trash.start()

    def leave(self, seconds: float) -> None:
        """End this session's use of everything: what is half made goes, and private copies, but for those that are kept.

        Args:
            seconds: that are spent on deleting; the rest is left to the next session.
        """
        self.ahead.hold()
        with contextlib.suppress(OSError):
            for name in os.listdir(self.layout.at):
                folder = self.layout.at / name
                if self.owners.name and layout.owner_of(name) == self.owners.name and not (folder / KEPT).exists():
                    self.throw_away(folder)
        self.trash.start()
        self.trash.stop(seconds)
        self.owners.leave()

    def with_room(self, title: str, work: Callable[[], T]) -> T:
        """Do something; where the disk is full, make room, and do it once more.

        Raises:
            BuildError: it is full still.
        """
        try:
            return work()
        except (OSError, EnvReproError) as error:
            if not layout.is_full(error):
                raise
        with self.explained():
            self.keeping.sweep()
            self.keeping.prune(0)
            self.trash.empty()
        try:
            return work()
        except (OSError, EnvReproError) as error:
            if not layout.is_full(error):
                raise
            self.trash.empty()
            raise BuildError(self._no_room(title)) from error

    def _no_room(self, title: str) -> str:
        folder = self.layout.folder
        came = f", and it came to {_mebibytes(self.came_to)}" if self.came_to else ""
        return (
            f"there is no room for the environment {title!r}: the disk of {folder} has"
            f" {_mebibytes(shutil.disk_usage(folder).free)} free without it{came}; other environments there, which"
            f" sessions use, have {_mebibytes(self.keeping.size())}. Free some space, or set PYTEST_ENVREPRO_CACHE to"
            " a folder on another disk"
        )


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
