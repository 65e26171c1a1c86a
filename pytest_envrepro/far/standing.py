"""Puts what stands for pytest in its place: in the source that was sent, and nowhere else."""

from __future__ import annotations

import ast


class _Imports(ast.NodeTransformer):
    """Replaces imports of pytest by values.

    Args:
        name: the global that holds what stands for it.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:  # As `ast` calls it.
        """Replace `import pytest` and `import pytest as name`."""
        others = [alias for alias in node.names if alias.name != "pytest"]
        found: list[ast.stmt] = [
            _assign(alias.asname or "pytest", self._standin(node), node)
            for alias in node.names
            if alias.name == "pytest"
        ]
        return [*([ast.copy_location(ast.Import(others), node)] if others else []), *found]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | list[ast.stmt]:
        """Replace `from pytest import name`."""
        if node.module != "pytest" or node.level or any(alias.name == "*" for alias in node.names):
            return node
        return [
            _assign(alias.asname or alias.name, ast.Attribute(self._standin(node), alias.name, ast.Load()), node)
            for alias in node.names
        ]

    def _standin(self, node: ast.stmt) -> ast.expr:
        return ast.copy_location(ast.Name(self._name, ast.Load()), node)


def _assign(name: str, value: ast.expr, node: ast.stmt) -> ast.stmt:
    made = ast.Assign([ast.Name(name, ast.Store())], value)
    return ast.fix_missing_locations(ast.copy_location(made, node))


def replaced(tree: ast.Module, name: str) -> ast.Module:
    """Give source whose imports of pytest give what a global of that name holds."""
    made: ast.Module = _Imports(name).visit(tree)
    return made
