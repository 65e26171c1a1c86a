"""Assertions that explain themselves, as pytest's do, in a Python without pytest."""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING

from .reprs import short
from .rewriting import rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from .rewriting import Shape

__all__ = ["Explainer", "rewrite"]

# Marks between the pieces of a text. No piece is like one: a line break within a piece stands there as two characters.
_OPENED = "\n{"  # What follows says where a value comes from, in a line of its own.
_CLOSED = "\n}"  # What follows stands again where it stood before.
_BROKEN = "\n~"  # What follows is one more line of the same, indented.
_AFRESH = "\n>"  # The same, not indented.


class Explainer:
    """What assertions that were rewritten call when they have failed.

    Args:
        compare: is given an operator and what stands on both sides of it, and gives what is to stand in the place of
            "left operator right", in one line or more, or None for just that. Where the comparison did hold, and what
            is around it failed, as in `not a == b`, the operator is preceded by "held ".
        most: how many characters of a value are shown; None for all.
    """

    failure = AssertionError  # As here, whatever the module has under this name.
    names = staticmethod(locals)  # The same.

    def __init__(self, compare: Callable[[str, object, object], str | None], most: int | None) -> None:
        self._compare = compare
        self._most = most

    def told(self, shape: Shape, values: list[object], names: Container[str], *message: object) -> str:
        """Give the text of a failed assertion.

        Args:
            shape: what it looks like.
            values: those that were kept; this object itself in the place of one that was not evaluated. It is emptied.
            names: the local ones where it stands.
            message: what was said of it after a comma.
        """
        kept = tuple(values)
        values.clear()
        failed = _Failed(self._compare, self._shown, kept, names, self)
        return "\n".join(_lines([*self._said(message), "assert ", *failed.pieces(shape)]))

    def _said(self, message: Sequence[object]) -> Iterator[str]:
        for said in message:
            text = said if isinstance(said, str) else self._shown(said).replace("\\n", "\n")
            first, *others = text.split("\n")
            yield first
            for line in others:
                yield from (_BROKEN, line)
            yield _AFRESH

    def _shown(self, value: object) -> str:
        if isinstance(value, MethodType):  # Its object stands beside it.
            name = getattr(value, "__name__", None)
            if isinstance(name, str):
                return name
        return short(value, self._most)


class _Failed:
    """One assertion that has failed."""

    def __init__(
        self,
        compare: Callable[[str, object, object], str | None],
        shown: Callable[[object], str],
        values: Sequence[object],
        names: Container[str],
        unset: object,
    ) -> None:
        self._compare = compare
        self._shown = shown
        self._values = values
        self._names = names
        self._unset = unset

    def pieces(self, shape: Shape) -> list[str]:
        """Give an expression as text, in pieces."""
        kind, *parts = shape
        if kind == "value":
            return [self._shown(self._values[parts[0]])]
        if kind == "name":
            return [self._named(*parts)]
        if kind == "where":
            value = self._shown(self._values[parts[0]])
            return [value, _OPENED, value, " = ", *self.pieces(parts[1]), _CLOSED]
        if kind == "bool":
            return ["(", *self._joined(*parts), ")"]
        if kind == "compare":
            return self._compared(*parts)
        return [piece for part in parts for piece in ([part] if isinstance(part, str) else self.pieces(part))]

    def _named(self, number: int, name: str) -> str:
        """Show what a name stands for: functions, classes and modules by it, where they are no local variables."""
        value = self._values[number]
        return self._shown(value) if name in self._names or not _has_name(value) else name

    def _joined(self, word: str, *parts: tuple[int, Shape]) -> Iterator[str]:
        for index, (first, shape) in enumerate(parts):
            if self._values[first] is not self._unset:
                yield from ([word] if index else [])
                yield from self.pieces(shape)

    def _compared(self, result: int, *parts: tuple[int, str, int, Shape, int, Shape]) -> list[str]:
        """Tell of the last comparison of a chain that was made: the one that failed, where one has."""
        made = [part for part in parts if self._values[part[0]] is not self._unset]
        _, operator, left, left_shape, right, right_shape = made[-1]
        held = _is_true(self._values[result], self._unset)
        told = self._compare(f"held {operator}" if held else operator, self._values[left], self._values[right])
        if told is None:
            return [*self.pieces(left_shape), f" {operator} ", *self.pieces(right_shape)]
        first, *others = told.split("\n")
        return [first, *(piece for line in others for piece in (_BROKEN, line))]


def _has_name(value: object) -> bool:
    try:
        return callable(value) or hasattr(value, "__name__")
    except Exception:  # noqa: BLE001  # Code of the user's, which may raise anything.
        return False


def _is_true(result: object, unset: object) -> bool:
    try:
        return result is not unset and bool(result)
    except Exception:  # noqa: BLE001  # The same.
        return False


def _lines(pieces: Sequence[str]) -> list[str]:
    """Lay out a text as pytest does: where a value comes from stands below it, and deeper the later it was asked."""
    lines = [""]
    at = 0  # The line that is being written.
    open_ = [0]  # The lines to come back to.
    told = [0]  # How much was said below each of them.
    for piece in pieces:
        if piece == _OPENED:
            lines.append(f" +{'  ' * len(open_)}{'and   ' if told[-1] else 'where '}")
            told[-1] += 1
            told.append(0)
            at = len(lines) - 1
            open_.append(at)
        elif piece == _CLOSED:
            open_.pop()
            told.pop()
            at = open_[-1]
        elif piece in (_BROKEN, _AFRESH):
            lines.append("  " * (len(open_) - (piece == _AFRESH)))
            open_[-1] += 1  # By one, even where something was told between: pytest does so.
            at = len(lines) - 1
        else:
            lines[at] += piece
    return lines
