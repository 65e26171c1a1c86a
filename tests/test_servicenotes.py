"""What processes tell each other about services, and how they wait for one another."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from pytest_envrepro.engine import EngineError
from pytest_envrepro.locking import Waiting
from pytest_envrepro.programs import Programs
from pytest_envrepro.servicenotes import Notes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.core


def test_told(tmp_path: Path) -> None:
    """Who waits for another process says so, once, after three seconds; what is forgotten leaves nothing behind."""
    told: list[str] = []
    notes = Notes(tmp_path / "compose", Waiting(told.append))
    with notes.alone("one"):
        notes.write("one", {"up": True})
    lock = FileLock(tmp_path / "compose" / "one.lock", thread_local=False)
    (tmp_path / "compose" / "one.who").write_text("process 1, which has been at it since 12:00:00\nanother")
    lock.acquire()
    threading.Timer(4.5, lock.release).start()

    with notes.alone("one", "compose.yaml"):
        assert notes.read("one") == {"up": True}
        notes.forget("one")

    assert told == ["compose.yaml: waiting for process 1, which has been at it since 12:00:00"]
    assert notes.names() == []


def test_session_ends(tmp_path: Path) -> None:
    """A session that ends meanwhile waits no longer."""
    notes, programs = Notes(tmp_path, Waiting(lambda _: None)), Programs()
    threading.Timer(1.0, programs.end).start()

    with FileLock(tmp_path / "one.lock"), programs.here(), pytest.raises(EngineError) as caught, notes.alone("one"):
        pytest.fail("it is not alone")

    assert str(caught.value) == "what another session is at is not waited for: this session ends"


def test_folder_that_cannot_be(tmp_path: Path) -> None:
    """Where no notes can be written, that is told."""
    (tmp_path / "compose").write_text("")

    with (
        pytest.raises(EngineError, match=r"^nothing can be noted in .*compose: "),
        Notes(tmp_path / "compose", Waiting(lambda _: None)).alone("one"),
    ):
        pytest.fail("it is not alone")
