"""Projects of Compose, as the engine knows them: by a label that every Compose tool writes on all that it makes.

https://docs.docker.com/reference/compose-file/services/#labels
"""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.engines.connection import RefusedError
from pytest_envrepro.engines.owners import LONGEST, host, lives
from pytest_envrepro.engines.removing import Removing, remove_network
from pytest_envrepro.enginevalues import Member

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_envrepro.engines.connection import Connection
    from pytest_envrepro.engines.owners import Owner

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"
ONE_OFF = "com.docker.compose.oneoff"
_SHORT = 8  # Characters of a digest, in a name.
_NAME = re.compile(r"envrepro-([0-9a-f]{8})-([0-9]+)-([0-9]+)-[a-z0-9]+-[0-9a-f]{8}(?:-[a-z0-9]+)?")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_WITHOUT = ("host", "none", "bridge")  # Networks that are the engine's own.
_AT_ONCE = 8  # Containers that are stopped side by side.


class Named(NamedTuple):
    """Whose a project is, as its name says.

    Attributes:
        host: the beginning of `owners.host()`.
        pid, started: of the process, as in `Owner`; `started` is empty where it was not known.
    """

    host: str
    pid: int
    started: str


def prefix_of(owner: Owner) -> str:
    """Give what the names of all projects of an owner begin with: of one session, as a process may have several."""
    return f"envrepro-{owner.host[:_SHORT]}-{owner.pid}-{owner.started or '0'}-{_plain(owner.session) or '0'}-"


def name_of(owner: Owner, digest: str, worker: str | None = None) -> str:
    """Give the name of a project, which tells its owner: the labels that Compose writes are not ours.

    Args:
        digest: of what is brought up.
        worker: of pytest-xdist, where each has one of its own.
    """
    suffix = _plain(worker or "")
    return f"{prefix_of(owner)}{digest[:_SHORT]}" + (f"-{suffix}" if suffix else "")


def _plain(word: str) -> str:
    return _NOT_IN_NAMES.sub("", word.lower())


