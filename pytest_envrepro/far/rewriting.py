"""Writes `assert` statements anew: each part of one is evaluated once, in Python's own order, and kept until it has passed.

What is kept is kept in local variables, under names that no user's code can have: in a recursion, in a generator, in a
thread and in a task each has its own, and what has passed costs a few assignments. They are deleted then. What the
assertion looks like is a constant, `Shape`, which is read where it has failed alone.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Shape = tuple[Any, ...]  # The kind of an expression, and its parts, among them the numbers of values that are kept.

_TEXT = "@text"
_DISABLED = "PYTEST_DONT_REWRITE"
_UNARY = {"Not": "not ", "Invert": "~", "USub": "-", "UAdd": "+"}
_OPERATORS = {
    "BitOr": "|",
    "BitXor": "^",
    "BitAnd": "&",
    "LShift": "<<",
    "RShift": ">>",
    "Add": "+",
    "Sub": "-",
    "Mult": "*",
    "Div": "/",
    "FloorDiv": "//",
    "Mod": "%",
    "Pow": "**",
    "MatMult": "@",
    "Eq": "==",
    "NotEq": "!=",
    "Lt": "<",
    "LtE": "<=",
    "Gt": ">",
    "GtE": ">=",
    "Is": "is",
    "IsNot": "is not",
    "In": "in",
    "NotIn": "not in",
}


def rewrite(tree: ast.Module, runtime: str) -> ast.Module:
    """Let the assertions of a module explain themselves, as those that pytest rewrites; the tree is changed, and given back.

    Lines and columns stay those of the user's source. A module whose docstring has PYTEST_DONT_REWRITE stays as it is, and
    so do assertions that stand in the body of a class with bases, outside its methods.

    Args:
        tree: the module.
        runtime: the name of a global of it, an `Explainer`; it need not be an identifier.
    """
    if _is_disabled(tree):
        return tree
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:  # No recursion: a long chain of `elif` is a deep tree.
        node, is_special = waiting.pop()
        if isinstance(node, ast.ClassDef):
            # Its body may be no place for variables, as an enumeration's is none: they would be members.
            is_special = bool(node.bases or node.keywords)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            is_special = False
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and not is_special and any(isinstance(each, ast.Assert) for each in value):
                setattr(node, name, [statement for each in value for statement in _written(each, runtime)])
            children = value if isinstance(value, list) else [value]
            waiting += [
                (each, is_special) for each in children if isinstance(each, ast.AST) and not isinstance(each, ast.expr)
            ]
    return tree


def _is_disabled(tree: ast.Module) -> bool:
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            continue
        value = statement.value if isinstance(statement, ast.Expr) else None
        return isinstance(value, ast.Constant) and isinstance(value.value, str) and _DISABLED in value.value
    return False


def _written(statement: ast.stmt, runtime: str) -> list[ast.stmt]:
    if not isinstance(statement, ast.Assert) or (isinstance(statement.test, ast.Tuple) and statement.test.elts):
        return [statement]  # One of a tuple always passes, and the compiler warns of it.
    return _Writing(statement, runtime).statements()


class _Writing:
    """One assertion that is written anew."""

    def __init__(self, statement: ast.Assert, runtime: str) -> None:
        self._statement = statement
        self._runtime = runtime
        self._at = _place(statement)
        self._kept = 0
        self._skipped: set[int] = set()  # What is perhaps not evaluated, as after an `and`.

    def statements(self) -> list[ast.stmt]:
        """Give the statements that stand in its place."""
        old, at = self._statement, self._at
        test, shape = self._part(old.test)
        names = [_value(number) for number in range(self._kept)]
        # In a list, which is emptied: up to Python 3.12, what `locals()` gives lives on, and all values in it.
        values = ast.List([self._loaded(name) for name in names], ast.Load(), **at)
        deletion = ast.Delete([ast.Name(name, ast.Del(), **at) for name in names], **at)
        asked = [_constant(shape, at), self._loaded(_TEXT), self._of_runtime("names"), *([old.msg] if old.msg else [])]
        body: list[ast.stmt] = [
            self._assigned(values, _TEXT),
            deletion,
            self._assigned(self._of_runtime("told", *asked), _TEXT),
            ast.Raise(self._of_runtime("failure", self._loaded(_TEXT)), None, **at),
        ]
        written: list[ast.stmt] = [ast.If(ast.UnaryOp(ast.Not(), test, **_place(old.test)), body, [], **at), deletion]
        if self._skipped:
            written.insert(0, self._assigned(self._loaded(self._runtime), *map(_value, sorted(self._skipped))))
        return written

    def _loaded(self, name: str) -> ast.Name:
        return ast.Name(name, ast.Load(), **self._at)

    def _assigned(self, value: ast.expr, *names: str) -> ast.Assign:
        return ast.Assign([ast.Name(name, ast.Store(), **self._at) for name in names], value, **self._at)

    def _of_runtime(self, name: str, *args: ast.expr) -> ast.Call:
        function = ast.Attribute(self._loaded(self._runtime), name, ast.Load(), **self._at)
        return ast.Call(function, list(args), [], **self._at)

    def _keep(self, node: ast.expr) -> tuple[ast.expr, int]:
        """Let the value of an expression be kept, and give the number of it."""
        number = self._kept
        self._kept += 1
        at = _place(node)
        return ast.NamedExpr(ast.Name(_value(number), ast.Store(), **at), node, **at), number

    def _part(self, node: ast.expr) -> tuple[ast.expr, Shape]:
        """Write an expression, and what is within it where pytest shows that too."""
        write: Callable[[Any], tuple[ast.expr, Shape]] | None = getattr(self, f"_{type(node).__name__.lower()}", None)
        if write is not None:
            return write(node)
        kept, number = self._keep(node)
        return kept, ("value", number)

    def _name(self, node: ast.Name) -> tuple[ast.expr, Shape]:
        kept, number = self._keep(node)
        return kept, ("name", number, node.id)

    def _namedexpr(self, node: ast.NamedExpr) -> tuple[ast.expr, Shape]:
        kept, number = self._keep(node)
        return kept, ("name", number, node.target.id)

    def _starred(self, node: ast.Starred) -> tuple[ast.expr, Shape]:
        node.value, shape = self._part(node.value)
        return node, ("join", "*", shape)

    def _unaryop(self, node: ast.UnaryOp) -> tuple[ast.expr, Shape]:
        node.operand, shape = self._part(node.operand)
        return node, ("join", _UNARY[type(node.op).__name__], shape)

    def _binop(self, node: ast.BinOp) -> tuple[ast.expr, Shape]:
        node.left, left = self._part(node.left)
        node.right, right = self._part(node.right)
        return node, ("join", "(", left, f" {_OPERATORS[type(node.op).__name__]} ", right, ")")

    def _attribute(self, node: ast.Attribute) -> tuple[ast.expr, Shape]:
        node.value, shape = self._part(node.value)
        kept, number = self._keep(node)
        return kept, ("where", number, ("join", shape, f".{node.attr}"))

    def _call(self, node: ast.Call) -> tuple[ast.expr, Shape]:
        node.func, function = self._part(node.func)
        shown: list[Any] = []
        for index, argument in enumerate(node.args):
            node.args[index], shape = self._part(argument)
            shown += [", ", shape]
        for keyword in node.keywords:
            keyword.value, shape = self._part(keyword.value)
            shown += [", ", "**" if keyword.arg is None else f"{keyword.arg}=", shape]
        kept, number = self._keep(node)
        return kept, ("where", number, ("join", function, "(", *shown[1:], ")"))

    def _boolop(self, node: ast.BoolOp) -> tuple[ast.expr, Shape]:
        parts = []
        for index, operand in enumerate(node.values):
            first = self._kept  # What is evaluated first of it, and tells whether any of it was.
            node.values[index], shape = self._part(operand)
            parts.append((first, shape))
            if index:
                self._skipped.update(range(first, self._kept))
        return node, ("bool", " and " if isinstance(node.op, ast.And) else " or ", *parts)

    def _compare(self, node: ast.Compare) -> tuple[ast.expr, Shape]:
        """Write a chain of comparisons as single ones, and the operand between two of them once."""
        left, left_number, left_shape = self._operand(node.left)
        singles: list[ast.expr] = []
        parts = []
        for index, (operator, operand) in enumerate(zip(node.ops, node.comparators)):
            first = self._kept
            right, number, shape = self._operand(operand)
            singles.append(ast.Compare(left, [operator], [right], **_place(node)))
            parts.append((first, _OPERATORS[type(operator).__name__], left_number, left_shape, number, shape))
            if index:
                self._skipped.update(range(first, self._kept))
            left = ast.Name(_value(number), ast.Load(), **_place(operand))
            left_number, left_shape = number, shape
        singles[-1], result = self._keep(singles[-1])
        if len(singles) > 1:
            self._skipped.add(result)
            return ast.BoolOp(ast.And(), singles, **_place(node)), ("compare", result, *parts)
        return singles[0], ("compare", result, *parts)

    def _operand(self, node: ast.expr) -> tuple[ast.expr, int, Shape]:
        """Write an operand of a comparison: its value is kept, whatever it is."""
        written, shape = self._part(node)
        if shape[0] in ("value", "name", "where"):
            return written, shape[1], shape
        kept, number = self._keep(written)
        if isinstance(node, (ast.Compare, ast.BoolOp)):
            shape = ("join", "(", shape, ")")
        return kept, number, shape


def _value(number: int) -> str:
    return f"@value{number}"


def _place(node: ast.expr | ast.stmt) -> dict[str, Any]:
    return {name: getattr(node, name) for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")}


def _constant(value: Any, at: dict[str, Any]) -> ast.expr:
    return ast.Constant(value, **at)  # Also a tuple of constants, which Python takes for one.
