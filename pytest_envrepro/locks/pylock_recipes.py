"""How a `pylock.toml` is compiled, by the comment that uv writes at its head, by its tool, or by the table."""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name

from pytest_envrepro.locks.command import Command, read_command
from pytest_envrepro.locks.compilation import is_own, own_recipe
from pytest_envrepro.locks.project import Choice
from pytest_envrepro.provenance import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.locks.base import Declaration

_UNKNOWN = {"pip": "pip keeps no pins, and does not say what it was told", "pdm": "it was exported by pdm"}


class Made(NamedTuple):
    """How such a lock was made.

    Attributes:
        recipe: how it is compiled again, or None.
        unrecorded: why that is not known, where it is not.
        inputs: the files that its command compiles, relative to the root.
        choice: what of them.
        text: the command, for people; empty where there is none.
    """

    recipe: Recipe | None
    unrecorded: str = ""
    inputs: tuple[str, ...] = ()
    choice: Choice = Choice()
    text: str = ""


def made_by(path: str, tool: str, comments: Iterable[str], declaration: Declaration | None) -> Made:
    """Read how a lock was made.

    Args:
        tool: what the lock says to be created by.
        comments: the lines at its head.
    """
    told = declaration.command if declaration else None
    read = map(read_command, (told,) if told else comments)
    command = next((each for each in read if each.argv), Command())
    if is_own(command):
        if told:
            return Made(*own_recipe(told))
        return Made(None, _UNKNOWN.get(tool, f"{path} does not say how it was made"))
    folder = _folder(path, command.output)
    if folder is None:
        return Made(None, f"its command writes {command.output}, and not {path}", text=command.text)
    name = "uv export" if command.exported else command.tool
    inputs = () if command.exported else tuple(posixpath.join(folder, source) for source in command.sources)
    extras = None if command.all_extras else frozenset(map(canonicalize_name, command.extras))
    text = f"cd {shlex.quote(folder)} && {command.text}" if folder else command.text
    return Made(
        Recipe(name, command.argv, folder, is_trusted=told is not None),
        inputs=tuple(map(posixpath.normpath, inputs)),
        choice=Choice(extras=extras),
        text=text,
    )


def _folder(path: str, output: str | None) -> str | None:
    """Give the folder that a command ran in, by where it has written: the root, or that of the lock."""
    folder, name = posixpath.split(path)
    written = posixpath.normpath(output or name)
    return "" if written == path else folder if posixpath.join(folder, written) == path else None
