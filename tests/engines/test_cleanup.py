"""What is left of containers: nothing, however the process that made them ends; and never anything of somebody who lives."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.engines import connect
from pytest_envrepro.engines.owners import host, own
from pytest_envrepro.enginevalues import Order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.engine import Container, Engine

pytestmark = [
    pytest.mark.requires_integration("docker-engine"),
    pytest.mark.skipif(os.name == "nt", reason="the processes are ended by signals"),
]

ROOT = Path(__file__).parents[2]
START = """
import os, sys, threading, time
from pytest_envrepro.enginevalues import Order
from pytest_envrepro.engines import connect

engine = connect(os.environ, session=sys.argv[1])
boxes = [engine.start(Order(image=sys.argv[2], title="kill", network="none")) for _ in range(2)]
threading.Thread(target=boxes[0].run, args=(["sleep", "600"],), daemon=True).start()
time.sleep(0.3)
"""
HOLD = "print('ready', flush=True); time.sleep(600)"
FORK = """
child = os.fork()
if not child:
    print(engine.image(sys.argv[2]) is not None, flush=True)
    engine.close()
    time.sleep(600)
time.sleep(1)
print(child, flush=True)
time.sleep(600)
"""


def count(docker_api: Any, session: str) -> int:
    """Count the containers of a session, those that do not run included."""
    return len(docker_api.containers(all=True, filters={"label": f"io.envrepro.session={session}"}))


def wait_for_none(docker_api: Any, session: str) -> float:
    """Wait until a session has no container, and give how long that took."""
    started = time.monotonic()
    while count(docker_api, session):
        assert time.monotonic() < started + 15
        time.sleep(0.05)
    return time.monotonic() - started


@contextlib.contextmanager
def process(session: str, image: str, then: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that holds two containers, with a program running in one of them."""
    argv = [sys.executable, "-c", START + then, session, image]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed(base_image: str, docker_api: Any, number: signal.Signals) -> None:
    """A process that is killed leaves no container, also where a program was running in it."""
    session = f"killed-{number.name}-{os.getpid()}"
    with process(session, base_image, HOLD) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        assert count(docker_api, session) == 2

        running.send_signal(number)

        assert wait_for_none(docker_api, session) < 15


def test_forked(base_image: str, docker_api: Any) -> None:
    """A child of the process that outlives it does not hold its containers, and can ask the engine itself."""
    session = f"forked-{os.getpid()}"
    with process(session, base_image, FORK) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "True\n"
        child = int(running.stdout.readline())
        try:
            # What the child closes is not the parent's.
            assert count(docker_api, session) == 2
            running.kill()
            wait_for_none(docker_api, session)
            os.kill(child, 0)
        finally:
            os.kill(child, signal.SIGKILL)


def test_closed(base_image: str, docker_api: Any) -> None:
    """An engine that is closed leaves nothing but what was to stay, which `sweep(kept=True)` takes once its owner is gone."""
    session = f"closed-{os.getpid()}"
    engine = connect(os.environ, session=session)
    engine.start(Order(image=base_image, title="it", network="none"))
    kept = engine.start(Order(image=base_image, title="kept", network="none", keep=True))
    try:
        engine.close()
        (left,) = docker_api.containers(all=True, filters={"label": f"io.envrepro.session={session}"})
        assert (left["Id"], left["State"]) == (kept.id, "running")
        # Its owner lives.
        engine.sweep(kept=True)
        assert count(docker_api, session) == 1
    finally:
        kept.end()
    assert count(docker_api, session) == 0
    engine.close()


@pytest.fixture
def orphan(docker_api: Any, base_image: str) -> Iterator[Any]:
    """Give what makes containers, networks and volumes with labels, and removes them after the test."""
    made: list[tuple[str, str]] = []

    def make(name: str, labels: dict[str, str]) -> None:
        container = docker_api.create_container(base_image, ["cat"], name=name, labels=labels)
        made.append(("container", container["Id"]))
        made.append(("network", docker_api.create_network(name, labels=labels)["Id"]))
        made.append(("volume", docker_api.create_volume(name, labels=labels)["Name"]))

    yield make
    for kind, identity in made:
        with contextlib.suppress(Exception):
            if kind == "container":
                docker_api.remove_container(identity, force=True)
            elif kind == "network":
                docker_api.remove_network(identity)
            else:
                docker_api.remove_volume(identity)


def left(docker_api: Any, prefix: str) -> list[str]:
    """Give the names of what is there."""
    containers = [each["Names"][0].lstrip("/") for each in docker_api.containers(all=True)]
    networks = [each["Name"] for each in docker_api.networks()]
    volumes = [each["Name"] for each in docker_api.volumes()["Volumes"] or ()]
    return sorted(each.removeprefix(prefix) for each in (*containers, *networks, *volumes) if each.startswith(prefix))


@pytest.mark.usefixtures("apart")
def test_sweep(engine: Engine, docker_api: Any, orphan: Any) -> None:
    """A sweep takes what dead processes left, in two sessions at once, and never what lives, or is somebody else's."""
    prefix = f"envrepro-sweep-{os.getpid()}-"
    mine = own("it").labels()
    with subprocess.Popen([sys.executable, "-c", ""]) as process_:
        process_.wait()
    orphan(f"{prefix}dead", {**mine, "io.envrepro.pid": str(process_.pid)})
    orphan(f"{prefix}live", mine)
    orphan(f"{prefix}far", {**mine, "io.envrepro.host": "far", "io.envrepro.pid": str(process_.pid)})
    orphan(f"{prefix}foreign", {"io.envrepro.managed": "1"})
    other = connect(os.environ)

    counts: list[int] = []
    threads = [threading.Thread(target=lambda one=one: counts.append(one.sweep())) for one in (engine, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()

    assert left(docker_api, prefix) == ["far"] * 3 + ["foreign"] * 3 + ["live"] * 3
    assert sum(counts) == 3
    assert len(counts) == 2


def test_two_sessions(engine: Engine, box: Container, base_image: str, docker_api: Any) -> None:
    """A session's sweep and end leave another's containers alone."""
    session = f"beside-{os.getpid()}"
    with process(session, base_image, HOLD) as running:
        assert running.stdout is not None
        running.stdout.readline()

        engine.sweep()
        engine.close()

        assert count(docker_api, session) == 2
        running.kill()
        wait_for_none(docker_api, session)
    assert docker_api.containers(all=True, filters={"id": box.id}) == []


def test_labels(box: Container, docker_api: Any) -> None:
    """A container says whose it is."""
    found = docker_api.inspect_container(box.id)["Config"]["Labels"]

    assert found["io.envrepro.pid"] == str(os.getpid())
    assert found["io.envrepro.host"] == host()
    assert abs(int(found["io.envrepro.deadline"]) - time.time() - 24 * 3600) < 60
