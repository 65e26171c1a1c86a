"""Files in a container: by archives, which need no program in it, and by programs where archives do not reach."""

from __future__ import annotations

import contextlib
import posixpath
import time
from typing import TYPE_CHECKING

from pytest_envrepro.buildhints import room
from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines.archives import MOST, Member, only_file, packed, refuse_large
from pytest_envrepro.engines.connection import RefusedError
from pytest_envrepro.engines.creating import absolute
from pytest_envrepro.engines.looking import Looking, archive_of, is_nowhere
from pytest_envrepro.engines.unpacking import unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_envrepro.engines.connection import Connection
    from pytest_envrepro.engines.looking import Place
    from pytest_envrepro.enginevalues import Executed

_CHUNK = 1 << 18  # Bytes.
_FIELDS = 4  # At least, of a line about a user or a group.


class Filing:
    """The files of one container.

    Args:
        run: runs a program in it, as root.
    """

    def __init__(self, connection: Connection, identity: str, run: Callable[..., Executed]) -> None:
        self._connection = connection
        self._path = archive_of(identity)
        self._looking = Looking(connection, identity)
        self._run = run

    def read(self, path: str) -> bytes:
        """Give a file, through links.

        Raises:
            EngineError: there is none, or it is none.
        """
        return self._read(self._looking.place(absolute(path)), path)

    def _read(self, place: Place, asked: str) -> bytes:
        if place.kind == "memory":
            done = self._run(["cat", asked], limit=MOST + 1)
            refuse_large(len(done.stdout), asked)
            return _of_success(done, f"{asked} cannot be read", "cat").stdout
        if place.kind == "missing":
            raise _nothing(asked)
        _refuse_others(place, asked)
        with self._archive(place.path, asked) as chunks:
            return only_file(chunks, asked)

    def fetch(self, path: str, folder: Path) -> dict[str, str]:
        """Copy a file or a folder into a folder of this machine; a link at its end is not followed.

        Raises:
            EngineError: there is none, or what comes leads outside.
        """
        head, last = posixpath.split(absolute(path).rstrip("/"))
        around = self._looking.place(head or "/")
        if around.kind == "memory" or self._looking.is_in_memory(posixpath.join(around.path, last)):
            argv = ["tar", "-c", "-f", "-", "-C", head or "/", "--", last]
            return unpack([self._by_program(argv, f"{path} cannot be fetched").stdout], folder)
        with self._archive(posixpath.join(around.path, last), path) as chunks:
            return unpack(chunks, folder)

    def write(self, path: str, data: bytes, *, mode: int, owner: str | None) -> None:
        """Write a file, through links; folders on its way are made, and are the owner's too.

        Raises:
            EngineError: it cannot be written.
        """
        if posixpath.basename(absolute(path)) in {"", ".", ".."}:
            raise EngineError(f"{path!r} in the container is the path of a folder, not of a file")
        uid, gid = self._owner(owner)
        place = self._looking.place(path)
        if place.kind == "memory":
            self._write_by_program(path, data, mode, f"{uid}:{gid}" if owner is not None else None)
            return
        _refuse_others(place, path)
        folders = ["/".join(place.names[:count]) for count in range(1, len(place.names))]
        members = [Member(each, None, 0o755, uid, gid) for each in folders]
        file = Member("/".join(place.names), data, mode & 0o7777, uid, gid)
        try:
            self._put(place.folder, [*members, file], path)
        except RefusedError as error:
            advice = room(error.said)
            if advice:  # Half of it is there.
                self._remove_half(place.path)
            raise EngineError(f"{path} in the container cannot be written: {error.said}{advice}") from error

    def _put(self, folder: str, members: list[Member], path: str) -> None:
        params = {"path": folder, "noOverwriteDirNonDir": "1"}
        with self._connection.asking(f"write {path}") as api:
            url = f"{api.base_url}/v{api.api_version}{self._path}"
            answer = api.put(url, params=params, data=packed(members, mtime=time.time()), timeout=api.timeout)
        self._connection.refuse_errors(answer, f"write {path}")

    def _write_by_program(self, path: str, data: bytes, mode: int, owner: str | None) -> None:
        why = f"{path} cannot be written"
        parent = posixpath.dirname(path)
        missing = self._missing(parent) if owner is not None else []
        self._by_program(["mkdir", "-p", "--", parent], why)
        if owner is not None and missing:
            self._by_program(["chown", "--", owner, *missing], why)
        try:
            self._by_program(["dd", f"of={path}", "bs=1048576"], why, data)
        except EngineError as error:
            if not room(str(error)):
                raise
            self._remove_half(self._end_of(path))
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

    def _end_of(self, path: str) -> str:
        """Give where the links of a path in memory lead."""
        done = self._run(["readlink", "-f", path])
        return path if done.returncode else done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    def _remove_half(self, path: str) -> None:
        with contextlib.suppress(EngineError):
            self._run(["rm", "-f", "--", path])

    def _by_program(self, argv: list[str], why: str, given: bytes | None = None) -> Executed:
        return _of_success(self._run(argv, input=given), why, argv[0])

    @contextlib.contextmanager
    def _archive(self, path: str, asked: str) -> Iterator[Iterator[bytes]]:
        """Ask for the archive of a path, and give it in chunks.

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
                if is_nowhere(error):
                    raise _nothing(asked) from error
                raise
            yield self._connection.chunks(answer, doing, _CHUNK)

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
        place = self._looking.place(path)
        has_none = place.kind == "missing" and name.isdecimal()
        table = "" if has_none else self._read(place, path).decode("utf-8", "replace")
        for line in table.splitlines():
            fields = line.split(":")
            if len(fields) < _FIELDS or not fields[2].isdecimal():
                continue
            if int(fields[2]) == int(name) if name.isdecimal() else fields[0] == name:
                return int(fields[2]), fields[3]
        if name.isdecimal():
            return int(name), "0"
        raise EngineError(f"there is no {name!r} in {path} of the container")


def _of_success(done: Executed, why: str, program: str) -> Executed:
    """Give what a program has come to that has done it.

    Raises:
        EngineError: it has not.
    """
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise EngineError(f"{why} in the container: {said or f'{program} ended with {done.returncode}'}")
    return done


def _nothing(asked: str) -> EngineError:
    return EngineError(f"there is no {asked} in the container")


def _refuse_others(place: Place, asked: str) -> None:
    """Refuse what is there and no file: a folder is not written over, nor a pipe that somebody waits at.

    Raises:
        EngineError: it is.
    """
    if place.kind == "folder":
        raise EngineError(f"{asked} in the container is a folder, not a file")
    if place.kind == "other":
        raise EngineError(f"{asked} in the container is a pipe, a socket or a device, not a file")
