"""Finds the lines of keys in a TOML file in one pass, however many there are."""

from __future__ import annotations

import re

_KEY = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_KEYS = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*\[{{1,2}}\s*(?P<keys>{_KEYS})\s*\]{{1,2}}\s*(?:#.*)?")
_PAIR = re.compile(rf"\s*(?P<keys>{_KEYS})\s*=")
_EACH = re.compile(_KEY)


class TomlLines:
    """The lines of a TOML file that keys stand on, counted from 1. What is no TOML is no matter here: nothing is raised."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._found: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(self._lines, 1):
            header = _HEADER.fullmatch(line)
            if header is not None:
                table = _split(header["keys"])
                self._note(table, number, 1)
            elif "=" in line and (pair := _PAIR.match(line)) is not None:
                self._note((*table, *_split(pair["keys"])), number, len(table) + 1)

    def _note(self, keys: tuple[str, ...], number: int, least: int) -> None:
        for length in range(least, len(keys) + 1):
            self._found.setdefault(keys[:length], number)

    def of(self, *keys: str) -> int:
        """Give the line of a key, or of the last of the tables around it that can be found; the first line if none can."""
        for length in range(len(keys), 0, -1):
            if keys[:length] in self._found:
                return self._found[keys[:length]]
        return 1

    def of_items(self, count: int, *keys: str) -> list[int]:
        """Give the lines of the tables in a list, as far as each begins with a bracket of its own; else that of the key."""
        first = self.of(*keys)
        found: list[int] = []
        for number in range(first, len(self._lines) + 1):
            line = self._lines[number - 1]
            found += [number] * line.count("{")
            if len(found) >= count or (number > first and _HEADER.fullmatch(line)):
                break
        return found[:count] if len(found) >= count else [first] * count


def _split(keys: str) -> tuple[str, ...]:
    return tuple(key.strip("\"'") for key in _EACH.findall(keys))
