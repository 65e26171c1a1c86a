"""Where the functions and classes of a module stand: found once, however many of them are asked for."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.scoping import Function

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# What has statements in it, and is none itself.
_HOLDING = (ast.excepthandler, ast.match_case)


class Place(NamedTuple):
    """Where a function stands.

    Attributes:
        node: the function.
        top: which of the statements at the top it is in.
        owner: the class that it is a method of, if it is one's.
    """

    node: Function
    top: int
    owner: ast.ClassDef | None


class Outline:
    """The functions and classes of a module, at any depth.

    Args:
        statements: those at its top.
    """

    def __init__(self, statements: Sequence[ast.stmt]) -> None:
        self._defined: list[list[Function | ast.ClassDef]] = []
        self._places: dict[int, list[Place]] = {}
        for top, statement in enumerate(statements):
            self._defined.append([])
            for node, within in _walk(statement):
                self._defined[top].append(node)
                if isinstance(node, Function):
                    place = Place(node, top, within if isinstance(within, ast.ClassDef) else None)
                    for line in {first_line(node), node.lineno}:
                        self._places.setdefault(line, []).append(place)

    def defined(self, top: int) -> Sequence[Function | ast.ClassDef]:
        """Give the functions and classes of a statement, itself among them where it is one."""
        return self._defined[top]

    def find(self, name: str, line: int) -> Place | None:
        """Give the function of a name that begins at a line, with its decorators or without."""
        return next((place for place in self._places.get(line, ()) if place.node.name == name), None)


def first_line(node: ast.stmt) -> int:
    """Give the line where a statement begins, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def _walk(statement: ast.stmt) -> Iterator[tuple[Function | ast.ClassDef, ast.AST | None]]:
    """Give the functions and classes of a statement, each with what it stands in; no expression has any."""
    waiting: list[tuple[ast.AST, ast.AST | None]] = [(statement, None)]
    while waiting:  # No recursion: a long chain of `elif` is a deep tree.
        node, within = waiting.pop()
        if isinstance(node, (Function, ast.ClassDef)):
            yield node, within
        waiting += ((child, node) for child in ast.iter_child_nodes(node) if isinstance(child, (ast.stmt, *_HOLDING)))
