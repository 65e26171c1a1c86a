"""`.dockerignore`: which files of one's own context are left out, as Docker's own matcher has it.

The rules are those of the Dockerfile reference: patterns of Go's `filepath.Match`, with `**` for any number of folders; a
pattern holds for what is below, too; `!` takes back; the last that matches decides.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from pytest_envrepro.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = ".dockerignore"


class Ignoring:
    """The rules of one file.

    Args:
        text: its content; empty for none.

    Raises:
        SettingsError: a line is no pattern.
    """

    def __init__(self, text: str = "") -> None:
        self._rules = [*_rules(text)]

    def ignores(self, path: str) -> bool:
        """Tell whether a file is left out; the path is relative to the context, with forward slashes."""
        ignored = False
        for pattern, takes_back in self._rules:
            if takes_back == ignored and pattern.fullmatch(path):
                ignored = not takes_back
        return ignored


def _rules(text: str) -> Iterator[tuple[re.Pattern[str], bool]]:
    for index, raw in enumerate(text.splitlines()):
        line = raw.removeprefix("\ufeff") if index == 0 else raw
        if line.startswith("#"):
            continue
        pattern = line.strip()
        takes_back = pattern.startswith("!")
        pattern = pattern[1:].strip() if takes_back else pattern
        if not pattern:
            continue
        clean = posixpath.normpath(pattern).lstrip("/")
        if clean not in {"", "."}:
            try:
                yield re.compile(f"{_translated(clean)}(?:/.*)?", re.DOTALL), takes_back
            except re.error as error:
                raise SettingsError(f"{NAME}:{index + 1}: '{pattern}' is no pattern: {error}") from error


def _translated(pattern: str) -> str:
    """Write a pattern as a regular expression; one with a `[` that nothing closes matches itself."""
    found, position = "", 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if pattern.startswith("**/", position - 1):
            found += "(?:.*/)?"
            position += 2
        elif pattern.startswith("**", position - 1):
            found += ".*"
            position += 1
        elif character == "*":
            found += "[^/]*"
        elif character == "?":
            found += "[^/]"
        elif character == "\\" and position < len(pattern):
            found += re.escape(pattern[position])
            position += 1
        elif character == "[" and (end := pattern.find("]", position + 1)) > 0:
            found += _class(pattern[position:end])
            position = end + 1
        else:
            found += re.escape(character)
    return found


def _class(inner: str) -> str:
    negated = inner.startswith("^")
    body = inner[1:] if negated else inner
    escaped = re.sub(r"([\[&~|^])", r"\\\1", body)
    return f"(?!/)[{'^' if negated else ''}{escaped}]"
