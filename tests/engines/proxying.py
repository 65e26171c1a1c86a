"""A way to the engine that can be cut."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING

from pytest_envrepro.endpoints import candidates

if TYPE_CHECKING:
    from pathlib import Path


class Proxy:
    """Forwards what comes at a socket of its own to the engine's, until it is cut."""

    def __init__(self, path: Path) -> None:
        self.address = f"unix://{path}"
        self._engine = candidates(os.environ)[0].host.removeprefix("unix://")
        self._sockets: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._is_cut = threading.Event()
        self._lock = threading.Lock()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self._is_cut.is_set():
            try:
                here, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                if self._is_cut.is_set():
                    here.close()
                    return
                there = socket.socket(socket.AF_UNIX)
                there.connect(self._engine)
                self._sockets += [here, there]
            for one, other in ((here, there), (there, here)):
                threading.Thread(target=self._forward, args=(one, other), daemon=True).start()

    @staticmethod
    def _forward(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """Close all that is open, and take nothing new."""
        with self._lock:
            self._is_cut.set()
            for each in (self._server, *self._sockets):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
