"""What comes from an environment is not believed: it makes no objects but plain ones here, and writes nowhere but where it may."""

from __future__ import annotations

import enum
import os
import pathlib
import stat
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.comparisons import alike
from pytest_envrepro.far.folders import lay, taken
from pytest_envrepro.far.values import Decoder, Encoder, UntravelledError
from pytest_envrepro.slicing import Module

if TYPE_CHECKING:
    from pathlib import Path

DATA = ["file", 0o4755, "aGVsbG8="]


class Colour(enum.Flag):
    """Some of which have no name of their own."""

    RED = 1
    BLUE = 2


def test_laid_where_it_may(tmp_path: Path) -> None:
    """Files come back into the folder that was sent, with the rights that a mode gives and no more."""
    folder = tmp_path / "sent"
    folder.mkdir()

    lay({str(folder / "in" / "it"): DATA}, within=[str(folder)])

    assert (folder / "in" / "it").read_text() == "hello"
    assert stat.S_IMODE((folder / "in" / "it").stat().st_mode) == 0o755


@pytest.mark.parametrize("path", ["other/it", "sent/../other/it", "sent/link/it", "other", "sent2/it"])
def test_laid_nowhere_else(tmp_path: Path, path: str) -> None:
    """Beside that folder, out of it by dots or by a link that came first: nothing is written, and nothing removed."""
    folder, other = tmp_path / "sent", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    (other / "kept").touch()
    before = {each: each.stat().st_mtime_ns for each in [other, *other.iterdir()]}

    lay({str(folder / "link"): ["link", str(other)], f"{tmp_path}/{path}": DATA}, within=[str(folder)])
    lay({f"{tmp_path}/{path}": None, str(other / "kept"): None}, within=[str(folder)])

    assert {each: each.stat().st_mtime_ns for each in [other, *other.iterdir()]} == before
    assert not (tmp_path / "sent2").exists()


def test_what_was_taken_is_laid(tmp_path: Path) -> None:
    """Files, folders, links, and what is gone: the same is there afterwards."""
    first = tmp_path / "first"
    (first / "deep").mkdir(parents=True)
    (first / "deep" / "file").write_text("one")
    (first / "link").symlink_to("deep/file")
    known = taken([str(first)])
    (first / "deep" / "file").write_text("two")
    (first / "link").unlink()

    changed = taken([str(first)], known)
    lay(known)
    lay(changed, within=[str(first)])

    assert (first / "deep" / "file").read_text() == "two"
    assert not os.path.lexists(first / "link")


@pytest.mark.parametrize(
    "told",
    [
        [
            "member",
            ["like", "made", ["collections", "defaultdict"], None, [["name", "os", "getcwd"], ["dict", []]]],
            "k",
        ],
        ["member", ["name", "os", "environ"], "HOME"],
        ["like", "made", ["collections", "_starmap"], None, [["name", "os", "system"], ["list", []]]],
        ["like", "made", ["os", "system"], None, ["true"]],
        ["record", "dataclass", ["name", "os", "system"], [["command", "true"]]],
        ["record", "dataclass", ["name", "subprocess", "Popen"], [["args", "true"]]],
        ["record", "named tuple", ["name", "os", "stat_result"], [["st_mode", 1]]],
        ["record", "flags", ["name", "subprocess", "Popen"], [["value", 1]]],
        ["record", "flags", ["name", "re", "RegexFlag"], [["value", ["name", "os", "system"]]]],
    ],
)
def test_nothing_is_called(told: list[Any]) -> None:
    """Neither a function nor a mapping of this process is asked for what a message names."""
    decoder = Decoder(lambda module, name: getattr(__import__(module), name), lambda each: alike(each, decoder.decode))

    with pytest.raises((ValueError, KeyError)):
        decoder.decode(told)


def test_factory_of_a_mapping() -> None:
    """A mapping that makes what it lacks makes plain things alone."""
    decoder = Decoder(lambda module, name: getattr(__import__(module), name), lambda each: alike(each, decoder.decode))

    made = decoder.decode(
        ["like", "made", ["collections", "defaultdict"], None, [["name", "os", "getcwd"], ["dict", []]]]
    )

    assert isinstance(made, defaultdict)
    assert made.default_factory is None


@pytest.mark.parametrize(
    "value",
    [pathlib.PureWindowsPath("a/b"), type("Own", (pathlib.PurePosixPath,), {})("a")],
    ids=["windows", "subclass"],
)
def test_what_would_change(value: object) -> None:
    """What would be another value there is refused, and not changed."""
    with pytest.raises(UntravelledError):
        Encoder().encode(value)


@pytest.mark.parametrize(
    "value",
    [slice((1, 2), None, 3), Colour.RED, Colour.RED | Colour.BLUE, slice(1.5, b"x")],
    ids=["slice", "flag", "flags", "odd"],
)
def test_what_stays(value: object) -> None:
    """What travels is the same there."""
    assert Decoder(lambda _, name: {"Colour": Colour}[name]).decode(Encoder().encode(value)) == value


@pytest.mark.parametrize("between", ["\f", "\v", "\x1c", "\x85", "\u2028"])
def test_lines(between: str) -> None:
    """Lines are those of Python: what other programs take for the end of one is a character."""
    source = f"A = '{between}'\n# x\n\ndef test_it():\n    assert A\n"

    assert Module(source, "it.py", lambda _: False).part(4, "test_it").source == (
        f"A = '{between}'\n\n\ndef test_it():\n    assert A\n"
    )
