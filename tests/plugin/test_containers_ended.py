"""Sessions with containers that end early: by Ctrl-C, by a signal, by kill -9; nothing runs on, and builds are cancelled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from borrowing import Suite
    from boxing import Base

pytestmark = [
    pytest.mark.requires_integration("docker-engine"),
    pytest.mark.skipif(os.name == "nt", reason="signals"),
]

BUILT = """
import pytest

@pytest.mark.environment(kind="container", base_image=BASE, pull="never", run=[["sleep", SECONDS]])
def test_it(environment): pass
"""
RUNNING = """
import pytest

@pytest.mark.environment(kind="container", base_image=BASE, pull="never", skip_build=True)
def test_it(environment, throwaway_container):
    throwaway_container.run("sleep", "600.5", timeout=600)
"""


def begin(suite: Suite, *args: str) -> subprocess.Popen[str]:
    """Start a session in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", *args]
    return subprocess.Popen(command, cwd=suite.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def output_of(session: subprocess.Popen[str]) -> str:
    """Wait for the end of a session, and give what it has written; one that does not end is killed."""
    try:
        return session.communicate(timeout=60)[0]
    except subprocess.TimeoutExpired:
        session.kill()
        raise


def wait_until(is_so: Callable[[], object], session: subprocess.Popen[str] | None = None) -> None:
    """Wait for something that a session brings about, while it runs."""
    end = time.monotonic() + 90
    while not is_so():
        if session is not None and session.poll() is not None:
            raise AssertionError(f"the session has ended: {session.communicate()[0]}")
        assert time.monotonic() < end
        time.sleep(0.05)


def building(base: Base, word: str) -> list[str]:
    """Give the containers of a step of a build that runs at this moment, by a word of its command."""
    found = base.api.containers(filters={"label": f"envrepro-tests.run={base.run}"})
    return [each["Id"] for each in found if word in each["Command"]]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_while_building(boxes: Suite, base: Base, number: int) -> None:
    """The build that a thread waits for is cancelled, its container with it; no image of it stays, and nobody waits long."""
    word = f"600.{int(number)}"
    boxes.write(BUILT.replace("BASE", repr(base.reference)).replace("SECONDS", repr(word)))
    before = {each["Id"] for each in base.api.images(all=True, filters={"label": f"envrepro-tests.run={base.run}"})}
    session = begin(boxes)
    wait_until(lambda: building(base, word), session)

    session.send_signal(number)
    output = output_of(session)

    assert session.returncode == (2 if number == signal.SIGINT else -number), output
    assert "INTERNALERROR" not in output
    assert "Traceback" not in output
    wait_until(lambda: not building(base, word))
    if number == signal.SIGINT:
        after = base.api.images(all=True, filters={"label": f"envrepro-tests.run={base.run}"})
        assert {each["Id"] for each in after} <= before


def test_killed(boxes: Suite, base: Base) -> None:
    """Containers of a session that is killed end with it, those of tests and the shared ones."""
    boxes.write(RUNNING.replace("BASE", repr(base.reference)))
    session = begin(boxes)
    wait_until(lambda: len(base.containers()) == 2, session)

    session.kill()
    session.communicate(timeout=30)

    wait_until(lambda: base.containers() == [])
