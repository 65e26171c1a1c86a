"""What of a module a function needs: the statements at its top that bind the names that it uses, and those that these use.

The rest of the module stays where it is: its imports need not be there where the function runs, nor its syntax be known to
that Python. Lines stay where they were, so that a traceback names the user's own.
"""

from __future__ import annotations

import ast
import builtins
import io
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.effects import Effects
from pytest_envrepro.outlining import Outline, first_line
from pytest_envrepro.scoping import Function, bound, used

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from pytest_envrepro.outlining import Place

_BUILTIN = frozenset(dir(builtins)) | {
    "__file__",
    "__name__",
    "__doc__",
    "__package__",
    "__spec__",
    "__loader__",
    "__builtins__",
}
_REMEMBERED = 100  # Parts of a module.


class Sliced(NamedTuple):
    """A part of a module.

    Attributes:
        source: its text, with empty lines for what is left out.
        missing: the names that are used, and that no statement of the module binds.
        firsts: where functions began whose first decorators are left out, by where they begin now.
        apart: the statements that are left out, and call something of a module that the function uses something of: the
            line of each, and its text there.
    """

    source: str
    missing: tuple[str, ...]
    firsts: Mapping[int, int]
    apart: tuple[tuple[int, str], ...] = ()


class NotFoundError(Exception):
    """The source has no such function: it was made at run time, or the file has changed since it was imported."""


