"""What the statements at the top of a module do when it is imported, besides binding names: which objects they change.

Source does not tell that for certain. What is taken for a change: `NAME.x = 1`, `NAME[0] = 1` and `del` of them;
`NAME.append(1)`, whatever the method, but for those that read in most classes; `fill(NAME)`, where nobody asks what that
returns; a call of one of the module's own functions, and a decorator of its own, for what these change in turn; and a class
below one that keeps account of those (`__init_subclass__`). Of what is imported it is what stands left of a `=` alone: a call
of another module's function may do anything, and not twice.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pytest_envrepro.scoping import Function, bound, own_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

# What is done to pytest is done where it is; and filters of warnings are put back there after each module is imported.
_LEFT = frozenset({"pytest", "_pytest", "warnings"})
# What of a class runs when one below it is made, or an object of it, or a decorator that it is.
_MAKES = frozenset({"__init_subclass__", "__new__", "__init__", "__call__", "__set_name__"})
# Methods that change nothing in the classes that most have them of: containers, strings, paths and loggers.
_READS = frozenset(
    {
        *(
            "get",
            "items",
            "keys",
            "values",
            "copy",
            "count",
            "index",
            "union",
            "intersection",
            "difference",
            "issubset",
        ),
        *("format", "join", "split", "strip", "upper", "lower", "title", "replace", "encode", "decode", "startswith"),
        *("endswith", "exists", "is_file", "is_dir", "read_text", "read_bytes", "joinpath", "resolve", "with_name"),
        *("debug", "info", "warning", "error", "exception", "critical", "log", "isEnabledFor"),
    }
)


class Effects:
    """The effects of a module's statements.

    Args:
        statements: those at its top.
        is_pytests: tells of a decorator whether it is pytest's, and means nothing to the function itself.
    """

    def __init__(self, statements: Sequence[ast.stmt], is_pytests: Callable[[ast.expr], bool]) -> None:
        self._is_pytests = is_pytests
        self._imported = _imported(statements)
        self._changing = _changing(statements, self._imported)
        self._functions = {node.name for node in statements if isinstance(node, Function)}
        self._touching: dict[str, list[int]] = {}
        self._calling: dict[str, list[int]] = {}
        for index, node in enumerate(statements):
            if not isinstance(node, (ast.Import, ast.ImportFrom)):
                nodes = [*self._executed(node)]
                touched = {*self._changed(nodes), *self._may_change(nodes)}
                self._note(self._touching, index, touched)
                self._note(self._calling, index, {*self._called(nodes)} - touched)

    def on(self, name: str) -> Sequence[int]:
        """Give the statements that change, or may change, what a name is bound to, by their places.

        Of a name that is imported they are those that set anything in the same module.
        """
        return self._touching.get(name, ())

    def calls(self, names: Iterable[str]) -> list[int]:
        """Give the statements that call something of the modules that names are imported from, for what that does."""
        return sorted({index for name in names for index in self._calling.get(name, ())})

    def _note(self, effects: dict[str, list[int]], index: int, names: set[str]) -> None:
        modules = {self._imported[name] for name in names if name in self._imported}
        modules = {module for module in modules if module.partition(".")[0] not in _LEFT}
        own = {name for name in names if name not in self._imported}
        for name in own | {name for name, module in self._imported.items() if module in modules}:
            effects.setdefault(name, []).append(index)

    def _changed(self, nodes: Sequence[ast.AST]) -> Iterator[str]:
        """Give the names whose objects a statement sets something of, and the arguments of what it calls for its effect."""
        for node in nodes:
            if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, (ast.Store, ast.Del)):
                yield from _root(node, through_calls=True)
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                called = node.value
                given = [*called.args, *(keyword.value for keyword in called.keywords)]
                names = [name for each in (called.func, *given) for name in _root(each)]
                yield from (name for name in names if name not in self._imported and name not in self._functions)
                if "environ" in ast.unparse(called.func).split("."):  # It is a setting, however it is written.
                    yield from _root(called.func)

    def _called(self, nodes: Sequence[ast.AST]) -> Iterator[str]:
        """Give the names that are imported and begin a call that a statement is there for."""
        for node in nodes:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                yield from (name for name in _root(node.value, through_calls=True) if name in self._imported)

    def _may_change(self, nodes: Sequence[ast.AST]) -> Iterator[str]:
        """Give the names whose objects a statement changes by what it calls, as far as they are of the module."""
        for node in nodes:
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Attribute) and node.func.attr not in _READS:
                    yield from (name for name in _root(node.func) if name not in self._imported)
                yield from self._by(node.func)
            for decorator in getattr(node, "decorator_list", ()):
                if not self._is_pytests(decorator):
                    yield from self._by(decorator)
                    yield from (name for name in _root(decorator, through_calls=True) if self._keeps(name, decorator))
            for base in _above(node):
                yield from self._by(base)

    def _keeps(self, name: str, decorator: ast.expr) -> bool:
        """Tell whether a decorator may keep what it decorates in what its name is bound to: no plain function does."""
        if name in self._imported:
            return False
        plain = decorator.func if isinstance(decorator, ast.Call) else decorator
        return name not in self._functions or isinstance(plain, ast.Attribute)

    def _by(self, called: ast.expr) -> Iterator[str]:
        for name in _root(called, through_calls=True):
            yield from self._changing.get(name, ())

    def _executed(self, node: ast.AST) -> Iterator[ast.AST]:
        """Give what of a statement runs when it is reached: not the bodies of functions, and of those their decorators do."""
        yield node
        inner: list[ast.AST]
        if isinstance(node, Function):
            inner = [*(each for each in node.decorator_list if not self._is_pytests(each)), node.args]
        elif isinstance(node, ast.ClassDef):
            inner = [*(each for each in node.decorator_list if not self._is_pytests(each)), *_above(node), *node.body]
        elif isinstance(node, ast.Lambda):
            inner = [node.args]
        elif isinstance(node, ast.If) and _is_for_others(node):
            inner = [*node.orelse]
        else:
            inner = [*ast.iter_child_nodes(node)]
        for child in inner:
            yield from self._executed(child)


def _is_for_others(node: ast.If) -> bool:
    """Tell whether what is below a condition runs in a program, or is for a checker of types, and not on an import."""
    return ast.unparse(node.test) in {"__name__ == '__main__'", "TYPE_CHECKING", "typing.TYPE_CHECKING"}


def _changing(statements: Sequence[ast.stmt], imported: Mapping[str, str]) -> Mapping[str, frozenset[str]]:
    """Give what calls of a module's own functions and classes change, by their names."""
    known = {name for node in statements for name in bound(node)}
    makers = [node for node in statements if isinstance(node, Function | ast.ClassDef)]
    found = {node.name: frozenset(_changed_by(node, imported)) & known for node in makers}
    calls = {node.name: {*_called(node)} & found.keys() for node in makers}
    while True:
        more = {name: changed.union(*(found[each] for each in calls[name])) for name, changed in found.items()}
        if more == found:
            return found
        found = more


