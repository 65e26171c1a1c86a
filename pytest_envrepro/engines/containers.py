"""A running container: programs in it, files in it, and its end."""

from __future__ import annotations

import contextlib
import os
import posixpath
import time
import weakref
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pytest_envrepro.engine import OWN, Changed, EngineError, Executed, ExecutionTimeoutError, ProgramNotFoundError
from pytest_envrepro.engines.connection import GoneError, RefusedError
from pytest_envrepro.engines.creating import absolute, is_ours, repository_and_tag, variables, words
from pytest_envrepro.engines.ending import VARIABLE, end
from pytest_envrepro.engines.filing import Filing
from pytest_envrepro.engines.owners import own
from pytest_envrepro.engines.wires import Streams, exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.engine import Order
    from pytest_envrepro.engines.connection import Connection
    from pytest_envrepro.engines.wires import Wire

_MOST = 256 << 20  # Bytes of each stream; more is no longer something that a test looks at.
_ENDING = 15.0  # Seconds that the end of a program may take.
_GONE = (404, 409)  # No such container; it does not run, or is being removed.
_NOT_STARTED = (126, 127)
_HOW = {0: "modified", 1: "added", 2: "deleted"}  # Engine API 1.41, ContainerChanges.
# Signals that end a program unless it has asked for something else (signal(7)).
_ENDING_SIGNALS = frozenset({*range(1, 17), 24, 25, 26, 27, 29, 30, 31})
_SHELL = 128  # And the number of a signal: the status of a program that it has ended.

_HELD: weakref.WeakSet[DockerContainer] = weakref.WeakSet()


