"""A program in a container that is talked with over its standard input and output, until it is ended."""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from typing import TYPE_CHECKING, Any

from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines.streams import Streams
from pytest_envrepro.far.frames import send

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_envrepro.engines.wires import Wire

_HELD: weakref.WeakSet[Talk] = weakref.WeakSet()
_MOST = 1 << 30  # Bytes that have come and were not taken.
_ENDING = 2.0  # Seconds that a program is given to end, once nobody talks with it any more.
_SETTLING = 5.0  # Seconds that an engine is given to note that a container has ended.
_LOOKING = 0.05
_SIGNALLED = 128  # An engine adds it to the number of the signal that has ended a program.
_KILLED = _SIGNALLED + 9


class Talk:
    """A program that is talked with.

    Args:
        wire: its streams.
        end: ends it with all that it has started.
        inspected: gives what the engine says of it.
        gone: says that its container is gone; nothing while that runs.
    """

    def __init__(
        self,
        wire: Wire,
        end: Callable[[], None],
        inspected: Callable[[], Mapping[str, Any]],
        gone: Callable[[], str],
    ) -> None:
        self._wire = wire
        self._streams = Streams(_MOST)
        self._end = end
        self._inspected = inspected
        self._gone = gone
        self._pid = os.getpid()
        _HELD.add(self)

    def send(self, data: bytes) -> None:
        """Send some bytes whole.

        Raises:
            OSError: it has ended, or the connection breaks.
        """
        send(data, self._send_part)

    def _send_part(self, data: memoryview) -> int:
        sent = self._wire.send(data)
        if not sent:
            self._wire.wait(None, to_send=True)
        return sent

    def receive(self, timeout: float | None) -> bytes | None:
        """Give some bytes that have come; nothing at its end, None where none have come in that many seconds.

        Raises:
            OSError: the connection breaks.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            data = self._wire.receive()
            if data == b"":
                return b""
            if data:
                self._streams.feed(data)
                if self._streams.stdout:
                    come = bytes(self._streams.stdout)
                    self._streams.stdout.clear()
                    return come
                continue
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return None
            self._wire.wait(left, to_send=False)

    def end(self) -> tuple[int | str, str]:
        """End it, and give how it has ended, as `Conversation.end` does, and what it has written to its standard error."""
        if self._pid != os.getpid():
            return "it belongs to another process", ""
        until = time.monotonic() + _ENDING
        with contextlib.suppress(OSError, EngineError):
            self._wire.half_close()
        is_over = False
        with contextlib.suppress(OSError):
            while not is_over and (left := until - time.monotonic()) > 0:
                is_over = self.receive(left) == b""
        with contextlib.suppress(EngineError):  # The container may be gone with it.
            if not is_over:
                self._end()
        self._wire.close()
        return self._how(), self._streams.stderr.decode("utf-8", "replace")

    def _how(self) -> int | str:
        """Say how it has ended: of a container that is ended, all programs end first, and then it."""
        status = _KILLED
        with contextlib.suppress(EngineError):
            status = self._inspected()["ExitCode"] or 0
        until = time.monotonic() + (_SETTLING if status == _KILLED else 0)
        while not (gone := self._gone()) and time.monotonic() < until:
            time.sleep(_LOOKING)
        return gone or (_SIGNALLED - status if status > _SIGNALLED else status)

    def let_go(self) -> None:
        """Close, in a process that was forked, what would keep it running beyond the end of the one that has started it."""
        self._wire.forget()


def _let_go() -> None:
    for each in tuple(_HELD):
        each.let_go()
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
