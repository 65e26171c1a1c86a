"""Sessions in processes of their own that are ended while something runs in an environment: who that is, and who is left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from borrowing import Suite

PATIENCE = 90.0  # Seconds: what is waited for comes, or never does, however slow the machine.
# What a body does to be found: it starts a program, and tells who is at work, in a file of the place where it runs.
STARTS = """
import json
import os
import pytest
import subprocess
import time

def start():
    child = subprocess.Popen(["sleep", "600.125"])
    with open(PLACE + ".new", "w") as file:
        json.dump([os.getppid(), os.getpid(), child.pid], file)
    os.rename(PLACE + ".new", PLACE)

"""

# A test that forks a process from pytest's, which lives on, and has a body run in the environment NAME.
FORKED = f"""
import os
import pytest
import time

{STARTS}
def test_forks(environments):
    environment = environments.get(NAME)
    assert environment.call(len, "ab") == 2
    if os.fork() == 0:
        with open(FORKED, "w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)
        os._exit(0)
    environment.call(wait)

def wait():
    start()
    time.sleep(600)
"""


class Family(NamedTuple):
    """Processes by their numbers: the one that waits in an environment, the one that runs a body, and what that has started."""

    warm: int
    body: int
    child: int


class Session:
    """A session of pytest, in a process of its own.

    Args:
        args: of its command line.
    """

    def __init__(self, suite: Suite, *args: str) -> None:
        plain = ("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:rerunfailures", "-p", "no:hypothesispytest")
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *plain, *args],
            cwd=suite.path,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **streams,
        )

    def wait_for(self, find: Callable[[], Any]) -> Any:
        """Wait for something that it brings about, and give it."""
        until = time.monotonic() + PATIENCE
        while not (found := find()):
            assert self._process.poll() is None, f"the session has ended: {self._process.communicate()[0]}"
            assert time.monotonic() < until
            time.sleep(0.02)
        return found

    def family(self, place: Path) -> Family:
        """Wait until a body has told who is at work."""
        family = Family(*self.wait_for(lambda: json.loads(place.read_text()) if place.exists() else None))
        time.sleep(0.1)  # Until the body has come from there to the next line, where it stays.
        return family

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def send_all(self, number: int) -> None:
        """Send it a signal, and all that it has started in its terminal, as a terminal does."""
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """Kill it, and nothing else."""
        self._process.kill()

    def end(self) -> tuple[int, str]:
        """Wait for its end, and give its exit code and what it has printed."""
        try:
            output = self._process.communicate(timeout=PATIENCE)[0]
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        return self._process.returncode, output


def left(*pids: int) -> list[int]:
    """Give those processes that run on, once the others had the time to end; they are ended then."""
    until = time.monotonic() + PATIENCE / 3
    there = [*pids]
    while there and time.monotonic() < until:
        time.sleep(0.02)
        there = [pid for pid in there if _runs(pid)]
    for pid in there:
        os.kill(pid, signal.SIGKILL)
    return there


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()  # Nobody has asked yet how it has ended.
    except OSError:
        return sys.platform != "linux"


def failure(output: str, test: str) -> list[str]:
    """Give the lines of a failure, up to what the plugin says of the environment."""
    rest = re.split(rf"^_+ {test} _+$", output, flags=re.MULTILINE)[1]
    return re.split(r"^[-=_]{3}.*$", rest, flags=re.MULTILINE)[0].strip().splitlines()


def section(output: str, title: str) -> str:
    """Give a section of a failure."""
    rest = re.split(rf"^-+ {title} -+$", output, flags=re.MULTILINE)[1]
    return re.split(r"^[-=_]{3}.*$", rest, flags=re.MULTILINE)[0]


def line_of(tests: str, word: str) -> int:
    """Give the number of the line that a word stands in."""
    return 1 + next(number for number, line in enumerate(tests.splitlines()) if word in line)
