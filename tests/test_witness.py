"""Which tests were at work at a time: of sessions that live, have ended, and were killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import filelock  # noqa: F401  # The processes below need it.
import pytest

from pytest_envrepro.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.store.store import Store

pytestmark = pytest.mark.skipif(os.name == "nt", reason="is written for POSIX")

_SESSION = """
import sys
from pathlib import Path
from pytest_envrepro.store.store import Store
from pytest_envrepro.witness import Witness

store = Store(Path(sys.argv[1]))
witness = Witness(store)
witness.begin("test_first")
witness.begin("test_last")
print("began", flush=True)
sys.stdin.readline()
witness.end()
store.close()
"""


@pytest.fixture
def beside(store: Store) -> Iterator[subprocess.Popen[str]]:
    """Give a session beside this one whose last test is at work."""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    argv = [sys.executable, "-c", _SESSION, str(store.folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, env=environ, stdin=pipe, stdout=pipe, text=True) as session:
        assert session.stdout is not None
        assert session.stdout.readline() == "began\n"
        yield session
        session.kill()


def test_of_one_that_lives(store: Store, beside: subprocess.Popen[str]) -> None:
    """Its last test is at work, however long that takes."""
    assert beside.poll() is None
    assert Witness(store).beside(time.time() + 1000) == ("test_last",)


def test_of_one_that_has_ended(store: Store, beside: subprocess.Popen[str]) -> None:
    """None of its tests is, but was."""
    now = time.time()
    beside.communicate("end\n", timeout=30)

    assert Witness(store).beside(time.time() + 1) == ()
    assert Witness(store).beside(now) == ("test_last",)


@pytest.mark.parametrize("swept", [True, False], ids=["swept", "not swept"])
def test_of_one_that_was_killed(store: Store, beside: subprocess.Popen[str], *, swept: bool) -> None:
    """Its last test was at work, and is not any more once it is known that it was killed."""
    now = time.time()
    beside.kill()
    beside.wait()
    if swept:
        store.sweep()

    assert Witness(store).beside(time.time() + 1) == ()
    assert Witness(store).beside(now) == ("test_last",)
