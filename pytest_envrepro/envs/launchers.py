"""The programs that installers write for entry points: the same from one installer, but for the place of their Python."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.envs.packages import File

_LARGEST = 64 * 1024  # Bytes: a launcher has some hundred.
# A path that is too long for a first line, or that has spaces, is given to the shell instead (pip, uv, distlib).
_FIRST_LINE = re.compile(rb"#!(?P<python>/[^\n]*)\n")
_BY_SHELL = re.compile(rb"#!/bin/sh\n'''exec' (?P<python>[^\n]*) \"\$0\" \"\$@\"\n' '''\n")
_SECTION = re.compile(r"\s*\[(?P<name>[^\]]+)\]\s*")
_SCRIPTS = frozenset({"console_scripts", "gui_scripts"})


def names(files: Iterable[File]) -> frozenset[str]:
    """Give the names of the programs that a package's `entry_points.txt` asks for."""
    found: set[str] = set()
    for file in files:
        if file.path.endswith(".dist-info/entry_points.txt"):
            found |= _names_in(_text(file.place))
    return frozenset(found)


def _names_in(text: str) -> set[str]:
    found: set[str] = set()
    section = ""
    for line in text.splitlines():
        header = _SECTION.fullmatch(line)
        if header:
            section = header["name"].strip()
        elif section in _SCRIPTS and "=" in line:
            found.add(line.partition("=")[0].strip())
    return found


def are_one_script(left: tuple[str, str], right: tuple[str, str]) -> bool | None:
    """Tell whether two files are one script, whose first line names the Python of the environment that it is in.

    None where the first line of neither does: then they are files like others.

    Args:
        left, right: the file, and the folder of its environment.
    """
    one, other = _body(*left), _body(*right)
    return None if one is None and other is None else one == other


def _body(place: str, prefix: str) -> tuple[str, bytes] | None:
    """Give a script's Python, as seen from its environment, and what follows; None for what is no such script."""
    content = _content(place)
    match = _BY_SHELL.match(content) or _FIRST_LINE.match(content)
    if match is None:
        return None
    python = os.fsdecode(match["python"]).strip().strip("\"'")
    for folder in (prefix, os.path.realpath(prefix)):
        if folder and python.startswith(os.path.join(folder, "")):
            return python[len(folder) :], content[match.end() :]
    return None


def digest(place: str) -> str:
    """Hash a file as RECORD does; empty where it cannot be read."""
    content = _content(place)
    if not content:
        return ""
    return f"sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()}"


def _text(place: str) -> str:
    return _content(place).decode("utf-8", "replace")


def _content(place: str) -> bytes:
    """Read a file; nothing of one that is too large to be a launcher."""
    try:
        with open(place, "rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError:
        return b""
    return content if len(content) <= _LARGEST else b""
