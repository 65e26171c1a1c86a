"""What is thrown away is deleted, and nothing else, whatever lies in it; and nothing that was asked for is forgotten."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.store.background import Background
from pytest_envrepro.store.trash import Trash

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="is written for POSIX")

# Called at each look into a folder, until it answers true: such a hook cannot be taken out again.
_watching: list[object] = []


def _watch(event: str, args: tuple[object, ...]) -> None:
    if _watching and event in {"open", "os.scandir", "os.listdir"} and str(args[0]).endswith("victim"):
        swap = _watching.pop()
        assert callable(swap)
        swap()


def test_links_are_not_followed(tmp_path: Path) -> None:
    """Neither those that lie there, nor one that is put in the place of a folder while that is about to be opened."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    folder = tmp_path / "folder"
    (folder / "victim").mkdir(parents=True)
    (folder / "link").symlink_to(outside)
    trash = Trash(tmp_path / "trash")
    assert trash.put(folder)
    (place,) = (tmp_path / "trash").iterdir()

    def swap() -> None:
        (place / "victim").rmdir()
        (place / "victim").symlink_to(outside)

    sys.addaudithook(_watch)
    _watching.append(swap)
    trash.empty()

    assert _watching == []
    assert (outside / "kept").exists()
    assert os.listdir(tmp_path / "trash") == []


@pytest.mark.requires_integration("disks")
def test_what_is_mounted_there_stays(tmp_path: Path) -> None:
    """A folder of somebody's that a test has mounted into its environment is not emptied; all goes once it is not there."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "precious").touch()
    folder, other = tmp_path / "a folder", tmp_path / "other"
    (folder / "deep" / "mounted").mkdir(parents=True)
    other.mkdir()
    subprocess.run(["mount", "--bind", theirs, folder / "deep" / "mounted"], check=True)
    trash = Trash(tmp_path / "the trash")
    assert trash.put(folder)
    (place,) = (tmp_path / "the trash").iterdir()
    assert trash.put(other)

    try:
        trash.empty()

        assert (theirs / "precious").exists()
        assert list((tmp_path / "the trash").iterdir()) == [place]
    finally:
        subprocess.run(["umount", place / "deep" / "mounted"], check=True)
    trash.empty()
    assert os.listdir(tmp_path / "the trash") == []
    assert (theirs / "precious").exists()


def test_modes_of_others_stay(tmp_path: Path) -> None:
    """A link to a folder without rights gives nobody rights to it."""
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o500)
    (tmp_path / "folder" / "in").mkdir(parents=True)
    (tmp_path / "folder" / "in" / "link").symlink_to(closed)
    (tmp_path / "folder" / "in").chmod(0)
    trash = Trash(tmp_path / "trash")
    trash.put(tmp_path / "folder")

    trash.empty()

    assert os.listdir(tmp_path / "trash") == []
    assert closed.stat().st_mode & 0o777 == 0o500


@pytest.mark.parametrize("spare", [100, 12])
def test_folders_in_folders(tmp_path: Path, spare: int) -> None:
    """However many: neither how deep, nor how many files this process may have open, is the measure."""
    deep = tmp_path.joinpath("deep", *["d"] * 300)
    deep.mkdir(parents=True)
    (deep / "file").touch()
    trash = tmp_path / "trash"
    Trash(trash).put(tmp_path / "deep")

    # In a process of its own: what others have open in this one is no part of it.
    code = f"""if True:
        import os, pathlib, resource
        from pytest_envrepro.store.trash import Trash
        first = os.open(os.curdir, os.O_RDONLY)
        resource.setrlimit(resource.RLIMIT_NOFILE, (first + {spare}, first + {spare}))
        Trash(pathlib.Path({str(trash)!r})).empty()
    """
    subprocess.run([sys.executable, "-c", code], check=True)

    assert os.listdir(trash) == []


def test_what_is_asked_for_at_the_last_moment() -> None:
    """A work that is asked for while another ends is done too; of several, the last."""
    background = Background("test")
    began, ends = threading.Event(), threading.Event()
    done = []

    def first(_: threading.Event) -> None:
        began.set()
        ends.wait(30)

    background.start(first)
    assert began.wait(30)
    background.start(lambda _: done.append("skipped"))
    background.start(lambda _: done.append("last"))
    ends.set()
    background.stop(30)

    assert done == ["last"]


def test_a_work_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not keep the next one from being done."""
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    background = Background("test")
    done = threading.Event()

    def fail(_: threading.Event) -> None:
        raise ValueError

    background.start(fail)
    background.stop(30)
    background.start(lambda _: done.set())

    assert done.wait(30)
