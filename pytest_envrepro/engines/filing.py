"""Files in a container: by archives, which need no program in it, and by programs where archives do not reach."""

from __future__ import annotations

import base64
import contextlib
import json
import posixpath
import time
from typing import TYPE_CHECKING, Any

from pytest_envrepro.buildhints import room
from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines.archives import MOST, Member, only_file, packed, refuse_large, unpack
from pytest_envrepro.engines.connection import RefusedError
from pytest_envrepro.engines.creating import absolute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_envrepro.engines.connection import Connection
    from pytest_envrepro.enginevalues import Executed, Order

_CHUNK = 1 << 18  # Bytes.
_MISSING = 404
_MOST_LINKS = 40  # As Linux follows.
_GO_LINK = 1 << 27  # Of a mode as Go writes it (`fs.ModeSymlink`), which engines do.
_GO_FOLDER = 1 << 31
_FIELDS = 4  # At least, of a line about a user or a group.
_OF_THE_SYSTEM = ("/proc", "/sys", "/dev")  # An archive has nothing of them, as of other folders in memory.


class Filing:
    """The files of one container.

    Args:
        run: runs a program in it, as root.
    """

    def __init__(self, connection: Connection, identity: str, order: Order, run: Callable[..., Executed]) -> None:
        self._connection = connection
        self._path = archive_of(identity)
        self._run = run
        self._memory = (*map(posixpath.normpath, order.scratch), *_OF_THE_SYSTEM)

    def read(self, path: str) -> bytes:
        """Give a file, through links.

        Raises:
            EngineError: there is none, or it is none.
        """
        asked = absolute(path)
        for _ in range(_MOST_LINKS):
            if self._is_in_memory(path):
                return self._from_memory(path, asked)
            with self._archive(path, asked) as (found, chunks):
                if found["mode"] & _GO_FOLDER:
                    raise EngineError(f"{asked} in the container is a folder, not a file")
                if not found["mode"] & _GO_LINK:
                    return only_file(chunks, asked)
            path = found["linkTarget"]
        raise EngineError(f"{asked} in the container is a link that leads in circles")

    def _from_memory(self, path: str, asked: str) -> bytes:
        done = self._run(["cat", path], limit=MOST + 1)
        refuse_large(len(done.stdout), asked)
        return _of_success(done, f"{asked} cannot be read", "cat").stdout

    def fetch(self, path: str, folder: Path) -> dict[str, str]:
        """Copy a file or a folder into a folder of this machine.

        Raises:
            EngineError: there is none, or what comes leads outside.
        """
        asked = absolute(path)
        if self._is_in_memory(path):
            head, last = posixpath.split(path.rstrip("/"))
            argv = ["tar", "-c", "-f", "-", "-C", head or "/", "--", last]
            return unpack([self._by_program(argv, f"{asked} cannot be fetched").stdout], folder)
        with self._archive(path, asked) as (_, chunks):
            return unpack(chunks, folder)

    def write(self, path: str, data: bytes, *, mode: int, owner: str | None) -> None:
        """Write a file; folders on its way are made, and are the owner's too.

        Raises:
            EngineError: it cannot be written.
        """
        parent, last = posixpath.split(absolute(path))
        if last in {"", ".", ".."}:
            raise EngineError(f"{path!r} in the container is the path of a folder, not of a file")
        uid, gid = self._owner(owner)
        if self._is_in_memory(path):
            self._write_by_program(path, parent, data, mode, f"{uid}:{gid}" if owner is not None else None)
            return
        file = Member(last, data, mode & 0o7777, uid, gid)
        try:
            self._put(parent, [file], path)
        except RefusedError as error:
            if error.status != _MISSING or "no such container" in error.said.lower():
                raise self._not_written(path, error) from error
            self._put_with_folders(parent, file, path)

    def _put_with_folders(self, parent: str, file: Member, path: str) -> None:
        """Write a file whose folder is not there, with the folders that are missing."""
        missing: list[str] = []
        while parent != "/" and not exists(self._connection, self._path, parent):
            parent, last = posixpath.split(parent)
            missing.insert(0, last)
        folders = ["/".join(missing[: index + 1]) for index in range(len(missing))]
        members = [Member(each, None, 0o755, file.uid, file.gid) for each in folders]
        try:
            self._put(parent, [*members, file._replace(name="/".join((*missing, file.name)))], path)
        except RefusedError as error:
            raise self._not_written(path, error) from error

    def _put(self, folder: str, members: list[Member], path: str) -> None:
        params = {"path": folder, "noOverwriteDirNonDir": "1"}
        with self._connection.asking(f"write {path}") as api:
            url = f"{api.base_url}/v{api.api_version}{self._path}"
            answer = api.put(url, params=params, data=packed(members, mtime=time.time()), timeout=api.timeout)
        self._connection.refuse_errors(answer, f"write {path}")

    def _write_by_program(self, path: str, parent: str, data: bytes, mode: int, owner: str | None) -> None:
        why = f"{path} cannot be written"
        missing = self._missing(parent) if owner is not None else []
        self._by_program(["mkdir", "-p", "--", parent], why)
        if owner is not None and missing:
            self._by_program(["chown", "--", owner, *missing], why)
        try:
            self._by_program(["dd", f"of={path}", "bs=1048576"], why, data)
        except EngineError as error:
            if not room(str(error)):
                raise
            self._remove_half(path)
            raise EngineError(
                f"{why} in the container: what lies in memory there is full, so write it elsewhere"
            ) from error
        self._by_program(["chmod", f"{mode & 0o7777:o}", path], why)
        if owner is not None:
            self._by_program(["chown", "--", owner, path], why)

    def _missing(self, folder: str) -> list[str]:
        """Give the folders on the way to one in memory that are not there, it included."""
        missing = []
        while folder != "/" and self._run(["test", "-d", folder]).returncode:
            missing.append(folder)
            folder = posixpath.dirname(folder)
        return missing

    def _not_written(self, path: str, error: RefusedError) -> EngineError:
        """Say why a file is not written; where there was no room, half of it is."""
        if "cannot overwrite directory" in error.said:  # What an engine says of all that is to take a folder's place.
            return EngineError(f"{path} in the container is a folder, not a file")
        if "extraction point is not a directory" in error.said:
            return EngineError(f"{posixpath.dirname(path)} in the container is a file, not a folder")
        advice = room(error.said)
        if advice:
            self._remove_half(path)
        return EngineError(f"{path} in the container cannot be written: {error.said}{advice}")

    def _remove_half(self, path: str) -> None:
        with contextlib.suppress(EngineError):
            self._run(["rm", "-f", "--", path])

    def _by_program(self, argv: list[str], why: str, given: bytes | None = None) -> Executed:
        return _of_success(self._run(argv, input=given), why, argv[0])

    def _is_in_memory(self, path: str) -> bool:
        path = posixpath.normpath(path)
        return any(path == each or path.startswith(f"{each}/") for each in self._memory)

    @contextlib.contextmanager
    def _archive(self, path: str, asked: str) -> Iterator[tuple[dict[str, Any], Iterator[bytes]]]:
        """Ask for the archive of a path: what it is, and the archive in chunks.

        Raises:
            EngineError: there is no such path.
        """
        doing = f"read {asked}"
        with self._connection.asking(doing) as api:
            url = f"{api.base_url}/v{api.api_version}{self._path}"
            answer = api.get(url, params={"path": path}, stream=True, timeout=api.timeout)
        with contextlib.closing(answer):
            try:
                self._connection.refuse_errors(answer, doing)
            except RefusedError as error:
                if error.status == _MISSING and "no such container" not in error.said.lower():
                    raise EngineError(f"there is no {asked} in the container") from error
                raise
            yield _stat_of(answer), self._connection.chunks(answer, doing, _CHUNK)

    def _owner(self, owner: str | None) -> tuple[int, int]:
        """Give the numbers of a user, and of the group that is named or is the user's own.

        As an engine finds them for a program (`docker exec --user`, Docker 20.10): a number is looked up too, and is a
        user without an entry, and of the group 0, where the table has none.

        Raises:
            EngineError: there is no such user or group.
        """
        if owner is None:
            return 0, 0
        user, _, group = owner.partition(":")
        if user.isdecimal() and group.isdecimal():
            return int(user), int(group)
        uid, own = self._numbers("/etc/passwd", user)
        return (uid, self._numbers("/etc/group", group)[0]) if group else (uid, int(own) if own.isdecimal() else 0)

    def _numbers(self, path: str, name: str) -> tuple[int, str]:
        """Give the two numbers of a name or a number in a table of users or groups (passwd(5), group(5))."""
        try:
            table = self.read(path).decode("utf-8", "replace")
        except EngineError:
            if not name.isdecimal() or not self._is_missing(path):
                raise
            table = ""
        for line in table.splitlines():
            fields = line.split(":")
            if len(fields) < _FIELDS or not fields[2].isdecimal():
                continue
            if int(fields[2]) == int(name) if name.isdecimal() else fields[0] == name:
                return int(fields[2]), fields[3]
        if name.isdecimal():
            return int(name), "0"
        raise EngineError(f"there is no {name!r} in {path} of the container")

    def _is_missing(self, path: str) -> bool:
        return not exists(self._connection, self._path, path)


def _of_success(done: Executed, why: str, program: str) -> Executed:
    """Give what a program has come to that has done it.

    Raises:
        EngineError: it has not.
    """
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise EngineError(f"{why} in the container: {said or f'{program} ended with {done.returncode}'}")
    return done


def exists(connection: Connection, archive: str, path: str) -> bool:
    """Tell whether there is something at a path in a container, running or not; what is in memory does not count.

    Args:
        archive: the path of its archives, `archive_of` its id.
    """
    with connection.asking(f"look at {path}") as api:
        url = f"{api.base_url}/v{api.api_version}{archive}"
        return bool(api.head(url, params={"path": path}, timeout=api.timeout).ok)


def archive_of(identity: str) -> str:
    """Give the path of a container's archives (Engine API 1.41, ContainerArchive)."""
    return f"/containers/{identity}/archive"


def _stat_of(answer: Any) -> dict[str, Any]:
    """Read what an archive is of (Engine API 1.41, ContainerArchiveInfo)."""
    try:
        found = json.loads(base64.b64decode(answer.headers.get("X-Docker-Container-Path-Stat", "")))
        return {"mode": int(found["mode"]), "linkTarget": str(found.get("linkTarget", ""))}
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError("the engine does not say what it sends") from error
