"""Copies of a tree: by shared blocks, links or bytes, each right in the same way."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ext4 is Linux's")
def test_folders_are_spread(tmp_path: Path) -> None:
    """Copies are put where the disk has room (chattr's T), where it knows that; it is done once, and else nothing."""
    known, ours = tmp_path / "known", tmp_path / "ours"
    known.mkdir()
    ours.mkdir()
    try:
        _flags(known, 0x20000)
    except OSError as error:
        pytest.skip(f"this disk knows no such mark: {error}")
    before = _flags(ours)

    cloning.spread(ours)
    cloning.spread(ours)
    cloning.spread(tmp_path / "that is not there")

    assert not before & 0x20000
    assert _flags(ours) == before | 0x20000
    store = Store(tmp_path / "envs")
    assert _flags(store.folder / "at") & 0x20000
    assert not _flags(store.folder / "trash") & 0x20000


def _flags(folder: Path, more: int = 0) -> int:
    """Give what chattr has set of a folder, and set more."""
    import fcntl  # noqa: PLC0415  # Is not on every system.

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        flags = bytearray(struct.calcsize("l"))
        fcntl.ioctl(descriptor, 0x6601 | 2 << 30 | len(flags) << 16, flags)
        now = int.from_bytes(flags[:4], sys.byteorder)
        if more:
            flags[:4] = (now | more).to_bytes(4, sys.byteorder)
            fcntl.ioctl(descriptor, 0x6602 | 1 << 30 | len(flags) << 16, flags)
    finally:
        os.close(descriptor)
    return now


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
    program = shutil.which("mkfs.btrfs")
    if program is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("needs mkfs.btrfs and the right to mount")
    image, folder = tmp_path / "image", tmp_path / "mounted"
    with image.open("wb") as file:
        file.truncate(256 * 1024 * 1024)
    folder.mkdir()
    subprocess.run([program, "-q", str(image)], check=True)
    if subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=False).returncode:
        pytest.skip("this system mounts no image")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_shared_blocks(sharing: Path, source: Path) -> None:
    """Where blocks can be shared they are, and a write into the copy does not reach the source."""
    shutil.copytree(source, sharing / "source")
    assert cloning.means(sharing) == "reflink"

    cloning.clone(sharing / "source", sharing / "target", scan(sharing / "source"), by="reflink")

    assert shown(sharing / "target") == shown(sharing / "source")
    (sharing / "target" / "a" / "tool").write_text("changed")
    assert (sharing / "source" / "a" / "tool").read_text() == "#!/bin/sh\n"
