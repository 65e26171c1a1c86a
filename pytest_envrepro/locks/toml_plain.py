"""Reads TOML in the plain form that tools write locks in: in a third of the parser's time, which is most of a lock's.

Nearly all of a lock's lines are files of packages: where a format reads these lists itself, it is a tenth.

`tomllib` stays the judge: it reads each statement that is not seen at a glance and, where that is none by itself, all of
the text. `tests/locks/test_toml_plain.py` holds the two against each other.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pytest_envrepro.tables import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    # Reads a list of tables in a form of its own, from the lines between its brackets; None where they are others.
    ReadList = Callable[[str], list[Any] | None]

_LETTERS = r'[^"\\\x00-\x1f\x7f]*'
_KEY = rf'(?:[A-Za-z0-9_-]+|"{_LETTERS}")'
_TEXT = rf'"{_LETTERS}"'
_ESCAPED = rf'"{_LETTERS}(?:\\["\\bfnrt]{_LETTERS})+"'  # These escapes mean the same in JSON, as do the values below.
_TEXTS = rf"\[(?:(?:{_TEXT}|{_ESCAPED})(?:, (?:{_TEXT}|{_ESCAPED}))*)?\]"
_SIMPLE = rf"{_ESCAPED}|{_TEXTS}|true|false|0|[1-9][0-9]{{0,17}}"
_PAIR = rf"{_KEY} = (?:{_TEXT}|{_SIMPLE})"
_VALUE = rf"(?:{_TEXT}|{_SIMPLE}|\{{ ?{_PAIR}(?:, {_PAIR})* ?\}})"
_STATEMENTS = re.compile(rf"(?:(?:{_KEY} = {_VALUE})?\n)*")
_STATEMENT = re.compile(rf"({_KEY}) = ({_VALUE})\n")
_PAIRS = re.compile(rf"({_KEY}) = ({_TEXT}|{_SIMPLE})")
_ITEM = re.compile(rf"^ *({_VALUE}),$", re.MULTILINE)
_OPENED = re.compile(rf"({_KEY}) = (\[+)\n")
_HEADER = re.compile(r"\[(\[)?([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\](?(1)\])\n")


def read_plain(text: str, read_list: ReadList | None = None) -> dict[str, Any]:
    """Read a TOML document.

    Args:
        read_list: is tried first on each list of which every value has lines of its own.

    Raises:
        ValueError: it is none, as `tomllib` tells it.
    """
    try:
        return _Reader(text.replace("\r\n", "\n") if "\r" in text else text, read_list).read()
    except ValueError:
        return loads(text)


class _Reader:
    """What has been read so far; a `ValueError` says only that the text is not plain.

    Every key and every table is a new one, or the parser has to tell whether it may be added to.
    """

    def __init__(self, text: str, read_list: ReadList | None) -> None:
        self._text = text
        self._read_list = read_list
        self._table: dict[str, Any] = {}
        # What others may be in, by the words of the header: tables, and lists of tables.
        self._tables: dict[str, dict[str, Any]] = {"": self._table}
        self._lists: dict[str, list[dict[str, Any]]] = {}

    def read(self) -> dict[str, Any]:
        """Read all of it."""
        text, position = self._text, 0
        while position < len(text):
            plain = _STATEMENTS.match(text, position)
            if plain is not None:
                self._add(_table_of(_STATEMENT.findall(text, position, plain.end())))
                position = plain.end()
            header = _HEADER.match(text, position)
            if header is not None:
                self._open(*header.groups())
                position = header.end()
            elif position < len(text):
                position = self._read_other(position)
        return self._tables[""]

    def _read_other(self, start: int) -> int:
        """Read a statement of several lines, or one that is not plain; give where it ends."""
        opened = _OPENED.match(self._text, start)
        if opened is None:
            end = (self._text.find("\n", start) + 1) or len(self._text)
            self._add(_single(self._text[start:end]))
            return end
        key, brackets = opened.groups()
        closed = f"\n{']' * len(brackets)}\n"
        end = self._text.index(closed, opened.end() - 1) + len(closed)
        # What has only plain values, each on its line, ends there; of all else that is seen when it is read by itself.
        listed = self._listed(self._text[opened.end() : end + 1 - len(closed)]) if brackets == "[" else None
        self._add(_single(self._text[start:end]) if listed is None else {_key(key): listed})
        return end

    def _listed(self, lines: str) -> list[Any] | None:
        found = self._read_list(lines) if self._read_list is not None else None
        if found is not None:
            return found
        values = _ITEM.findall(lines)
        return list(map(_value, values)) if len(values) == lines.count("\n") else None

    def _add(self, found: Mapping[str, Any]) -> None:
        if not self._table.keys().isdisjoint(found):
            raise ValueError("a key stands there twice, or a table is added to")
        self._table.update(found)

    def _open(self, is_listed: str | None, words: str) -> None:
        """Begin a table."""
        above, _, name = words.rpartition(".")
        table: dict[str, Any] = {}
        if is_listed and words in self._lists:
            self._lists[words].append(table)
            below = f"{words}."
            self._tables = {each: known for each, known in self._tables.items() if not each.startswith(below)}
            self._lists = {each: known for each, known in self._lists.items() if not each.startswith(below)}
        else:
            self._table = self._around(above)
            if is_listed:
                self._lists[words] = [table]
            self._add({name: self._lists[words] if is_listed else table})
        self._table = self._tables[words] = table

    def _around(self, words: str) -> dict[str, Any]:
        """Give a table that others are in; it may have no header of its own."""
        if words not in self._tables:
            above, _, name = words.rpartition(".")
            self._table = self._around(above)
            self._add({name: {}})
            self._tables[words] = self._table[name]
        return self._tables[words]


def _single(written: str) -> dict[str, Any]:
    """Have the parser read a statement; a `ValueError` also for one that is something else besides."""
    found = loads(written)
    if len(found) > 1 or written.lstrip().startswith("["):
        raise ValueError("it is not a single statement")
    return found


def _key(written: str) -> str:
    return written.strip('"')


def _value(written: str) -> Any:
    """Give a value that is plain."""
    if written.startswith("{"):
        return _table_of(_PAIRS.findall(written))
    return written[1:-1] if written.startswith('"') and "\\" not in written else json.loads(written)


def _table_of(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    table = {_key(key): _value(written) for key, written in pairs}
    if len(table) < len(pairs):
        raise ValueError("a key stands there twice")
    return table
