"""Removes what an engine has of containers, networks and volumes: somebody else may be doing so at the same time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from pytest_envrepro.engine import SILENT
from pytest_envrepro.engines.connection import RefusedError
from pytest_envrepro.tidying import Tidying

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_envrepro.engines.connection import Connection

GONE = (404, 409)  # No such container; it does not run, or is being removed.
_AT_WORK = 409
_LONGEST = 15.0  # Seconds that somebody else may take to remove a container.


class Removing:
    """Removes several things: what the engine refuses to remove keeps back none of the others.

    An engine that does not answer ends it at once.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tidying = Tidying()
        self._gone = 0

    def containers(self, identities: Iterable[str]) -> None:
        """Remove containers with their volumes."""
        self.each(remove_container, identities)

    def networks(self, identities: Iterable[str]) -> None:
        """Remove networks that nothing uses."""
        self.each(remove_network, identities)

    def volumes(self, names: Iterable[str]) -> None:
        """Remove volumes that nothing uses."""
        self.each(remove_volume, names)

    def each(self, remove: Callable[[Connection, str], int], names: Iterable[str]) -> None:
        """Remove things, each by a function that says how many of them have gone."""
        for name in names:
            with self._tidying.step(SILENT):
                self._gone += remove(self._connection, name)

    def end(self) -> int:
        """Say how many have gone.

        Raises:
            EngineError: the first that could not be removed.
        """
        self._tidying.end()
        return self._gone


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
