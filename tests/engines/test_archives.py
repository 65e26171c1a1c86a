"""Archives, which come from a container and so from anybody."""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines.archives import Member, only_file, packed, unpack

if TYPE_CHECKING:
    from pathlib import Path


def tar(*members: tuple[str, bytes | str | None], links: bytes = tarfile.SYMTYPE) -> bytes:
    """Write an archive: a path with bytes is a file, with a text a link, with None a folder."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(content, str):
                info.type, info.linkname = links, content
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return file.getvalue()


def tree(folder: Path) -> dict[str, str]:
    """Give all that lies in a folder."""
    return {
        path.relative_to(folder).as_posix(): f"-> {os.readlink(path)}"
        if path.is_symlink()
        else ("/" if path.is_dir() else path.read_text())
        for path in sorted(folder.rglob("*"))
    }


def test_round_trip(tmp_path: Path) -> None:
    """What is written is read: names with spaces, newlines and dashes, empty files, and long paths."""
    members = [
        Member("a b", None, 0o755),
        Member("a b/-c\n$(d)é", b"1", 0o750),
        Member(f"{'x' * 90}/{'y' * 120}", b"", 0o600),
    ]

    assert unpack([packed(members, mtime=0)], tmp_path) == {}
    assert (tmp_path / "a b" / "-c\n$(d)é").read_bytes() == b"1"
    assert (tmp_path / "a b" / "-c\n$(d)é").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / ("x" * 90) / ("y" * 120)).read_bytes() == b""


def test_small_chunks(tmp_path: Path) -> None:
    """It may come byte by byte."""
    data = tar(("a", None), ("a/b", b"12" * 5000))

    unpack((data[index : index + 7] for index in range(0, len(data), 7)), tmp_path)

    assert (tmp_path / "a" / "b").read_bytes() == b"12" * 5000


def test_links(tmp_path: Path) -> None:
    """Links within stay links; those that lead out, also by way of another, are left out and told."""
    left_out = unpack(
        [
            tar(
                ("env/bin/python3", "/usr/bin/python3"),
                ("env/bin/python", "python3"),
                ("env/lib64", "lib"),
                ("env/lib/x", b"x"),
                ("env/up", "../.."),
                ("env/near", "lib/../lib/x"),
                ("env/deep", "near/../../env"),
                ("env/round", "round"),
            )
        ],
        tmp_path,
    )

    assert left_out == {
        "env/bin/python3": "/usr/bin/python3",
        "env/bin/python": "python3",
        "env/up": "../..",
    }
    assert os.readlink(tmp_path / "env" / "lib64") == "lib"
    assert os.readlink(tmp_path / "env" / "near") == "lib/../lib/x"
    assert (tmp_path / "env" / "near").read_text() == "x"


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "a/..", "..", "//evil"])
def test_path_outside(tmp_path: Path, name: str) -> None:
    """A path that leads out is an error, and nothing is written there."""
    with pytest.raises(EngineError, match="which leads out of the folder"):
        unpack([tar((name, b"x"))], tmp_path / "in")

    assert not (tmp_path / "evil").exists()


def test_through_link(tmp_path: Path) -> None:
    """Nothing is written through a link, be it of the archive or one that was there."""
    (tmp_path / "out").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "there").symlink_to(tmp_path / "out")

    with pytest.raises(EngineError, match="twice"):
        unpack([tar(("a", str(tmp_path / "out")), ("a/evil", b"x"))], tmp_path / "in")
    with pytest.raises(EngineError, match="is a link: nothing is written through it"):
        unpack([tar(("there/evil", b"x"))], tmp_path / "in")
    with pytest.raises(EngineError, match="twice"):
        unpack([tar(("b", "c"), ("b", b"x"))], tmp_path / "in")
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_there(tmp_path: Path) -> None:
    """A file that is there is not written over."""
    (tmp_path / "a").write_text("mine")

    with pytest.raises(EngineError, match="is there already"):
        unpack([tar(("a", b"x"))], tmp_path)

    assert tree(tmp_path) == {"a": "mine"}


def test_devices_and_hard_links(tmp_path: Path) -> None:
    """A device is left out and told; a hard link to a file of the archive is a file, one to another is left out."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, kind, target in (
            ("null", tarfile.CHRTYPE, ""),
            ("pipe", tarfile.FIFOTYPE, ""),
            ("one", tarfile.LNKTYPE, "etc/passwd"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
        info = tarfile.TarInfo("two")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"2"))
        info = tarfile.TarInfo("three")
        info.type, info.linkname = tarfile.LNKTYPE, "two"
        archive.addfile(info)

    assert unpack([file.getvalue()], tmp_path) == {"null": "device", "pipe": "device", "one": "etc/passwd"}
    assert tree(tmp_path) == {"two": "2", "three": "2"}


def test_no_special_rights(tmp_path: Path) -> None:
    """No set-user-id comes to this machine, and a folder that forbids to write can be filled and removed."""
    unpack([packed([Member("d", None, 0o500), Member("d/f", b"", 0o6755)], mtime=0)], tmp_path)

    assert (tmp_path / "d" / "f").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "d").stat().st_mode & 0o700 == 0o700


@pytest.mark.parametrize("size", [100, 600, 1000])
def test_truncated(tmp_path: Path, size: int) -> None:
    """An archive that ends in the middle is an error, not a short file."""
    data = tar(("a", b"x" * 2000))[:size]

    with pytest.raises(EngineError, match="whole"):
        unpack([data], tmp_path)
    with pytest.raises(EngineError, match="whole"):
        only_file([data], "/a")


def test_only_file() -> None:
    """One file is given; a folder or nothing is none."""
    assert only_file([tar(("a", b"x"))], "/a") == b"x"
    with pytest.raises(EngineError, match=r"^/a in the container is no file$"):
        only_file([tar(("a", None))], "/a")
    with pytest.raises(EngineError, match="/a"):
        only_file([], "/a")
