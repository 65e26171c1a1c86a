"""Programs in a container: each is waited for, and ended with all that it has started where the wait ends before it does."""

from __future__ import annotations

import contextlib
import time
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from pytest_envrepro.engine import EngineError, ExecutionTimeoutError, ProgramNotFoundError
from pytest_envrepro.engines.attaching import execute
from pytest_envrepro.engines.clients import reason
from pytest_envrepro.engines.connection import RefusedError
from pytest_envrepro.engines.creating import absolute, variables, words
from pytest_envrepro.engines.ending import VARIABLE, end
from pytest_envrepro.engines.messages import one_line
from pytest_envrepro.engines.removing import GONE
from pytest_envrepro.engines.streams import Streams, exchange
from pytest_envrepro.engines.talking import Talk
from pytest_envrepro.enginevalues import Executed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_envrepro.engines.about import About
    from pytest_envrepro.engines.streams import Ended
    from pytest_envrepro.engines.wires import Wire

_MOST = 256 << 20  # Bytes of each stream; more is no longer something that a test looks at.
_ENDING = 15.0  # Seconds that the end of a program may take.
_NOT_STARTED = (126, 127)
# Signals that end a program unless it has asked for something else (signal(7)).
_ENDING_SIGNALS = frozenset({*range(1, 17), 24, 25, 26, 27, 29, 30, 31})
_SHELL = 128  # And the number of a signal: the status of a program that it has ended.


class Command(NamedTuple):
    """A program that is to run, with what `Container.run` takes."""

    argv: Sequence[str]
    environ: Mapping[str, str] = MappingProxyType({})
    workdir: str | None = None
    user: str | None = None
    timeout: float | None = None
    input: bytes | None = None
    limit: int | None = None
    watch: Callable[[bytes], object] | None = None


