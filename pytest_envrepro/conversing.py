"""A program of this machine that is talked with over its standard input and output, until it is ended."""

from __future__ import annotations

import contextlib
import os
import select
import time
import weakref
from typing import IO, TYPE_CHECKING

from pytest_envrepro.far.frames import PART, send

if TYPE_CHECKING:
    from collections.abc import Callable

_ENDING = 2.0  # Seconds that it is given to end, once nobody talks with it any more.
_HELD: weakref.WeakSet[Conversation] = weakref.WeakSet()


class Conversation:
    """A program that is talked with.

    Args:
        stdin, stdout: pipes to it and from it.
        ended: waits so many seconds for its end, now that nobody talks with it, or ends it; gives what `end` does.
    """

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes], ended: Callable[[float], tuple[int, str]]) -> None:
        self._pipes = (stdin, stdout)
        self._in, self._out = stdin.fileno(), stdout.fileno()
        self._ended = ended
        _HELD.add(self)

    def send(self, data: bytes) -> None:
        """Send some bytes whole.

        Raises:
            OSError: it has ended, or reads no more.
        """
        send(data, lambda part: os.write(self._in, part))

    def receive(self, timeout: float | None) -> bytes | None:
        """Give some bytes that have come; nothing at its end, None where none have come in that many seconds."""
        if timeout is not None and not _is_ready(self._out, timeout):
            return None
        return os.read(self._out, PART)

    def end(self) -> tuple[int, str]:
        """End it, and give how it has ended, negative for a signal, and what it has written to its standard error."""
        until = time.monotonic() + _ENDING
        stdin, stdout = self._pipes
        with contextlib.suppress(OSError):
            stdin.close()
        # Who waits for a process by its number has to look again and again: the end of what it says comes at once.
        while not stdout.closed and (left := until - time.monotonic()) > 0 and _is_ready(self._out, left):
            if not os.read(self._out, PART):
                break
        with contextlib.suppress(OSError):
            self.let_go()
        return self._ended(max(0.0, until - time.monotonic()))

    def let_go(self) -> None:
        """Close the pipes; in a process that was forked, they would keep it from ending with the one that has started it."""
        for pipe in self._pipes:
            pipe.close()


def _is_ready(file: int, timeout: float) -> bool:
    """Wait for something to read; `select` alone knows no descriptor above 1023."""
    if not hasattr(select, "poll"):
        return bool(select.select([file], [], [], timeout)[0])
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(timeout * 1000))


def _let_go() -> None:
    for each in tuple(_HELD):
        each.let_go()
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
