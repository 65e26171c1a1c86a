"""A running container: programs in it, files in it, and its end."""

from __future__ import annotations

import os
import posixpath
import weakref
from functools import partial
from typing import TYPE_CHECKING

from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines.about import About
from pytest_envrepro.engines.connection import RefusedError
from pytest_envrepro.engines.creating import is_ours, repository_and_tag
from pytest_envrepro.engines.filing import Filing
from pytest_envrepro.engines.owners import own
from pytest_envrepro.engines.programs import Command, Programs
from pytest_envrepro.engines.removing import GONE, remove_container
from pytest_envrepro.enginevalues import OWN, Changed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from typing_extensions import Unpack

    from pytest_envrepro.engines.connection import Connection
    from pytest_envrepro.engines.talking import Talk
    from pytest_envrepro.engines.wires import Wire
    from pytest_envrepro.enginevalues import Executed, Order, Running

_HOW = {0: "modified", 1: "added", 2: "deleted"}  # Engine API 1.41, ContainerChanges.

_HELD: weakref.WeakSet[DockerContainer] = weakref.WeakSet()


class DockerContainer:
    """A container that this process has started.

    Args:
        wire: holds it: it ends when that is closed, as at the end of this process. None for one that stays.
        forget: is called once it is gone.
    """

    def __init__(
        self,
        connection: Connection,
        identity: str,
        name: str,
        *,
        order: Order,
        wire: Wire | None,
        forget: Callable[[DockerContainer], None],
    ) -> None:
        self._about = About(connection=connection, id=identity, name=name)
        self._order = order
        self._wire = wire
        self._forget = forget
        self._pid = os.getpid()
        self._programs = Programs(self._about, self.end)
        self._filing = Filing(connection, identity, partial(self.run, user="0"))
        _HELD.add(self)

    @property
    def id(self) -> str:
        """Its id."""
        return self._about.id

    @property
    def name(self) -> str:
        """Its name."""
        return self._about.name

    @property
    def order(self) -> Order:
        """What it was ordered as."""
        return self._order

    def run(self, argv: Sequence[str], **how: Unpack[Running]) -> Executed:
        """Run a program, with the words as they are and no shell, and wait for its end."""
        return self._programs.run(Command(argv, **how))

    def converse(self, argv: Sequence[str]) -> Talk:
        """Start a program that is talked with."""
        return self._programs.converse(Command(argv))

    def read(self, path: str) -> bytes:
        """Give a file."""
        with self._about.finding():
            return self._filing.read(path)

    def fetch(self, path: str, folder: Path) -> dict[str, str]:
        """Copy a file or a folder, with all in it, into a folder of this machine."""
        with self._about.finding():
            return self._filing.fetch(path, folder)

    def write(self, path: str, data: bytes | str, *, mode: int = 0o644, owner: str | None = None) -> None:
        """Write a file."""
        content = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        with self._about.finding():
            self._filing.write(path, content, mode=mode, owner=owner)

    def changes(self) -> tuple[Changed, ...]:
        """Say what is not as it is in the image, sorted by path."""
        with self._about.asking("tell what has changed in a container") as api:
            found = api.diff(self._about.id) or ()
        said = {each["Path"]: _HOW.get(each["Kind"], "modified") for each in found}
        ours = {path for path in said if is_ours(path, self._order)}
        # Folders on the way there are told as changed, whatever has changed in them.
        on_the_way = {posixpath.dirname(path) for path in ours}
        for path in tuple(on_the_way):
            while (path := posixpath.dirname(path)) not in on_the_way:  # Up to the root.
                on_the_way.add(path)
        return tuple(Changed(path, how) for path, how in sorted(said.items()) if path not in ours | on_the_way)

    def logs(self) -> str:
        """Give what its first program has written."""
        with self._about.asking("give a container's log") as api:
            return bytes(api.logs(self._about.id, stdout=True, stderr=True)).decode("utf-8", "replace")

    def address(self, port: int) -> tuple[str, int]:
        """Give where a port of it is reached from this machine."""
        with self._about.asking("tell where a container is reached") as api:
            networks = api.inspect_container(self._about.id)["NetworkSettings"]
        published = (networks.get("Ports") or {}).get(f"{port}/tcp") or ()
        for each in published:
            return self._about.connection.address.hostname, int(each["HostPort"])
        if self._order.network == "host":
            return self._about.connection.address.hostname, port
        addresses = [networks.get("IPAddress"), *(each.get("IPAddress") for each in networks["Networks"].values())]
        found = next(filter(None, addresses), None)
        if found is None or self._about.connection.address.is_remote:
            raise EngineError(
                f"port {port} of the container {self._about.name} cannot be reached from here: "
                f"its network is {self._order.network or 'the default one'!r}, and the port is not among those ordered"
            )
        return str(found), port

    def is_running(self) -> bool:
        """Tell whether it still runs."""
        try:
            with self._about.connection.asking("look at a container") as api:
                return bool(api.inspect_container(self._about.id)["State"]["Running"])
        except RefusedError as error:
            if error.status in GONE:
                return False
            raise

    def save(self, reference: str) -> None:
        """Make an image of it as it is now."""
        name, tag = repository_and_tag(reference)
        with self._about.asking("make an image of a container") as api:
            # Without the owner: a container that somebody enters it by has these labels too, and is nobody's of ours.
            labels = {**dict.fromkeys(own("").labels(), ""), f"{OWN}managed": "1", f"{OWN}kept": "1", f"{OWN}key": ""}
            # What keeps it running is no part of it: `docker run IMAGE sh` is to run a shell.
            api.commit(self._about.id, name, tag, conf={"Labels": labels, "Entrypoint": [], "Cmd": ["sh"]})

    def end(self) -> None:
        """End it and remove it, with its volumes; no error where it is gone."""
        if self._pid != os.getpid():
            return  # Of the process that this one was forked from.
        _HELD.discard(self)
        try:
            remove_container(self._about.connection, self._about.id)
        finally:
            wire, self._wire = self._wire, None
            if wire is not None:
                wire.close()
            self._forget(self)

    def let_go(self) -> None:
        """Close, in a process that was forked, what would hold the container beyond the end of the one that made it."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.forget()


def _let_go() -> None:
    for container in tuple(_HELD):
        container.let_go()
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
