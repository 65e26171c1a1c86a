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


def attributes(tree: ast.Module, path: str, method: str) -> frozenset[str]:
    """Give the names of attributes that a method may use of what it is called on.

    Those of its own code, of all in its class that has one of these names, and of all code outside of that; a name in a
    text counts too, as for `getattr`.

    Args:
        path: of the class, which is in this source.
        method: its name there.
    """
    kind, found = _class(tree, path.split(".")), set[str]()
    members = [] if kind is None else kind.body
    outside = [*_without(tree, kind)]
    waiting = {method}
    while True:
        names = {name for part in outside for name in _named(part)}
        outside = []
        waiting |= names - found
        found |= names
        if not waiting:
            return frozenset(found)
        for member in members:
            if waiting & {*bound(member)}:
                outside.append(member)
        members = [member for member in members if member not in outside]
        waiting = set()


def _class(tree: ast.AST, path: Sequence[str]) -> ast.ClassDef | None:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and node.name == path[0]:
            return node if len(path) == 1 else _class(node, path[1:])
    return None


def _without(tree: ast.AST, kind: ast.ClassDef | None) -> Iterator[ast.AST]:
    """Give the parts of a module but for one class."""
    for node in ast.iter_child_nodes(tree):
        if node is kind:
            continue
        if isinstance(node, ast.ClassDef):
            yield from _without(node, kind)
        else:
            yield node


def _named(part: ast.AST) -> Iterator[str]:
    for node in ast.walk(part):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
