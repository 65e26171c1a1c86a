"""Finds what tests import that is optional in this project, where none of their markers says so: by the source alone."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.discovery import read_project
from pytest_envrepro.locating import definitions, parsed
from pytest_envrepro.locks import Choice, Inputs
from pytest_envrepro.offered import Offered
from pytest_envrepro.reports.audit import Unmarked
from pytest_envrepro.requirement import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_envrepro.requirement import Requirement
    from pytest_envrepro.session import Session

# What tests run with at all: by custom that is installed before any test is.
_FOR_ALL_TESTS = frozenset({"dev", "test", "tests", "testing"})
_SET_UP = frozenset({"setUp", "setUpClass", "setup_method", "setup_class", "setup_function", "setup_module"})


class Importing(NamedTuple):
    """A test, as far as it matters for what it imports.

    Attributes:
        file: its module, relative to the project.
        scope: its classes, and at last the function.
        fixtures: the names of all that it uses.
        claimed: the canonical names of the distributions that its markers name.
    """

    node_id: str
    file: str
    scope: tuple[str, ...]
    fixtures: frozenset[str]
    claimed: frozenset[str]


class _Found(NamedTuple):
    """An import, and the function that it stands in, behind its classes; nothing for one at the top of its module.

    Attributes:
        module: what is imported; of what is relative, with the dots that it begins with: that is the project's own.
    """

    file: str
    line: int
    module: str
    function: tuple[str, ...]

    def counts_for(self, scope: tuple[str, ...], used: frozenset[str]) -> bool:
        """Tell whether a test of the same module does it.

        Args:
            scope: the test's classes, and at last its function.
            used: the names that it uses.
        """
        if self.function in {(), scope}:
            return True
        *classes, name = self.function
        return classes == [*scope[: len(classes)]] and (name in used or name in _SET_UP)

    def counts_for_others(self, used: frozenset[str]) -> bool:
        """Tell whether a test of another module, that uses these names, does it."""
        return not self.function or self.function[-1] in used


class _Source(NamedTuple):
    """What matters of a module: what it imports, and the names that each of its functions uses."""

    imports: tuple[_Found, ...]
    uses: Mapping[tuple[str, ...], frozenset[str]]


def unmarked(tests: Iterable[Importing], session: Session) -> tuple[Unmarked, ...]:
    """Give the imports of what this project asks for in an extra, a group or an integration alone.

    An import counts for a test where it is at the top of its module, of a conftest above it or of a module of the
    project that its module imports; or in the test's own function, in a fixture that it uses, or in a function of these
    modules that it names. One under `try` or `if` is one that can be done without.

    Raises:
        SettingsError: the project's files cannot be read.
    """
    asked = _optional(session)
    modules = {module: name for name in asked for module in _modules(name, session)}
    sources = _Sources(session.root)
    told: dict[tuple[str, int, str], list[str]] = {}
    names: dict[tuple[str, int, str], str] = {}
    for test in tests:
        known = set(test.claimed)  # Of several imports of one distribution the first says enough.
        for found in sources.of(test):
            module = _owner(found.module, modules)
            if module is None or modules[module] in known:
                continue
            known.add(modules[module])
            key = (found.file, found.line, module)
            names[key] = modules[module]
            told.setdefault(key, []).append(test.node_id)
    return tuple(
        Unmarked(file=file, line=line, module=module, asked=asked[names[file, line, module]], tests=tuple(each))
        for (file, line, module), each in sorted(told.items())
    )


def _owner(imported: str, modules: Mapping[str, str]) -> str | None:
    return next((each for each in modules if imported == each or imported.startswith(f"{each}.")), None)


def _modules(name: str, session: Session) -> tuple[str, ...]:
    """Give the names that a distribution is imported by; of one that is not installed, as most are called."""
    inventory = session.inventory
    found = inventory.modules(name) if name in inventory.distributions else ()
    return found or (name.replace("-", "_"),)


def _optional(session: Session) -> dict[str, tuple[str, ...]]:
    """Give the distributions that are optional, each with what asks for it.

    What there is for all tests is an option only where an integration of the table says so.
    """
    offered = Offered(session.tree)
    found: dict[str, dict[str, None]] = {}
    for_all: set[str] = set()
    for names, word, requirements in (
        (offered.extras, "extra", offered.of_extra),
        (offered.groups, "group", offered.of_group),
    ):
        for name in sorted(names):
            for each in _named(requirements(name)):
                found.setdefault(each, {})[f"{word} '{name}'"] = None
                for_all |= {each} if name in _FOR_ALL_TESTS else set()
    declared: set[str] = set()
    for name in session.catalogue.declared:
        for each in _named(asked.requirement for asked in session.catalogue.asked((name,))):
            found.setdefault(each, {})[f"integration '{name}'"] = None
            declared.add(each)
    always = _needed(session) | (for_all - declared)
    return {name: tuple(titles) for name, titles in found.items() if name not in always}


def _named(requirements: Iterable[Requirement]) -> Iterator[str]:
    return (each.name for each in requirements if each.name)


def _needed(session: Session) -> frozenset[str]:
    """Give what is no option: the project, all that it depends on, and pytest."""
    names = {"pytest", "pytest-envrepro"}
    for path in ("pyproject.toml", "setup.cfg"):
        if session.tree.exists(path):
            inputs = Inputs(tree=session.tree)
            inputs.add(path, Choice(), (path, 1))
            names |= {root.requirement.name for root in inputs.roots if root.requirement.name}
    itself = read_project(session.root, session.files, "").name
    distributions = session.inventory.distributions
    if itself is not None and itself in distributions:
        names |= {itself, *_plainly_required(distributions[itself].requires, session)}
    return frozenset(names)


def _plainly_required(texts: Iterable[str], session: Session) -> Iterator[str]:
    for text in texts:
        requirement = parse(text)
        if requirement.name and requirement.applies(session.inventory.interpreter.environment):
            yield requirement.name


class _Sources:
    """The modules of a suite, each read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, _Source] = {}
        self._helpers: dict[str, tuple[str, ...]] = {}

    def of(self, test: Importing) -> Iterator[_Found]:
        """Give all imports that count for a test."""
        own = self._read(test.file)
        used = own.uses.get(test.scope, frozenset()) | test.fixtures
        yield from (each for each in own.imports if each.counts_for(test.scope, used))
        if test.file not in self._helpers:
            self._helpers[test.file] = tuple(dict.fromkeys(self._beside(test.file, own)))
        for file in self._helpers[test.file]:
            yield from (each for each in self._read(file).imports if each.counts_for_others(used))
        for file in self._conftests(test.file):
            yield from (each for each in self._read(file).imports if each.counts_for_others(test.fixtures))

    def _read(self, file: str) -> _Source:
        if file not in self._known:
            try:
                tree = parsed((self._root / file).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                tree = None
            imports = tuple(_imports(tree, file)) if tree else ()
            self._known[file] = _Source(imports, _uses(tree.body) if tree else {})
        return self._known[file]

    def _conftests(self, file: str) -> Iterator[str]:
        folders = Path(file).parent.parts
        for depth in range(len(folders) + 1):
            path = Path(*folders[:depth], "conftest.py")
            if (self._root / path).is_file():
                yield path.as_posix()

    def _beside(self, file: str, source: _Source) -> Iterator[str]:
        """Give the project's own modules that a module imports at its top."""
        folder = os.path.dirname(file)
        for module in [found.module for found in source.imports if not found.function]:
            name = module.lstrip(".")
            level = len(module) - len(name)
            parts = name.split(".")
            above = os.path.normpath(os.path.join(folder, *[".."] * (level - 1)))
            for start in (above,) if level else (folder, "", "src"):
                for some in (parts, parts[:-1]):
                    path = os.path.normpath(os.path.join(start, *some)).replace(os.sep, "/") + ".py"
                    if some and (self._root / path).is_file():
                        yield path


def _imports(tree: ast.Module, file: str) -> Iterator[_Found]:
    """Give what is imported at the top of a module, and in its functions."""
    yield from (_Found(file, line, module, ()) for line, module in _of_body(tree.body))
    for chain in _functions(tree.body):
        names = tuple(each.name for each in chain)
        yield from (_Found(file, line, module, names) for line, module in _of_body(chain[-1].body))


def _of_body(body: Sequence[ast.stmt]) -> Iterator[tuple[int, str]]:
    """Give the imports that are always done where a body is run; of a `with` too."""
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from ((statement.lineno, alias.name) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            base = f"{'.' * statement.level}{statement.module or ''}"
            joint = "." if statement.module else ""
            for alias in statement.names:
                yield statement.lineno, f"{base}{joint}{alias.name}"
        elif isinstance(statement, (ast.With, ast.AsyncWith)):
            yield from _of_body(statement.body)


_Chain = tuple[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, ...]


def _functions(body: Iterable[ast.stmt], inside: _Chain = ()) -> Iterator[_Chain]:
    """Give the functions of a module and of its classes, each behind the classes that it is in."""
    for each in definitions(body):
        if isinstance(each, ast.ClassDef):
            yield from _functions(each.body, (*inside, each))
        else:
            yield (*inside, each)


def _uses(body: Iterable[ast.stmt]) -> dict[tuple[str, ...], frozenset[str]]:
    """Give the names that each function uses."""
    found = {}
    for chain in _functions(body):
        nodes = [*ast.walk(chain[-1])]
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        found[tuple(each.name for each in chain)] = frozenset(names)
    return found
