"""The built-in `docker-engine`: where it is looked for, and what counts as an answer."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.endpoints import Candidate, candidates
from pytest_envrepro.ping import ping

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from integrations.cataloguing import Shop

pytestmark = pytest.mark.core

DOCKER = {"Api-Version": "1.45", "Server": "Docker/26.1.0 (linux)"}
PODMAN = {"Api-Version": "1.41", "Server": "Libpod/4.9.3 (linux)"}


@contextlib.contextmanager
def engine(headers: dict[str, str], path: Path | None = None, status: int = 200) -> Iterator[str]:
    """Answer pings as an engine does, on a Unix socket or a port; gives the host."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status if self.path == "/_ping" else 404)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"OK")

        def address_string(self) -> str:
            return ""

        def log_message(self, *_: Any) -> None:
            pass

    class Server(HTTPServer):
        address_family = socket.AF_INET if path is None else socket.AF_UNIX

        def server_bind(self) -> None:
            self.socket.bind(self.server_address)
            self.server_address = self.socket.getsockname()

    address: Any = ("127.0.0.1", 0) if path is None else str(path)
    with Server(address, Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.server_address[1]}" if path is None else f"unix://{path}"
        finally:
            server.shutdown()
            thread.join()


def test_socket(shop: Shop, tmp_path: Path) -> None:
    """An engine on a Unix socket: rootless Docker's, by XDG_RUNTIME_DIR."""
    shop.environ["XDG_RUNTIME_DIR"] = str(tmp_path)
    with engine(DOCKER, tmp_path / "docker.sock") as host:
        shop.environ["DOCKER_HOST"] = host
        by_variable = shop.catalogue.check("docker-engine")
        found = ping(host)

    assert found == ("Docker/26.1.0", "")
    assert by_variable.status == "met"
    assert by_variable.needs[0].sentence == f"a Docker engine is Docker/26.1.0 at {host} (DOCKER_HOST)"
    assert by_variable.needs[0].found == "Docker/26.1.0"


def test_port(shop: Shop) -> None:
    """An engine on another host: Podman's answers in the same way."""
    with engine(PODMAN) as host:
        shop.environ["DOCKER_HOST"] = host

        assert shop.catalogue.check("docker-engine").needs[0].found == "Libpod/4.9.3"


def test_none(shop: Shop) -> None:
    """What was tried is told, with why it failed and who named it."""
    shop.environ["DOCKER_HOST"] = f"unix://{shop.root}/nothing.sock"

    (need,) = shop.catalogue.check("docker-engine").needs

    assert need.sentence == (
        f"a Docker engine is not reachable (tried unix://{shop.root}/nothing.sock (DOCKER_HOST): no such file or directory)"
    )
    assert need.fix == "start the engine there or correct DOCKER_HOST (without it the usual sockets are asked)"
    assert not need.met


def test_no_such_context(shop: Shop) -> None:
    """A context that is not there, and so names no host, is told by its name, with how others are found."""
    folder = shop.root / "config"
    shop.environ |= {"DOCKER_CONTEXT": "nowhere", "DOCKER_CONFIG": str(folder)}
    shop.environ.pop("DOCKER_HOST", None)

    (need,) = shop.catalogue.check("docker-engine").needs

    assert need.sentence == (
        f"a Docker engine is not reachable (tried the context 'nowhere', which is not in {folder}/contexts: names no host)"
    )
    assert need.fix == "start the engine there or choose another context (docker context ls lists them)"


def test_nobody_names_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody names one, and none answers, one is to be started."""
    monkeypatch.setattr("pytest_envrepro.ping.ping", lambda *_: (None, "no such file or directory"))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        shop.environ.pop(name, None)
    shop.environ["DOCKER_CONFIG"] = str(shop.root / "config")

    assert shop.catalogue.check("docker-engine").needs[0].fix == "start Docker or Podman, or set DOCKER_HOST"


def test_no_secret(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password in DOCKER_HOST is told nowhere; an engine by ssh takes what docker-py does not bring."""
    monkeypatch.setitem(sys.modules, "paramiko", None)
    shop.environ["DOCKER_HOST"] = "ssh://me:secret@example.org"

    assert shop.catalogue.check("docker-engine").needs[0].sentence == (
        "a Docker engine is not reachable "
        "(tried ssh://****@example.org (DOCKER_HOST): ssh:// takes paramiko, which is not installed: "
        "run pip install 'docker[ssh]')"
    )


