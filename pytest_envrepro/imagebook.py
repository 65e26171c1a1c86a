"""Remembers which images of ours were used when, in the cache folder; what was not used for long goes, and all that it knows."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.engine import OWN
from pytest_envrepro.writing import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pytest_envrepro.engine import Engine

ROOM = (
    "containers"  # In the user's cache folder: a note for each image on each engine; its own time is that of the use.
)
_DAY = 24 * 3600.0
UNUSED = 14 * _DAY  # Seconds after its last use that an image goes.
KEPT = 3 * _DAY  # The same of one that is a container's files, as of throwaway virtualenvs that are kept.


class _Note(NamedTuple):
    """What is remembered of an image.

    Attributes:
        engine: the address of the engine that has it.
        reference: its name there.
        key: of what it was built from; empty for the files of a container.
        made, seconds: when it was built, in seconds since the epoch, and how long that took; 0 where that is not known.
        path, used: the note itself, and its time.
    """

    engine: str
    reference: str
    key: str
    made: float
    seconds: float
    path: Path
    used: float


class Removed(NamedTuple):
    """What came of taking images away: how many have gone, and the names of those that containers still use."""

    gone: int = 0
    stay: tuple[str, ...] = ()


class ImageBook:
    """The images of ours that sessions with one cache folder have used: nobody else's are touched by what is done here.

    An engine may be shared with other users, and with other cache folders, and an image does not tell who uses it.

    Args:
        cache: the user's cache folder.
        engine: that has them; another one's are left alone.
    """

    def __init__(self, cache: Path, engine: Engine) -> None:
        self._folder = cache / ROOM
        self._engine = engine

    def use(self, reference: str, key: str = "", *, took: float | None = None) -> None:
        """Note that an image is used now; where that cannot be written, nothing is.

        Args:
            key: of what it was built from; none of a container's files.
            took: how long its building has just taken, in seconds; None where it was there.
        """
        made, seconds = self.made(reference) if took is None else (time.time(), took)
        note = {"engine": self._address, "reference": reference, "key": key, "made": made, "seconds": seconds}
        with contextlib.suppress(OSError):
            write_whole(self._path(reference), json.dumps(note))

    def made(self, reference: str) -> tuple[float, float]:
        """Give when an image was built, in seconds since the epoch, and how long that took; 0 where that is not known."""
        note = _read(self._path(reference))
        return (note.made, note.seconds) if note is not None else (0.0, 0.0)

    def prune(self, *, now: float | None = None) -> Removed:
        """Remove what was not used for long.

        Raises:
            EngineError: the engine does not answer.
        """
        now = time.time() if now is None else now
        return self._remove(each for each in self._notes() if now - each.used > (UNUSED if each.key else KEPT))

    def clear(self) -> Removed:
        """Remove all but what containers use.

        Raises:
            EngineError: the engine does not answer.
        """
        return self._remove(self._notes())

    def _remove(self, notes: Iterable[_Note]) -> Removed:
        """Remove images by their names, and what had one of these before it was built anew."""
        gone, stay = 0, []
        # What is made of another one first: the other one's layers then go with its own name.
        for note in sorted(notes, key=lambda each: each.used):
            is_there = self._engine.image(note.reference) is not None
            if is_there and not self._engine.remove_image(note.reference):
                stay.append(note.reference)
                continue
            gone += is_there
            if note.key:
                left = self._engine.images({f"{OWN}key": note.key})
                gone += sum(self._engine.remove_image(each.id) for each in left if not each.tags)
            note.path.unlink(missing_ok=True)
        return Removed(gone, tuple(stay))

    def _notes(self) -> Iterator[_Note]:
        found = map(_read, self._folder.glob("*.json"))
        yield from (note for note in found if note is not None and note.engine == self._address)

    @property
    def has_notes(self) -> bool:
        """Whether any is known that this engine may have."""
        return next(self._notes(), None) is not None

    def elsewhere(self) -> tuple[str, ...]:
        """Give the addresses of the other engines that have images of ours."""
        found = map(_read, self._folder.glob("*.json"))
        return tuple(sorted({note.engine for note in found if note is not None} - {self._address}))

    @property
    def _address(self) -> str:
        return self._engine.variables["DOCKER_HOST"]

    def _path(self, reference: str) -> Path:
        digest = hashlib.sha256(f"{self._address} {reference}".encode()).hexdigest()
        return self._folder / f"{digest}.json"


def _read(path: Path) -> _Note | None:
    """Read a note; None where it is gone, or is none."""
    try:
        used = os.stat(path).st_mtime
        found = json.loads(path.read_bytes())
        engine, reference, key = (str(found[name]) for name in ("engine", "reference", "key"))
        return _Note(engine, reference, key, float(found["made"]), float(found["seconds"]), path, used)
    except (OSError, ValueError, KeyError, TypeError):
        return None
