"""Takes values out of a TOML table, with the line of each, and says where one has a wrong type."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import LockError
from pytest_envrepro.model import Root
from pytest_envrepro.requirement import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class Keys:
    """The keys of one file; every method raises a `LockError` for a value of another type than it gives.

    Args:
        path: the file, relative to the root.
        text: what stands in it.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    def line(self, *keys: str) -> int:
        """Find the line of a key: the last of some tables and keys that follow one another."""
        return self._line_at(self._position(keys))

    def line_of(self, words: str, *keys: str) -> int:
        """Find the line on which a string stands, after some keys; that of the last key where it is not found."""
        start = self._position(keys)
        escaped = words.replace("\\", "\\\\").replace('"', '\\"')
        for wanted in (f'"{words}"', f"'{words}'", f'"{escaped}"'):
            position = self.text.find(wanted, start)
            if position >= 0:
                return self._line_at(position)
        alone = re.compile(rf"^.*(?:^|[\s=;]){re.escape(words)}[ \t]*(?:$|[;#])", re.MULTILINE).search(self.text, start)
        return self._line_at(alone.start() if alone else start)

    def table(self, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """Give a table; an empty one where there is none."""
        found: Mapping[str, Any] = self._get(table, key, dict, "a table") or {}
        return found

    def string(self, table: Mapping[str, Any], key: str) -> str | None:
        """Give a string, or None where there is none."""
        found: str | None = self._get(table, key, str, "a string")
        return found

    def flag(self, table: Mapping[str, Any], key: str) -> bool:
        """Give a boolean; False where there is none."""
        return bool(self._get(table, key, bool, "true or false"))

    def strings(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        """Give a list of strings; an empty one where there is none."""
        found = self._get(table, key, list, "a list of strings") or []
        if not all(isinstance(item, str) for item in found):
            raise LockError(self.path, self.line(key), f"'{key}' has to be a list of strings")
        return tuple(found)

    def lists(self, table: Mapping[str, Any], key: str) -> dict[str, tuple[Any, ...]]:
        """Give a table of lists, whatever they hold."""
        found = self.table(table, key)
        return {name: tuple(self._get(found, name, list, "a list") or []) for name in found}

    def roots(self, texts: Iterable[str], *keys: str) -> Iterator[Root]:
        """Parse requirements that stand after some keys.

        Raises:
            LockError: one of them is none.
        """
        for text in texts:
            line = self.line_of(text, *keys)
            try:
                requirement = parse(text)
            except ValueError as error:
                raise LockError(self.path, line, f"'{redact(text)}' is not a requirement: {error}") from error
            yield Root(requirement=requirement, file=self.path, line=line)

    def _get(self, table: Mapping[str, Any], key: str, kind: type, words: str) -> Any:
        value = table.get(key)
        if value is not None and not isinstance(value, kind):
            raise LockError(self.path, self.line(key), f"'{key}' has to be {words}, not {type(value).__name__}")
        return value

    def _line_at(self, position: int) -> int:
        return self.text.count("\n", 0, position) + 1

    def _position(self, keys: Iterable[str]) -> int:
        """Find where the last of some keys stands that is found: as a table's header, or at the start of a line."""
        position = 0
        for key in keys:
            position = _position_of(self.text, key, position)
        return position


@lru_cache(maxsize=1024)
def _position_of(text: str, key: str, position: int) -> int:
    """Find a key from some position on, or give that: the tables around the requirements of a file are the same for all."""
    name = "[-_.]+".join(map(re.escape, re.split(r"[-_.]+", key)))
    begins = rf"""^[ \t]*(?:\[+(?:[\w."'-]*\.)?)?["']?{name}["']?[ \t]*[\]=.]"""
    found = re.compile(begins, re.IGNORECASE | re.MULTILINE).search(text, position)
    return position if found is None else found.start()
