"""Reads YAML as text: no value is taken for a number or a date, so that `3.10` stays what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from pytest_envrepro.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Written in C where PyYAML was built with libyaml, as its wheels are: ten times as fast.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class Table(dict[str, Any]):
    """A mapping.

    Attributes:
        line: the line that it begins on, counted from 1.
    """

    line = 1


def load_yaml(path: str, text: str) -> Any:
    """Read a document into texts, lists and `Table`s; None for an empty one.

    PyYAML's own constructor, which is written in Python, takes three times as long for a lock.

    Raises:
        LockError: it is not YAML, or no plain one.
    """
    return _read(path, text, _build)


def _build(text: str, *, Loader: Any) -> Any:  # noqa: N803  # As PyYAML calls it.
    loader = Loader(text)
    builder = _Builder()
    while loader.check_event():
        event = loader.get_event()
        kind = type(event)
        if kind is yaml.ScalarEvent:
            builder.put(event, event.value)
        elif kind is yaml.MappingStartEvent:
            table = Table()
            table.line = event.start_mark.line + 1
            builder.begin(event, table)
        elif kind is yaml.SequenceStartEvent:
            builder.begin(event, [])
        elif kind is yaml.AliasEvent:
            builder.repeat(event.anchor)
        elif kind in _ENDS:
            builder.end()
    if len(builder.documents) > 1:
        raise ValueError("it holds several documents")
    return builder.documents[0] if builder.documents else None


class _Builder:
    """Puts values into those that hold them; in no depth of calls, however deep these lie."""

    def __init__(self) -> None:
        self.documents: list[Any] = []
        # What is being filled, innermost last; of each mapping the key that waits for its value.
        self._within: list[Any] = [self.documents]
        self._keys: list[str | None] = [None]
        self._anchors: dict[str, Any] = {}

    def put(self, event: Any, value: Any) -> None:
        """Add a value."""
        if event is not None and event.anchor is not None:
            self._anchors[event.anchor] = value
        outer, key = self._within[-1], self._keys[-1]
        if type(outer) is list:
            outer.append(value)
        elif key is not None:
            outer[key] = value
            self._keys[-1] = None
        elif isinstance(value, str):
            self._keys[-1] = value
        else:
            raise ValueError("a key has to be a text")

    def begin(self, event: Any, value: Any) -> None:
        """Add a value that is filled until it ends."""
        self.put(event, value)
        self._within.append(value)
        self._keys.append(None)

    def end(self) -> None:
        """End what is being filled."""
        self._within.pop()
        self._keys.pop()

    def repeat(self, anchor: str) -> None:
        """Add a value once more."""
        if anchor not in self._anchors:
            raise ValueError(f"'*{anchor}' stands for nothing")
        self.put(None, self._anchors[anchor])


def compose_yaml(path: str, text: str) -> yaml.Node | None:
    """Read a document as nodes, each of which knows its place; None for an empty one.

    Raises:
        LockError: it is not YAML.
    """
    node: yaml.Node | None = _read(path, text, yaml.compose)
    return node


def _read(path: str, text: str, how: Any) -> Any:
    try:
        return how(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise LockError(path, line, f"is not valid YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        words = (
            str(error).splitlines()[0]
            if str(error) and not isinstance(error, RecursionError)
            else "it is nested too deeply"
        )
        raise LockError(path, None, f"is not valid YAML: {words}") from error


def entries(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    """Give the keys of a mapping with their values; nothing of another node."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield str(key.value), value


def items(node: yaml.Node | None) -> Iterator[yaml.Node]:
    """Give the items of a list; nothing of another node."""
    if isinstance(node, yaml.SequenceNode):
        yield from node.value


def line_of(node: yaml.Node) -> int:
    """Give the line that a node begins on, counted from 1."""
    line: int = node.start_mark.line + 1
    return line
