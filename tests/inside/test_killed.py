"""Whoever is killed while a body runs in a virtualenv: nothing is left behind, and there is one clear error."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest
from borrowing import lines
from ending import FORKED, STARTS, Family, Session, failure, left, line_of, section

if TYPE_CHECKING:
    from pathlib import Path

    from borrowing import Suite

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")

TABLE = "[tool.envrepro.environments.there]\n"
MARK = 'pytestmark = pytest.mark.environment("there", inside=True)\n'
TESTS = f"""{STARTS}
{MARK}
def test_long():
    print("as far as here")
    start()
    time.sleep(600)

def test_next():
    assert os.getppid() != json.load(open(PLACE))[0]
"""
GONE = "the Python that runs functions in environment 'there' is gone: "


@pytest.fixture
def place(suite: Suite) -> Path:
    """Give where bodies tell who is at work."""
    return suite.path / "family.json"


def begun(suite: Suite, place: Path, *args: str, tests: str = TESTS) -> tuple[Session, Family]:
    """Start a session, and wait until its first body is at work."""
    suite.write(tests.replace("PLACE", repr(str(place))), TABLE)
    session = Session(suite, *args)
    return session, session.family(place)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["plain", "n1"])
def test_session(suite: Suite, place: Path, workers: tuple[str, ...], number: signal.Signals) -> None:
    """What runs for a session ends with it, whatever ends that."""
    session, family = begun(suite, place, *workers)

    session.send(number)
    status, output = session.end()

    assert status == -number, output
    assert left(*family) == []


def test_worker(suite: Suite, place: Path) -> None:
    """What runs for a worker of pytest-xdist ends with that; the session says which test was at work."""
    told = suite.path / "worker.txt"
    tells = f"""
@pytest.fixture(autouse=True)
def tells():
    with open({str(told)!r}, "w") as file:
        file.write(str(os.getpid()))
"""
    session, family = begun(suite, place, "-n1", "--max-worker-restart=0", tests=TESTS + tells)

    os.kill(int(told.read_text()), signal.SIGKILL)
    status, output = session.end()

    assert status == 1, output
    assert failure(output, "test_it.py")[1:] == ["worker 'gw0' crashed while running 'test_it.py::test_long'"]
    assert "= 1 failed in " in output
    assert left(*family) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda each: each.name)
def test_warm(suite: Suite, place: Path, number: signal.Signals) -> None:
    """The process that waits: its test fails with one line, the body ends with it, and the next test has another one."""
    session, family = begun(suite, place)

    os.kill(family.warm, number)
    status, output = session.end()

    assert status == 1
    assert failure(output, "test_long") == [f"{GONE}it was ended by {number.name}"]
    assert "= 1 failed, 1 passed in " in output
    assert left(*family) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV], ids=lambda each: each.name)
def test_body(suite: Suite, place: Path, number: signal.Signals) -> None:
    """The process of a body: its test fails with one line and what it had printed, and what it has started is ended."""
    session, family = begun(suite, place, tests=TESTS.replace("!=", "=="))

    os.kill(family.body, number)
    status, output = session.end()

    assert status == 1
    assert failure(output, "test_long") == [
        f"test_long has ended its Python in environment 'there': it was ended by {number.name}"
    ]
    assert section(output, "Captured stdout call") == "\nas far as here\n"
    assert "= 1 failed, 1 passed in " in output
    assert left(*family) == []


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["plain", "n1"])
def test_ctrl_c(suite: Suite, place: Path, workers: tuple[str, ...]) -> None:
    """The session ends with 2, at the line of the body where it was, and nothing of that is left."""
    session, family = begun(suite, place, *workers)

    session.send_all(signal.SIGINT)
    status, output = session.end()

    assert status == 2, output
    assert "INTERNALERROR" not in output
    if not workers:  # pytest-xdist tells of its own process alone.
        at = line_of(TESTS, "time.sleep(600)")
        assert f"\n{suite.path / 'test_it.py'}:{at}: KeyboardInterrupt\n(to show a full traceback" in output
        assert "there: a program runs on" not in output
    assert left(*family) == []


def test_ctrl_c_in_full(suite: Suite, place: Path) -> None:
    """`--full-trace` shows the body where it was, after what of pytest has called it."""
    session, family = begun(suite, place, "--full-trace")

    session.send(signal.SIGINT)
    status, output = session.end()

    at = line_of(TESTS, "time.sleep(600)")
    assert status == 2, output
    assert ">       time.sleep(600)\nE       KeyboardInterrupt\n" in output
    assert f"\ntest_it.py:{at}: KeyboardInterrupt\n" in output
    assert left(*family) == []


STUBBORN = {
    "ignores": "    signal.signal(signal.SIGINT, signal.SIG_IGN)\n    start()\n    time.sleep(600)",
    "catches": "    start()\n    while True:\n        try: time.sleep(600)\n        except BaseException: pass",
}


@pytest.mark.parametrize("body", STUBBORN.values(), ids=STUBBORN)
def test_stubborn(suite: Suite, place: Path, body: str) -> None:
    """Ctrl-C ends the session where a body does not listen to it, too."""
    tests = f"{STARTS}\nimport signal\n{MARK}\ndef test_long():\n{body}\n"
    session, family = begun(suite, place, tests=tests)

    session.send(signal.SIGINT)
    status, output = session.end()

    assert status == 2, output
    assert "KeyboardInterrupt\n(to show a full traceback" in output
    assert left(*family) == []


LATE = """
import signal
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    def late(*_):
        pytest.fail("Timeout (>600.0s) from pytest-timeout.")

    before = signal.signal(signal.SIGALRM, late)
    try:
        return (yield)
    finally:
        signal.signal(signal.SIGALRM, before)
