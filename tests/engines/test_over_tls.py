"""An engine that is asked over TLS: what it can be asked, and what is refused before anything of it has begun."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.endpoints import candidates
from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines import connect
from pytest_envrepro.enginevalues import Order

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.requires_integration("docker-engine"),
    pytest.mark.requires_tools("openssl"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # As in `test_connection`.
]


def _forward(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
        other.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, context: ssl.SSLContext, opened: list[socket.socket]) -> None:
    engine = candidates(os.environ)[0].host.removeprefix("unix://")
    with contextlib.suppress(OSError):
        while True:
            here, there = context.wrap_socket(server.accept()[0], server_side=True), socket.socket(socket.AF_UNIX)
            opened += [here, there]
            there.connect(engine)
            for pair in ((here, there), (there, here)):
                threading.Thread(target=_forward, args=pair, daemon=True).start()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Give where the engine answers over TLS; the certificates are those of the folder."""
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "ca.pem").write_bytes((tmp_path / "cert.pem").read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    opened: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        serving = threading.Thread(target=_serve, args=(server, context, opened), daemon=True)
        serving.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        serving.join()
    for each in opened:
        each.close()


def test_input(address: str, tmp_path: Path, base_image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program runs; one that is to be given input, whose end could not be told, is not started at all."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # What docker-py builds on takes these before `ca.pem`.
        monkeypatch.delenv(name, raising=False)
    engine = connect({"DOCKER_HOST": address, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)})
    box = engine.start(Order(image=base_image, title="tls", network="none"))

    assert box.run(["echo", "it"]).stdout == b"it\n"
    with pytest.raises(EngineError, match=r"^over TLS a program in a container cannot be given standard input: "):
        box.run(["sh", "-c", "touch /was-started; cat"], input=b"it")
    box.run(["sleep", "1"])  # Nobody waits for it, if it was started.
    with pytest.raises(EngineError, match=r"^there is no /was-started in the container$"):
        box.read("/was-started")
    engine.close()
