"""Asks an engine whether it is there: `GET /_ping` over its socket, without any library of Docker's but for one by ssh."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from pathlib import Path

_TIMEOUT = 2.0  # Seconds.
_TIMEOUT_BY_SSH = 20  # The same of one by ssh, which begins with keys and who one is.
_SSH = "ssh"
PORTS = {False: 2375, True: 2376}  # Without TLS, and with it.
_OK = 200


def ping(host: str, certificates: Path | None = None) -> tuple[str | None, str]:
    """Ask the engine at a host.

    Args:
        host: as in DOCKER_HOST: `unix://`, `tcp://`, `http://`, `https://` or `ssh://`.
        certificates: the folder of `ca.pem`, `cert.pem` and `key.pem`, where it speaks TLS.

    Returns:
        what the engine calls itself (`Docker/24.0.7`), or None; and why it did not answer.
    """
    if urlsplit(host).scheme == _SSH:
        return _ping_by_ssh(host)
    try:
        asked = connection(host, certificates)
    except (OSError, ValueError) as error:
        return None, _words(error)
    try:
        asked.request("GET", "/_ping", headers={"Host": "localhost"})
        answer = asked.getresponse()
        answer.read(64)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return None, _words(error)
    finally:
        asked.close()
    if answer.status != _OK:
        return None, f"answers {answer.status} {answer.reason}"
    if not (answer.getheader("Api-Version") or answer.getheader("Docker-Experimental")):
        return None, "what answers there is no Docker engine"
    return (answer.getheader("Server") or "Docker").partition(" ")[0], ""


def lacking_for(host: str) -> str:
    """Say what is to be installed before the engine at a host can be asked; empty where nothing is."""
    if urlsplit(host).scheme != _SSH or find_spec("paramiko") is not None:
        return ""
    return "ssh:// takes paramiko, which is not installed: run pip install 'docker[ssh]'"


def _ping_by_ssh(host: str) -> tuple[str | None, str]:
    """Ask by docker-py, which knows how to be let in there; it has no limit of its own for that."""
    lacking = lacking_for(host)
    if lacking:
        return None, lacking
    answers: list[tuple[str | None, str]] = []

    def ask() -> None:
        try:
            import docker  # noqa: PLC0415  # Takes 0.2 s: is needed for an engine by ssh alone, and may be absent.

            client = docker.APIClient(host, version="auto", timeout=_TIMEOUT_BY_SSH)
            try:
                answers.append((f"Docker/{client.version()['Version']}", ""))
            finally:
                client.close()
        except Exception as error:  # noqa: BLE001  # Those of paramiko and of docker-py have nothing in common.
            answers.append((None, _words(error)))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_TIMEOUT_BY_SSH)
    return next(iter(answers), (None, f"no answer within {_TIMEOUT_BY_SSH} seconds"))


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(getattr(socket, "AF_UNIX"), socket.SOCK_STREAM)  # noqa: B009  # Windows has none.
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def connection(host: str, certificates: Path | None = None, timeout: float = _TIMEOUT) -> http.client.HTTPConnection:
    """Make a connection to the engine at a host, which is opened at its first use.

    Args:
        host, certificates: as of `ping`.
        timeout: how long a step of it may take, in seconds.

    Raises:
        ValueError: the host cannot be asked in this way, with the reason.
        OSError: the certificates cannot be read.
    """
    parts = urlsplit(host if "://" in host else f"tcp://{host}")
    if parts.scheme == "unix" and hasattr(socket, "AF_UNIX"):
        return _UnixConnection(unquote(parts.path), timeout)
    if not host or parts.scheme not in {"tcp", "http", "https"}:
        raise ValueError(f"{parts.scheme}:// cannot be asked without the docker command" if host else "names no host")
    name = parts.hostname or "localhost"
    if certificates is None and parts.scheme != "https":
        return http.client.HTTPConnection(name, parts.port or PORTS[False], timeout=timeout)
    context = ssl.create_default_context()
    if certificates is not None:
        context.load_verify_locations(certificates / "ca.pem")
        context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    return http.client.HTTPSConnection(name, parts.port or PORTS[True], timeout=timeout, context=context)


def _words(error: Exception) -> str:
    """Say in lower case what went wrong: `no such file or directory`."""
    if isinstance(error, TimeoutError):
        return f"no answer within {_TIMEOUT:.0f} seconds"
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return text[:1].lower() + text[1:]
