"""Files are written whole or not at all; what is no file is written to as it is."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.writing import is_stream, write_whole

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.core


def test_new(tmp_path: Path) -> None:
    """Folders are made, the text is UTF-8, and nothing else is left."""
    path = tmp_path / "a" / "b" / "report.json"

    write_whole(path, "größe\n")

    assert path.read_bytes() == "größe\n".encode()
    assert [each.name for each in path.parent.iterdir()] == ["report.json"]


def test_mode(tmp_path: Path) -> None:
    """A new file has the mode that the user's mask leaves, and one that is replaced keeps its own."""
    plain = tmp_path / "plain"
    plain.write_text("")
    path = tmp_path / "report.json"

    write_whole(path, "1")
    assert path.stat().st_mode == plain.stat().st_mode

    path.chmod(0o600)
    write_whole(path, "2")
    assert (path.stat().st_mode & 0o777, path.read_text()) == (0o600, "2")


def test_link(tmp_path: Path) -> None:
    """A link stays one: the file that it names is written, also one that is not there yet."""
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    link.symlink_to(target)

    write_whole(link, "1")
    write_whole(link, "2")

    assert link.is_symlink()
    assert target.read_text() == "2"


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    """What cannot be written raises, and leaves neither half a file nor a temporary one."""
    (tmp_path / "report.json").mkdir()

    with pytest.raises(OSError, match=r"report\.json"):
        write_whole(tmp_path / "report.json", "1")

    assert [each.name for each in tmp_path.iterdir()] == ["report.json"]


def test_no_text(tmp_path: Path) -> None:
    """What a file's name holds and is no text is escaped, as JSON escapes it."""
    path = tmp_path / "report.json"

    write_whole(path, '"\udcff"')

    assert path.read_text() == '"\\udcff"'


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_pipe(tmp_path: Path) -> None:
    """Who reads a named pipe gets the text."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(path.read_text()))
    reader.start()

    write_whole(path, "1")

    reader.join(10)
    assert got == ["1"]


@pytest.mark.skipif(os.name == "nt", reason="has no /dev")
@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output(capfd: pytest.CaptureFixture[str], tmp_path: Path, path: str) -> None:
    """What is written to the standard output stands after what was said before, wherever that goes."""
    print("before")  # noqa: T201  # Is what the text has to follow.

    write_whole(tmp_path.__class__(path), "after\n")

    assert capfd.readouterr().out == "before\nafter\n"


def test_is_stream(tmp_path: Path) -> None:
    """A file, a folder and what is not there are no streams."""
    assert not is_stream(tmp_path)
    assert not is_stream(tmp_path / "new")
    assert not is_stream(tmp_path.__class__("/dev/fd/none"))
