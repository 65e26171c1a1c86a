"""The context of a build: the same archive for the same files, and none that leads outside."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from test_settings import refusal

from pytest_envrepro.errors import BuildError
from pytest_envrepro.images import Entry, Ignoring, archive, entry, link, packed

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.core

LONG = f"{120 * 'a'}/{200 * 'ü'}"


def unpacked(data: Iterable[bytes]) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    """Read an archive."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(data))) as tar:
        return {
            each.name: (each, file.read() if (file := tar.extractfile(each)) else b"")
            for each in tar
            if not each.issym()
        } | {each.name: (each, each.linkname.encode()) for each in tar if each.issym()}


class TestArchive:
    """A tar archive of nobody and of no time."""

    def test_headers(self) -> None:
        """Owners, times and modes are the same for everybody; only whether a file can be run is kept."""
        found = unpacked(archive([entry("b/c.sh", b"x", executable=True), entry("a b$\n", b"1"), link("l", "a b$\n")]))

        assert {name: (oct(info.mode), data) for name, (info, data) in found.items()} == {
            "a b$\n": ("0o644", b"1"),
            "b": ("0o755", b""),
            "b/c.sh": ("0o755", b"x"),
            "l": ("0o777", b"a b$\n"),
        }
        assert {(info.uid, info.gid, info.uname, info.gname, info.mtime) for info, _ in found.values()} == {
            (0, 0, "", "", 0)
        }

    def test_order(self) -> None:
        """In whichever order files are given, the bytes are the same."""
        files = [entry(name, name.encode()) for name in ("z", "a/b", "a/a", LONG, "é")]

        assert b"".join(archive(files)) == b"".join(archive(reversed(files)))
        assert [*unpacked(archive(files))][-1] == "é"
        assert unpacked(archive(files))[LONG][1] == LONG.encode()

    def test_large_ones_are_streamed(self) -> None:
        """A file is read piece by piece, and no earlier than its turn."""
        read: list[int] = []

        def chunks() -> Iterable[bytes]:
            for number in range(3):
                read.append(number)
                yield 1000 * b"x"

        pieces = archive([Entry("a", 3000, chunks)])
        next(pieces)
        assert read == []
        next(pieces)
        assert read == [0]
        assert len(b"".join(pieces)) % 512 == (3 * 512 - 1000 - 512) % 512

    @pytest.mark.parametrize("size", [999, 1001])
    def test_changed_meanwhile(self, size: int) -> None:
        """A file that is not as long as it was is an error, and no broken archive."""
        with pytest.raises(BuildError, match=r"^a has changed while it was read: build again$"):
            b"".join(archive([Entry("a", size, lambda: (500 * b"x", 500 * b"x"))]))

    @pytest.mark.parametrize("name", ["", "/a", "../a", "a/../b", "a//b", "./a", "a/", "a\0"])
    def test_outside(self, name: str) -> None:
        """A name that leads outside is refused."""
        assert refusal(lambda: [*archive([entry(name, b"")])]) == [f"{name!r} is no path within a context"]

    def test_twice(self) -> None:
        """One name stands for one file."""
        assert refusal(lambda: [*archive([entry("a", b""), entry("a", b"")])]) == ["'a' stands in a context twice"]
        assert refusal(lambda: [*archive([entry("a", b""), entry("a/b", b"")])]) == [
            "'a' is a file, and 'a/b' would have to be in it"
        ]

    def test_no_unicode(self) -> None:
        """A name of bytes that are no text is told."""
        (said,) = refusal(lambda: [*archive([entry("a\udcff", b"")])])

        assert said == "'a\\udcff' is no Unicode text, and no engine can be given it: rename the file"


class TestPacked:
    """The archive within, of the files of the settings."""

    def test_places(self) -> None:
        """Absolute places are those of the image, others are below the virtualenv; no folder has an entry."""
        outer = packed(
            "files.tar", [entry("/etc/a b", b"1"), entry("etc/b", b"2", executable=True)], below="/opt/environment"
        )
        found = unpacked(outer.chunks())

        assert {name: data for name, (_, data) in found.items()} == {"etc/a b": b"1", "opt/environment/etc/b": b"2"}
        assert found["opt/environment/etc/b"][0].mode == 0o755

    @pytest.mark.parametrize("size", [0, 1, 511, 512, 513])
    def test_size(self, size: int) -> None:
        """Its size is known before it is written."""
        outer = packed("files.tar", [entry(LONG, size * b"x"), entry("/é", b"")], below="/opt")

        assert len(b"".join(outer.chunks())) == outer.size

    def test_one_place_in_two_spellings(self) -> None:
        """What would be one file of the image is told."""
        assert refusal(lambda: packed("f", [entry("/opt/a", b""), entry("a", b"")], below="/opt")) == [
            "'opt/a' stands in a context twice"
        ]


RULES: list[tuple[str, dict[str, bool]]] = [
    ("", {"a": False}),
    ("# a\n\na\n", {"a": True, "b": False, "# a": False, "a/b": True, "b/a": False}),
    ("/a\nb/\n./c/../d", {"a": True, "b/x/y": True, "d": True, "c": False}),
    ("*.md\n!README.md", {"a.md": True, "README.md": False, "b/a.md": False}),
    ("*\n!src", {"a": True, "src/b": False, "src": False}),
    ("**/*.pyc\n**/cache", {"a.pyc": True, "a/b/c.pyc": True, "a/cache/b": True, "cache": True, "xcache": False}),
    ("a/**/b", {"a/b": True, "a/x/y/b": True, "a/xb": False}),
    (
        "a?c\nd[0-9]\ne[^0-9]",
        {"abc": True, "a/c": False, "d1": True, "dx": False, "e1": False, "ex": True, "e/": False},
    ),
    ("a\\*b\n[x", {"a*b": True, "axb": False, "[x": True}),
    ("a.b", {"a.b": True, "axb": False}),
    ("!a\na", {"a": True}),
    ("a b \n", {"a b": True}),
    ("..", {"a": False}),
]


@pytest.mark.parametrize(("text", "ignored"), RULES, ids=[repr(text) for text, _ in RULES])
def test_dockerignore(text: str, ignored: dict[str, bool]) -> None:
    """The rules of a `.dockerignore`."""
    rules = Ignoring(text)

    assert {path: rules.ignores(path) for path in ignored} == ignored


def test_no_pattern() -> None:
    """A line that is no pattern is told with its number."""
    (said,) = refusal(lambda: Ignoring("a\n[z-a]"))

    assert said.startswith(".dockerignore:2: '[z-a]' is no pattern: ")
