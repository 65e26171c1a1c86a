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


class ImageNotFoundError(EngineError):
    """There is no such image here, and it was not to be pulled, or cannot be."""


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
    """

    id: str
    digests: tuple[str, ...]
    labels: Mapping[str, str]
    platform: str
    environment: Mapping[str, str]


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
        keep: whether it stays when this process ends, in the place of ending with it.
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
    keep: bool = False


class Container(Protocol):
    """A running container, which ends with the process that has made it."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def name(self) -> str:
        """Its name, for people and for `docker exec`."""

    def run(
        self,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str] = MappingProxyType({}),
        workdir: str | None = None,
        user: str | None = None,
        timeout: float | None = None,
        input: bytes | None = None,  # noqa: A002  # As in `subprocess`.
    ) -> Executed:
        """Run a program, with the words as they are and no shell, and wait for its end.

        Args:
            environ: further variables.
            timeout: in seconds; it is then ended with all that it has started. None for never.

        Raises:
            ProgramNotFoundError: there is no such program.
            ExecutionTimeoutError: it took longer.
            EngineError: the container is gone, or the engine is.
        """

    def read(self, path: str) -> bytes:
        """Give a file.

        Raises:
            EngineError: there is none, or it is a folder.
        """

    def fetch(self, path: str, folder: Path) -> None:
        """Copy a file or a folder, with all in it, into a folder of this machine; links stay links, none leads out of it.

        Raises:
            EngineError: there is none.
        """

    def write(self, path: str, data: bytes, *, mode: int = 0o644, owner: str | None = None) -> None:
        """Write a file; folders on its way are made.

        Raises:
            EngineError: it cannot be written.
        """

    def changes(self) -> tuple[Changed, ...]:
        """Say what is not as it is in the image, sorted by path; folders in memory are left out."""

    def logs(self) -> str:
        """Give what its first program has written: of ours, nothing; of an image's own, its log."""

    def address(self, port: int) -> tuple[str, int]:
        """Give where a port of it is reached from this machine."""

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

    def sweep(self) -> int:
        """Remove what processes left that are gone: containers, networks and volumes of ours; say how many."""

    def close(self) -> None:
        """End all containers of this process, and close the connection."""
