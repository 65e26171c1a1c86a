"""Finds where a marker stands in the source of a test module: pytest does not keep that."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def line_of(text: str, scope: Sequence[str], marker: str, arguments: Sequence[Any]) -> int:
    """Give the line of a marker; that of what it decorates where it was put there in another way.

    Args:
        text: the module.
        scope: the classes, and at last the function, that have the marker; nothing for the module itself.
        marker: its name, without `pytest.mark.`.
        arguments: its own, to tell it from others of that name.

    Returns:
        the line, from 1 on; 0 where the module cannot be parsed, or holds no such function.
    """
    tree = parsed(text)
    if tree is None:
        return 0
    place: ast.Module | Definition | None = tree
    for name in scope:
        place = next((each for each in definitions(place.body if place else ()) if each.name == name), None)
    if place is None:
        return 0
    nodes = [node for region in _regions(place) for node in ast.walk(region) if isinstance(node, ast.expr)]
    aliases = _aliases(tree, marker, arguments)
    calls = [node.lineno for node in nodes if _is_call(node, marker, arguments)]
    uses = [node.lineno for node in nodes if _name(node) in aliases]
    if calls or uses:
        return min(calls or uses)
    return 0 if isinstance(place, ast.Module) else place.lineno


@lru_cache(maxsize=64)
def parsed(text: str) -> ast.Module | None:
    """Parse a module; None where that is none."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def definitions(body: Iterable[ast.stmt]) -> Iterator[Definition]:
    """Give the functions and classes of a module or a class, also those under an `if` or a `try`."""
    for statement in body:
        if isinstance(statement, Definition):
            yield statement
        else:
            for name in ("body", "orelse", "finalbody"):
                yield from definitions(getattr(statement, name, ()))
            for handler in getattr(statement, "handlers", ()):
                yield from definitions(handler.body)


def _regions(place: ast.Module | Definition) -> Iterator[ast.expr]:
    """Give the expressions that put marks on a module, a class or a function."""
    if not isinstance(place, ast.Module):
        yield from place.decorator_list
    if not isinstance(place, (ast.FunctionDef, ast.AsyncFunctionDef)):
        for statement in place.body:
            targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
            value = getattr(statement, "value", None)
            if value is not None and any(_name(target) == "pytestmark" for target in targets):
                yield value


def _name(node: ast.AST | None) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_call(node: ast.AST, marker: str, arguments: Sequence[Any]) -> bool:
    """Tell whether that is the marker with these arguments; what is not written out as a constant may be any."""
    if not isinstance(node, ast.Call) or _name(node.func) != marker:
        return False
    written = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
    return written == [*arguments] if len(written) == len(node.args) else True


def _aliases(tree: ast.Module, marker: str, arguments: Sequence[Any]) -> frozenset[str]:
    """Give the names that a module gives to the marker: `needs_db = pytest.mark.requires_integration("db")`."""
    found = set()
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and any(_is_call(n, marker, arguments) for n in ast.walk(statement.value)):
            found |= {_name(target) for target in statement.targets}
    return frozenset(found - {"", "pytestmark"})
