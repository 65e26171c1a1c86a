"""Removes what an engine has of containers, networks and volumes: somebody else may be doing so at the same time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from pytest_envrepro.engines.connection import RefusedError

if TYPE_CHECKING:
    from pytest_envrepro.engines.connection import Connection

GONE = (404, 409)  # No such container; it does not run, or is being removed.
_AT_WORK = 409
_LONGEST = 15.0  # Seconds that somebody else may take to remove a container.


def remove_container(connection: Connection, identity: str) -> bool:
    """End a container and remove it with its volumes; tell whether it was there."""
    try:
        with connection.asking("remove a container") as api:
            api.remove_container(identity, force=True, v=True)
    except RefusedError as error:
        if error.status not in GONE:
            raise
        if error.status == _AT_WORK:  # Somebody else removes it at this moment.
            _wait_until_removed(connection, identity)
        return False
    return True


def _wait_until_removed(connection: Connection, identity: str) -> None:
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until:
        try:
            with connection.asking("tell whether a container is there") as api:
                api.inspect_container(identity)
        except RefusedError:
            return
        time.sleep(0.02)


def remove_network(connection: Connection, identity: str) -> bool:
    """Remove a network; tell whether it is gone by that. One that is still used stays."""
    return _remove(connection, f"/networks/{identity}")


def remove_volume(connection: Connection, name: str) -> bool:
    """Remove a volume; tell whether it is gone by that. One that is still used stays."""
    return _remove(connection, f"/volumes/{quote(name, safe='')}")


def _remove(connection: Connection, path: str) -> bool:
    with connection.asking("remove a network or a volume") as api:
        answer = api.delete(f"{api.base_url}/v{api.api_version}{path}", timeout=api.timeout)
    try:
        connection.refuse_errors(answer, "remove a network or a volume")
    except RefusedError:
        return False
    return True
