"""Who uses a store: locks on files, on disks of every kind."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.locking import hold
from pytest_envrepro.store.owners import Owners

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="is written for POSIX")


def test_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk knows no locks, everybody is given them, nothing is warned of, and a dead session keeps nothing."""

    def unknown(*_: Any) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("fcntl.flock", unknown)

    first, second = hold(tmp_path / "it.lock", timeout=0), hold(tmp_path / "it.lock", timeout=0)

    assert first is not None
    assert second is not None
    assert (first.is_real, second.is_real) == (False, False)
    assert Owners(tmp_path).claim() != Owners(tmp_path).claim()


def test_lock_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What else keeps the system from locking is no lock that everybody is given."""

    def broken(*_: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("fcntl.flock", broken)

    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        hold(tmp_path / "it.lock", timeout=0)
