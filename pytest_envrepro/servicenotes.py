"""What processes of a session tell each other about services: whether they are up, or why not."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

from pytest_envrepro.engine import EngineError
from pytest_envrepro.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_envrepro.locking import Waiting


class Notes:
    """Notes, one for each project.

    Args:
        folder: where they are; it is made at the first use.
        waiting: waits for other processes, and tells of it.
    """

    def __init__(self, folder: Path, waiting: Waiting) -> None:
        self._folder = folder
        self._waiting = waiting

    @contextlib.contextmanager
    def alone(self, name: str, title: str = "") -> Iterator[None]:
        """Wait until no other process brings up or takes down a project.

        Args:
            title: of what is waited for, for people.

        Raises:
            EngineError: nothing can be written there; or this session ends meanwhile.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = self._waiting.hold(self._folder / f"{name}.lock", title)
        except OSError as error:
            raise EngineError(f"nothing can be noted in {self._folder}: {error.strerror or error}") from error
        except BuildError as error:
            raise EngineError(str(error)) from error
        try:
            yield
        finally:
            lock.release()

    def names(self, prefix: str = "") -> list[str]:
        """Give the projects that there are notes of, and that begin so."""
        return names_in(self._folder, prefix)

    def read(self, name: str) -> dict[str, Any]:
        """Give a note; an empty one where there is none."""
        try:
            found = json.loads((self._folder / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, name: str, note: Mapping[str, Any]) -> None:
        """Write a note, whole or not at all."""
        path = self._folder / f"{name}.json"
        new = path.with_suffix(".new")
        with contextlib.suppress(OSError):  # Then the next one brings them up anew.
            new.write_text(json.dumps(note), encoding="utf-8")
            os.replace(new, path)

    def forget(self, name: str) -> None:
        """Remove all of a project."""
        for suffix in (".json", ".new", ".who", ".lock"):
            with contextlib.suppress(OSError):
                (self._folder / f"{name}{suffix}").unlink(missing_ok=True)


def names_in(folder: Path, prefix: str) -> list[str]:
    """Give the projects that there are notes of in a folder, and that begin so."""
    return sorted({path.stem for path in folder.glob("*") if path.name.startswith(prefix)})