def _changed_by(node: ast.stmt, imported: Mapping[str, str]) -> Iterator[str]:
    """Give the names whose objects a function changes, or a class when something is made of it."""
    if isinstance(node, ast.ClassDef):
        for method in node.body:
            if isinstance(method, Function) and method.name in _MAKES:
                first = next((arg.arg for arg in (*method.args.posonlyargs, *method.args.args)), "")
                yield from _changed_by(method, imported)
                if method.name == "__init_subclass__" and first in _roots(method, imported):
                    yield node.name
        return
    own: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, Function):
            own |= own_names(each.args, each.body)
        elif isinstance(each, ast.Global):
            yield from each.names
    yield from _roots(node, imported) - own


def _roots(function: ast.stmt, imported: Mapping[str, str]) -> set[str]:
    """Give the names whose objects are changed anywhere in a function."""
    found: set[str] = set()
    for each in ast.walk(function):
        if isinstance(each, (ast.Attribute, ast.Subscript)) and isinstance(each.ctx, (ast.Store, ast.Del)):
            found |= {*_root(each)}
        elif isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr not in _READS:
            found |= {*_root(each.func)} - imported.keys()
    return found


def _above(node: ast.AST) -> list[ast.expr]:
    """Give what a class is made with: those that it is below of, and the one that makes it."""
    return [*node.bases, *(keyword.value for keyword in node.keywords)] if isinstance(node, ast.ClassDef) else []


def _called(node: ast.stmt) -> Iterator[str]:
    """Give the names that a function calls, or those that run when something is made of a class."""
    if isinstance(node, ast.ClassDef):
        yield from (name for base in _above(node) for name in _root(base, through_calls=True))
        for method in node.body:
            if isinstance(method, Function) and method.name in _MAKES:
                yield from _called(method)
        return
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name):
            yield each.func.id


def _imported(statements: Sequence[ast.stmt]) -> Mapping[str, str]:
    """Give the names that nothing binds but imports, and the module that each is of."""
    found: dict[str, str] = {}
    others: set[str] = set()
    for node in statements:
        if isinstance(node, ast.Import):
            found |= {
                alias.asname or _first(alias.name): alias.name if alias.asname else _first(alias.name)
                for alias in node.names
            }
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            for alias in node.names:
                found[alias.asname or alias.name] = f"{dots}{node.module or alias.name}"
        else:
            others |= {*bound(node)}
    return {name: module for name, module in found.items() if name not in others}


def _first(module: str) -> str:
    return module.partition(".")[0]


def _root(node: ast.expr, *, through_calls: bool = False) -> Iterator[str]:
    """Give the name that an expression begins with: `it` of `it.x[0]`.

    Args:
        through_calls: also of `it().x`: what a call returns may be anything.
    """
    while isinstance(node, (ast.Attribute, ast.Subscript)) or (through_calls and isinstance(node, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        yield node.id
