"""Streams in both directions to a program in a container, over a connection that was one of HTTP."""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import ssl
from typing import Any, Protocol

from pytest_envrepro.engine import EngineError

# Python's TLS can only be shut in both directions (`SSLSocket.unwrap`).
DEAF_TLS = (
    "over TLS a program in a container cannot be given standard input: its end could not be told; "
    "write a file into the container, or reach the engine by ssh:// or a Unix socket"
)
DEAF_PIPE = "over a named pipe a program in a container cannot be given standard input"
_AT_ONCE = 1 << 16  # Bytes.
_LONGEST_HEAD = 1 << 16  # Bytes, of an answer's first part.
_LOOKING = 0.05  # Seconds between two looks at a stream that cannot be waited for.
_SWITCHED = (101, 200)  # The stream begins (the same page): with `Upgrade`, and of an engine that does not know it.
_AGAIN = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Wire(Protocol):
    """A stream in both directions."""

    def receive(self) -> bytes | None:
        """Give some bytes that have come; nothing at the end, None where none have come yet."""

    def send(self, data: memoryview) -> int:
        """Send a part of it now; give how many bytes."""

    def wait(self, seconds: float | None, *, to_send: bool) -> None:
        """Wait until something can be done, at most so long."""

    def half_close(self) -> None:
        """Say that nothing more is sent.

        Raises:
            EngineError: this kind of connection cannot say it.
        """

    def close(self) -> None:
        """Close it, for all processes that have it."""

    def forget(self) -> None:
        """Close it for this process alone."""


class SocketWire:
    """A stream over a socket of our own."""

    def __init__(self, sock: socket.socket, received: bytes) -> None:
        self._sock = sock
        self._received = received
        sock.setblocking(False)

    def receive(self) -> bytes | None:
        """Give some bytes that have come."""
        if self._received:
            data, self._received = self._received, b""
            return data
        try:
            return self._sock.recv(_AT_ONCE)
        except _AGAIN:
            return None

    def send(self, data: memoryview) -> int:
        """Send a part of it now."""
        try:
            return self._sock.send(data[:_AT_ONCE])
        except _AGAIN:
            return 0

    def wait(self, seconds: float | None, *, to_send: bool) -> None:
        """Wait until something can be done."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if to_send else 0))
            selector.select(seconds)

    def half_close(self) -> None:
        """Say that nothing more is sent."""
        if isinstance(self._sock, ssl.SSLSocket):
            raise EngineError(DEAF_TLS)
        self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close it, for all processes that have it."""
        with contextlib.suppress(OSError):  # The other side was first.
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def forget(self) -> None:
        """Close it for this process alone."""
        if isinstance(self._sock, ssl.SSLSocket):
            socket.close(self._sock.detach())  # Without a word to the other side.
        else:
            self._sock.close()


class ForeignWire:
    """A stream over docker-py's own kinds of sockets: by ssh (paramiko's), and a named pipe of Windows.

    Neither was tested with an engine.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        if hasattr(sock, "settimeout"):
            sock.settimeout(_LOOKING)

    def receive(self) -> bytes | None:
        """Give some bytes that have come; waits for them a little."""
        try:
            return bytes(self._sock.recv(_AT_ONCE))
        except (TimeoutError, socket.timeout):  # noqa: UP041  # paramiko's is the old one on Python 3.9.
            return None

    def send(self, data: memoryview) -> int:
        """Send a part of it now."""
        return int(self._sock.send(bytes(data[:_AT_ONCE])))

    def wait(self, seconds: float | None, *, to_send: bool) -> None:
        """`receive` has waited."""

    def half_close(self) -> None:
        """Say that nothing more is sent."""
        if not hasattr(self._sock, "shutdown_write"):
            raise EngineError(DEAF_PIPE)
        self._sock.shutdown_write()

    def close(self) -> None:
        """Close it."""
        self._sock.close()

    def forget(self) -> None:
        """Close it for this process alone: paramiko's threads, which would send, are not in a process that was forked."""


def hijacked(sock: socket.socket, path: str, body: bytes) -> tuple[SocketWire | None, int, str]:
    """Ask by POST for a stream, on a socket that is connected.

    By hand: `http.client` reads ahead, and what it has read of the stream by then would be lost.

    Returns:
        the stream, or None; the status of the answer; its words where it is an error.

    Raises:
        OSError: the other side closes the connection, or takes too long.
    """
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "User-Agent: pytest-envrepro",
        "Connection: Upgrade",
        "Upgrade: tcp",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    sock.sendall("\r\n".join((*lines, "", "")).encode("ascii") + body)
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        data = sock.recv(_AT_ONCE)
        if not data or len(received) > _LONGEST_HEAD:
            raise ConnectionResetError("the engine has closed the connection")
        received += data
    head, rest = bytes(received[:end]), bytes(received[end + 4 :])
    words = head.split(b"\r\n", 1)[0].split()
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    if status in _SWITCHED:
        return SocketWire(sock, rest), status, ""
    return None, status, _said(sock, head, rest)


def _said(sock: socket.socket, head: bytes, rest: bytes) -> str:
    """Read what an error says: JSON with a message."""
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    length = int(fields.get(b"content-length", b"0").strip() or 0)
    while len(rest) < min(length, _LONGEST_HEAD):
        data = sock.recv(_AT_ONCE)
        if not data:
            break
        rest += data
    try:
        return " ".join(str(json.loads(rest)["message"]).split())
    except (ValueError, KeyError, TypeError):
        return head.split(b"\r\n", 1)[0].decode("latin-1")
