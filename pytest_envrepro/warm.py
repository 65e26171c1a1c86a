"""A warm process: the Python of an environment, which waits for functions to run, each in a child that it forks."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_envrepro.errors import EnvReproError, RefusedError, ended
from pytest_envrepro.far.frames import AHEAD, CALL, TEST, BrokenError, Unpacker, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PACKAGE = "_envrepro_far"  # What our sources are called there: no module of the user's is.
_BOOT = "boot"
_PATIENCE = 60.0  # Seconds that a Python is given to start: a machine may be busy.
_AHEAD = 1 << 15  # Bytes of source that is sent ahead: a pipe takes 64 KiB, with what is sent next.
_GRACE = 1.0  # Seconds that a body is given to end, once it is interrupted.


class Channel(Protocol):
    """A program that is talked with."""

    def send(self, data: bytes) -> None:
        """Send some bytes whole."""

    def receive(self, timeout: float | None) -> bytes | None:
        """Give some bytes that have come; nothing at its end, None where none have come in that many seconds."""

    def end(self) -> tuple[int | str, str]:
        """End it, and give its status, or what has become of it, and what it has written to its standard error."""


class Outcome(NamedTuple):
    """What came of a body.

    Attributes:
        result: what it has told; None where its process has ended before it could.
        status: how that has ended: 0, or negative for a signal.
        streams: what it has written to standard output and error, each with how many bytes are left out.
    """

    result: Mapping[str, Any] | None
    status: int
    streams: tuple[tuple[str, int], tuple[str, int]]


class StoppedError(Exception):
    """The wait for a body was ended by an exception of this process: that is its cause.

    Attributes:
        outcome: what the body had come to, as far as that could be known.
    """

    def __init__(self, outcome: Outcome | None) -> None:
        super().__init__()
        self.outcome = outcome


class WarmLostError(EnvReproError):
    """The process in the environment has ended, or never began."""


@cache
def program() -> str:
    """Give the program that a Python is started with (`-c`)."""
    return _text(Path(__file__).parent / "far" / f"{_BOOT}.py")


@cache
def _sources() -> bytes:
    """Give all that is sent to it first."""
    folder = Path(__file__).parent / "far"
    texts = {path.stem: _text(path) for path in sorted(folder.glob("*.py")) if path.stem not in {_BOOT, "__init__"}}
    return pack({"package": _PACKAGE, "sources": texts})


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


class Warm:
    """One warm process.

    Args:
        start: starts the environment's Python with `program()`.
        label: what the environment is called, as part of a sentence.
    """

    def __init__(self, start: Callable[[str], Channel], label: str) -> None:
        self._label = label
        self._unpacker = Unpacker()
        self._messages: list[dict[str, Any]] = []
        self._pid = os.getpid()
        self._turn = threading.Lock()  # Of several threads that call something, one after the other.
        self._channel: Channel | None = start(program())
        try:
            self._send(_sources())
            self._next(_PATIENCE)  # It says that it is ready.
        except BaseException:
            self.close()
            raise

    @property
    def is_there(self) -> bool:
        """Whether it can be asked for something: not by a process that was forked from the one that has started it."""
        return self._channel is not None and self._pid == os.getpid()

    def run(
        self,
        request: Mapping[str, Any],
        answer: Callable[[Mapping[str, Any]], Any],
        ahead: Callable[[], Mapping[str, Any] | None],
    ) -> Outcome:
        """Have a body run, and answer what it asks meanwhile.

        Args:
            ahead: gives the source that the next one will come with, where that is known: is asked once this one runs.

        Raises:
            StoppedError: something has ended the wait: Ctrl-C, or a time limit.
            WarmLostError: the process is gone.
        """
        __tracebackhide__ = True
        with self._turn:
            try:
                data = pack({**request}, TEST if request["is_test"] else CALL)
            except BrokenError as error:
                raise RefusedError(f"what is to travel into {self._label} is too much: {error}") from None
            self._send(data)
            try:
                self._send_ahead(ahead())
                while "ended" not in (message := self._next(None)):
                    self._send(pack({"answer": answer(message["asked"])}))
            except WarmLostError:
                raise
            except BaseException as error:
                raise StoppedError(self._stopped()) from error
            return _outcome(message)

    def _send_ahead(self, told: Mapping[str, Any] | None) -> None:
        """Send what is no more than lies in a pipe until its reader has time for it."""
        if told is not None and len(data := pack({**told}, AHEAD)) <= _AHEAD:
            self._send(data)

    def _stopped(self) -> Outcome | None:
        """Interrupt the body, so that it can tell where it was; end it where it does not listen."""
        try:
            for number, grace in ((signal.SIGINT, _GRACE), (signal.SIGKILL, _PATIENCE)):
                self._send(pack({"stop": int(number)}))
                with suppress(TimeoutError):
                    return _outcome(self._until_ended(grace))
        except BaseException as error:  # Who cannot wait does not get to know.
            self.close()
            if not isinstance(error, EnvReproError):
                raise
        return None

    def _until_ended(self, seconds: float) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while "ended" not in (message := self._next(max(0.0, until - time.monotonic()))):
            self._send(pack({"answer": None}))
        return message

    def _send(self, data: bytes) -> None:
        channel = self._channel
        if channel is None:
            raise self._lost("it was ended")
        try:
            channel.send(data)
        except OSError:
            raise self._end("it does not listen") from None
        except BaseException:  # Half a message: the rest of it would be read out of the next one.
            self.close()
            raise

    def _next(self, timeout: float | None) -> dict[str, Any]:
        """Wait for a message.

        Raises:
            TimeoutError: none has come in time.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while not self._messages:
            if self._channel is None:
                raise self._lost("it was ended")
            data = self._channel.receive(None if until is None else max(0.0, until - time.monotonic()))
            if data is None:
                raise TimeoutError
            if not data:
                raise self._end("")
            try:
                self._messages += (frame.message() for frame in self._unpacker.feed(data))
            except BrokenError as error:
                raise self._end(str(error)) from None
        return self._messages.pop(0)

    def _end(self, why: str) -> WarmLostError:
        channel, self._channel = self._channel, None
        if channel is None:
            return self._lost(why)
        how, said = channel.end()
        last = said.strip()
        told = f"it {ended(how)}" if isinstance(how, int) else how
        return self._lost(f"{why + ': ' if why else ''}{told}{f', and wrote:{chr(10)}{last}' if last else ''}")

    def _lost(self, why: str) -> WarmLostError:
        return WarmLostError(f"the Python that runs functions in {self._label} is gone: {why}")

    def retire(self) -> None:
        """End it when nothing runs there any more."""
        with self._turn:
            self.close()

    def close(self) -> None:
        """End it."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.end()


def _outcome(message: Mapping[str, Any]) -> Outcome:
    first, second = message["streams"]
    return Outcome(message["ended"], message["status"], (tuple(first), tuple(second)))
