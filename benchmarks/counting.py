"""Counts what an engine is asked: a socket of our own, which passes everything on to the engine's."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_AT_ONCE = 1 << 16  # Bytes.
# A question begins a message of its own: no client sends the next one before it has its answer.
_QUESTION = re.compile(rb"[A-Z]+ /\S* HTTP/1\.1\r\n")


class Counter:
    """How many questions there were."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self.total = 0

    def see(self, data: bytes) -> None:
        """Look at what was sent at once."""
        if _QUESTION.match(data):
            with self._guard:
                self.total += 1


@contextlib.contextmanager
def counted(engine: str, place: Path) -> Iterator[Counter]:
    """Listen at a place for as long as the block lasts.

    Args:
        engine: the path of the engine's socket.
        place: the path of ours.
    """
    counter = Counter()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place))
    listener.listen(64)
    threading.Thread(target=_serve, args=(listener, engine, counter), daemon=True).start()
    try:
        yield counter
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        place.unlink()


def _serve(listener: socket.socket, engine: str, counter: Counter) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # It was closed.
            return
        behind = socket.socket(socket.AF_UNIX)
        behind.connect(engine)
        threading.Thread(target=_pass, args=(client, behind, counter), daemon=True).start()
        threading.Thread(target=_pass, args=(behind, client, None), daemon=True).start()


def _pass(source: socket.socket, target: socket.socket, counter: Counter | None) -> None:
    """Pass on what one side says, and that it says no more: streams to programs are closed one side at a time."""
    with contextlib.suppress(OSError):  # The other side was first.
        while data := source.recv(_AT_ONCE):
            if counter is not None:
                counter.see(data)
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
