"""Remembers which images of ours were used when, in the cache folder; what was not used for long goes, and all that it knows."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.builders import remove_layers
from pytest_envrepro.credentials import redact
from pytest_envrepro.engine import SILENT
from pytest_envrepro.enginevalues import OWN
from pytest_envrepro.errors import BuildError
from pytest_envrepro.tidying import Tidying
from pytest_envrepro.workspace import at_once
from pytest_envrepro.writing import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pytest_envrepro.engine import Engine
    from pytest_envrepro.errors import EnvReproError

ROOM = (
    "containers"  # In the user's cache folder: a note for each image on each engine; its own time is that of the use.
)
_DAY = 24 * 3600.0
UNUSED = 14 * _DAY  # Seconds after its last use that an image goes.
KEPT = 3 * _DAY  # The same of one that is a container's files, as of throwaway virtualenvs that are kept.
_LAYERS = ".layers"  # The suffix of a note of what a build has left so far.
_FAILED = ".failed"  # The same, of why one has failed.


class _Note(NamedTuple):
    """What is remembered of an image.

    Attributes:
        engine: the digest of the address of the engine that has it, which may have a password in it.
        place: the same address, as it may be shown.
        reference: its name there.
        key: of what it was built from; empty for the files of a container.
        made, seconds: when it was built, in seconds since the epoch, and how long that took; 0 where that is not known.
        path, used: the note itself, and its time.
    """

    engine: str
    place: str
    reference: str
    key: str
    made: float
    seconds: float
    path: Path
    used: float


class Removed(NamedTuple):
    """What came of taking images away.

    Attributes:
        gone: how many have gone.
        stay: the names of those that containers still use.
        faults: why others are still there.
    """

    gone: int = 0
    stay: tuple[str, ...] = ()
    faults: tuple[EnvReproError | OSError, ...] = ()


def lock_of_image(key: str) -> str:
    """Give the name of the lock that whoever builds an image has."""
    return f"image-{key[:16]}"


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
        found = {"reference": reference, "key": key, "made": made, "seconds": seconds}
        with contextlib.suppress(OSError):
            write_whole(self._path(reference), json.dumps({**self._noted, **found}))

    def made(self, reference: str) -> tuple[float, float]:
        """Give when an image was built, in seconds since the epoch, and how long that took; 0 where that is not known."""
        note = _read(self._path(reference))
        return (note.made, note.seconds) if note is not None else (0.0, 0.0)

    def note_layers(self, key: str, layers: Sequence[str]) -> None:
        """Note what the build of a key has left with the engine so far; where that cannot be written, nothing is.

        Args:
            layers: ids of layers without a name; none where all is well, or removed.
        """
        path = self._path(f"layers of {key}").with_suffix(_LAYERS)
        with contextlib.suppress(OSError):
            if layers:
                write_whole(path, json.dumps({**self._noted, "key": key, "layers": [*layers]}))
            else:
                path.unlink(missing_ok=True)

    def note_failure(self, key: str, run: str, error: BuildError) -> None:
        """Note for the other processes of a run why a key cannot be built; where that cannot be written, nothing is.

        Args:
            run: the word that they share.
        """
        found = {"run": run, "message": error.message, "listing": error.listing}
        with contextlib.suppress(OSError):
            write_whole(self._failure(key), json.dumps(found))

    def failure(self, key: str, run: str) -> BuildError | None:
        """Say why a key cannot be built, where another process of a run has noted that; what an earlier run has is forgotten."""
        path = self._failure(key)
        try:
            found = json.loads(path.read_bytes())
            error = BuildError(str(found["message"]), listing=str(found["listing"]))
            is_of_run = run != "" and found["run"] == run
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if is_of_run:
            return error.again()
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return None

    def _failure(self, key: str) -> Path:
        return self._path(f"failure of {key}").with_suffix(_FAILED)

    def _forget_failures(self, before: float) -> None:
        for path in self._folder.glob(f"*{_FAILED}"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()

    def remove_layers(self) -> int:
        """Remove what builds have left whose sessions were killed, or whose engine had gone away, and say how many.

        What a living one has is left alone.
        """
        gone = 0
        for path in self._folder.glob(f"*{_LAYERS}"):
            try:
                note = json.loads(path.read_bytes())
                engine, key, layers = str(note["engine"]), str(note["key"]), [str(each) for each in note["layers"]]
            except (OSError, ValueError, KeyError, TypeError):
                continue
            if engine == self._digest:
                # One whose lock or note is somebody else's keeps back none of the others.
                with contextlib.suppress(OSError), at_once(self._folder.parent, lock_of_image(key)) as is_free:
                    removal = remove_layers(self._engine, layers) if is_free else None
                    gone += removal.gone if removal is not None else 0
                    if removal is not None and not removal.left:
                        path.unlink(missing_ok=True)
        return gone

    def prune(self, *, now: float | None = None) -> Removed:
        """Remove what was not used for long.

        Raises:
            EngineError: the engine does not answer.
        """
        now = time.time() if now is None else now
        self._forget_failures(now - _DAY)
        return self._remove(each for each in self._notes() if now - each.used > (UNUSED if each.key else KEPT))

    def clear(self) -> Removed:
        """Remove all but what containers use.

        Raises:
            EngineError: the engine does not answer.
        """
        layers = self.remove_layers()
        self._forget_failures(float("inf"))
        removed = self._remove(self._notes())
        return removed._replace(gone=removed.gone + layers)

    def _remove(self, notes: Iterable[_Note]) -> Removed:
        """Remove images by their names, and what had one of these before it was built anew.

        Raises:
            EngineError: the engine does not answer.
        """
        gone, stay, tidying = 0, [], Tidying()
        # What is made of another one first: the other one's layers then go with its own name.
        for note in sorted(notes, key=lambda each: each.used):
            with tidying.step(SILENT):
                is_there = self._engine.image(note.reference) is not None
                if is_there and not self._engine.remove_image(note.reference):
                    stay.append(note.reference)
                    continue
                gone += is_there
                if note.key:
                    left = self._engine.images({f"{OWN}key": note.key})
                    gone += sum(self._engine.remove_image(each.id) for each in left if not each.tags)
                note.path.unlink(missing_ok=True)
        return Removed(gone, tuple(stay), tidying.told())

    def _notes(self) -> Iterator[_Note]:
        found = map(_read, self._folder.glob("*.json"))
        yield from (note for note in found if note is not None and note.engine == self._digest)

    @property
    def has_notes(self) -> bool:
        """Whether any is known that this engine may have."""
        return next(self._notes(), None) is not None

    def elsewhere(self) -> tuple[str, ...]:
        """Give the addresses of the other engines that have images of ours, without passwords."""
        found = map(_read, self._folder.glob("*.json"))
        return tuple(sorted({note.place for note in found if note is not None and note.engine != self._digest}))

    @property
    def _address(self) -> str:
        return self._engine.variables["DOCKER_HOST"]

    @property
    def _digest(self) -> str:
        return hashlib.sha256(self._address.encode()).hexdigest()

    @property
    def _noted(self) -> dict[str, str]:
        """What a note says of the engine: no file of ours holds a password."""
        return {"engine": self._digest, "place": redact(self._address)}

    def _path(self, reference: str) -> Path:
        digest = hashlib.sha256(f"{self._address} {reference}".encode()).hexdigest()
        return self._folder / f"{digest}.json"


def _read(path: Path) -> _Note | None:
    """Read a note; None where it is gone, or is none."""
    try:
        used = os.stat(path).st_mtime
        found = json.loads(path.read_bytes())
        engine, place, reference, key = (str(found[name]) for name in ("engine", "place", "reference", "key"))
        return _Note(engine, place, reference, key, float(found["made"]), float(found["seconds"]), path, used)
    except (OSError, ValueError, KeyError, TypeError):
        return None
