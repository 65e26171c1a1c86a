"""What came of a body is told whatever it has done to its process, and what its end has done to the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from borrowing import lines

if TYPE_CHECKING:
    from borrowing import Suite

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")

TABLE = "[tool.envrepro.environments.there]\n"
MARK = """
import os
import pytest
pytestmark = pytest.mark.environment("there", inside=True)
"""
SAYS_MUCH = """
@pytest.mark.parametrize("times", [1, 40, 4000, 100_000])
def test_it(times):
    print("out " * times)
    assert "x" * times == ""
"""


def test_much_and_little(suite: Suite) -> None:
    """What a body has written and raised is told whole, whatever there is of it, and of each test its own."""
    suite.write(MARK + SAYS_MUCH, TABLE)

    result = suite.run("-vv")

    result.assert_outcomes(failed=4)
    assert sorted(len(line.split()) for line in lines(result, "out out")) == [40, 4000, 100_000]
    assert [len(line.split("'")[1]) for line in lines(result, "E       AssertionError: assert 'x")] == [
        1,
        40,
        4000,
        100_000,
    ]


CLOSES = """
kept = []

def close(tmp_path):
    os.closerange(3, 256)
    for number in range(3, 256):
        with open(tmp_path / str(number), "w") as file:
            kept.append(os.dup(file.fileno()))

def test_closes(tmp_path):
    close(tmp_path)

def test_closes_and_asks(tmp_path):
    close(tmp_path)
    assert [1] == [2]

def test_after():
    pass
"""


def test_descriptors_that_were_closed(suite: Suite) -> None:
    """A body that has closed all it did not open has nothing of ours written into files of its own; the next one runs."""
    suite.write(MARK + CLOSES, TABLE)

    result = suite.run("-p", "no:randomly", f"--basetemp={suite.path / 'tmp'}")

    result.assert_outcomes(passed=1, failed=2)
    names = ("test_closes", "test_closes_and_asks")
    said = [f"{name} has ended its Python in environment 'there': it ended with 1" for name in names]
    assert lines(result, "test_closes") == said
    files = [path for name in names for path in (suite.path / "tmp" / f"{name}0").iterdir()]
    assert (len(files), sum(path.stat().st_size for path in files)) == (2 * 253, 0)


AUDITED = """
import sys

def refuse(event, arguments):
    if event == "open":
        raise RuntimeError(event)

def test_it():
    sys.addaudithook(refuse)
"""


def test_audit_hook(suite: Suite) -> None:
    """A body that has every file refused that is opened after it, for good, has passed: none is."""
    suite.write(MARK + AUDITED, TABLE)

    suite.run().assert_outcomes(passed=1)


FORKS = """
import os
import signal
import time
from pathlib import Path

import pytest
from pytest_envrepro import EnvReproError

def leave(told):
    if os.fork() == 0:
        os.setsid()
        Path(told).write_text(str(os.getpid()))
        time.sleep(600)
        os._exit(0)
    while not Path(told).exists():
        time.sleep(0.01)
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)

def test_it(environments, tmp_path):
    signal.alarm(60)  # That of the whole process: who waits for ever is to fail.
    there = environments.get("there")
    try:
        with pytest.raises(EnvReproError, match="the Python that runs functions in .* is gone: it was ended by SIGKILL"):
            there.call(leave, tmp_path / "told")
    finally:
        os.kill(int((tmp_path / "told").read_text()), signal.SIGKILL)
"""


def test_forked_and_lost(suite: Suite) -> None:
    """A process that a body has forked keeps nobody waiting for a warm process that is gone."""
    suite.write(FORKS, TABLE)

    suite.run(subprocess=True).assert_outcomes(passed=1)


OPEN = """
import threading
import sys
import time

@pytest.mark.parametrize("seconds", [0, 0, 0.1, 0, 0])
def test_open(seconds, counted):
    time.sleep(seconds)
    with open(counted, "a") as file:
        file.write(f"{len(os.listdir('/proc/self/fd'))} ")

@pytest.mark.parametrize("number", range(20))
def test_modules(number):
    def change():
        for index in range(10_000_000):
            sys.modules[f"made {index}"] = sys
    threading.Thread(target=change, daemon=True).start()
    time.sleep(0.002)
"""
COUNTS = """
import pytest

@pytest.fixture
def counted():
    return COUNTED
"""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted there")
def test_nothing_of_others(suite: Suite) -> None:
    """A body has no file open that belongs to another one, also where it was forked beside that; a thread may go on."""
    counted = suite.path / "counted"
    suite.write(MARK + OPEN, TABLE, conftest=COUNTS.replace("COUNTED", repr(str(counted))))

    suite.run("-p", "no:randomly").assert_outcomes(passed=25)

    assert len(set(counted.read_text().split())) == 1


SPOILS = """
import pathlib
import sys

def spoil(tmp_path):
    (pathlib.Path((tmp_path / "prefix").read_text()) / "spoiled").touch()

@pytest.fixture
def spoiler(tmp_path):
    yield
    spoil(tmp_path)

def test_fixture(spoiler, tmp_path):
    (tmp_path / "prefix").write_text(sys.prefix)

class TestMethods:
    def teardown_method(self):
        if self.place:
            spoil(self.place)

    def test_spoiled(self, tmp_path):
        (tmp_path / "prefix").write_text(sys.prefix)
        self.place = tmp_path

    def test_sound(self):
        self.place = None
"""
CHANGED = "environment 'there' is shared with other tests, and was changed while this one ran:"


def test_changed_after_the_body(suite: Suite) -> None:
    """What the end of a fixture, or `teardown_method`, changes in a shared environment is an error of that test."""
    suite.write(MARK + SPOILS, TABLE)

    result = suite.run("-p", "no:randomly")

    result.assert_outcomes(passed=3, errors=2)
    assert lines(result, CHANGED) == [CHANGED] * 2
    result.stdout.fnmatch_lines(
        ["*ERROR at teardown of test_fixture*", "*ERROR at teardown of TestMethods.test_spoiled*"]
    )