class Programs:
    """The programs of one container.

    Args:
        about: the container.
        end: ends it, where a program cannot be ended without.
    """

    def __init__(self, about: About, end: Callable[[], None]) -> None:
        self._about = about
        self._end_container = end

    def run(self, command: Command) -> Executed:
        """Run a program to its end: see `Container.run`."""
        started = time.perf_counter()
        until = None if command.timeout is None else time.monotonic() + command.timeout
        mark = uuid4().hex
        streams = Streams(_MOST if command.limit is None else command.limit, command.watch)
        execution = self._prepare(command._replace(environ={**command.environ, VARIABLE: mark}))
        wire = self._start(execution, command)
        try:
            ended, found = self._attend(wire, streams, execution, command.input, until)
            if ended == "much":
                wire.close()  # What is not taken from the engine holds up all else that it does with the container.
            if ended != "end":
                self._end(mark, command)
            if ended == "late":
                self._exchange(wire, streams, None, time.monotonic() + _ENDING)
        except BaseException as error:
            if not isinstance(error, EngineError):  # Ctrl-C: the engine would let it run on.
                with contextlib.suppress(EngineError):
                    self._end(mark, command)
            raise
        finally:
            wire.close()
        found = found or self._inspected(execution)
        executed = _executed(found, streams, command.limit, time.perf_counter() - started)
        if ended == "end":
            self._refuse_not_started(found, executed, command)
            return executed
        return self._cut_off(ended, executed, command)

    def converse(self, command: Command) -> Talk:
        """Start a program that is talked with: see `Container.converse`."""
        mark = uuid4().hex
        marked = command._replace(environ={**command.environ, VARIABLE: mark}, input=b"")
        execution = self._prepare(marked)
        wire = self._start(execution, command)
        return Talk(wire, partial(self._end, mark, command), partial(self._inspected, execution), self._gone)

    def _gone(self) -> str:
        """Say that the container is gone; nothing while it runs."""
        try:
            with self._about.asking("look at a container") as api:
                is_there = bool(api.inspect_container(self._about.id)["State"]["Running"])
        except EngineError:
            is_there = False
        return "" if is_there else f"its container {self._about.name} has ended"

    def _prepare(self, command: Command) -> str:
        """Have the engine prepare a program, and give the id of that."""
        argv, environ, workdir, user, *_ = command
        if not argv:
            raise EngineError("there is no program to run in the container: no words")
        cmd = words(argv, "the command")
        if workdir is not None:
            absolute(workdir)
        words((user or "",), "the user")
        if command.input is not None and (deaf := self._about.connection.address.deaf):
            raise EngineError(deaf)  # Before anything of it is started.
        with self._about.asking(f"run {argv[0]!r}") as api:
            prepared = api.exec_create(
                self._about.id,
                cmd,
                stdin=command.input is not None,
                environment=variables(environ),
                workdir=workdir,
                user=user or "",
            )
        return str(prepared["Id"])

    def _start(self, execution: str, command: Command) -> Wire:
        try:
            return execute(self._about.connection, execution)
        except RefusedError as error:
            if error.status in GONE:
                raise EngineError(self._about.gone) from error
            # Where the engine knows that at once.
            _refuse(error.said, self._about.name, command)
            raise

    def _attend(
        self, wire: Wire, streams: Streams, execution: str, given: bytes | None, until: float | None
    ) -> tuple[Ended, dict[str, Any] | None]:
        """Wait for the end of a program: tell what has ended the wait, and what the engine says of one that has ended."""
        ended = self._exchange(wire, streams, given, until)
        if ended != "end":
            return ended, None
        found = self._wait_for_status(execution, until)
        return ("end" if found is not None else "late"), found

    def _exchange(self, wire: Wire, streams: Streams, given: bytes | None, until: float | None) -> Ended:
        try:
            return exchange(wire, streams, given, until)
        except OSError as error:
            raise self._about.connection.gone(f"run a program in {self._about.name}", reason(error)) from error

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
        with self._about.asking("tell how a program has ended") as api:
            found: dict[str, Any] = api.exec_inspect(execution)
        return found

    def _cut_off(self, ended: Ended, executed: Executed, command: Command) -> Executed:
        """Give what a program has come to that was ended.

        Raises:
            ExecutionTimeoutError, EngineError: it took too long, or has written more than anybody looks at.
        """
        program, name = command.argv[0], self._about.name
        if executed.returncode >= 0:
            executed = executed._replace(returncode=-9)  # The engine has not taken note of it yet.
        if ended == "late":
            raise ExecutionTimeoutError(
                f"{program} took longer than {command.timeout:g} seconds in the container {name}, and was ended with all "
                "that it had started",
                executed,
            )
        if command.limit is None:
            raise EngineError(
                f"{program} has written more than {_MOST >> 20} MiB in the container {name}, and was ended: let it write "
                "to a file there"
            )
        return executed

    def _refuse_not_started(self, found: Mapping[str, Any], executed: Executed, command: Command) -> None:
        """Tell a program that was never started from one that has ended with the same status."""
        if executed.returncode in _NOT_STARTED and not executed.stderr and not found["Pid"]:
            _refuse(executed.stdout.decode("utf-8", "replace"), self._about.name, command)

    def _end(self, mark: str, command: Command) -> None:
        """End a program with all that it has started, or, where that cannot be done, the container.

        Raises:
            EngineError: the container was ended, or the engine is gone.
        """
        why = "some of it is still there"
        try:
            if end(mark, command.user, self._end_by):
                return
        except (ProgramNotFoundError, ExecutionTimeoutError) as error:
            why = str(error)
        self._end_container()
        raise EngineError(
            f"{command.argv[0]} had to be ended in the container {self._about.name}, which could only be done by ending "
            f"the container: {why}"
        )

    def _end_by(self, argv: Sequence[str], user: str | None) -> Executed:
        # Without a mark, or it would find itself; what it starts is its own `cat`.
        command = Command(argv, user=user)
        execution = self._prepare(command)
        streams = Streams(_MOST)
        with contextlib.closing(self._start(execution, command)) as wire:
            ended = self._exchange(wire, streams, None, time.monotonic() + _ENDING)
        found = self._inspected(execution)
        if ended != "end" or found["Running"]:
            raise ExecutionTimeoutError(
                f"that took longer than {_ENDING:.0f} seconds", Executed(-9, b"", bytes(streams.stderr), _ENDING)
            )
        executed = _executed(found, streams, None, 0.0)
        self._refuse_not_started(found, executed, command)
        return executed


def _executed(found: Mapping[str, Any], streams: Streams, limit: int | None, seconds: float) -> Executed:
    """Give how a program has ended, by what the engine says of it."""
    status = found["ExitCode"]
    number = -9 if status is None else int(status)
    if number - _SHELL in _ENDING_SIGNALS:
        number = _SHELL - number
    return Executed(number, bytes(streams.stdout[:limit]), bytes(streams.stderr[:limit]), seconds)


def _refuse(said: str, name: str, command: Command) -> None:
    """Say why a program was not started.

    Args:
        said: the runtime's words.
        name: of the container.

    Raises:
        ProgramNotFoundError, EngineError: always.
    """
    program, told = command.argv[0], one_line(said)
    lower = told.lower()
    if "cwd" in lower or "chdir" in lower:
        folder = command.workdir or "that programs start in"
        if "no such file" in lower:
            raise EngineError(f"there is no folder {folder!r} in the container {name}")
        if "not a directory" in lower:
            raise EngineError(f"{folder!r} in the container {name} is no folder")
        raise EngineError(f"{folder!r} in the container {name} cannot be entered: {told}")
    if not told or "unable to find user" in lower or "unable to find group" in lower:
        raise EngineError(f"there is no user {command.user!r} in the container {name}, or it cannot be found there")
    if any(
        each in lower for each in ("not found", "no such file", "permission denied", "exec format", "is a directory")
    ):
        raise ProgramNotFoundError(f"{program!r} cannot be run in the container {name}: {told}")
    raise EngineError(f"{program!r} was not started in the container {name}: {told}")
