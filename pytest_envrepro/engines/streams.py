"""What goes to and comes from a program in a container: its input, and what it writes, sorted out of one stream of frames."""

from __future__ import annotations

import contextlib
import struct
import time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_envrepro.engines.wires import Wire

_HEADER = struct.Struct(">BxxxL")  # Of a frame: which stream, and how many bytes (Engine API 1.41, ContainerAttach).
_STDERR = 2
_BROKEN = (BrokenPipeError, ConnectionResetError)

Ended = Literal["end", "late", "much"]


class Streams:
    """What a program has written, sorted out of one stream of frames.

    Args:
        most: how many bytes of each stream are taken.
        watch: is given what comes of standard error, as it comes.
    """

    def __init__(self, most: int, watch: Callable[[bytes], object] | None = None) -> None:
        self._most = most
        self._watch = watch
        self._pending = bytearray()
        self._left = 0  # Bytes, of the frame that has begun.
        self._now = self.stdout = bytearray()
        self.stderr = bytearray()

    def feed(self, data: bytes) -> bool:
        """Take what has come; tell whether it is still as much as is wanted."""
        self._pending += data
        start = 0
        while start < len(self._pending):
            if not self._left:
                if len(self._pending) - start < _HEADER.size:
                    break
                number, self._left = _HEADER.unpack_from(self._pending, start)
                self._now = self.stderr if number == _STDERR else self.stdout
                start += _HEADER.size
                continue
            taken = min(self._left, len(self._pending) - start)
            part = self._pending[start : start + taken]
            self._now += part
            if self._watch is not None and self._now is self.stderr:
                self._watch(bytes(part))
            self._left -= taken
            start += taken
        del self._pending[:start]
        return max(len(self.stdout), len(self.stderr)) <= self._most


def exchange(wire: Wire, streams: Streams, given: bytes | None, until: float | None) -> Ended:
    """Give a program its input, and take what it writes, until it ends.

    Args:
        given: its standard input; None where it has none.
        until: as of `time.monotonic`; None for ever.

    Returns:
        `end`; `late` where that took longer; `much` where it writes more than is wanted.

    Raises:
        OSError: the connection breaks.
    """
    view = memoryview(given or b"")
    is_open = given is not None
    while True:
        if until is not None and time.monotonic() >= until:
            return "late"
        moved = 0
        if view:
            try:
                moved = wire.send(view)
                view = view[moved:]
            except _BROKEN:
                view, is_open = memoryview(b""), False  # It reads no more, which is its own business.
        if is_open and not view:
            is_open = False
            with contextlib.suppress(OSError):  # The same.
                wire.half_close()
        try:
            data = wire.receive()
        except _BROKEN:
            if not given:
                raise
            data = b""  # So ends, too, a connection with input that was never read.
        if data == b"":
            return "end"
        if data and not streams.feed(data):
            return "much"
        if not data and not moved:
            wire.wait(None if until is None else max(0.0, until - time.monotonic()), to_send=bool(view))
