"""Sessions with containers that end early: by Ctrl-C, by a signal, by kill -9; nothing runs on, and builds are cancelled."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from boxing import base_of_a_test  # noqa: F401  # A fixture.

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
BUILT_BY_CALL = """
def test_it(environments):
    environments.get(kind="container", base_image=BASE, pull="never", run=[["sleep", SECONDS]])
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
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=suite.path, start_new_session=True, **streams)


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


@pytest.mark.parametrize("tests", [BUILT, BUILT_BY_CALL], ids=["marker", "call"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_while_building(boxes: Suite, base: Base, number: int, tests: str) -> None:
    """The build that a thread waits for is cancelled, its container with it; no image of it stays, and nobody waits long."""
    word = f"600.{int(number)}"
    boxes.write(tests.replace("BASE", repr(base.reference)).replace("SECONDS", repr(word)))
    before = base.layers()
    session = begin(boxes)
    wait_until(lambda: base.steps(word), session)

    session.send_signal(number)
    output = output_of(session)

    assert session.returncode == (2 if number == signal.SIGINT else -number), output
    assert "INTERNALERROR" not in output
    assert "Traceback" not in output
    assert output.count("envrepro: this session ends, and what is being made for it is cancelled\n") == 1
    wait_until(lambda: not base.steps(word))
    assert base.layers() <= before


def test_workers_while_building(boxes: Suite, base: Base) -> None:
    """Ctrl-C, which reaches the workers of pytest-xdist too: what they build is cancelled, told, and gone within seconds."""
    word = "600.2"
    boxes.write(BUILT.replace("BASE", repr(base.reference)).replace("SECONDS", repr(word)))
    before = base.layers()
    session = begin(boxes, "-n2")
    wait_until(lambda: base.steps(word), session)

    os.killpg(session.pid, signal.SIGINT)
    output = output_of(session)

    assert session.returncode == 2, output
    assert "Traceback" not in output
    assert ": this session ends, and what is being made for it is cancelled\n" in output
    wait_until(lambda: not base.steps(word))
    assert base.layers() <= before


def test_cleaned_after_a_build(fresh: Suite, base: Base) -> None:
    """What the build of a session that was killed has left goes with --env-clean, which says so."""
    word = "600.9"
    fresh.write(BUILT.replace("BASE", repr(base.reference)).replace("SECONDS", repr(word)))
    before = base.layers()
    session = begin(fresh)
    wait_until(lambda: base.steps(word), session)
    session.kill()
    session.communicate(timeout=30)
    wait_until(lambda: not base.steps(word))
    # As `docker images` shows them; what these are made of goes with them.
    left = base.api.images(filters={**base.ours, "dangling": True})
    assert left

    result = fresh.run("--env-clean")

    assert base.layers() <= before
    assert [line for line in result.outlines if re.match(rf"removed (.* and )?{len(left)} images from Docker ", line)]


def test_killed(boxes: Suite, base: Base) -> None:
    """Containers of a session that is killed end with it, those of tests and the shared ones."""
    boxes.write(RUNNING.replace("BASE", repr(base.reference)))
    session = begin(boxes)
    wait_until(lambda: len(base.containers()) == 2, session)

    session.kill()
    session.communicate(timeout=30)
    wait_until(lambda: base.containers() == [])

    assert base.api.containers(all=True, filters=base.ours) == []
