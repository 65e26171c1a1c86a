"""Which names a piece of source binds, and which it uses and does not bind for itself alone, as far as that can be seen."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

Function = ast.FunctionDef | ast.AsyncFunctionDef


def bound(node: ast.AST) -> Iterator[str]:
    """Give the names that a statement at the top binds: not those of the functions and classes within."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
        return
    if isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        for each in ast.walk(node):  # An assignment expression in a comprehension binds outside of it.
            if isinstance(each, ast.NamedExpr) and isinstance(each.target, ast.Name):
                yield each.target.id
        return
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest
    for child in ast.iter_child_nodes(node):
        yield from bound(child)


def used(node: ast.AST, left_out: Collection[ast.AST]) -> list[str]:
    """Give the names that a statement uses and does not bind for itself alone, as far as that can be seen."""
    found: dict[str, None] = {}
    _visit(node, frozenset(), found, left_out)
    return [*found]


def _visit(node: ast.AST, known: frozenset[str], found: dict[str, None], left_out: Collection[ast.AST]) -> None:
    if node in left_out:
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in known:
        found[node.id] = None
    if isinstance(node, ast.Global):
        found.update(dict.fromkeys(node.names))
    inner, outside = known, [*getattr(node, "decorator_list", ())]
    if isinstance(node, Function):
        inner = known | own_names(node.args, node.body)
        outside += [node.args, *([node.returns] if node.returns else [])]  # Defaults and annotations.
    elif isinstance(node, ast.Lambda):
        inner = known | own_names(node.args, [node.body])
        outside += [node.args]
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        inner = known | {name for each in node.generators for name in bound(each.target)}
        _visit(node.generators[0].iter, known, found, left_out)  # Is looked up where the whole stands.
    for child in ast.iter_child_nodes(node):
        _visit(child, known if child in outside else inner, found, left_out)


def own_names(args: ast.arguments, body: Sequence[ast.AST]) -> frozenset[str]:
    """Give the names that are a function's own."""
    given = (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg)
    names = {each.arg for each in given if each} | {name for each in body for name in bound(each)}
    outer = (each for part in body for each in ast.walk(part) if isinstance(each, (ast.Global, ast.Nonlocal)))
    return frozenset(names - {name for each in outer for name in each.names})
