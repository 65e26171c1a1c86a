"""What is being made when a session ends: it is cancelled first, and told then."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_envrepro.engine import EngineError
from pytest_envrepro.preparing import Preparing

if TYPE_CHECKING:
    from pytest_envrepro.depot import Depot
    from pytest_envrepro.plans import Plan

pytestmark = pytest.mark.core
PATIENCE = 30.0  # Seconds.
PLAN = cast("Plan", SimpleNamespace(identity="one"))


class Slow:
    """What makes environments until it is cancelled."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.cancelled = threading.Event()
        self.may_tell = threading.Event()
        self.told: list[str] = []

    def copied(self, plan: Any) -> str:
        """Say that it copies nothing."""
        return str(plan.identity)

    def make(self, _: Any) -> None:
        """Make one, which takes long."""
        self.begun.set()
        assert self.cancelled.wait(PATIENCE)

    def cancel(self) -> None:
        """Cancel that."""
        self.cancelled.set()

    def tell(self, text: str) -> None:
        """Tell people, at a terminal that takes no line."""
        assert self.may_tell.wait(PATIENCE)
        self.told.append(text)


def preparing(depot: Slow) -> Preparing:
    """Give what has begun with one."""
    found = Preparing(cast("Depot", depot))
    found.start([PLAN], {})
    assert depot.begun.wait(PATIENCE)
    return found


def test_terminal_that_waits() -> None:
    """A terminal that does not take the line keeps nothing from being cancelled."""
    depot, is_cancelled = Slow(), list[bool]()
    found = preparing(depot)

    def look() -> None:
        is_cancelled.append(depot.cancelled.wait(5))
        depot.may_tell.set()

    thread = threading.Thread(target=look)
    thread.start()
    found.stop()
    thread.join()

    assert is_cancelled == [True]
    assert depot.told == ["this session ends, and what is being made for it is cancelled"]


def test_engine_that_fails() -> None:
    """Where the engine cannot be told, the programs are ended all the same, and the handlers of signals taken back."""

    class Failing(Slow):
        def cancel(self) -> None:
            """Fail, after a moment."""
            self.cancelled.set()
            raise EngineError("it is gone")

    depot = Failing()
    depot.may_tell.set()
    before = set(threading.enumerate())
    found = preparing(depot)

    with pytest.raises(EngineError, match="it is gone"):
        found.stop()

    assert not set(threading.enumerate()) - before
    assert len(depot.told) == 1


SCRIPT = """
import os, signal, sys, time
sys.path[:0] = [{folder!r}, {root!r}]
from test_preparing import Slow, preparing

class Loud(Slow):
    def cancel(self):
        print("cancelled", flush=True)
        super().cancel()

preparing(Loud())
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_signal() -> None:
    """The same holds for a signal that ends the process."""
    folder = os.path.dirname(__file__)
    script = SCRIPT.format(folder=folder, root=os.path.dirname(folder))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        timer = threading.Timer(8, process.kill)
        timer.start()
        said = process.stdout.readline() if process.stdout else ""
        process.kill()
        timer.cancel()

    assert said == "cancelled\n"
