"""Writes words into a Dockerfile so that they arrive as they are: nothing in them is expanded, split or run by a shell."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pytest_envrepro.containervalues import is_unicode
from pytest_envrepro.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 65535  # Bytes of a line: the parser of Docker 20.10 takes no longer one.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NEEDS_MORE = re.compile(r"[\n\r\0]")


def quoted(text: str) -> str:
    r"""Write the value of an `ENV`, an `ARG` or a `LABEL`, or the path of a `WORKDIR`.

    Within double quotes, `\`, `"` and `$` alone mean something (tried out with the classic builder and BuildKit of
    Docker 20.10). A line break cannot be written: whoever calls makes sure that there is none.
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'


def words(each: Iterable[str]) -> str:
    """Write a list in its JSON form, which no shell sees; a line break in a word is part of it."""
    return json.dumps(list(each), ensure_ascii=False)


def broken(listed: str) -> str:
    r"""Break a list in its JSON form after each line break of its words (`\n`), for people: the parser joins the lines.

    A line that begins as a comment would be dropped, and an empty one: those are not broken off.
    """
    return re.sub(r'(?<!\\)((?:\\\\)*\\n)(?=\s*[^\s#\\"])', "\\1\\\n", listed)


def fits_a_line(name: str, value: str) -> bool:
    """Tell whether a Dockerfile can hold a variable."""
    if not _NAME.fullmatch(name) or _NEEDS_MORE.search(value) or not is_unicode(value):
        return False
    return len(f"ENV {name}={quoted(value)}".encode()) < LONGEST


def checked(line: str, setting: str) -> str:
    """Give a line that a Dockerfile can hold.

    Raises:
        SettingsError: it is too long.
    """
    size = max(len(part.encode(errors="replace")) for part in line.split("\n"))
    if size >= LONGEST:
        message = f"{setting}: comes to a line of {size} bytes, and a Dockerfile can hold {LONGEST}: put it into a file"
        raise SettingsError(message)
    return line
