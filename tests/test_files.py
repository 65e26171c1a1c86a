"""Files are decoded as pip decodes them; one that cannot be read is one clear error, and never hangs the session."""

from __future__ import annotations

import codecs
import os
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.errors import LockError
from pytest_envrepro.files import Files, decode

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.core

posix = pytest.mark.skipif(sys.platform == "win32", reason="of POSIX file systems")


@pytest.mark.parametrize(
    "data",
    [
        "flask==1  # é\n".encode(),
        "flask==1  # é\n".encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + "flask==1  # é\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "flask==1  # é\n".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "flask==1  # é\n".encode("utf-32-le"),
    ],
)
def test_encodings(data: bytes) -> None:
    """UTF-8 with and without a mark, and what PowerShell's `>` writes, are the same text."""
    assert decode("requirements.txt", data) == "flask==1  # é\n"


@pytest.mark.parametrize("data", [b"# coding: latin-1\nflask # \xe9\n", b"#\n# -*- coding=latin-1 -*-\nflask # \xe9\n"])
def test_coding_line(data: bytes) -> None:
    """A coding line (PEP 263) in one of the first two lines names the encoding."""
    assert decode("requirements.txt", data).endswith("flask # é\n")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a\nb \xe9\n", "x.txt:2: is not UTF-8: byte 0xe9. Save it as UTF-8, or name its encoding in line 1"),
        (b"a\n\x7fELF\0\0", "x.txt:2: holds a NUL byte: this is not a text file"),
        (b"# coding: klingon\n", "x.txt:1: names an unknown encoding: klingon"),
        (b"# coding: rot13\n", "x.txt:1: names an unknown encoding: rot13"),
        (b"# coding: undefined\n", "x.txt:1: is not UNDEFINED: *"),
    ],
)
def test_not_decoded(data: bytes, message: str) -> None:
    """What cannot be decoded is told with its line."""
    with pytest.raises(LockError) as raised:
        decode("x.txt", data)

    assert fnmatchcase(str(raised.value), message)


def test_folder(tmp_path: Path) -> None:
    """A folder of a file's name is no file."""
    (tmp_path / "requirements.txt").mkdir()

    assert not Files(tmp_path).exists("requirements.txt")


def test_large(tmp_path: Path) -> None:
    """A file of 50 MB is not read."""
    with (tmp_path / "requirements.txt").open("wb") as file:
        file.truncate(50 * 1024 * 1024)

    with pytest.raises(LockError) as raised:
        Files(tmp_path).read("requirements.txt")

    assert str(raised.value) == "requirements.txt: has 50 MiB: more than 16 MiB cannot be a lock or an input"


@posix
def test_fifo(tmp_path: Path) -> None:
    """A pipe that nobody writes to does not hang the session."""
    os.mkfifo(tmp_path / "requirements.txt")
    files = Files(tmp_path)

    assert files.exists("requirements.txt")
    with pytest.raises(LockError) as raised:
        files.read("requirements.txt")

    assert str(raised.value) == "requirements.txt: is not a regular file"


@posix
@pytest.mark.parametrize("target", ["/dev/zero", "/dev/null"])
def test_device(tmp_path: Path, target: str) -> None:
    """A link to a device is not read, however long it would give."""
    (tmp_path / "requirements.txt").symlink_to(target)

    with pytest.raises(LockError, match=r"^requirements.txt: is not a regular file$"):
        Files(tmp_path).read("requirements.txt")


@posix
def test_broken_link(tmp_path: Path) -> None:
    """A link that leads nowhere is a file that cannot be read, not one that is missing."""
    (tmp_path / "requirements.txt").symlink_to("nowhere")
    files = Files(tmp_path)

    assert files.exists("requirements.txt")
    with pytest.raises(LockError, match=r"^requirements.txt: cannot be read: No such file or directory$"):
        files.read("requirements.txt")


@posix
def test_no_permission(tmp_path: Path) -> None:
    """A file that this user may not read is an error, and one more reading of it the same one."""
    path = tmp_path / "requirements.txt"
    path.write_text("flask==1\n")
    path.chmod(0)
    if os.geteuid() == 0:  # Root may read everything: as somebody else, for once.
        tmp_path.chmod(0o755)
        for parent in list(tmp_path.parents)[:2]:
            parent.chmod(parent.stat().st_mode | 0o055)
        os.seteuid(65534)
    try:
        files = Files(tmp_path)
        with pytest.raises(LockError, match=r"^requirements.txt: cannot be read: Permission denied$"):
            files.read("requirements.txt")
        with pytest.raises(LockError, match=r"^requirements.txt: cannot be read: Permission denied$"):
            files.read("requirements.txt")
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


def test_nul_in_path(tmp_path: Path) -> None:
    """A path that cannot be one does not exist."""
    assert not Files(tmp_path).exists("a\0b")


def test_walk(tmp_path: Path) -> None:
    """Two levels below the root are looked at, but no environment, no tool's folder and nothing excluded."""
    for path in (
        "a.txt",
        "b/c/d.txt",
        "b/c/e/too-deep.txt",
        "venv/pyvenv.cfg",
        "venv/hidden.txt",
        ".git/hidden.txt",
        "b/node_modules/hidden.txt",
        "legacy/old.txt",
    ):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    assert list(Files(tmp_path).walk(("legacy/*",))) == ["a.txt", "b/c/d.txt"]


def test_changed(tmp_path: Path) -> None:
    """The time of the last change is that of the file, or 0."""
    (tmp_path / "a").touch()
    os.utime(tmp_path / "a", (5, 7))

    assert (Files(tmp_path).changed("a"), Files(tmp_path).changed("b")) == (7.0, 0.0)