class Module:
    """A module's source, and which of its statements bind and use which names.

    Args:
        is_mark: tells of a decorator, as source, whether it is a mark of pytest's and means nothing to the function itself.

    Raises:
        SyntaxError: it is no Python.
    """

    def __init__(self, source: str, file: str, is_mark: Callable[[str], bool]) -> None:
        self._parts: dict[tuple[int, str, tuple[str, ...]], Sliced] = {}
        self._lines = io.StringIO(source).readlines()  # As `ast` counts them: a form feed ends none.
        self._statements = ast.parse(source, file).body
        self._is_mark = is_mark
        self._decorators: dict[ast.expr, bool] = {}  # Whether each is a mark: several look for that.
        self._binding: dict[str, list[int]] = {}
        self._starred: list[int] = []
        self._needs: dict[int, tuple[set[ast.AST], list[str]]] = {}
        self._outline = Outline(self._statements)
        # Annotations of the whole module mean what an import of the future says.
        self._always = {
            index for index, each in enumerate(self._statements) if _is_future(each) or self._is_text(index)
        }
        for index, node in enumerate(self._statements):
            for name in bound(node):
                self._binding.setdefault(name, []).append(index)
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                self._starred.append(index)
        self._effects = Effects(self._statements, self._is_pytests)

    def making(self, names: Iterable[str]) -> Sliced:
        """Give what makes names that the module has."""
        wanted = tuple(sorted(names))
        return self._remembered((0, "", wanted), lambda: self._chosen(wanted, set(), set(), None))

    def part(self, line: int, path: str, names: Iterable[str] = ()) -> Sliced:
        """Give what a function needs.

        Args:
            line: where it begins, its decorators included.
            path: its qualified name.
            names: further names that are needed, as of its arguments.

        Raises:
            NotFoundError: there is no such function.
        """
        wanted = tuple(sorted(names))
        return self._remembered((line, path, wanted), lambda: self._part(line, path, wanted))

    def _remembered(self, key: tuple[int, str, tuple[str, ...]], cut: Callable[[], Sliced]) -> Sliced:
        """Cut a part out once for all values of its test: of many long ones none is kept for ever."""
        if key not in self._parts:
            if len(self._parts) >= _REMEMBERED:
                self._parts.clear()
            self._parts[key] = cut()
        return self._parts[key]

    def _part(self, line: int, path: str, names: Iterable[str]) -> Sliced:
        place = self._outline.find(path.rpartition(".")[2], line)
        if place is None:
            raise NotFoundError(path)
        top = self._statements[place.top]
        nested = place.node if "<locals>" in path else None
        left_out = {*self._needing(place.top)[0], *_others(place)}
        wanted = [*names, *used(nested or top, left_out)]
        return self._chosen(wanted, set() if nested else {place.top}, left_out, nested)

    def _chosen(
        self, names: Iterable[str], chosen: set[int], left_out: set[ast.AST], nested: Function | None
    ) -> Sliced:
        """Give what some statements need, with them."""
        chosen |= self._always
        seen: set[str] = set()
        wanted = [*names]
        while wanted:
            name = wanted.pop()
            if name not in seen:
                seen.add(name)
                for index in {*self._of(name)} - chosen:
                    chosen.add(index)
                    marks, names = self._needing(index)
                    left_out |= marks
                    wanted += names
        missing = [name for name in sorted(seen) if name not in self._binding and name not in _BUILTIN]
        if missing and self._starred:
            chosen |= {*self._starred}
        nodes = [*(self._statements[index] for index in chosen), *([nested] if nested else [])]
        defined = [each for index in chosen for each in self._outline.defined(index)]
        firsts = dict(_moved(defined if nested is None else [*defined, *ast.walk(nested)], left_out))
        lines = [self._statements[index].lineno for index in self._effects.calls(seen) if index not in chosen]
        apart = tuple((line, self._lines[line - 1].strip()) for line in lines)
        return Sliced(self._text(nodes, nested, left_out), tuple(missing if not self._starred else ()), firsts, apart)

    def _needing(self, index: int) -> tuple[set[ast.AST], list[str]]:
        """Give the marks of a statement, and the names that it uses besides: many tests need the same one."""
        if index not in self._needs:
            marks = {*self._marks(index)}
            self._needs[index] = marks, used(self._statements[index], marks)
        return self._needs[index]

    def _is_text(self, index: int) -> bool:
        """Tell whether a statement is the module's docstring."""
        node = self._statements[index]
        value = node.value if index == 0 and isinstance(node, ast.Expr) else None
        return isinstance(value, ast.Constant) and isinstance(value.value, str)

    def _of(self, name: str) -> list[int]:
        """Give the statements that make what a name means: those that bind it, and those that change what it is bound to."""
        return [*self._binding.get(name, ()), *self._effects.on(name)]

    def _is_pytests(self, decorator: ast.expr) -> bool:
        if decorator not in self._decorators:
            self._decorators[decorator] = self._is_mark(ast.unparse(decorator))
        return self._decorators[decorator]

    def _marks(self, index: int) -> Iterator[ast.AST]:
        for each in self._outline.defined(index):
            yield from filter(self._is_pytests, each.decorator_list)

    def _text(self, nodes: Iterable[ast.stmt], nested: Function | None, left_out: set[ast.AST]) -> str:
        """Give the text of statements, with lines that are empty for all others."""
        lines = ["\n"] * len(self._lines)
        for span in map(_lines, nodes):
            lines[span] = self._lines[span]
        for span in map(_lines, left_out):
            lines[span] = ["\n"] * (span.stop - span.start)
        if nested is not None:  # It is indented: the line before it becomes what it is indented under.
            before = lines[first_line(nested) - 2].rstrip("\n")
            lines[first_line(nested) - 2] = f"{before}{'; ' if before.strip() else ''}if True:\n"
        return "".join(lines).rstrip("\n") + "\n"


def _others(place: Place) -> Iterator[ast.AST]:
    """Give the other tests of a class, but for those that this one calls: what they use is none of its business."""
    methods = [each for each in place.owner.body if isinstance(each, Function)] if place.owner else []
    tests = {each for each in methods if each.name.startswith("test")} - {place.node}
    needed = [each for each in methods if each not in tests]
    while needed:
        named = {each.attr for each in ast.walk(needed.pop()) if isinstance(each, ast.Attribute)}
        called = {each for each in tests if each.name in named}
        tests -= called
        needed += called
    yield from tests


def _moved(nodes: Iterable[ast.AST], left_out: Collection[ast.AST]) -> Iterator[tuple[int, int]]:
    """Give where functions begin without the decorators that are left out, and where they did."""
    for node in nodes:
        if isinstance(node, Function):
            kept = [decorator.lineno for decorator in node.decorator_list if decorator not in left_out]
            yield min([node.lineno, *kept]), first_line(node)


def _lines(node: ast.AST) -> slice:
    """Give the lines of a statement or an expression, in a list that has the first one first."""
    first: int = first_line(node) if isinstance(node, ast.stmt) else getattr(node, "lineno", 1)
    return slice(first - 1, getattr(node, "end_lineno", None) or first)


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"