"""
ENDLESS = f"""{STARTS}
@pytest.fixture
def pid():
    return os.getpid()

{MARK}
def test_long(pid):
    print("as far as here")
    start()
    subprocess.Popen(["sh", "-c", "sleep 0.3; kill -ALRM $0", str(pid)])
    while True:
        time.sleep(600)  # Here.

def test_next():
    assert os.getppid() == json.load(open(PLACE))[0]
"""


def test_time_limit(suite: Suite, place: Path) -> None:
    """A limit as of pytest-timeout, which raises in a handler of a signal: the line where it was, and what was printed."""
    suite.write(ENDLESS.replace("PLACE", repr(str(place))), TABLE, conftest=LATE)
    session = Session(suite)
    family = session.family(place)

    status, output = session.end()

    assert status == 1, output
    shown = [line for line in failure(output, "test_long") if line.strip(" ^")]  # pytest 9.2 marks a part of the line.
    assert shown[-3:] == [
        ">           time.sleep(600)  # Here.",
        "E           Failed: Timeout (>600.0s) from pytest-timeout.",
        f"test_it.py:{line_of(ENDLESS, '# Here.')}: Failed",
    ]
    assert section(output, "Captured stdout call") == "\nas far as here\n"
    assert "= 1 failed, 1 passed in " in output
    assert left(*family) == []


def test_fork_of_the_session(suite: Suite, place: Path) -> None:
    """A process that a test has forked from pytest's does not keep alive what runs for that, and lives on."""
    forked = suite.path / "forked.txt"
    session, family = begun(suite, place, tests=FORKED.replace("FORKED", repr(str(forked))).replace("NAME", '"there"'))
    session.wait_for(forked.exists)

    session.kill()
    gone = left(*family)
    os.kill(int(forked.read_text()), signal.SIGKILL)  # It is there: nothing is raised.
    session.end()

    assert gone == []


FORKED_AND_ENDED = """
import os
import pytest

def test_parent(environments):
    there = environments.get("there")
    warm = there.call(os.getppid)
    pid = os.fork()
    if pid == 0:
        try:
            code = 3 if there.call(os.getppid) != warm else 4
        finally:
            os._exit(code)
    assert os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 3
    assert there.call(os.getppid) == warm
"""


def test_call_in_a_fork(suite: Suite) -> None:
    """A process that a test has forked from pytest's has a Python of its own there, and leaves that of the other alone."""
    suite.write(FORKED_AND_ENDED, TABLE)

    result = suite.run(subprocess=True)

    result.assert_outcomes(passed=1)


LEAVES = f"""{STARTS}
import signal
{MARK}
def test_leaves():
    start()

def test_daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(3): os.close(number)
            os.execvp("sleep", ["sleep", "600.25"])
        os._exit(0)
    os.wait()
    print("left")

def test_after():
    with pytest.raises(ProcessLookupError):
        for _ in range(600):
            os.kill(json.load(open(PLACE))[2], 0)
            time.sleep(0.05)

@pytest.mark.environment("there", inside=False)
def test_call(environment):
    environment.call(start)
"""


def test_left_behind(suite: Suite, place: Path) -> None:
    """What a body has started ends with it; what is in a session of its own runs on and is told, and what a call starts."""
    suite.write(LEAVES.replace("PLACE", repr(str(place))), TABLE)

    result = suite.run(subprocess=True)

    result.assert_outcomes(passed=4)
    told = [
        re.fullmatch(r"(.*) \(process (\d+)\); end it with its test", line)
        for line in lines(result, "there: a program")
    ]
    for each in filter(None, told):
        os.kill(int(each[2]), signal.SIGKILL)
    several = "one of test_it.py::test_leaves, test_it.py::test_daemon, test_it.py::test_after"
    assert [each[1] for each in told if each] == [
        f"there: a program runs on that {several} has started: sleep 600.25",
        "there: a program runs on that test_it.py::test_call has started: sleep 600.125",
    ]
