"""The files of a package are read from the lines that tools write, and those of its version are told from others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from pytest_envrepro.locks import archives, uv_packages
from pytest_envrepro.locks.opening import Opened

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.core
POETRY = '    {file = "a-1.tar.gz", hash = "sha256:aa"},\n'
UV = '    { url = "https://a/a-1.tar.gz", hash = "sha256:aa", size = 1, upload-time = "2025-01-01T00:00:00Z" },\n'


@pytest.mark.parametrize(
    ("read", "lines", "files"),
    {
        "Poetry's": (archives.read_files, POETRY * 2, [("a-1.tar.gz", "sha256:aa")] * 2),
        "another line beside": (archives.read_files, f'{POETRY}    {{file = "b", more = 1}},\n', None),
        "none of Poetry's": (archives.read_files, "", None),
        "uv's": (uv_packages.read_files, UV * 2, [("sha256:aa", "sha256:aa")]),
        "one of uv's without a hash": (uv_packages.read_files, f'{UV}    {{ url = "a" }},\n', [("sha256:aa", "")]),
        "another line beside uv's": (uv_packages.read_files, f'{UV}    {{ name = "b" }},\n', None),
        "none of uv's": (uv_packages.read_files, "", None),
    }.values(),
)
def test_lines(read: Callable[[str], list[Any] | None], lines: str, files: list[Any] | None) -> None:
    """All lines of a list are in the form of the tool, or all of them are left to the parser."""
    assert read(lines) == files


@pytest.mark.parametrize(
    ("version", "hashes"),
    [("1.2", ("wheel", "archive", "egg")), ("1.2.3", ("later",)), ("1", ("first",)), ("3", ())],
)
def test_version(version: str, hashes: tuple[str, ...]) -> None:
    """A file is of the version that its name tells, and of none that begins alike."""
    files = [
        *(("a-1.2-py3-none-any.whl", "wheel"), ("a-1.2.tar.gz", "archive"), ("a-1.2.egg", "egg")),
        *(("a-1.2.3-py3-none-any.whl", "later"), ("a-1.zip", "first")),
    ]

    assert archives.hashes_of(files, Version(version)) == hashes


def test_lines_of_headers() -> None:
    """A header is a line of its own, and no words in a text."""
    text = 'a = "[[package]]"\n[[package]]\n# [[package]]\n\n  [[package]] \n[[package]]'

    assert Opened("some.lock", text, {}).lines("[[package]]") == [2, 5, 6]
