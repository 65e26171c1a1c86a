"""Copies of a tree: by shared blocks, links or bytes, each right in the same way."""

from __future__ import annotations

import os
import shutil
import struct
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from disks import disk

from pytest_envrepro.store import cloning
from pytest_envrepro.store.looking import scan
from pytest_envrepro.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_envrepro.store.looking import Tree


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give a tree with modes, times and a folder that nothing can be written to."""
    source = tmp_path / "source"
    (source / "a" / "b").mkdir(parents=True)
    (source / "a" / "b" / "m.py").write_text("x = 1\n")
    (source / "a" / "tool").write_text("#!/bin/sh\n")
    (source / "a" / "tool").chmod(0o750)
    (source / "left.txt").write_text("out")
    os.utime(source / "a" / "b" / "m.py", ns=(1_000_000_007, 1_000_000_007))
    (source / "a" / "b").chmod(0o555)
    return source


def shown(folder: Path) -> Tree:
    """Give what is the same in a copy: modes, sizes and times of contents."""
    return {path: {name: status[:3] for name, status in here.items()} for path, here in scan(folder).items()}


def test_modes_and_times_are_the_same(source: Path, tmp_path: Path) -> None:
    """A copy looks as its source does, with what is left out left out, and has no file in common with it."""
    target = tmp_path / "deep" / "target"

    cloning.clone(source, target, scan(source), by="copy", without=["left.txt"])

    expected = shown(source)
    del expected[""]["left.txt"]
    assert shown(target) == expected
    assert not (target / "a" / "b" / "m.py").samefile(source / "a" / "b" / "m.py")
    assert (target / "a" / "b" / "m.py").read_text() == "x = 1\n"


def test_what_has_changed_is_not_copied(source: Path, tmp_path: Path) -> None:
    """A file that is not what was seen of it is an error, also where size and time are the same."""
    seen = scan(source)
    module = source / "a" / "b" / "m.py"
    module.write_text("x = 2\n")
    os.utime(module, ns=(1_000_000_007, 1_000_000_007))

    with pytest.raises(cloning.Changed):
        cloning.clone(source, tmp_path / "target", seen, by="copy")
    with pytest.raises(cloning.Changed):
        cloning.read(source, seen, ["a/b/m.py"])


def test_one_that_has_changed_among_many(tmp_path: Path) -> None:
    """Several threads copy: the error of any of them is told, and none goes on."""
    source = tmp_path / "source"
    for index in range(2_000):
        (source / str(index)).mkdir(parents=True)
        (source / str(index) / "m.py").write_text("x = 1\n")
    seen = scan(source)
    cloning.clone(source, tmp_path / "whole", seen, by="copy")
    (source / "0" / "m.py").write_text("changed")

    with pytest.raises(cloning.Changed):
        cloning.clone(source, tmp_path / "target", seen, by="copy")

    assert len(list((tmp_path / "whole").glob("*/m.py"))) == 2_000
    assert len(list((tmp_path / "target").glob("*/m.py"))) < 1_900
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pytest-envrepro copies")]


def test_a_large_file(tmp_path: Path) -> None:
    """One that is not read at once is copied whole, and so is an empty one."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "large").write_bytes(os.urandom(3 * 1024 * 1024 + 1))
    (tmp_path / "source" / "empty").touch()

    cloning.clone(tmp_path / "source", tmp_path / "target", scan(tmp_path / "source"), by="copy")

    for name in ("large", "empty"):
        assert (tmp_path / "target" / name).read_bytes() == (tmp_path / "source" / name).read_bytes()


@pytest.mark.requires_integration("disks")
def test_folders_are_spread(tmp_path: Path) -> None:
    """Copies are put where the disk has room (chattr's T), where it knows that; it is done once, and else nothing."""
    with disk(tmp_path, "ext4", 16) as folder:
        ours = folder / "ours"
        ours.mkdir()
        before = _flags(ours)

        cloning.spread(ours)
        cloning.spread(ours)
        cloning.spread(folder / "that is not there")

        assert not before & 0x20000
        assert _flags(ours) == before | 0x20000
        store = Store(folder / "envs")
        assert _flags(store.folder / "at") & 0x20000
        assert not _flags(store.folder / "trash") & 0x20000
        store.close()


@pytest.mark.requires_integration("disks")
def test_disk_that_does_not_spread(tmp_path: Path) -> None:
    """Another kind of disk knows no such mark: folders stay as they are, and that is no error."""
    with disk(tmp_path, "btrfs", 256) as folder:
        before = _flags(folder)

        cloning.spread(folder)

        assert _flags(folder) == before


def _flags(folder: Path) -> int:
    """Give what chattr has set of a folder."""
    import fcntl  # noqa: PLC0415  # Is not on every system.

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        flags = bytearray(struct.calcsize("l"))
        fcntl.ioctl(descriptor, 0x6601 | 2 << 30 | len(flags) << 16, flags)
    finally:
        os.close(descriptor)
    return int.from_bytes(flags[:4], sys.byteorder)


def test_links_and_written_files(source: Path, tmp_path: Path) -> None:
    """What is not copied is made: links, and files with a new content and the old time."""
    tree = scan(source)
    target = tmp_path / "target"
    cloning.clone(source, target, tree, by="copy", without=["a/b/m.py"])
    (target / "a" / "b").chmod(0o755)

    cloning.write(target, {"a/b/m.py": b"x = 2\n"}, tree)
    cloning.link(target, {"lib64": "a"})

    assert (target / "lib64" / "b" / "m.py").read_bytes() == b"x = 2\n"
    assert (target / "a" / "b" / "m.py").stat().st_mtime_ns == 1_000_000_007


def test_means_are_tried_out(tmp_path: Path) -> None:
    """What the disk can do is found by doing it, and leaves nothing."""
    assert cloning.means(tmp_path) in {"reflink", "copy"}
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def sharing(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on a disk that can share blocks between files."""
    with disk(tmp_path, "btrfs", 256) as folder:
        yield folder


@pytest.mark.requires_integration("disks")
def test_shared_blocks(sharing: Path, source: Path) -> None:
    """Where blocks can be shared they are, and a write into the copy does not reach the source."""
    shutil.copytree(source, sharing / "source")
    assert cloning.means(sharing) == "reflink"

    cloning.clone(sharing / "source", sharing / "target", scan(sharing / "source"), by="reflink")

    assert shown(sharing / "target") == shown(sharing / "source")
    (sharing / "target" / "a" / "tool").write_text("changed")
    assert (sharing / "source" / "a" / "tool").read_text() == "#!/bin/sh\n"


@pytest.mark.requires_integration("disks")
def test_shared_blocks_take_no_room(sharing: Path) -> None:
    """Six of 150 MiB lie on a disk of 256: the blocks are the same ones. By bytes there is no room for another."""
    source = sharing / "source"
    source.mkdir()
    (source / "large").write_bytes(os.urandom(150 << 20))
    seen = scan(source)

    for number in range(5):
        cloning.clone(source, sharing / str(number), seen, by="reflink")

    assert (sharing / "4" / "large").read_bytes() == (source / "large").read_bytes()
    with pytest.raises(OSError, match="No space left on device"):
        cloning.clone(source, sharing / "copied", seen, by="copy")


@pytest.mark.requires_integration("disks")
def test_disk_that_shares_nothing(tmp_path: Path) -> None:
    """Where a disk shares no blocks that is found out, and nothing is left of it."""
    with disk(tmp_path, "ext4", 16) as folder:
        before = sorted(folder.iterdir())

        assert cloning.means(folder) == "copy"

        assert sorted(folder.iterdir()) == before
