"""Whoever is killed while a body runs in a container: nothing is left behind, and there is one clear error."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from boxing import table
from ending import FORKED, PATIENCE, STARTS, Family, Session, failure, line_of, section

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

pytestmark = [
    pytest.mark.requires_integration("docker-engine"),
    pytest.mark.skipif(os.name == "nt", reason="signals"),
]

PLACE = "/tmp/family.json"  # noqa: S108  # In a container of the test's own.
TESTS = f"""{STARTS.replace("PLACE", repr(PLACE))}
pytestmark = pytest.mark.environment("box", inside=True)

def test_long():
    print("as far as here")
    start()
    time.sleep(600)

def sleeps():
    commands = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            commands.append(open(f"/proc/{{pid}}/cmdline").read())
        except OSError:
            pass
    return [each for each in commands if "600.125" in each]

def test_next():
    until = time.monotonic() + {PATIENCE}
    while sleeps() and time.monotonic() < until:
        time.sleep(0.05)
    assert sleeps() == []
    warm, body, child = json.load(open({PLACE!r}))
    assert os.getppid() == warm
"""
GONE = "the Python that runs functions in environment 'box' is gone: "


class Within:
    """The container in which a body is at work.

    Attributes:
        name: of the container.
        family: who is at work, by the numbers of the container.
    """

    def __init__(self, base: Base, session: Session) -> None:
        self._api = base.api
        self.name: str = session.wait_for(lambda: next(iter(boxes_of(base)), None))
        self.family = Family(*json.loads(session.wait_for(lambda: self.run("cat", PLACE))))

    def run(self, *argv: str) -> str:
        """Run a program in it, and give what it prints; nothing where it fails."""
        from docker.errors import APIError  # noqa: PLC0415  # Where there is no engine, nothing of this is loaded.

        try:
            prepared = self._api.exec_create(self.name, argv)["Id"]
        except APIError:  # It does not run yet.
            return ""
        said: bytes = self._api.exec_start(prepared)
        return said.decode() if self._api.exec_inspect(prepared)["ExitCode"] == 0 else ""


def boxes_of(base: Base) -> list[str]:
    """Give the containers that are there; those of builds are others."""
    return [name for name in base.containers() if name.startswith("envrepro-box-")]


def begun(boxes: Suite, base: Base, *args: str, tests: str = TESTS) -> tuple[Session, Within]:
    """Start a session, and wait until its first body is at work in a container."""
    boxes.write(tests, table(base.reference))
    session = Session(boxes, *args)
    return session, Within(base, session)


def is_empty(base: Base) -> bool:
    """Tell whether all containers are gone, once they had the time to end."""
    until = time.monotonic() + PATIENCE
    while boxes_of(base) and time.monotonic() < until:
        time.sleep(0.05)
    return not boxes_of(base)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda each: each.name)
@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["plain", "n1"])
def test_session(boxes: Suite, base: Base, workers: tuple[str, ...], number: signal.Signals) -> None:
    """The container ends with the session, and with it all that runs there."""
    session, _ = begun(boxes, base, *workers)

    session.send(number)
    status, output = session.end()

    assert status == -number, output
    assert is_empty(base)


def test_ctrl_c(boxes: Suite, base: Base) -> None:
    """The session ends with 2, at the line of the body where it was, and nothing of that is left."""
    session, _ = begun(boxes, base)

    session.send_all(signal.SIGINT)
    status, output = session.end()

    assert status == 2, output
    assert "INTERNALERROR" not in output
    at = line_of(TESTS, "time.sleep(600)")
    assert f"\n{boxes.path / 'test_it.py'}:{at}: KeyboardInterrupt\n(to show a full traceback" in output
    assert is_empty(base)


def test_warm(boxes: Suite, base: Base) -> None:
    """The process that waits: its test fails with one line, the body ends with it, and the next test has another one."""
    session, within = begun(boxes, base, tests=TESTS.replace("os.getppid() ==", "os.getppid() !="))

    within.run("sh", "-c", f"kill -KILL {within.family.warm}")
    status, output = session.end()

    assert status == 1
    assert failure(output, "test_long") == [f"{GONE}it was ended by SIGKILL"]
    assert "= 1 failed, 1 passed in " in output
    assert is_empty(base)


def test_body(boxes: Suite, base: Base) -> None:
    """The process of a body: its test fails with one line and what it had printed, and what it has started is ended."""
    session, within = begun(boxes, base)

    within.run("sh", "-c", f"kill -KILL {within.family.body}")
    status, output = session.end()

    assert status == 1
    assert failure(output, "test_long") == [
        "test_long has ended its Python in environment 'box': it was ended by SIGKILL"
    ]
    assert section(output, "Captured stdout call") == "\nas far as here\n"
    assert "= 1 failed, 1 passed in " in output
    assert is_empty(base)


ANOTHER = TESTS[: TESTS.index("    until =")] + f"    assert not os.path.exists({PLACE!r})\n"


@pytest.mark.parametrize("how", ["kill", "remove"])
def test_container(boxes: Suite, base: Base, how: str) -> None:
    """The container (`docker kill`, `docker rm -f`): its test fails with one line, and the next test has another one."""
    session, within = begun(boxes, base, tests=ANOTHER)

    if how == "kill":
        base.api.kill(within.name)
    else:
        base.api.remove_container(within.name, force=True)
    status, output = session.end()

    assert status == 1
    assert failure(output, "test_long") == [f"{GONE}its container {within.name} has ended"]
    assert "= 1 failed, 1 passed in " in output
    assert is_empty(base)


def test_fork_of_the_session(boxes: Suite, base: Base) -> None:
    """A process that a test has forked from pytest's does not keep the container alive, and lives on."""
    forked = boxes.path / "forked.txt"
    session, _ = begun(
        boxes,
        base,
        tests=FORKED.replace("FORKED", repr(str(forked))).replace("PLACE", repr(PLACE)).replace("NAME", '"box"'),
    )
    session.wait_for(forked.exists)

    session.kill()
    is_gone = is_empty(base)
    os.kill(int(forked.read_text()), signal.SIGKILL)  # It is there: nothing is raised.
    session.end()

    assert is_gone
