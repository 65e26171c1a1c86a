"""What an engine is asked for a container: the words of the API (Engine 1.41, ContainerCreate). Pure."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from pytest_envrepro.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_envrepro.enginevalues import Order

IDLE = "cat"  # Waits for the end of its standard input.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # Docker's, of an image that says none.
_LONGEST_TITLE = 40  # Characters.
_SHOWN = 12  # The same, of an id.
# https://pkg.go.dev/github.com/distribution/reference, roughly: enough that it cannot lead to another question.
_REFERENCE = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9._:/@+\[\]-]*")
_SPLIT = re.compile(r"(.+?)(?::([A-Za-z0-9_][A-Za-z0-9_.-]*))?")
# Where engines lay a program of their own into a container, for `init`.
_INITS = frozenset({"docker-init", "podman-init"})


def name_of(title: str, word: str) -> str:
    """Give a container's name: what it is for, as far as names may say it, and a word that no other has."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", title)[:_LONGEST_TITLE].strip("-")
    return "-".join(filter(None, ("envrepro", slug, word)))


def reference(text: str) -> str:
    """Give the reference of an image as it is.

    Raises:
        EngineError: it cannot be one.
    """
    parts = text.split("/")
    if not _REFERENCE.fullmatch(text) or {"", ".", ".."} & set(parts):
        raise EngineError(f"{text!r} is no name, digest or id of an image")
    return text


def shown(reference_: str) -> str:
    """Write the reference of an image for people: as much of an id as tells it from others."""
    algorithm, _, digest = reference_.partition(":")
    return f"{algorithm}:{digest[:_SHOWN]}" if algorithm == "sha256" else reference_


def repository_and_tag(text: str) -> tuple[str, str]:
    """Split the reference of an image; `latest` where it says no tag, as engines do.

    Raises:
        EngineError: it cannot be one.
    """
    name, at, digest = reference(text).partition("@")
    if at:
        return name, digest
    head, slash, last = name.rpartition("/")
    found = _SPLIT.fullmatch(last)
    if found is None:
        raise EngineError(f"{text!r} is no name, digest or id of an image")
    return f"{head}{slash}{found[1]}", found[2] or "latest"


def variables(environ: Mapping[str, str]) -> list[str]:
    """Write variables as the API takes them.

    Raises:
        EngineError: one cannot be a variable of a program.
    """
    for name, value in environ.items():
        if not name or "=" in name:
            raise EngineError(f"{name!r} cannot be the name of a variable in a container")
        words((name, value), f"the variable {name!r}")
    return [f"{name}={value}" for name, value in environ.items()]


def words(values: Sequence[str], what: str) -> list[str]:
    """Give words for a program.

    Raises:
        EngineError: one of them holds what no program can be given.
    """
    for value in values:
        if "\0" in value:
            raise EngineError(f"{what} holds a NUL character, which no program can be given: {value!r}")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise EngineError(f"{what} is no text that UTF-8 can write: {value!r}") from None
    return [*values]


def absolute(path: str) -> str:
    """Give a path in a container as it is.

    Raises:
        EngineError: it is not absolute, or cannot be one.
    """
    words((path,), "a path in the container")
    if not path.startswith("/"):
        raise EngineError(f"{path!r} is no absolute path in the container: it begins with no slash")
    return path


def creation(order: Order, labels: Mapping[str, str], *, at: str = "127.0.0.1") -> dict[str, Any]:
    """Write an order as the API takes it.

    Args:
        at: the address of the engine's machine that ports are reached at; empty for all that it has.

    Raises:
        EngineError: something in it cannot be written there.
    """
    reference(order.image)
    host: dict[str, Any] = {
        "AutoRemove": not order.keep,
        "Init": True,
        "ReadonlyRootfs": order.read_only,
        # Programs are run there too, as in a folder on a disk.
        "Tmpfs": {absolute(path): "exec,mode=1777" for path in order.scratch},
        "Mounts": [
            {"Type": "bind", "Source": source, "Target": absolute(target), "ReadOnly": True}
            for source, target in order.binds.items()
        ],
        "PortBindings": {f"{port}/tcp": [{"HostIp": at, "HostPort": ""}] for port in order.ports},
    }
    if order.network is not None:
        host["NetworkMode"] = order.network
    if order.memory is not None:
        host["Memory"] = host["MemorySwap"] = order.memory  # Else as much again of the disk.
    if order.cpus is not None:
        host["NanoCpus"] = round(order.cpus * 1_000_000_000)
    if order.pids is not None:
        host["PidsLimit"] = order.pids
    config: dict[str, Any] = {
        "Image": order.image,
        "Entrypoint": [IDLE],
        "Cmd": [],
        "Env": variables(order.environment),
        "Labels": dict(labels),
        "OpenStdin": True,
        "ExposedPorts": {f"{port}/tcp": {} for port in order.ports},
        "Healthcheck": {"Test": ["NONE"]},  # The image's own looks for a program that does not run here.
        "HostConfig": host,
    }
    if not order.keep:
        # The end of its standard input ends it: when we let go of it, or have ended in whatever way.
        config |= {"StdinOnce": True, "AttachStdin": True}
    if order.user is not None:
        config["User"] = words((order.user,), "the user")[0]
    if order.workdir is not None:
        config["WorkingDir"] = absolute(order.workdir)
    return config


def places_of_idle(environ: Iterable[str]) -> list[str]:
    """Give where the program that waits may be, the likeliest place first.

    Args:
        environ: the variables of a container, the image's own too, as the API writes them: `NAME=value`.
    """
    path = {name: value for name, _, value in (each.partition("=") for each in environ)}.get("PATH", _PATH)
    folders = [*filter(None, path.split(":"))]
    return [f"{folder.rstrip('/')}/{IDLE}" for folder in sorted(folders, key=["/bin", "/usr/bin"].count, reverse=True)]


def is_ours(path: str, order: Order) -> bool:
    """Tell whether a path differs from the image because of how the container was made: mount points, and its init."""
    if posixpath.basename(path) in _INITS:
        return True
    made = {*order.scratch, *order.binds.values(), *filter(None, (order.workdir,))}
    return path in {posixpath.normpath(each) for each in made}
