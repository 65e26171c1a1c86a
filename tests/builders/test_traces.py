"""BuildKit's messages: read as far as they can be, and never an error."""

from __future__ import annotations

import base64
import random

import pytest

from pytest_envrepro.builders.traces import Log, Vertex, read

pytestmark = pytest.mark.core


def number(value: int) -> bytes:
    """Encode a number as Protocol Buffers do."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def field(at: int, value: bytes | int) -> bytes:
    """Encode a field."""
    if isinstance(value, int):
        return number(at << 3) + number(value)
    return number(at << 3 | 2) + number(len(value)) + value


def told(data: bytes) -> list[Vertex | Log]:
    """Read a message."""
    return list(read(base64.b64encode(data).decode()))


def test_a_step() -> None:
    """Its name, whether it came from the cache, where it is, and why it failed."""
    step = field(1, b"sha256:1") + field(2, b"input") + field(3, "[2/5] RUN ü".encode()) + field(4, 1)
    step += field(5, field(1, 1700000000)) + field(7, b"exit code: 1")

    assert told(field(1, step)) == [Vertex("sha256:1", "[2/5] RUN ü", True, True, False, "exit code: 1")]


def test_what_it_writes() -> None:
    """Bytes, as they came; fields that are of no use, of every type, are passed over."""
    log = field(1, b"sha256:1") + field(3, 2) + field(4, b"\xff\x00long" * 100)
    odd = number(9 << 3 | 1) + bytes(8) + number(10 << 3 | 5) + bytes(4)

    assert told(field(2, b"status") + field(3, log) + odd) == [Log("sha256:1", b"\xff\x00long" * 100)]


@pytest.mark.parametrize("encoded", ["!!!", "ab", base64.b64encode(b"\x0a\xff").decode(), "8" * 41, "ü"])
def test_no_message(encoded: str) -> None:
    """What is none gives nothing."""
    assert list(read(encoded)) == []


def test_any_bytes() -> None:
    """Whatever comes, it ends without an error."""
    chance = random.Random(6)  # noqa: S311  # The same bytes each time.
    for _ in range(500):
        found = told(chance.randbytes(chance.randrange(60)))

        assert all(isinstance(each, (Vertex, Log)) for each in found)
