"""The words for a container engine: what it can be asked, and what it gives. Docker's, or one that speaks as Docker's."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_envrepro.errors import EnvReproError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

OWN = "io.envrepro."  # Every label of ours begins so; nobody else's may.


class EngineError(EnvReproError):
    """The engine cannot be reached, or cannot do what it was asked; the message says what, and what to do."""


class NoEngineError(EngineError):
    """None answers; the message says where it was looked for."""


class ImageNotFoundError(EngineError):
    """There is no such image here, and it was not to be pulled, or cannot be."""


class CancelledError(EngineError):
    """What was being done is not wanted any more: this session ends."""


class ProgramNotFoundError(EngineError):
    """There is no such program in the container, or it may not be run."""


class Image(NamedTuple):
    """An image that the engine has.

    Attributes:
        id: `sha256:...`; of two engines, one may call the same image otherwise.
        digests: `name@sha256:...` for each registry that it came from or went to; none of one that was imported.
        labels: as they are written in it.
        platform: `linux/amd64`, `linux/arm64/v8`.
        environment: the variables that it sets (`ENV`).
        tags: its names: `python:3.12-slim`; none of a layer that a build has left.
        user: who its programs run as (`USER`); empty for root.
    """

    id: str
    digests: tuple[str, ...]
    labels: Mapping[str, str]
    platform: str
    environment: Mapping[str, str]
    tags: tuple[str, ...] = ()
    user: str = ""


class Executed(NamedTuple):
    """A program that has ended in a container.

    Attributes:
        returncode: its exit status; -9 of one that signal 9 has ended, as in `subprocess`.
        seconds: how long it took.
    """

    returncode: int
    stdout: bytes
    stderr: bytes
    seconds: float


class ExecutionTimeoutError(EngineError):
    """A program in a container took too long, and was ended with all that it had started.

    Attributes:
        executed: what it had written until then.
    """

    def __init__(self, message: str, executed: Executed) -> None:
        super().__init__(message)
        self.executed = executed


class Changed(NamedTuple):
    """A path in a container that is not as it is in its image: `added`, `modified` or `deleted`."""

    path: str
    how: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A container that is wanted.

    Attributes:
        image: its id, or a reference to it.
        title: what it is for, for people; becomes part of its name.
        environment: further variables, of all that runs in it.
        user, workdir: of all that runs in it; None for the image's.
        network: `none`, `bridge`, `host`, or the name of a network; None for the engine's own choice.
        memory: in bytes; cpus: how many, also parts of one; pids: how many processes; None for no limit.
        platform: as of an image; None for the engine's own.
        scratch: folders that are empty, in memory, and no part of it (tmpfs).
        binds: folders of the engine's machine, and where they are seen in it, read-only.
        read_only: whether nothing in it can be changed but those folders.
        keep: whether it stays when this process ends, in the place of ending with it.
        ports: those that are to be reached from this machine (TCP), by `address`; on an engine of this machine all are
            where its network is a bridge.
    """

    image: str
    title: str
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    user: str | None = None
    workdir: str | None = None
    network: str | None = None
    memory: int | None = None
    cpus: float | None = None
    pids: int | None = None
    platform: str | None = None
    scratch: tuple[str, ...] = ()
    binds: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    read_only: bool = False
    keep: bool = False
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A container of a project of Compose.

    Attributes:
        labels: all that it has.
        image: the id of its image.
        state: `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.
        returncode: of one that has ended.
        restarts: how often the engine has started it again.
        health: `starting`, `healthy` or `unhealthy`; empty where it has no health check.
        said: what its health check has written the last times, a line each; the latest is the last.
        error: why it was not started, in the engine's words; else empty.
        networks: those that it is on, and its own address there; empty where it has none.
        published: its ports (TCP) that are published, and where each is reached from this machine.
        machine: the name of the engine's machine, as seen from this one.
    """

    id: str
    name: str
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    image: str = ""
    state: str = "running"
    returncode: int = 0
    restarts: int = 0
    health: str = ""
    said: tuple[str, ...] = ()
    error: str = ""
    networks: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    published: Mapping[int, tuple[str, int]] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    machine: str = "127.0.0.1"


class Container(Protocol):
    """A running container, which ends with the process that has made it."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def name(self) -> str:
        """Its name, for people and for `docker exec`."""

    def run(  # noqa: PLR0913  # As in `subprocess`.
        self,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str] = MappingProxyType({}),
        workdir: str | None = None,
        user: str | None = None,
        timeout: float | None = None,
        input: bytes | None = None,  # noqa: A002  # As in `subprocess`.
        limit: int | None = None,
    ) -> Executed:
        """Run a program, with the words as they are and no shell, and wait for its end.

        Whatever ends the wait (the time, Ctrl-C) also ends the program with all that it has started, as far as that can
        be found: what has left its session, its parent and its variables behind cannot. It sees one variable more,
        `ENVREPRO_RUN`, which it is found by. A status of 128 and the number of a signal is told as that signal's:
        engines do not tell a shell that ends so from a program that was ended.

        Args:
            environ: further variables.
            timeout: in seconds; None for never.
            input: what it reads from its standard input; None for nothing.
            limit: how much of each stream is wanted, in bytes: one that writes more is ended, and the rest is not read.
                None for all; but one that writes more than 256 MiB is an error.

        Raises:
            ProgramNotFoundError: there is no such program.
            ExecutionTimeoutError: it took longer.
            EngineError: the container is gone, or the engine is, or there is no such user or folder.
        """

    def read(self, path: str) -> bytes:
        """Give a file.

        Raises:
            EngineError: there is none, or it is a folder.
        """

    def fetch(self, path: str, folder: Path) -> Mapping[str, str]:
        """Copy a file or a folder, with all in it, into a folder of this machine, under its own name.

        Links stay links, and those that lead out of the folder are left out.

        Returns:
            what was left out, by its path under `folder`: the text of a link that leads out, or `device`.

        Raises:
            EngineError: there is none, or it cannot be laid there safely.
        """

    def write(self, path: str, data: bytes, *, mode: int = 0o644, owner: str | None = None) -> None:
        """Write a file; folders on its way are made, and a file or a link that is there is replaced.

        Args:
            owner: `user`, `user:group`, by names or numbers; None for root.

        Raises:
            EngineError: it cannot be written.
        """

    def changes(self) -> tuple[Changed, ...]:
        """Say what is not as it is in the image, sorted by path; folders in memory are left out."""

    def logs(self) -> str:
        """Give what its first program has written: of ours, nothing; of an image's own, its log."""

    def address(self, port: int) -> tuple[str, int]:
        """Give where a port of it is reached from this machine.

        Raises:
            EngineError: it cannot be reached.
        """

    def is_running(self) -> bool:
        """Tell whether it still runs."""

    def save(self, reference: str) -> None:
        """Make an image of it as it is now, without what lies in folders in memory.

        Raises:
            EngineError: it is gone, or there is no room.
        """

    def end(self) -> None:
        """End it and remove it, with its volumes; no error where it is gone."""


class Engine(Protocol):
    """An engine."""

    @property
    def label(self) -> str:
        """What it is and where, for people: `Docker 20.10.24 at unix:///var/run/docker.sock`."""

    @property
    def is_remote(self) -> bool:
        """Whether it may run on another machine: then its paths are not this machine's."""

    def image(self, reference: str) -> Image | None:
        """Find an image that it has, by id, tag or digest; None where it has none."""

    def pull(self, reference: str, *, platform: str | None = None, tell: Callable[[str], None]) -> Image:
        """Have an image fetched from its registry.

        Raises:
            ImageNotFoundError: it cannot be had; the registry's words, and what to do.
        """

    def tag(self, image: str, reference: str) -> None:
        """Give an image a further name."""

    def build(self, params: Mapping[str, str], context: bytes | Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """Ask for a build, and give the engine's messages as they come; closing it cancels the build.

        Args:
            params: of `POST /build` (Engine API 1.41).
            context: a tar archive.

        Raises:
            EngineError: the engine refuses it, or ends half-way.
        """

    def export(self, reference: str) -> Iterator[bytes]:
        """Give an image as a tar archive, as `docker save` does."""

    def load(self, archive: Iterable[bytes]) -> None:
        """Take images from such an archive."""

    def start(self, order: Order) -> Container:
        """Create a container and start it.

        Raises:
            ImageNotFoundError: the image has vanished.
            EngineError: the engine refuses.
        """

    def images(self, labels: Mapping[str, str]) -> tuple[Image, ...]:
        """List images by labels."""

    def remove_image(self, reference: str) -> bool:
        """Remove an image that nothing uses; tell whether it is gone."""

    def sweep(self, *, kept: bool = False) -> int:
        """Remove what processes left that are gone: containers, networks and volumes of ours; say how many.

        Args:
            kept: also those that were to stay; they are removed after a day in any case.
        """

    @property
    def variables(self) -> Mapping[str, str]:
        """What a command for Docker is given, so that it asks this engine and no other: `DOCKER_HOST` and its like."""

    def members(self, project: str) -> tuple[Member, ...]:
        """Give the containers of a project of Compose, by service and number, however they have ended."""

    def member(self, member: Member) -> Container:
        """Give the handle of such a container, which stays when this process ends."""

    def take_down(self, project: str, *, grace: int = 0) -> int:
        """Remove all that a project of Compose has made, its volumes too; say how many things.

        Args:
            grace: what containers are given to end by themselves, in whole seconds.
        """

    def cancel(self) -> None:
        """Cancel all that is being built, pulled or loaded, in any thread, and let none of it begin, nor any container.

        What it leaves can still be removed.
        """

    def close(self) -> None:
        """End all containers of this process, and close the connection."""
