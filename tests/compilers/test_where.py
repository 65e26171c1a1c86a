"""The paths in a command: which are of the project, and how they are written where the copy is."""

from __future__ import annotations

import pytest

from pytest_envrepro.compilers import RefusedError
from pytest_envrepro.compilers.arguments import Where
from pytest_envrepro.provenance import Recipe

_OUT = None


def where(folder: str = "", above: str = "") -> Where:
    """Give where a command ran."""
    return Where.of(Recipe("uv", (), folder, above), "sub/requirements.txt")


@pytest.mark.parametrize(
    ("folder", "above", "path", "written"),
    [
        ("", "", "a.in", "a.in"),
        ("", "", "x/../a.in", "x/../a.in"),
        ("", "", "../a.in", _OUT),
        ("", "", "x/../../a.in", _OUT),
        ("", "", "/etc/passwd", _OUT),
        ("", "", "~/a.in", _OUT),
        ("", "", "C:\\a.in", _OUT),
        ("", "", "file:///etc/passwd", _OUT),
        ("", "", "https://example.org/a.in", _OUT),
        ("sub", "", "../a.in", "../a.in"),
        ("sub", "", "../../a.in", _OUT),
        # The command ran above the project.
        ("", "repo/", "repo/a.in", "repo/a.in"),
        ("", "repo/", "repo/../a.in", _OUT),
        ("", "repo/", "other/a.in", _OUT),
        ("", "repo/", "repository/a.in", _OUT),
        # It named the project by where that was.
        ("", "/home/me/it/", "/home/me/it/a.in", "a.in"),
        ("sub", "/home/me/it/", "/home/me/it/a.in", "../a.in"),
        ("", "/home/me/it/", "/home/me/it/../../../etc/passwd", _OUT),
        ("", "/home/me/it/", "/home/me/other/a.in", _OUT),
        ("", "/home/me/it/", "a.in", "a.in"),
        ("", "C:/it/", "C:\\it\\a.in", "a.in"),
    ],
)
def test_within(folder: str, above: str, path: str, written: str | None) -> None:
    """A path of the project is written as it is named from the copy; any other is refused."""
    if written is None:
        with pytest.raises(ValueError, match="leads out of this project"):
            where(folder, above).within(path)
    else:
        assert where(folder, above).within(path) == written


@pytest.mark.parametrize(
    ("folder", "above", "lock"),
    [
        ("", "", "sub/requirements.txt"),
        ("sub", "", "requirements.txt"),
        ("other", "", "../sub/requirements.txt"),
        ("", "repo/", "repo/sub/requirements.txt"),
        ("", "/home/me/it/", "sub/requirements.txt"),
    ],
)
def test_lock(folder: str, above: str, lock: str) -> None:
    """The lock is written where it is, from wherever the command runs."""
    assert where(folder, above).lock == lock


def test_above_everything() -> None:
    """A command that climbs above its own folder cannot be run in a copy."""
    with pytest.raises(RefusedError, match=r"names the project as '\.\./\.\./it/', which leads out of every copy"):
        where("", "../../it/")
