"""Streams to and from a program: frames, however they come, both directions at once, and an end to the wait."""

from __future__ import annotations

import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.engines.streams import Streams, exchange
from pytest_envrepro.engines.wires import SocketWire, hijacked

if TYPE_CHECKING:
    from collections.abc import Callable


def frame(number: int, data: bytes) -> bytes:
    """Write a frame, as the engine does."""
    return struct.pack(">BxxxL", number, len(data)) + data


def answering(answer: Callable[[socket.socket], object]) -> socket.socket:
    """Give a socket to somebody who does that in a thread."""
    here, there = socket.socketpair()

    def work() -> None:
        with there:
            answer(there)

    threading.Thread(target=work, daemon=True).start()
    return here


@pytest.mark.parametrize("size", [1, 3, 8, 9, 1000])
def test_frames(size: int) -> None:
    """Frames are sorted out, wherever they are cut."""
    streams = Streams(100)
    data = frame(1, b"ab") + frame(2, b"") + frame(2, b"\0\1\2") + frame(1, b"c" * 20)

    for index in range(0, len(data), size):
        assert streams.feed(data[index : index + size])

    assert bytes(streams.stdout) == b"ab" + b"c" * 20
    assert bytes(streams.stderr) == b"\0\1\2"


def test_too_much() -> None:
    """It says when one stream is more than is wanted."""
    streams = Streams(3)

    assert streams.feed(frame(1, b"123") + frame(2, b"123"))
    assert not streams.feed(frame(2, b"4"))


def test_nothing_is_lost() -> None:
    """What comes together with the answer's head is not lost."""

    def answer(there: socket.socket) -> None:
        there.recv(1000)
        there.sendall(b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n" + frame(1, b"first"))

    wire, status, said = hijacked(answering(answer), "/x", b"{}")
    assert (status, said) == (101, "")
    assert wire is not None
    streams = Streams(100)
    assert exchange(wire, streams, None, None) == "end"
    assert bytes(streams.stdout) == b"first"
    wire.close()


def test_refused() -> None:
    """An error is told in the engine's words."""

    def answer(there: socket.socket) -> None:
        there.recv(1000)
        body = b'{"message":"No such\\n exec"}'
        there.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body[:5]))
        time.sleep(0.01)
        there.sendall(body[5:])

    sock = answering(answer)
    assert hijacked(sock, "/x", b"{}") == (None, 404, "No such exec")
    sock.close()


def test_closed_early() -> None:
    """An engine that closes at once is an error, and not the end of a program."""
    sock = answering(lambda there: there.recv(1000))
    with pytest.raises(ConnectionResetError, match="the engine has closed the connection"):
        hijacked(sock, "/x", b"{}")
    sock.close()


def test_both_directions() -> None:
    """A program that writes as it reads holds up nothing, and is told the end of its input."""
    given = bytes(range(256)) * 20_000

    def echo(there: socket.socket) -> None:
        while data := there.recv(1000):
            there.sendall(frame(1, data))

    wire = SocketWire(answering(echo), b"")
    streams = Streams(len(given))

    assert exchange(wire, streams, given, time.monotonic() + 60) == "end"
    assert bytes(streams.stdout) == given
    wire.close()


def test_reads_nothing() -> None:
    """A program that ends without reading is no error."""
    wire = SocketWire(answering(lambda there: there.sendall(frame(1, b"ok"))), b"")
    streams = Streams(100)

    with_reset = exchange(wire, streams, b"x" * 10_000_000, time.monotonic() + 60)

    assert with_reset == "end"
    assert bytes(streams.stdout) == b"ok"
    wire.close()


def test_late() -> None:
    """The wait has an end, whether something comes or not."""
    done = threading.Event()

    def chatter(there: socket.socket) -> None:
        while not done.wait(0.001):
            there.sendall(frame(1, b"."))

    answers: tuple[Callable[[socket.socket], object], ...] = (chatter, lambda _: done.wait())
    for answer in answers:
        wire = SocketWire(answering(answer), b"")
        started = time.monotonic()
        assert exchange(wire, Streams(1 << 20), None, started + 0.1) == "late"
        assert time.monotonic() - started < 5
        done.set()
        time.sleep(0.01)
        wire.close()
        done.clear()
    done.set()
