"""Messages between this process and one in an environment: JSON, each after its length and a letter for its kind."""

from __future__ import annotations

import json
import os
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

HEAD = struct.Struct(">Ic")
# What asks for a function to be called, or for a test; the source that one of the next will come with; and all else.
CALL, TEST, AHEAD, OTHER = b"c", b"t", b"a", b"o"
PART = 1 << 16  # Bytes that are read at a time: as many as a pipe holds.
MOST = 256 << 20  # Bytes of a message; more is nothing that a test sends.


class BrokenError(Exception):
    """What came is no message."""


class Frame(NamedTuple):
    """A message as it has come.

    Attributes:
        kind: one of the letters above.
        body: what it says, in JSON.
    """

    kind: bytes
    body: bytes

    @property
    def data(self) -> bytes:
        """The whole of it, to be sent on."""
        return HEAD.pack(len(self.body), self.kind) + self.body

    def message(self) -> dict[str, Any]:
        """Read it.

        Raises:
            BrokenError: it is no message.
        """
        try:
            message = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise BrokenError(f"what came is no message: {error}") from None
        if not isinstance(message, dict):
            raise BrokenError("what came is no message")
        return message


def pack(message: dict[str, Any], kind: bytes = OTHER) -> bytes:
    """Give a message as it is sent.

    Raises:
        BrokenError: it is too long.
    """
    data = json.dumps(message, separators=(",", ":")).encode("ascii")
    if len(data) > MOST:
        raise BrokenError(f"a message of {len(data) >> 20} MiB is too long: {MOST >> 20} MiB are the most")
    return HEAD.pack(len(data), kind) + data


class Unpacker:
    """Takes messages out of what has come."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take what has come, and give the messages that are complete.

        Raises:
            BrokenError: something else has come.
        """
        self._pending += data
        while len(self._pending) >= HEAD.size:
            length, kind = _head(self._pending)
            if len(self._pending) < HEAD.size + length:
                return
            body = bytes(self._pending[HEAD.size : HEAD.size + length])
            del self._pending[: HEAD.size + length]
            yield Frame(kind, body)


def read(file: int) -> Frame | None:
    """Wait for one message; None at the end.

    Raises:
        BrokenError: something else has come.
    """
    head = _exactly(file, HEAD.size)
    if head is None:
        return None
    length, kind = _head(head)
    body = _exactly(file, length)
    return None if body is None else Frame(kind, body)


def write(file: int, message: dict[str, Any]) -> None:
    """Send a message whole."""
    send(pack(message), lambda data: os.write(file, data))


def send(data: bytes, step: Callable[[memoryview], int]) -> None:
    """Send some bytes whole.

    Args:
        step: sends a part, and gives how many bytes.
    """
    view = memoryview(data)
    while view:
        view = view[step(view) :]


def _head(data: bytes | bytearray) -> tuple[int, bytes]:
    length, kind = HEAD.unpack_from(data)
    if length > MOST or kind not in {CALL, TEST, AHEAD, OTHER}:
        raise BrokenError("what came is no message")
    return length, kind


def _exactly(file: int, length: int) -> bytes | None:
    data = bytearray()
    while len(data) < length:
        part = os.read(file, min(length - len(data), PART))
        if not part:
            return None
        data += part
    return bytes(data)
