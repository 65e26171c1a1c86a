"""Archives, which come from a container and so from anybody."""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines.archives import Member, only_file, packed
from pytest_envrepro.engines.unpacking import unpack

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def pax(kind: bytes = tarfile.REGTYPE, **headers: str) -> bytes:
    """Write an archive of a file or a link, with headers of its own (POSIX.1-2001, pax)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a")
        info.type, info.size = kind, int(kind == tarfile.REGTYPE)
        info.pax_headers = {name.replace("_", "."): value for name, value in headers.items()}
        archive.addfile(info, io.BytesIO(b"x") if info.size else None)
    return file.getvalue()


def sized(kind: bytes, size: int) -> bytes:
    """Write an archive of one header, which says that much comes after it."""
    info = tarfile.TarInfo("a")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def nested(count: int) -> bytes:
    """Write an archive of headers that are each about the next one."""
    info = tarfile.TarInfo("a")
    info.type, info.size = tarfile.XHDTYPE, 0
    return info.tobuf(tarfile.USTAR_FORMAT) * count


class Ending:
    """An archive in one chunk, after which nobody is to ask for ever whether more comes."""

    def __init__(self, data: bytes) -> None:
        self._chunks = iter([data])
        self._asked = 0

    def __iter__(self) -> Iterator[bytes]:
        """It is asked for once."""
        return self

    def __next__(self) -> bytes:
        """Give it, and then nothing."""
        self._asked += 1
        assert self._asked < 10_000
        return next(self._chunks)


HOSTILE = {
    "less than nothing": pax(size="-5"),
    "a map of holes that is none": pax(GNU_sparse_map="x,y", GNU_sparse_size="1"),
    "a map of holes that is not there": pax(GNU_sparse_major="1", GNU_sparse_minor="0"),
    # Of an exabyte no disk would be left, were it written.
    "holes of 64 MiB": pax(GNU_sparse_map="0,1", GNU_sparse_size=str(1 << 26), GNU_sparse_realsize=str(1 << 26)),
    "headers in headers": nested(5000),
    "an exabyte of what nobody knows": sized(b"Z", 1 << 60),
    "an exabyte": sized(tarfile.REGTYPE, 1 << 60),
}
WHOLE = "what the engine has sent is no whole tar archive: "
LONG = "the engine has sent a path that is too long for this machine: "
# Of these, the content of the one file is sound.
HOSTILE_TO_A_FOLDER = {
    "a time that is none": (pax(mtime="nan"), WHOLE),
    "an endless time": (pax(mtime="inf"), WHOLE),
    "a time after all times": (pax(mtime="1e300"), WHOLE),
    "a name that is too long": (tar(("a" * 5000, b"x")), LONG),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(tmp_path: Path, name: str) -> None:
    """What nobody would send by accident is an error of ours, soon, and fills no disk and no memory."""
    with pytest.raises(EngineError, match=rf"^{WHOLE}|'a' (with holes|was not)"):
        unpack(Ending(HOSTILE[name]), tmp_path / "in")
    with pytest.raises(EngineError, match=r"^/a (was not sent whole|in the container)|'a' with holes"):
        only_file(Ending(HOSTILE[name]), "/a")

    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) <= 1


@pytest.mark.parametrize("name", HOSTILE_TO_A_FOLDER)
def test_hostile_to_a_folder(tmp_path: Path, name: str) -> None:
    """So it is where a file cannot be laid as it says; its content is given where nothing is laid."""
    data, said = HOSTILE_TO_A_FOLDER[name]

    with pytest.raises(EngineError, match=f"^{said}"):
        unpack([data], tmp_path / "in")

    assert only_file([data], "/a") == b"x"


@pytest.mark.parametrize(
    ("target", "said"), [("b\0c", WHOLE), ("b" * 50_000, LONG)], ids=["with a NUL", "that is too long"]
)
def test_hostile_link(tmp_path: Path, target: str, said: str) -> None:
    """So is a link that no system makes."""
    with pytest.raises(EngineError, match=f"^{said}"):
        unpack([pax(tarfile.SYMTYPE, linkpath=target)], tmp_path / "in")

    assert tree(tmp_path / "in") == {}


def test_link_to_nowhere(tmp_path: Path) -> None:
    """A link without a target is left out and told."""
    assert unpack([tar(("a", ""), ("b", b"x"))], tmp_path) == {"a": "device"}
    assert tree(tmp_path) == {"b": "x"}
