"""The values that a container engine is given, and that it gives: orders, images, programs that have ended. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OWN = "io.envrepro."  # Every label of ours begins so; nobody else's may.
# The folder of a container, and of a stage of a build, that all of ours lies in; in no final image.
LENT = "/envrepro"


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
        workdir: where they run (`WORKDIR`); empty for `/`.
    """

    id: str
    digests: tuple[str, ...]
    labels: Mapping[str, str]
    platform: str
    environment: Mapping[str, str]
    tags: tuple[str, ...] = ()
    user: str = ""
    workdir: str = ""


class Running(TypedDict, total=False):
    """How a program is to run in a container, as in `subprocess`; all of it may be left out.

    Attributes:
        environ: further variables.
        workdir, user: the container's own where they are None.
        timeout: in seconds; None for never.
        input: what it reads from its standard input; None for nothing.
        limit: how much of each stream is wanted, in bytes: one that writes more is ended, and the rest is not read. None
            for all; but one that writes more than 256 MiB is an error.
        watch: is given what comes of its standard error, as it comes.
    """

    environ: Mapping[str, str]
    workdir: str | None
    user: str | None
    timeout: float | None
    input: bytes | None
    limit: int | None
    watch: Callable[[bytes], object]


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
        binds: folders of the engine's machine, and where they are seen in it, read-only; none is, where the engine refuses
            one of them.
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
