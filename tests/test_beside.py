"""What nobody waits for: it is done beside what goes on, and all of it by the end."""

from __future__ import annotations

import os
import threading
import time
from functools import partial

import pytest

from pytest_envrepro.beside import Beside
from pytest_envrepro.engine import EngineError

pytestmark = pytest.mark.core
PATIENCE = 30.0  # Seconds.


def test_nobody_waits() -> None:
    """Who has something done goes on at once; at the end it is done."""
    beside, may_end, done = Beside(), threading.Event(), list[int]()

    def work(number: int) -> None:
        assert may_end.wait(PATIENCE)
        done.append(number)

    for number in range(3):
        beside.do(partial(work, number))
    assert done == []
    may_end.set()

    assert beside.finish() == ()
    assert sorted(done) == [0, 1, 2]


def test_faults() -> None:
    """What goes wrong is given at the end, of those too that had ended before; what is nobody's fault is raised."""
    beside = Beside()

    def fail(words: str) -> None:
        raise EngineError(words)

    for number in range(20):
        beside.do(partial(fail, str(number)) if number % 7 == 0 else list)

    assert sorted(str(each) for each in beside.finish()) == ["0", "14", "7"]

    beside.do(lambda: int("x"))
    with pytest.raises(ValueError, match="invalid literal"):
        beside.finish()


def test_faults_of_the_disk() -> None:
    """A fault of any kind leaves nothing out: what comes after it is done, and each is told once, at the end."""
    beside, done, has_failed = Beside(), list[int](), threading.Event()

    def fail() -> None:
        has_failed.set()
        raise PermissionError(13, "Permission denied", "image.lock")

    beside.do(fail)
    assert has_failed.wait(PATIENCE)
    for number in range(20):
        beside.do(partial(done.append, number))
        time.sleep(0.001)

    assert [str(each) for each in beside.finish()] == ["[Errno 13] Permission denied: 'image.lock'"]
    assert sorted(done) == [*range(20)]
    assert beside.finish() == ()

    beside.do(lambda: int("x"))
    time.sleep(0.05)
    for number in range(20, 30):
        beside.do(partial(done.append, number))
    with pytest.raises(ValueError, match="invalid literal"):
        beside.finish()

    assert sorted(done) == [*range(30)]
    assert beside.finish() == ()


def test_not_all_at_once() -> None:
    """Who has very much done waits: an engine is not flooded, and memory not filled."""
    beside, done = Beside(), list[float]()

    def work() -> None:
        time.sleep(0.01)
        done.append(1)

    for number in range(50):
        beside.do(work)
        assert number - len(done) <= 10

    assert beside.finish() == ()
    assert len(done) == 50


def test_nothing() -> None:
    """Where there is nothing to do, no thread is started."""
    before = set(threading.enumerate())

    assert Beside().finish() == ()
    assert not set(threading.enumerate()) - before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked() -> None:
    """A process that was forked meanwhile does not wait for threads that it does not have."""
    beside, may_end = Beside(), threading.Event()
    beside.do(lambda: may_end.wait(PATIENCE))
    pid = os.fork()
    if not pid:
        os._exit(len(beside.finish()))
    until = time.monotonic() + PATIENCE
    while not (ended := os.waitpid(pid, os.WNOHANG))[0] and time.monotonic() < until:
        time.sleep(0.01)
    may_end.set()

    assert ended == (pid, 0)
    assert beside.finish() == ()
