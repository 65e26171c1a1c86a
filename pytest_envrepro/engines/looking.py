"""What is at a path of a container, and where its links lead: by its archives, which need no program in it."""

from __future__ import annotations

import base64
import contextlib
import json
import posixpath
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines.connection import RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_envrepro.engines.connection import Connection

Kind = Literal["file", "folder", "other", "missing", "memory"]

_MISSING = 404
_MOST_LINKS = 40  # As Linux follows.
# Of a mode as Go writes it (`fs.FileMode`), which engines do.
_FOLDER = 1 << 31
_LINK = 1 << 27
_OTHER = 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19
_OF_THE_SYSTEM = ("/proc", "/sys", "/dev")  # An archive has nothing of them, as of other folders in memory.


class Found(NamedTuple):
    """What is at a path, with a link not followed.

    Attributes:
        mode: as Go writes it.
        target: where a link leads, as the engine says it; else empty.
    """

    mode: int
    target: str


class Place(NamedTuple):
    """Where a path leads in the end.

    Attributes:
        kind: what is there; `other` is a pipe, a socket or a device. What is at a place in memory is not known.
        folder: one that is there, with no link on its way.
        names: what comes below that: the file, after the folders that are missing; in memory, all that has not been looked at.
    """

    kind: Kind
    folder: str
    names: tuple[str, ...]

    @property
    def path(self) -> str:
        """The whole of it."""
        return posixpath.join(self.folder, *self.names)


class Looking:
    """Looks at what is in one container, running or not."""

    def __init__(self, connection: Connection, identity: str) -> None:
        self._connection = connection
        self._identity = identity
        self._path = archive_of(identity)

    @cached_property
    def _memory(self) -> tuple[str, ...]:
        """The folders in memory (tmpfs): an archive has what lies on the disk under them."""
        with self._connection.asking("look at a container") as api:
            container = api.inspect_container(self._identity)
        mounts = container.get("Mounts") or ()
        folders = [
            *((container.get("HostConfig") or {}).get("Tmpfs") or ()),
            *(str(each.get("Destination")) for each in mounts if each.get("Type") == "tmpfs"),
        ]
        # By where they are: `/var/run` is `/run`.
        return (*_OF_THE_SYSTEM, *(self._follow(each, _OF_THE_SYSTEM).path for each in folders))

    def look(self, path: str) -> Found | None:
        """Give what is at a path on the disk, with links on its way followed; None where nothing is.

        Raises:
            EngineError: the engine could not look, or its links lead in circles.
        """
        doing = f"look at {path}"
        with self._connection.asking(doing) as api:
            how = {"params": {"path": path}, "timeout": api.timeout}
            url = f"{api.base_url}/v{api.api_version}{self._path}"
            answer = api.head(url, **how)
            if not answer.ok:
                answer = api.get(url, stream=True, **how)  # A HEAD brings no words.
        with contextlib.closing(answer):
            try:
                self._connection.refuse_errors(answer, doing)
            except RefusedError as error:
                if is_nowhere(error) or "not a directory" in error.said:
                    return None
                if "too many links" in error.said:
                    raise EngineError(f"{path} in the container is a link that leads in circles") from error
                raise
            return _found(answer)

    def exists(self, path: str) -> bool:
        """Tell whether there is something at a path on the disk.

        Raises:
            EngineError: as `look` does.
        """
        return self.look(path) is not None

    def place(self, path: str) -> Place:
        """Follow a path step by step, as the system does there; of what is missing, `..` takes the last away.

        Args:
            path: absolute.

        Raises:
            EngineError: as `look` does; or it goes on after a file.
        """
        return self._follow(path, self._memory)

    def is_in_memory(self, path: str) -> bool:
        """Tell whether a path without links lies in memory."""
        return _is_below(path, self._memory)

    def _follow(self, path: str, memory: Sequence[str]) -> Place:
        here, mode, missing, links = "/", _FOLDER, list[str](), 0
        waiting = path.split("/")[::-1]
        while waiting:
            part = waiting.pop()
            if not mode & _FOLDER:
                raise EngineError(f"{here} in the container is a file, not a folder")
            if part in {"", "."}:
                continue
            if missing:
                missing = missing[:-1] if part == ".." else [*missing, part]
                continue
            if part == "..":
                here = posixpath.dirname(here)
                continue
            there = posixpath.join(here, part)
            if _is_below(there, memory):
                return Place("memory", here, (part, *reversed(waiting)))
            found = self.look(there)
            if found is None:
                missing = [part]
            elif found.mode & _LINK:
                links += 1
                if links > _MOST_LINKS:
                    raise EngineError(f"{path} in the container is a link that leads in circles")
                waiting += posixpath.join(here, found.target).split("/")[::-1]
                here = "/"
            else:
                here, mode = there, found.mode
        if missing:
            return Place("missing", here, tuple(missing))
        if mode & _FOLDER:
            return Place("folder", here, ())
        return Place("other" if mode & _OTHER else "file", posixpath.dirname(here), (posixpath.basename(here),))


def _is_below(path: str, folders: Sequence[str]) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in folders)


def is_nowhere(error: RefusedError) -> bool:
    """Tell of a refusal whether it is for a path that is not there, and not for a container."""
    return error.status == _MISSING and "no such container" not in error.said.lower()


def archive_of(identity: str) -> str:
    """Give the path of a container's archives (Engine API 1.41, ContainerArchive)."""
    return f"/containers/{identity}/archive"


def _found(answer: Any) -> Found:
    """Read what an archive is of (Engine API 1.41, ContainerArchiveInfo)."""
    try:
        said = json.loads(base64.b64decode(answer.headers.get("X-Docker-Container-Path-Stat", "")))
        found = Found(int(said["mode"]), str(said.get("linkTarget") or ""))
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError("the engine does not say what it has there") from error
    if found.mode & _LINK and not found.target:
        raise EngineError("the engine does not say where a link leads")
    return found