def owner_of(name: str) -> Named | None:
    """Read that name again; None where it is none of ours."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    return Named(found[1], int(found[2]), "" if found[3] == "0" else found[3])


def members(connection: Connection, project: str) -> tuple[Member, ...]:
    """Give the containers of a project, by service and number; those of `compose run` are none of its services."""
    found = []
    with connection.asking("list the containers of a Compose project") as api:
        identities = [each["Id"] for each in api.containers(all=True, filters={"label": f"{PROJECT}={project}"})]
    for identity in identities:
        try:
            with connection.asking("look at a container") as api:
                found.append(member_of(api.inspect_container(identity), connection.address.hostname))
        except RefusedError:  # It has gone meanwhile.
            continue
    kept = (each for each in found if each.labels.get(ONE_OFF, "").lower() != "true")
    return tuple(sorted(kept, key=lambda each: (each.labels.get(SERVICE, ""), _number(each), each.name)))


def _number(member: Member) -> int:
    text = member.labels.get(NUMBER, "")
    return int(text) if text.isdecimal() else 0


def member_of(found: Mapping[str, Any], machine: str) -> Member:
    """Read what the engine says about a container (Engine API 1.41, ContainerInspect).

    Args:
        machine: the name of the engine's machine, as seen from here.
    """
    state, networks = found.get("State") or {}, found.get("NetworkSettings") or {}
    # Podman calls it otherwise in answers of its older versions.
    health = state.get("Health") or state.get("Healthcheck") or {}
    status = str(health.get("Status") or "")
    attached = networks.get("Networks") or {}
    return Member(
        id=str(found["Id"]),
        name=str(found.get("Name") or "").lstrip("/"),
        labels=dict((found.get("Config") or {}).get("Labels") or {}),
        image=str(found.get("Image") or ""),
        state=str(state.get("Status") or ""),
        returncode=int(state.get("ExitCode") or 0),
        restarts=int(found.get("RestartCount") or 0),
        health="" if status == "none" else status,
        said=tuple(" ".join(str(each.get("Output") or "").split()) for each in health.get("Log") or ()),
        error=" ".join(str(state.get("Error") or "").split()),
        networks={str(name): str((each or {}).get("IPAddress") or "") for name, each in attached.items()},
        published=dict(_published(networks.get("Ports") or {}, machine)),
        machine=machine,
    )


def _published(ports: Mapping[str, Any], machine: str) -> Iterable[tuple[int, tuple[str, int]]]:
    for port, places in ports.items():
        number, _, protocol = port.partition("/")
        if protocol not in {"tcp", ""} or not places:
            continue
        # An address of all networks, or of this machine alone, is where the engine's machine is.
        shared = [each for each in places if each.get("HostIp") in {"", "0.0.0.0", "127.0.0.1", None}]  # noqa: S104  # Is read.
        first = (shared or places)[0]
        is_shared = bool(shared) or first.get("HostIp") in {"::", "::1"}
        yield int(number), (machine if is_shared else str(first["HostIp"]), int(first["HostPort"]))


def network_of(found: Iterable[Member]) -> str | None:
    """Give the network that most containers of a project are on; of several, the one that Compose makes unasked."""
    counts: dict[str, int] = {}
    for member in found:
        for name in member.networks:
            if name not in _WITHOUT:
                counts[name] = counts.get(name, 0) + 1
    return min(counts, key=lambda name: (-counts[name], not name.endswith("_default"), name), default=None)


def take_down(connection: Connection, project: str, *, grace: int) -> int:
    """Remove all that a project has made: containers, networks and volumes; say how many.

    Args:
        grace: what containers are given to end by themselves, in whole seconds.

    Raises:
        EngineError: the engine does not remove one of them, and all others are gone by then; or it does not answer.
    """
    ours = {"label": f"{PROJECT}={project}"}
    with connection.asking("list the containers of a Compose project") as api:
        containers = api.containers(all=True, filters=ours)
    running = [each["Id"] for each in containers if each.get("State") == "running"]
    if grace and running:
        with ThreadPoolExecutor(min(len(running), _AT_ONCE)) as pool:
            for _ in pool.map(lambda identity: _stop(connection, identity, grace), running):
                pass
    removing = Removing(connection)
    removing.containers(each["Id"] for each in containers)
    with connection.asking("list the networks of a Compose project") as api:
        networks = [each["Id"] for each in api.networks(filters=ours)]
    removing.each(_drop_network, networks)
    with connection.asking("list the volumes of a Compose project") as api:
        volumes = [each["Name"] for each in api.volumes(filters=ours)["Volumes"] or ()]
    removing.volumes(volumes)
    return removing.end()


def _stop(connection: Connection, identity: str, grace: int) -> None:
    try:
        with connection.asking("stop a container") as api:
            api.stop(identity, timeout=grace)
    except RefusedError:  # It is gone, or will be killed.
        return


def _drop_network(connection: Connection, identity: str) -> bool:
    """Remove a network, also from under those that are on it and are not of the project."""
    try:
        with connection.asking("look at a network") as api:
            there = tuple(api.inspect_network(identity).get("Containers") or ())
    except RefusedError:
        return False
    for container in there:
        try:
            with connection.asking("take a container off a network") as api:
                api.disconnect_container_from_network(container, identity, force=True)
        except RefusedError:
            continue
    return remove_network(connection, identity)


def sweep_projects(connection: Connection) -> int:
    """Take down projects of ours whose sessions are gone; say how much of them was removed.

    Of other machines only those are that were made more than a day ago: nobody here can tell whether they are used.

    Raises:
        EngineError: as `take_down`, of each.
    """
    made: dict[str, float] = {}
    labelled = {"label": PROJECT}
    with connection.asking("list the containers of Compose projects") as api:
        containers = api.containers(all=True, filters=labelled)
    with connection.asking("list the networks of Compose projects") as api:
        networks = api.networks(filters=labelled)
    with connection.asking("list the volumes of Compose projects") as api:
        volumes = api.volumes(filters=labelled)["Volumes"] or []
    for each in [*containers, *networks, *volumes]:
        created = each.get("Created")
        name = str((each.get("Labels") or {}).get(PROJECT, ""))
        made[name] = max(made.get(name, 0.0), float(created) if isinstance(created, int) else 0.0)
    here, now = host()[:_SHORT], time.time()
    abandoned = [name for name in made if _is_abandoned(owner_of(name), made[name], here=here, now=now)]
    removing = Removing(connection)
    removing.each(partial(take_down, grace=0), abandoned)
    return removing.end()


def _is_abandoned(owner: Named | None, made: float, *, here: str, now: float) -> bool:
    if owner is None:
        return False
    if owner.host != here:
        return 0 < made < now - LONGEST
    return not lives(owner.pid, owner.started)
