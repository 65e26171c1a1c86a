"""A way to the engine that can be cut, and that can answer in the engine's place."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.endpoints import candidates

if TYPE_CHECKING:
    from pathlib import Path


BEHIND_A_PROXY = [
    pytest.mark.requires_integration("docker-engine"),
    pytest.mark.skipif(os.name == "nt", reason="sockets of Unix"),
    # docker-py leaves a socket open where it cannot connect (7.2, `UnixHTTPConnection.connect`).
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
# A question begins a message of its own: no client sends the next one before it has its answer.
_QUESTION = re.compile(rb"([A-Z]+ /\S*) HTTP/1\.1\r\n")


def _nowhere(folder: bytes) -> bytes:
    """Give a path as long that no machine has."""
    return b"/nowhere".ljust(len(folder), b"-")


class Proxy:
    """Forwards what comes at a socket of its own to the engine's, until it is cut."""

    def __init__(self, path: Path, engine: str | None = None) -> None:
        self._path = path
        self.address = f"unix://{path}"
        self._engine = engine or candidates(os.environ)[0].host.removeprefix("unix://")
        self._sockets: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._is_cut = threading.Event()
        self._cutting: tuple[re.Pattern[str], float] | None = None
        self._answers: list[tuple[re.Pattern[str], bytes]] = []
        self._folders: list[bytes] = []
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
            threading.Thread(target=self._ask, args=(here, there), daemon=True).start()
            threading.Thread(target=self._forward, args=(there, here), daemon=True).start()

    def again(self) -> Proxy:
        """Give another one at the same place, after this one was cut: the engine has come back."""
        self._path.unlink()
        return Proxy(self._path, self._engine)

    def cut_at(self, question: str, *, after: float = 0.0) -> None:
        r"""Be cut when something is asked, before the engine hears of it, or some seconds after it has.

        Args:
            question: a regular expression: `POST /v[\d.]+/build`.
        """
        self._cutting = re.compile(question), after

    def move(self, folder: Path) -> None:
        """Let the engine be on a machine that does not have a folder, when it is to bind that."""
        self._folders.append(str(folder).encode())

    def refuse(self, question: str, words: str) -> None:
        """Answer a question as an engine does that fails."""
        body = json.dumps({"message": words}).encode()
        head = f"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self._answers.append((re.compile(question), head.encode() + b"\r\nConnection: close\r\n\r\n" + body))

    def _ask(self, here: socket.socket, there: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := here.recv(1 << 16):
                found = _QUESTION.match(data)
                question = found[1].decode() if found else ""
                answer = next((each for pattern, each in self._answers if pattern.search(question)), None)
                if answer is not None:
                    self._answer(here, answer)
                    return
                if self._cutting is not None and self._cutting[0].search(question):
                    if not self._cutting[1]:
                        self.cut()
                        return
                    threading.Timer(self._cutting[1], self.cut).start()
                there.sendall(self._as_there(data))
            there.shutdown(socket.SHUT_WR)

    @staticmethod
    def _answer(here: socket.socket, answer: bytes) -> None:
        """Answer, and take what still comes: who sends an archive looks at the answer when all of it is sent."""
        here.sendall(answer)
        here.shutdown(socket.SHUT_WR)
        while here.recv(1 << 16):
            pass

    def _as_there(self, data: bytes) -> bytes:
        for folder in self._folders:  # No length changes.
            data = data.replace(b'"Source": "%b"' % folder, b'"Source": "%b"' % _nowhere(folder))
        return data

    def _forward(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                for folder in self._folders:
                    data = data.replace(_nowhere(folder), folder)  # As we call it.
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
