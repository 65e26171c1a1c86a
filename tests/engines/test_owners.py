"""Whose a container is, and whether that process is still there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_envrepro.engines.owners import Owner, host, is_abandoned, own, ticks

NOW = 1_000_000.0
DAY = 24 * 3600


def labels(*, keep: bool = False, **changed: str) -> dict[str, str]:
    """Give the labels of this process, with some of them changed."""
    made = own("it").labels(keep=keep, now=NOW)
    return {**made, **{f"io.envrepro.{name}": value for name, value in changed.items()}}


def gone() -> str:
    """Give the pid of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return str(process.pid)


def test_labels() -> None:
    """What a container says: session, process, machine, and when another machine may take it away."""
    assert Owner("it", 7, "here", "99").labels(now=NOW) == {
        "io.envrepro.managed": "1",
        "io.envrepro.session": "it",
        "io.envrepro.pid": "7",
        "io.envrepro.host": "here",
        "io.envrepro.started": "99",
        "io.envrepro.deadline": str(int(NOW) + DAY),
        "io.envrepro.keep": "0",
    }


def test_live_process() -> None:
    """What a process that lives owns is nobody else's, also after a week."""
    assert not is_abandoned(labels(), now=NOW + 7 * DAY, here=host())
    assert not is_abandoned(labels(keep=True), now=NOW + 7 * DAY, here=host(), kept=True)


def test_dead_process() -> None:
    """What a process owned that is gone is taken away."""
    assert is_abandoned(labels(pid=gone()), now=NOW, here=host())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells when a process has started")
def test_pid_used_again() -> None:
    """Another process with the same pid is not the owner: it has started at another time."""
    assert is_abandoned(labels(started="1"), now=NOW, here=host())


def test_zombie() -> None:
    """A process that was killed, and that nobody has asked for its status yet, is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()
    while ticks(process.pid):
        pass
    assert is_abandoned(labels(pid=str(process.pid)), now=NOW, here=host())
    process.stdout.close()
    process.wait()


def test_another_machine() -> None:
    """Of another machine nobody knows here who lives there: only the deadline counts."""
    assert not is_abandoned(labels(host="far", pid=gone()), now=NOW + DAY - 1, here=host())
    assert is_abandoned(labels(host="far"), now=NOW + DAY + 1, here=host())


def test_kept() -> None:
    """What was to stay does, until it is asked for or a day has passed."""
    found = labels(keep=True, pid=gone())

    assert not is_abandoned(found, now=NOW, here=host())
    assert is_abandoned(found, now=NOW, here=host(), kept=True)
    assert is_abandoned(found, now=NOW + DAY + 1, here=host())


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"io.envrepro.managed": "1"},
        {"io.envrepro.managed": "1", "io.envrepro.host": "far", "io.envrepro.deadline": "1"},
        {"io.envrepro.managed": "1", "io.envrepro.pid": "no", "io.envrepro.host": "far", "io.envrepro.deadline": "1"},
        {"io.envrepro.pid": "1", "io.envrepro.host": "far", "io.envrepro.deadline": "1"},
    ],
)
def test_somebody_elses(found: dict[str, str]) -> None:
    """A container that a user has made of an image of ours has its labels, and no owner: it is never touched."""
    assert not is_abandoned(found, now=NOW, here=host(), kept=True)


def test_this_process() -> None:
    """This process is there, and is the same at each look."""
    assert ticks(os.getpid()) is not None
    assert own("a")[1:] == own("b")[1:]
