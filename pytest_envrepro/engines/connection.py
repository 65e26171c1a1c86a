"""The connection to an engine, by docker-py: made at its first use, anew after a fork, and with an end to every wait."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from pytest_envrepro.buildhints import room
from pytest_envrepro.engine import CancelledError, EngineError, GoneError
from pytest_envrepro.engines.addresses import first_answering
from pytest_envrepro.engines.clients import STEP, client_at, reason
from pytest_envrepro.engines.messages import one_line, words_of
from pytest_envrepro.ping import ping

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_envrepro.endpoints import Candidate
    from pytest_envrepro.engines.addresses import Address

_REFUSED = 400  # The first status that is an error (RFC 9110, 15).


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
        self._address: Address | None = None
        self._streams: dict[int, Any] = {}  # The answers that are still coming.
        self._is_cancelled = False
        self._is_gone = False  # As far as is known.

    @property
    def address(self) -> Address:
        """Where the engine is.

        Raises:
            EngineError: none answers.
        """
        if self._address is None:
            self._address = first_answering(self._places)
        return self._address

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
                self._api = client_at(self.address)
            return self._api

    @contextlib.contextmanager
    def asking(self, doing: str) -> Iterator[Any]:
        """Give docker-py's client, and turn what it raises into our errors.

        Args:
            doing: what is asked for, for the message: `start a container of it`.

        Raises:
            RefusedError: the engine does not do it.
            GoneError: it does not answer any more.
        """
        self.refuse_gone(doing)
        api = self.api
        from docker.errors import APIError, DockerException  # noqa: PLC0415  # Is there, since the client is.

        try:
            yield api
        except APIError as error:
            said = one_line(error.explanation) or str(error)
            raise RefusedError(refusal(doing, said), error.status_code or 0, said) from error
        except (DockerException, OSError, HTTPException) as error:
            raise self.gone(doing, reason(error)) from error

    def refuse_gone(self, doing: str) -> None:
        """Look whether an engine that was gone has come back, before anything is asked of it.

        docker-py waits longer, and leaves a socket open where it cannot connect (7.2, `UnixHTTPConnection.connect`).

        Raises:
            GoneError: it has not.
        """
        if self._is_gone and not self.address.is_for_library:
            version, why_not = ping(self.address.host, self.address.certificates)
            if version is None:
                raise self.gone(doing, why_not)
            self._is_gone = False

    def gone(self, doing: str, why: str) -> GoneError:
        """Give the error of an engine that does not answer, and note that it does not."""
        self._is_gone = True
        return GoneError(
            f"the engine at {self.address.told} does not answer any more (it was asked to {doing}): {why}; "
            "is it still running?"
        )

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
            answer = api.request(method, url, stream=True, timeout=(STEP, idle), **more)
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
                said = words_of(answer)
            raise RefusedError(refusal(doing, said), answer.status_code, said)

    def close(self) -> None:
        """Close the connections of this process."""
        if self._api is not None and self._pid == os.getpid():
            self._api.close()
            self._api = None


def refusal(doing: str, said: str) -> str:
    """Say that an engine does not do something, in its own words."""
    return f"the engine cannot {doing}: {said}{room(said)}"


def _hang_up(answer: Any) -> None:
    """Close the socket of an answer under the thread that waits for it: to close the answer would wait for that one."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # It has come to its end.
        # As docker-py finds it; urllib3 has a way of its own since 2.3 only.
        raw = answer.raw._fp.fp.raw  # noqa: SLF001  # The same.
        getattr(raw, "_sock", raw).shutdown(socket.SHUT_RDWR)