def test_something_else() -> None:
    """What answers otherwise is no engine."""
    with engine({"Server": "nginx"}) as host:
        assert ping(host) == (None, "what answers there is no Docker engine")
    with engine(DOCKER, status=503) as host:
        assert ping(host) == (None, "answers 503 Service Unavailable")


def test_silence() -> None:
    """What takes a connection and says nothing is waited for two seconds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert ping(f"tcp://127.0.0.1:{server.getsockname()[1]}") == (None, "no answer within 2 seconds")


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("", "names no host"),
        ("npipe:////./pipe/docker_engine", "npipe:// cannot be asked without the docker command"),
        ("tcp://127.0.0.1:1", "connection refused"),
        ("127.0.0.1:1", "connection refused"),
        ("tcp://127.0.0.1:no", "port could not be cast to integer value as 'no'"),
    ],
)
def test_wrong_hosts(host: str, why: str) -> None:
    """What cannot be asked is a reason, and never a traceback."""
    assert ping(host) == (None, why)


def test_certificates(tmp_path: Path) -> None:
    """Certificates that are not there are the reason."""
    assert ping("tcp://127.0.0.1:1", tmp_path) == (None, "no such file or directory")


def test_variable_before_all(tmp_path: Path) -> None:
    """Who names an engine means no other; with TLS where DOCKER_TLS_VERIFY says so."""
    (tmp_path / "config.json").write_text('{"currentContext": "far"}')
    environ = {"DOCKER_HOST": "tcp://a:2376", "DOCKER_CONFIG": str(tmp_path)}

    assert candidates(environ) == (Candidate("tcp://a:2376", "DOCKER_HOST"),)
    assert candidates({**environ, "DOCKER_TLS_VERIFY": "1"})[0].certificates == tmp_path
    given = {**environ, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"}
    assert str(candidates(given)[0].certificates) == "/certs"


def test_context(tmp_path: Path) -> None:
    """The current context, by the configuration or by DOCKER_CONTEXT, as the docker command keeps it."""
    for name in ("far", "near"):
        digest = hashlib.sha256(name.encode()).hexdigest()
        folder = tmp_path / "contexts" / "meta" / digest
        folder.mkdir(parents=True)
        meta = {"Name": name, "Endpoints": {"docker": {"Host": f"tcp://{name}:2376", "SkipTLSVerify": False}}}
        (folder / "meta.json").write_text(json.dumps(meta))
    (tmp_path / "config.json").write_text('{"currentContext": "far"}')
    certificates = tmp_path / "contexts" / "tls" / hashlib.sha256(b"far").hexdigest() / "docker"
    certificates.mkdir(parents=True)
    environ = {"DOCKER_CONFIG": str(tmp_path)}

    assert candidates(environ) == (Candidate("tcp://far:2376", "the context 'far'", certificates),)
    assert candidates({**environ, "DOCKER_CONTEXT": "near"}) == (Candidate("tcp://near:2376", "the context 'near'"),)
    assert candidates({**environ, "DOCKER_CONTEXT": "gone"}) == (
        Candidate("", f"the context 'gone', which is not in {tmp_path / 'contexts'}"),
    )


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"currentContext": 1}', '{"currentContext": "default"}'])
def test_defaults(tmp_path: Path, content: str) -> None:
    """Without either, the sockets of Docker, of its rootless mode, of Docker Desktop and of Podman, in that order."""
    (tmp_path / "config.json").write_text(content)
    environ = {"DOCKER_CONFIG": str(tmp_path), "HOME": "/home/me", "XDG_RUNTIME_DIR": "/run/user/7"}

    assert [candidate.host.removeprefix("unix://") for candidate in candidates(environ)] == [
        "/var/run/docker.sock",
        "/run/user/7/docker.sock",
        "/home/me/.docker/run/docker.sock",
        "/home/me/.docker/desktop/docker.sock",
        "/run/user/7/podman/podman.sock",
        "/run/podman/podman.sock",
    ]
