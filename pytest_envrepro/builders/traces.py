"""What BuildKit tells of a build: its protobuf messages, as far as they are of use.

The messages are `StatusResponse` of BuildKit's `api/services/control/control.proto`; the encoding is that of Protocol
Buffers: each field is a key, (number << 3) | type, and a value.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_VERTEXES, _LOGS = 1, 3
_DIGEST, _NAME, _CACHED, _STARTED, _COMPLETED, _ERROR = 1, 3, 4, 5, 6, 7
_LOG_VERTEX, _LOG_TEXT = 1, 4
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}
_LONGEST = 70  # Bits of a number: ten bytes of seven.


class Vertex(NamedTuple):
    """A step.

    Attributes:
        digest: tells it from the others.
        name: `[packages 3/7] RUN pip install`, `[internal] load build definition from Dockerfile`.
    """

    digest: str
    name: str = ""
    is_cached: bool = False
    is_started: bool = False
    is_completed: bool = False
    error: str = ""


class Log(NamedTuple):
    """What the program of a step has written."""

    digest: str
    text: bytes


def read(encoded: str) -> Iterator[Vertex | Log]:
    """Decode a trace; what cannot be read is left out, as a trace is nothing that a build depends on."""
    try:
        data = base64.b64decode(encoded, validate=True)
        for number, value in _fields(data):
            if number == _VERTEXES and isinstance(value, bytes):
                yield _vertex(value)
            elif number == _LOGS and isinstance(value, bytes):
                fields = dict(_fields(value))
                yield Log(_text(fields.get(_LOG_VERTEX)), _bytes(fields.get(_LOG_TEXT)))
    except (binascii.Error, ValueError):
        return


def _vertex(data: bytes) -> Vertex:
    fields = dict(_fields(data))
    return Vertex(
        _text(fields.get(_DIGEST)),
        _text(fields.get(_NAME)),
        bool(fields.get(_CACHED)),
        _STARTED in fields,
        _COMPLETED in fields,
        _text(fields.get(_ERROR)),
    )


def _bytes(value: int | bytes | None) -> bytes:
    return value if isinstance(value, bytes) else b""


def _text(value: int | bytes | None) -> str:
    return _bytes(value).decode("utf-8", "replace")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Give the fields of a message.

    Raises:
        ValueError: it ends within one, or has one of another type than there are.
    """
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _number(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            length, at = _number(data, at)
        elif kind in _WIDTHS:
            length = _WIDTHS[kind]
        else:
            raise ValueError(f"there is no type {kind}")
        if at + length > len(data):
            raise ValueError("it ends within a field")
        yield number, data[at : at + length]
        at += length


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte, the lowest first, and give where it ends."""
    value = 0
    for shift in range(0, _LONGEST, 7):
        if at >= len(data):
            raise ValueError("it ends within a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise ValueError("a number is too long")
