"""The connection to an engine, by docker-py: made at its first use, anew after a fork, and with an end to every wait."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_envrepro.engine import CancelledError, EngineError, NoEngineError
from pytest_envrepro.engines.wires import ForeignWire, hijacked
from pytest_envrepro.ping import connection, ping
from pytest_envrepro.requirement import redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_envrepro.endpoints import Candidate
    from pytest_envrepro.engines.wires import Wire

_STEP = 120  # Seconds until an answer to an ordinary question; a busy engine takes long to start a container.
_REFUSED = 400  # The first status that is an error (RFC 9110, 15).
_BY_LIBRARY = ("ssh", "npipe")  # Those that docker-py alone can speak.
_PORTS = {False: 2375, True: 2376}


class GoneError(EngineError):
    """The engine answers no more."""


class RefusedError(EngineError):
    """The engine answers, and does not do it.

    Attributes:
        status: of its answer; said: its words.
    """

    def __init__(self, message: str, status: int, said: str) -> None:
        super().__init__(message)
        self.status = status
        self.said = said


class Connection:
    """The connection to the first engine that answers at one of some places."""

    def __init__(self, places: Sequence[Candidate]) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._api: Any = None
        self._pid = 0
        self._place: Candidate | None = None
        self._streams: dict[int, Any] = {}  # The answers that are still coming.
        self._is_cancelled = False

    @property
    def place(self) -> Candidate:
        """Where the engine is.

        Raises:
            EngineError: none answers.
        """
        if self._place is None:
            self._place = self._find()
        return self._place

    @property
    def api(self) -> Any:
        """docker-py's client; another one in a process that was forked: they must not share what is sent.

        Raises:
            EngineError: no engine answers, or docker-py is not installed.
        """
        if self._pid != os.getpid():
            # A fork may have come while another thread held it.
            self._lock = threading.Lock()
            self._api, self._pid = None, os.getpid()
            self._streams, self._is_cancelled = {}, False
        with self._lock:
            if self._api is None:
                self._api = self._client(self.place)
            return self._api

    def _find(self) -> Candidate:
        """Ask each place in turn.

        Raises:
            EngineError: none answers.
        """
        tried = []
        for place in self._places:
            if urlsplit(place.host).scheme in _BY_LIBRARY:
                return place
            version, why_not = ping(place.host, place.certificates)
            if version is not None:
                return place
            tried.append(f"{_shown(place)}: {why_not}")
        raise NoEngineError(
            f"no container engine answers (tried {'; '.join(tried)}): start Docker or Podman, or set DOCKER_HOST"
        )

    def _client(self, place: Candidate) -> Any:
        try:
            import docker  # noqa: PLC0415  # Takes 0.2 s: is needed for containers alone, and may be absent.
            from docker.errors import DockerException  # noqa: PLC0415  # The same.
            from docker.tls import TLSConfig  # noqa: PLC0415  # The same.
        except ImportError as error:
            raise EngineError(
                f"containers need docker-py, which is not installed ({error}): run pip install 'docker>=7.1'"
            ) from None
        tls: Any = False
        try:
            if place.certificates is not None:
                folder = place.certificates
                pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
                tls = TLSConfig(client_cert=pair, ca_cert=str(folder / "ca.pem"), verify=True)
            client = docker.APIClient(_for_library(place), version="auto", timeout=_STEP, tls=tls)
        except (DockerException, OSError, HTTPException, ValueError) as error:
            raise EngineError(f"the container engine at {_shown(place)} cannot be asked: {_reason(error)}") from error
        client.trust_env = False  # An engine is not asked by way of a proxy for web pages.
        return client

    @contextlib.contextmanager
    def asking(self, doing: str) -> Iterator[Any]:
        """Give docker-py's client, and turn what it raises into our errors.

        Args:
            doing: what is asked for, for the message: `start a container of it`.

        Raises:
            RefusedError: the engine does not do it.
            GoneError: it does not answer any more.
        """
        api = self.api
        from docker.errors import APIError, DockerException  # noqa: PLC0415  # Is there, since the client is.

        try:
            yield api
        except APIError as error:
            said = _one_line(error.explanation) or str(error)
            raise RefusedError(f"the engine cannot {doing}: {said}", error.status_code or 0, said) from error
        except (DockerException, OSError, HTTPException) as error:
            raise GoneError(self._gone(doing, error)) from error

    def _gone(self, doing: str, error: Exception) -> str:
        return (
            f"the engine at {_shown(self.place)} does not answer any more (it was asked to {doing}): {_reason(error)}; "
            "is it still running?"
        )

    def attach(self, container: str) -> Wire:
        """Take hold of the standard input of a container that is not started yet.

        Raises:
            RefusedError, GoneError: as `asking` does.
        """
        if self._is_foreign:
            with self.asking("attach to a container") as api:
                return ForeignWire(api.attach_socket(container, params={"stdin": 1, "stream": 1}))
        return self._hijack(f"/containers/{container}/attach?stdin=1&stream=1", b"", "attach to a container")

    def execute(self, execution: str) -> Wire:
        """Start a program that was prepared (`exec_create`), and give its streams.

        Raises:
            RefusedError, GoneError: as `asking` does.
        """
        if self._is_foreign:
            with self.asking("run a program") as api:
                return ForeignWire(api.exec_start(execution, socket=True))
        return self._hijack(f"/exec/{execution}/start", b'{"Detach": false, "Tty": false}', "run a program")

    @property
    def _is_foreign(self) -> bool:
        return urlsplit(self._address).scheme in _BY_LIBRARY

    def _hijack(self, path: str, body: bytes, doing: str) -> Wire:
        """Ask for something, and keep the connection as a stream in both directions."""
        place, version = self.place, self.api.api_version
        try:
            http = connection(place.host, place.certificates, _STEP)
            try:
                http.connect()
                wire, status, said = hijacked(http.sock, f"/v{version}{path}", body)
            except BaseException:
                http.close()
                raise
        except (OSError, ValueError, HTTPException) as error:
            raise GoneError(self._gone(doing, error)) from error
        if wire is None:
            http.close()
            raise RefusedError(f"the engine cannot {doing}: {said}", status, said)
        return wire

    @contextlib.contextmanager
    def stream(self, method: str, path: str, doing: str, *, idle: float, **more: Any) -> Iterator[Any]:
        """Ask for something whose answer comes bit by bit; leaving the block closes the connection, which cancels it.

        What is raised in the block is not looked at: read by `chunks`.

        Args:
            idle: how long the engine may say nothing, in seconds.
            more: what docker-py's session takes (requests): `params`, `data`, `headers`.

        Raises:
            RefusedError, GoneError: as `asking` does.
            CancelledError: it is cancelled.
        """
        self.refuse_cancelled(doing)
        with self.asking(doing) as api:
            url = f"{api.base_url}/v{api.api_version}{path}"
            answer = api.request(method, url, stream=True, timeout=(_STEP, idle), **more)
        with contextlib.closing(answer):
            self._streams[id(answer)] = answer
            try:
                self.refuse_cancelled(doing)
                self.refuse_errors(answer, doing)
                yield answer
            finally:
                self._streams.pop(id(answer), None)

    def chunks(self, answer: Any, doing: str, size: int | None = None) -> Iterator[bytes]:
        """Give an answer bit by bit.

        Args:
            size: of a bit, in bytes; None for what comes.

        Raises:
            GoneError: the engine ends half-way.
            CancelledError: it is cancelled meanwhile.
        """
        bits = answer.iter_content(size)
        while True:
            try:
                with self.asking(doing):
                    bit = next(bits, None)
            except GoneError:
                self.refuse_cancelled(doing)
                raise
            self.refuse_cancelled(doing)
            if bit is None:
                return
            yield bit

    def cancel(self) -> None:
        """End all answers that are still coming, whichever threads take them, and let no further one begin."""
        self._is_cancelled = True
        for answer in tuple(self._streams.values()):
            _hang_up(answer)

    def refuse_cancelled(self, doing: str) -> None:
        """Refuse what would take long, once that is not wanted any more.

        Raises:
            CancelledError: it is not.
        """
        if self._is_cancelled:
            raise CancelledError(f"this session ends, so the engine is not to {doing} any more")

    def refuse_errors(self, answer: Any, doing: str) -> None:
        """Turn an answer that is an error into one of ours.

        Raises:
            RefusedError: it is one.
        """
        if answer.status_code >= _REFUSED:
            with self.asking(doing):
                said = _message(answer)
            raise RefusedError(f"the engine cannot {doing}: {said}", answer.status_code, said)

    @property
    def is_remote(self) -> bool:
        """Whether the engine may run on another machine."""
        return urlsplit(self._address).scheme not in {"unix", "npipe"}

    @property
    def hostname(self) -> str:
        """The name of the engine's machine, as seen from here."""
        return (urlsplit(self._address).hostname if self.is_remote else None) or "127.0.0.1"

    @property
    def variables(self) -> dict[str, str]:
        """What a command for Docker is given, so that it asks the same engine."""
        folder = self.place.certificates
        tls = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)} if folder is not None else {}
        return {"DOCKER_HOST": self._address, **tls}

    @property
    def shown(self) -> str:
        """Where the engine is, for people."""
        return redact(self.place.host)

    @property
    def _address(self) -> str:
        return self.place.host if "://" in self.place.host else f"tcp://{self.place.host}"

    def close(self) -> None:
        """Close the connections of this process."""
        if self._api is not None and self._pid == os.getpid():
            self._api.close()
            self._api = None


