"""Starts containers that wait for what is to run in them, and end with the process that has started them."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pytest_envrepro.engine import EngineError, ImageNotFoundError
from pytest_envrepro.engines.attaching import attach
from pytest_envrepro.engines.connection import RefusedError
from pytest_envrepro.engines.containers import DockerContainer
from pytest_envrepro.engines.creating import IDLE, creation, name_of, places_of_idle, shown
from pytest_envrepro.engines.looking import Looking
from pytest_envrepro.engines.owners import own
from pytest_envrepro.engines.removing import remove_container

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_envrepro.engines.connection import Connection
    from pytest_envrepro.engines.wires import Wire
    from pytest_envrepro.enginevalues import Order

_MISSING = 404


class Starting:
    """What starts the containers of a session.

    Args:
        session: what they are labelled with.
    """

    def __init__(self, connection: Connection, session: str) -> None:
        self._connection = connection
        self._session = session
        self._idle: set[tuple[str, str | None]] = set()  # Images that have it, each with the PATH of an order.

    def start(self, order: Order, forget: Callable[[DockerContainer], None]) -> DockerContainer:
        """Create a container and start it; what fails leaves none.

        Args:
            forget: is called once it is gone.

        Raises:
            ImageNotFoundError: the image has vanished.
            EngineError: the engine refuses, or this session ends.
        """
        try:
            return self._start(order, forget)
        except RefusedError as error:
            # It may be on another machine though its socket is here: in a container of CI that was given it, or by a tunnel.
            if not any(source in error.said for source in order.binds):
                raise
        return self._start(replace(order, binds={}), forget)

    def _start(self, order: Order, forget: Callable[[DockerContainer], None]) -> DockerContainer:
        self._connection.refuse_cancelled(f"start a container of {shown(order.image)}")
        at = "" if order.ports and self._connection.address.is_remote else "127.0.0.1"
        config = creation(order, own(self._session).labels(keep=order.keep), at=at)
        name = name_of(order.title, uuid4().hex[:8])
        wire: Wire | None = None
        try:
            identity = self._create(order, config, name)
            self._refuse_without_idle(order, identity)
            if not order.keep:
                wire = attach(self._connection, identity)
            with self._connection.asking(f"start a container of {shown(order.image)}") as api:
                api.start(identity)
        except BaseException:
            # By its name: Ctrl-C may have come before the engine's answer.
            with contextlib.suppress(EngineError):
                remove_container(self._connection, name)
            if wire is not None:
                wire.close()
            raise
        return DockerContainer(self._connection, identity, name, order=order, wire=wire, forget=forget)

    def _create(self, order: Order, config: Mapping[str, Any], name: str) -> str:
        doing = f"make a container of {shown(order.image)}"
        try:
            with self._connection.asking(doing) as api:
                return str(api.create_container_from_config(config, name, order.platform)["Id"])
        except RefusedError as error:
            if error.status == _MISSING and "network" not in error.said.lower():
                raise ImageNotFoundError(
                    f"there is no image {shown(order.image)}: it has vanished, or was never here ({error.said})"
                ) from error
            raise

    def _refuse_without_idle(self, order: Order, identity: str) -> None:
        """Look once whether an image has the program that waits: its init is started in any case, and ends at once.

        Raises:
            EngineError: it has none.
        """
        known = order.image, order.environment.get("PATH")
        if known in self._idle:
            return
        with self._connection.asking("look at a container") as api:
            config = api.inspect_container(identity).get("Config") or {}
        places = places_of_idle(config.get("Env") or ())
        if not any(map(Looking(self._connection, identity).exists, places)):
            raise EngineError(
                f"a container of {order.image} cannot be kept running: it has no program {IDLE!r} on its PATH, which is in "
                "coreutils and busybox; start from an image that has it"
            )
        self._idle.add(known)
