"""Opens a lock that is one document, TOML, JSON or whatever else can be loaded: a merge that is not finished and an old or a new schema come first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.faults import merge_conflict, unreadable
from pytest_envrepro.locks.keys import Keys
from pytest_envrepro.locks.toml_plain import read_plain
from pytest_envrepro.model import Lock
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_envrepro.locks.base import Tree
    from pytest_envrepro.locks.toml_plain import ReadList
    from pytest_envrepro.outcome import Finding

_CONFLICT = "<<<<<<<"


class Opened(NamedTuple):
    """A lock that could be read as a document.

    Attributes:
        path: relative to the root.
        data: what stands in it.
    """

    path: str
    text: str
    data: Mapping[str, Any]

    @property
    def keys(self) -> Keys:
        """Take values out of it, with the line of each."""
        return Keys(self.path, self.text)

    def lines(self, beginning: str) -> list[int]:
        """Give the lines, counted from 1, that are these words and nothing else: the headers of an array of tables."""
        found: list[int] = []
        number, counted = 1, 0
        position = self.text.find(beginning)
        while position >= 0:
            start, end = self.text.rfind("\n", 0, position) + 1, self.text.find("\n", position)
            number += self.text.count("\n", counted, start)
            counted = start
            if self.text[start : end if end >= 0 else None].strip() == beginning:
                found.append(number)
            position = self.text.find(beginning, position + 1)
        return found


def open_toml(path: str, tree: Tree, read_list: ReadList | None = None) -> Opened | Lock:
    """Read a TOML lock; one that cannot be read is given as a lock with that fault.

    Args:
        read_list: takes out of a list of files what is read of them, since nearly all of a lock's lines are such.
    """
    return open_by(path, tree, lambda file, text: load_toml(file, text, lambda text: read_plain(text, read_list)))


def open_json(path: str, tree: Tree) -> Opened | Lock:
    """Read a JSON lock; one that cannot be read is given as a lock with that fault."""
    return open_by(path, tree, _load_json)


def open_by(path: str, tree: Tree, load: Callable[[str, str], Any]) -> Opened | Lock:
    """Read a lock with a reader of its own, which raises a `LockError`; the same for one that cannot be read."""
    try:
        text = tree.read(path)
        faults = conflicts(path, text)
        if faults:
            return unmerged(path, faults)
        if not text.strip():
            raise LockError(path, 1, "is empty: was its tool interrupted?")  # noqa: TRY301  # As any other fault.
        data = load(path, text)
        if not isinstance(data, dict):
            raise LockError(path, 1, f"has to hold a table, not {type(data).__name__}")  # noqa: TRY301  # The same.
    except LockError as error:
        return broken(path, error)
    return Opened(path, text, data)


def conflicts(path: str, text: str) -> tuple[Finding, ...]:
    """Give the finding of each merge in a text that is not finished."""
    if _CONFLICT not in text:
        return ()
    # What follows, if anything, is a space and the name of a branch: longer rows of these signs are text.
    lines = enumerate(text.split("\n"), 1)
    marked = (number for number, line in lines if line.rstrip("\r") == _CONFLICT or line.startswith(f"{_CONFLICT} "))
    return tuple(merge_conflict(path, number) for number in marked)


def unmerged(path: str, faults: tuple[Finding, ...]) -> Lock:
    """Give a lock with merges that are not finished, of which nothing else is read."""
    return Lock(path=path, faults=faults, partial=f"{path}:{faults[0].line}: {faults[0].message}")


def broken(path: str, error: LockError) -> Lock:
    """Give a lock that cannot be read, with its fault."""
    return Lock(path=path, faults=(unreadable((error.file, error.line), error.message),), partial=str(error))


def newer(path: str, schema: str, known: str) -> Lock:
    """Give a lock of a schema that was not there when this was written: it is unchecked, and nothing in it is guessed.

    Args:
        schema: as the lock says it.
        known: the latest that is known.
    """
    return Lock(path=path, unread=f"{path} has schema {schema}, and the latest that is known here is {known}")


def _load_json(path: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise LockError(path, error.lineno, f"is not valid JSON: {error.msg}") from error
    except (RecursionError, ValueError) as error:
        raise LockError(path, None, "is not valid JSON: it is nested too deeply, or has a number too long") from error