def _hang_up(answer: Any) -> None:
    """Close the socket of an answer under the thread that waits for it: to close the answer would wait for that one."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # It has come to its end.
        # As docker-py finds it; urllib3 has a way of its own since 2.3 only.
        raw = answer.raw._fp.fp.raw  # noqa: SLF001  # The same.
        getattr(raw, "_sock", raw).shutdown(socket.SHUT_RDWR)


def _message(answer: Any) -> str:
    """Give the words of an answer that is an error."""
    try:
        return _one_line(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"it answers {answer.status_code} {answer.reason}"


def _one_line(words: object) -> str:
    return " ".join(str(words or "").split())


def _for_library(place: Candidate) -> str:
    """Write an address as docker-py wants it: with a port."""
    parts = urlsplit(place.host if "://" in place.host else f"tcp://{place.host}")
    if parts.scheme in {"tcp", "http", "https"} and parts.port is None:
        return f"{parts.scheme}://{parts.hostname}:{_PORTS[place.certificates is not None or parts.scheme == 'https']}"
    return parts.geturl()


def _shown(place: Candidate) -> str:
    return redact(place.host) + (f" ({place.said_by})" if place.said_by else "")


def _reason(error: BaseException) -> str:
    """Give the cause at the bottom, which says more than what libraries have wrapped it in."""
    seen = error
    while (deeper := seen.__cause__ or seen.__context__) is not None:
        seen = deeper
    text = (seen.strerror if isinstance(seen, OSError) else None) or _one_line(seen) or type(seen).__name__
    return text[:1].lower() + text[1:]