class DockerContainer:
    """A container that this process has started.

    Args:
        wire: holds it: it ends when that is closed, as at the end of this process. None for one that stays.
        forget: is called once it is gone.
    """

    def __init__(
        self,
        connection: Connection,
        identity: str,
        name: str,
        *,
        order: Order,
        wire: Wire | None,
        forget: Callable[[DockerContainer], None],
    ) -> None:
        self._connection = connection
        self._id = identity
        self._name = name
        self._order = order
        self._wire = wire
        self._forget = forget
        self._pid = os.getpid()
        self._filing = Filing(connection, identity, order, partial(self.run, user="0"))
        _HELD.add(self)

    @property
    def id(self) -> str:
        """Its id."""
        return self._id

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def order(self) -> Order:
        """What it was ordered as."""
        return self._order

    def run(  # noqa: PLR0913  # As in `subprocess`.
        self,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str] = MappingProxyType({}),
        workdir: str | None = None,
        user: str | None = None,
        timeout: float | None = None,
        input: bytes | None = None,  # noqa: A002  # As in `subprocess`.
        limit: int | None = None,
    ) -> Executed:
        """Run a program, with the words as they are and no shell, and wait for its end."""
        started = time.perf_counter()
        until = None if timeout is None else time.monotonic() + timeout
        mark = uuid4().hex
        streams = Streams(_MOST if limit is None else limit)
        execution = self._prepare(argv, {**environ, VARIABLE: mark}, workdir, user, has_input=input is not None)
        wire = self._start(execution, argv, workdir, user)
        try:
            ended = self._exchange(wire, streams, input, until)
            found = self._wait_for_status(execution, until) if ended == "end" else None
            if ended == "end" and found is None:
                ended = "late"
            if ended == "much":
                wire.close()  # What is not taken from the engine holds up all else that it does with the container.
            if ended != "end":
                self._end_program(mark, user, argv)
                if ended == "late":
                    self._exchange(wire, streams, None, time.monotonic() + _ENDING)
        except BaseException as error:
            if not isinstance(error, EngineError):  # Ctrl-C: the engine would let it run on.
                with contextlib.suppress(EngineError):
                    self._end_program(mark, user, argv)
            raise
        finally:
            wire.close()
        found = found or self._inspected(execution)
        executed = _executed(found, streams, limit, time.perf_counter() - started)
        if ended != "end" and executed.returncode >= 0:
            executed = executed._replace(returncode=-9)  # The engine has not taken note of it yet.
        if ended == "late":
            raise ExecutionTimeoutError(
                f"{argv[0]} took longer than {timeout:g} seconds in the container {self._name}, and was ended with all "
                "that it had started",
                executed,
            )
        if ended == "much" and limit is None:
            raise EngineError(
                f"{argv[0]} has written more than {_MOST >> 20} MiB in the container {self._name}, and was ended: "
                "let it write to a file there"
            )
        if ended == "end":
            self._refuse_not_started(found, executed, argv, workdir, user)
        return executed

    def _prepare(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        workdir: str | None,
        user: str | None,
        *,
        has_input: bool,
    ) -> str:
        """Have the engine prepare a program, and give the id of that."""
        if not argv:
            raise EngineError("there is no program to run in the container: no words")
        cmd = words(argv, "the command")
        if workdir is not None:
            absolute(workdir)
        words((user or "",), "the user")
        with self._asking(f"run {argv[0]!r}") as api:
            prepared = api.exec_create(
                self._id, cmd, stdin=has_input, environment=variables(environ), workdir=workdir, user=user or ""
            )
        return str(prepared["Id"])

    def _start(self, execution: str, argv: Sequence[str], workdir: str | None, user: str | None) -> Wire:
        try:
            return self._connection.execute(execution)
        except RefusedError as error:
            if error.status in _GONE:
                raise EngineError(self._is_gone()) from error
            # Where the engine knows that at once.
            _refuse(error.said, self._name, argv, workdir, user)
            raise

    def _exchange(self, wire: Wire, streams: Streams, given: bytes | None, until: float | None) -> str:
        try:
            return exchange(wire, streams, given, until)
        except OSError as error:
            raise GoneError(f"the engine has closed the connection to a program in {self._name}: {error}") from error

    def _wait_for_status(self, execution: str, until: float | None) -> dict[str, Any] | None:
        """Wait for the status of a program that writes no more, and give what the engine says; None where it is late."""
        pause = 0.001
        while (found := self._inspected(execution))["Running"]:
            if until is not None and time.monotonic() >= until:
                return None
            time.sleep(pause)
            pause = min(2 * pause, 0.1)
        return found

    def _inspected(self, execution: str) -> dict[str, Any]:
        with self._asking("tell how a program has ended") as api:
            found: dict[str, Any] = api.exec_inspect(execution)
        return found

    def _refuse_not_started(
        self,
        found: Mapping[str, Any],
        executed: Executed,
        argv: Sequence[str],
        workdir: str | None,
        user: str | None,
    ) -> None:
        """Tell a program that was never started from one that has ended with the same status."""
        if executed.returncode in _NOT_STARTED and not executed.stderr and not found["Pid"]:
            _refuse(executed.stdout.decode("utf-8", "replace"), self._name, argv, workdir, user)

    def _end_program(self, mark: str, user: str | None, argv: Sequence[str]) -> None:
        """End a program with all that it has started, or, where that cannot be done, the container.

        Raises:
            EngineError: the container was ended, or the engine is gone.
        """
        why = "some of it is still there"
        try:
            if end(mark, user, self._end_by):
                return
        except (ProgramNotFoundError, ExecutionTimeoutError) as error:
            why = str(error)
        self.end()
        raise EngineError(
            f"{argv[0]} had to be ended in the container {self._name}, which could only be done by ending the container: "
            f"{why}"
        )

    def _end_by(self, argv: Sequence[str], user: str | None) -> Executed:
        # Without a mark, or it would find itself; what it starts is its own `cat`.
        execution = self._prepare(argv, {}, None, user, has_input=False)
        streams = Streams(_MOST)
        with contextlib.closing(self._start(execution, argv, None, user)) as wire:
            ended = self._exchange(wire, streams, None, time.monotonic() + _ENDING)
        found = self._inspected(execution)
        if ended != "end" or found["Running"]:
            raise ExecutionTimeoutError(
                f"that took longer than {_ENDING:.0f} seconds", Executed(-9, b"", bytes(streams.stderr), _ENDING)
            )
        executed = _executed(found, streams, None, 0.0)
        self._refuse_not_started(found, executed, argv, None, user)
        return executed

    @contextlib.contextmanager
    def _asking(self, doing: str) -> Any:
        """Give docker-py's client for a question about this container.

        Raises:
            EngineError: the container is gone; or as `Connection.asking` does.
        """
        try:
            with self._connection.asking(doing) as api:
                yield api
        except RefusedError as error:
            if error.status in _GONE:
                raise EngineError(self._is_gone()) from error
            raise

    def _is_gone(self) -> str:
        return f"the container {self._name} is gone: it was ended, or the engine was started anew"

    def read(self, path: str) -> bytes:
        """Give a file."""
        with self._told():
            return self._filing.read(path)

    def fetch(self, path: str, folder: Path) -> dict[str, str]:
        """Copy a file or a folder, with all in it, into a folder of this machine."""
        with self._told():
            return self._filing.fetch(path, folder)

    def write(self, path: str, data: bytes, *, mode: int = 0o644, owner: str | None = None) -> None:
        """Write a file."""
        with self._told():
            self._filing.write(path, data, mode=mode, owner=owner)

    @contextlib.contextmanager
    def _told(self) -> Any:
        """Say of a path that is not found whether it is the container that is gone."""
        try:
            yield
        except RefusedError as error:
            if error.status in _GONE and "no such container" in error.said.lower():
                raise EngineError(self._is_gone()) from error
            raise

    def changes(self) -> tuple[Changed, ...]:
        """Say what is not as it is in the image, sorted by path."""
        with self._asking("tell what has changed in a container") as api:
            found = api.diff(self._id) or ()
        said = {each["Path"]: _HOW.get(each["Kind"], "modified") for each in found}
        ours = {path for path in said if is_ours(path, self._order)}
        # Folders on the way there are told as changed, whatever has changed in them.
        on_the_way = {posixpath.dirname(path) for path in ours}
        for path in tuple(on_the_way):
            while (path := posixpath.dirname(path)) not in on_the_way:  # Up to the root.
                on_the_way.add(path)
        return tuple(Changed(path, how) for path, how in sorted(said.items()) if path not in ours | on_the_way)

    def logs(self) -> str:
        """Give what its first program has written."""
        with self._asking("give a container's log") as api:
            return bytes(api.logs(self._id, stdout=True, stderr=True)).decode("utf-8", "replace")

    def address(self, port: int) -> tuple[str, int]:
        """Give where a port of it is reached from this machine."""
        with self._asking("tell where a container is reached") as api:
            networks = api.inspect_container(self._id)["NetworkSettings"]
        published = (networks.get("Ports") or {}).get(f"{port}/tcp") or ()
        for each in published:
            return self._connection.hostname, int(each["HostPort"])
        if self._order.network == "host":
            return self._connection.hostname, port
        addresses = [networks.get("IPAddress"), *(each.get("IPAddress") for each in networks["Networks"].values())]
        found = next(filter(None, addresses), None)
        if found is None or self._connection.is_remote:
            raise EngineError(
                f"port {port} of the container {self._name} cannot be reached from here: "
                f"its network is {self._order.network or 'the default one'!r}, and the port is not among those ordered"
            )
        return str(found), port

    def is_running(self) -> bool:
        """Tell whether it still runs."""
        try:
            with self._connection.asking("look at a container") as api:
                return bool(api.inspect_container(self._id)["State"]["Running"])
        except RefusedError as error:
            if error.status in _GONE:
                return False
            raise

    def save(self, reference: str) -> None:
        """Make an image of it as it is now."""
        name, tag = repository_and_tag(reference)
        with self._asking("make an image of a container") as api:
            # Without the owner: a container that somebody enters it by has these labels too, and is nobody's of ours.
            labels = {**dict.fromkeys(own("").labels(), ""), f"{OWN}managed": "1", f"{OWN}kept": "1", f"{OWN}key": ""}
            # What keeps it running is no part of it: `docker run IMAGE sh` is to run a shell.
            api.commit(self._id, name, tag, conf={"Labels": labels, "Entrypoint": [], "Cmd": ["sh"]})

    def end(self) -> None:
        """End it and remove it, with its volumes; no error where it is gone."""
        if self._pid != os.getpid():
            return  # Of the process that this one was forked from.
        _HELD.discard(self)
        try:
            remove(self._connection, self._id)
        finally:
            wire, self._wire = self._wire, None
            if wire is not None:
                wire.close()
            self._forget(self)

    def let_go(self) -> None:
        """Close, in a process that was forked, what would hold the container beyond the end of the one that made it."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.forget()


def _executed(found: Mapping[str, Any], streams: Streams, limit: int | None, seconds: float) -> Executed:
    """Give how a program has ended, by what the engine says of it."""
    status = found["ExitCode"]
    number = -9 if status is None else int(status)
    if number - _SHELL in _ENDING_SIGNALS:
        number = _SHELL - number
    return Executed(number, bytes(streams.stdout[:limit]), bytes(streams.stderr[:limit]), seconds)


def remove(connection: Connection, identity: str) -> bool:
    """End a container and remove it with its volumes; tell whether it was there."""
    try:
        with connection.asking("remove a container") as api:
            api.remove_container(identity, force=True, v=True)
    except RefusedError as error:
        if error.status not in _GONE:
            raise
        if error.status == _GONE[1]:  # Somebody else removes it at this moment.
            _wait_until_removed(connection, identity)
        return False
    return True


def _wait_until_removed(connection: Connection, identity: str) -> None:
    until = time.monotonic() + _ENDING
    while time.monotonic() < until:
        try:
            with connection.asking("tell whether a container is there") as api:
                api.inspect_container(identity)
        except RefusedError:
            return
        time.sleep(0.02)


def _refuse(said: str, name: str, argv: Sequence[str], workdir: str | None, user: str | None) -> None:
    """Say why a program was not started.

    Raises:
        ProgramNotFoundError, EngineError: by the runtime's words.
    """
    words = " ".join(said.split())
    lower = words.lower()
    if "cwd" in lower or "chdir" in lower:
        raise EngineError(
            f"there is no folder {workdir or 'that programs start in'!r} in the container {name}: {words}"
        )
    if not words or "unable to find user" in lower or "unable to find group" in lower:
        raise EngineError(f"there is no user {user!r} in the container {name}, or it cannot be found there")
    if any(
        each in lower for each in ("not found", "no such file", "permission denied", "exec format", "is a directory")
    ):
        raise ProgramNotFoundError(f"{argv[0]!r} cannot be run in the container {name}: {words}")
    raise EngineError(f"{argv[0]!r} was not started in the container {name}: {words}")


def _let_go() -> None:
    for container in tuple(_HELD):
        container.let_go()
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
