"""Takes hold of the streams of a container or of a program in it: a connection of HTTP that goes on in both directions."""

from __future__ import annotations

from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from pytest_envrepro.engines.clients import STEP, reason
from pytest_envrepro.engines.connection import RefusedError, refusal
from pytest_envrepro.engines.wires import ForeignWire, hijacked
from pytest_envrepro.ping import connection as opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_envrepro.engines.connection import Connection
    from pytest_envrepro.engines.wires import Wire


def attach(connection: Connection, container: str) -> Wire:
    """Take hold of the standard input of a container that is not started yet.

    Raises:
        RefusedError, GoneError: as `Connection.asking` does.
    """
    return _wire(
        *(connection, "attach to a container"),
        by_library=lambda api: api.attach_socket(container, params={"stdin": 1, "stream": 1}),
        path=f"/containers/{container}/attach?stdin=1&stream=1",
    )


def execute(connection: Connection, execution: str) -> Wire:
    """Start a program that was prepared (`exec_create`), and give its streams.

    Raises:
        RefusedError, GoneError: as `Connection.asking` does.
    """
    return _wire(
        *(connection, "run a program"),
        by_library=lambda api: api.exec_start(execution, socket=True),
        path=f"/exec/{execution}/start",
        body=b'{"Detach": false, "Tty": false}',
    )


def _wire(
    connection: Connection, doing: str, *, by_library: Callable[[Any], Any], path: str, body: bytes = b""
) -> Wire:
    """Ask for something whose connection becomes a stream.

    Args:
        by_library: asks docker-py for it, where the engine can be reached by that alone.
        path: what it is asked at else, with a body.
    """
    if connection.address.is_for_library:
        with connection.asking(doing) as api:
            return ForeignWire(by_library(api))
    return _hijack(connection, path, body, doing)


def _hijack(connection: Connection, path: str, body: bytes, doing: str) -> Wire:
    """Ask for something over a connection of its own, and keep that as a stream."""
    connection.refuse_gone(doing)
    address, version = connection.address, connection.api.api_version
    try:
        http = opened(address.host, address.certificates, STEP)
        try:
            http.connect()
            wire, status, said = hijacked(http.sock, f"/v{version}{path}", body)
        except BaseException:
            http.close()
            raise
    except (OSError, ValueError, HTTPException) as error:
        raise connection.gone(doing, reason(error)) from error
    if wire is None:
        http.close()
        raise RefusedError(refusal(doing, said), status, said)
    return wire
