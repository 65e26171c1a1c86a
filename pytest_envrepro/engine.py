"""A container engine, and a container: what each can be asked, and the errors that tell why it was not done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pytest_envrepro.errors import EnvReproError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Unpack

    from pytest_envrepro.enginevalues import Changed, Executed, Image, Member, Order, Running


class EngineError(EnvReproError):
    """The engine cannot be reached, or cannot do what it was asked; the message says what, and what to do."""


class NoEngineError(EngineError):
    """None answers; the message says where it was looked for."""


class GoneError(EngineError):
    """It has answered, and does so no more."""


SILENT = (NoEngineError, GoneError)  # Nothing more can be asked of it.


class ImageNotFoundError(EngineError):
    """There is no such image here, and it was not to be pulled, or cannot be.

    Attributes:
        said: what the registry or the engine says of it; empty where none was asked.
    """

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


class CancelledError(EngineError):
    """What was being done is not wanted any more: this session ends."""


class ProgramNotFoundError(EngineError):
    """There is no such program in the container, or it may not be run."""


class ExecutionTimeoutError(EngineError):
    """A program in a container took too long, and was ended with all that it had started.

    Attributes:
        executed: what it had written until then.
    """

    def __init__(self, message: str, executed: Executed) -> None:
        super().__init__(message)
        self.executed = executed


class UnknownServiceError(EngineError, KeyError):
    """There is no such service; the message says which there are."""

    __str__ = Exception.__str__  # A `KeyError` would quote the message.


class Conversation(Protocol):
    """A program in a container that is talked with over its standard input and output."""

    def send(self, data: bytes) -> None:
        """Send some bytes whole.

        Raises:
            OSError: it has ended, or the connection breaks.
        """

    def receive(self, timeout: float | None) -> bytes | None:
        """Give some bytes that have come; nothing at its end, None where none have come in that many seconds.

        Raises:
            OSError: the connection breaks.
        """

    def end(self) -> tuple[int | str, str]:
        """End it, and give its status, or what has become of its container, and what it has written to standard error."""


class Container(Protocol):
    """A running container, which ends with the process that has made it."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def name(self) -> str:
        """Its name, for people and for `docker exec`."""

    def run(self, argv: Sequence[str], **how: Unpack[Running]) -> Executed:
        """Run a program, with the words as they are and no shell, and wait for its end.

        Whatever ends the wait (the time, Ctrl-C) also ends the program with all that it has started, as far as that can
        be found: what has left its session, its parent and its variables behind cannot. It sees one variable more,
        `ENVREPRO_RUN`, which it is found by. A status of 128 and the number of a signal is told as that signal's:
        engines do not tell a shell that ends so from a program that was ended.

        Raises:
            ProgramNotFoundError: there is no such program.
            ExecutionTimeoutError: it took longer.
            EngineError: the container is gone, or the engine is, or there is no such user or folder.
        """

    def converse(self, argv: Sequence[str]) -> Conversation:
        """Start a program that is talked with, and that ends when nobody does any more.

        Raises:
            ProgramNotFoundError: there is no such program.
            EngineError: the container is gone, or the engine is, or standard input cannot be given.
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

    def write(self, path: str, data: bytes | str, *, mode: int = 0o644, owner: str | None = None) -> None:
        """Write a file; folders on its way are made, and a file or a link that is there is replaced.

        Args:
            data: a text is written as UTF-8.
            owner: `user`, `user:group`, by names or numbers, of the file and of those folders; None for root.

        Raises:
            EngineError: it cannot be written.
        """

    def changes(self) -> tuple[Changed, ...]:
        """Say what is not as it is in the image, sorted by path; folders in memory are left out."""

    def logs(self) -> str:
        """Give what its first program has written, and what others have to its streams; ours writes nothing itself."""

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
