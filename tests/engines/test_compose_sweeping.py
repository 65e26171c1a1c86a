"""Projects of Compose that sessions left: taken down by the next one, and nothing of anybody else."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.engines.owners import own
from pytest_envrepro.engines.projects import PROJECT, SERVICE, name_of
from pytest_envrepro.enginevalues import Order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_envrepro.engine import Engine

pytestmark = [pytest.mark.requires_integration("docker-engine"), pytest.mark.usefixtures("apart")]


def _gone() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def leave(docker_api: Any, base_image: str) -> Iterator[Callable[[str], dict[str, Any]]]:
    """Give what leaves a project as a Compose tool does: a container with a volume of its own, a network, a volume."""
    left: list[str] = []

    def leave(name: str) -> dict[str, Any]:
        left.append(name)
        labels = {PROJECT: name, SERVICE: "web"}
        network = docker_api.create_network(f"{name}_default", labels=labels)["Id"]
        volume = docker_api.create_volume(f"{name}_data", labels=labels)["Name"]
        container = docker_api.create_container(
            *(base_image, ["sleep", "60"]),
            labels=labels,
            volumes=["/own"],
            host_config=docker_api.create_host_config(network_mode=network, binds=[f"{volume}:/data"]),
        )["Id"]
        docker_api.start(container)
        return labels

    yield leave
    for name in left:
        _remove(docker_api, name)


def _left(api: Any, name: str) -> tuple[int, int, int]:
    ours = {"label": f"{PROJECT}={name}"}
    volumes = api.volumes(filters=ours)["Volumes"] or ()
    return len(api.containers(all=True, filters=ours)), len(api.networks(filters=ours)), len(volumes)


def _remove(api: Any, name: str) -> None:
    ours = {"label": f"{PROJECT}={name}"}
    for each in api.containers(all=True, filters=ours):
        with contextlib.suppress(Exception):
            api.remove_container(each["Id"], force=True, v=True)
    for each in api.networks(filters=ours):
        with contextlib.suppress(Exception):
            api.remove_network(each["Id"])
    for each in api.volumes(filters=ours)["Volumes"] or ():
        with contextlib.suppress(Exception):
            api.remove_volume(each["Name"])


def test_sweep(engine: Engine, docker_api: Any, base_image: str, leave: Callable[[str], Any]) -> None:
    """What a dead session has left goes, though others are on its network; what a live one uses stays, as do others'."""
    me = own("it")
    dead, live = (name_of(owner, "0" * 64) for owner in (me._replace(pid=_gone()), me))
    theirs = f"somebodys-{dead}"
    for name in (dead, live, theirs):
        leave(name)
    guest = engine.start(Order(image=base_image, title="guest", network=f"{dead}_default"))

    gone = engine.sweep()

    assert gone == 3
    assert _left(docker_api, dead) == (0, 0, 0)
    assert _left(docker_api, live) == (1, 1, 1)
    assert _left(docker_api, theirs) == (1, 1, 1)
    assert guest.run(["true"]).returncode == 0


def test_pid_used_again(engine: Engine, docker_api: Any, leave: Callable[[str], Any]) -> None:
    """A process with the same pid that has started at another time is not the owner."""
    name = name_of(own("it")._replace(started="1"), "0" * 64)
    leave(name)

    engine.sweep()

    assert _left(docker_api, name) == (0, 0, 0)


def test_take_down(engine: Engine, docker_api: Any, leave: Callable[[str], Any]) -> None:
    """All of one project goes, its unnamed volumes too; what is already gone is no error."""
    name = name_of(own("it"), "1" * 64)
    leave(name)
    (member,) = engine.members(name)
    unnamed = [
        each["Name"] for each in docker_api.inspect_container(member.id)["Mounts"] if each["Destination"] == "/own"
    ]

    assert engine.take_down(name, grace=1) == 3
    assert engine.take_down(name) == 0

    known = {each["Name"] for each in docker_api.volumes()["Volumes"] or ()}
    assert unnamed
    assert not known.intersection(unnamed)
    assert engine.members(name) == ()
