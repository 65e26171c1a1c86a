"""The requirements that a project's own files declare: `pyproject.toml` (PEP 621, PEP 735) and `setup.cfg`."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from pytest_envrepro.errors import LockError
from pytest_envrepro.model import Declared, Root
from pytest_envrepro.requirement import parse, redact
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Which of a project's requirements a lock is compiled from.

    Attributes:
        extras: canonical names of extras; None for all of them.
        groups: canonical names of dependency groups (PEP 735).
        dependencies: whether the project's own dependencies belong to them.
        build: whether `build-system.requires` does.
    """

    extras: frozenset[str] | None = frozenset()
    groups: tuple[str, ...] = ()
    dependencies: bool = True
    build: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectFile:
    """What a project's file declares, with the lines.

    Attributes:
        name: the project's canonical name.
        dynamic: whether a build tells the dependencies, not this file.
        dependencies, extras, groups, build: requirements as text; a group may hold `include-group` tables.
    """

    path: str
    text: str
    name: str | None = None
    requires_python: Declared | None = None
    dynamic: bool = False
    dependencies: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[Any, ...]]
    build: tuple[str, ...] = ()
    uv: Mapping[str, tuple[str, ...]]

    def roots(self, choice: Choice) -> Iterator[Root]:
        """Give the requirements that are chosen.

        Raises:
            LockError: an unknown extra or group, a cycle of groups, or a requirement that is none.
        """
        if choice.dependencies:
            yield from self._parsed(self.dependencies)
        if choice.build:
            yield from self._parsed(self.build)
        for extra in sorted(self._closure(choice.extras)):
            for root in self._parsed(self.extras[extra]):
                if root.requirement.name != self.name:  # `demo[all]`, within demo: the extras were followed.
                    yield root
        for group in choice.groups:
            yield from self._group(canonicalize_name(group), ())

    def listed(self, table: str) -> Iterator[Root]:
        """Give the requirements of a list in `[tool.uv]`, such as `override-dependencies`."""
        yield from self._parsed(self.uv.get(table, ()))

    def line_of(self, words: str) -> int:
        """Find the line on which a quoted text, or else the words, stands first."""
        for wanted in (f'"{words}"', f"'{words}'", words):
            position = self.text.find(wanted)
            if position >= 0:
                return self.text.count("\n", 0, position) + 1
        return 1

    def _closure(self, extras: frozenset[str] | None) -> set[str]:
        """Follow the extras that an extra names of its own project (`all = ["demo[a,b]"]`)."""
        waiting = list(self.extras if extras is None else extras)
        found: set[str] = set()
        while waiting:
            extra = canonicalize_name(waiting.pop())
            if extra in found:
                continue
            if extra not in self.extras:
                known = ", ".join(sorted(self.extras)) or "none"
                message = f"has no extra '{extra}' (it has: {known})"
                raise LockError(self.path, self.line_of("optional-dependencies"), message)
            found.add(extra)
            for root in self._parsed(self.extras[extra]):
                if root.requirement.name == self.name:
                    waiting.extend(root.requirement.extras)
        return found

    def _group(self, group: str, path: tuple[str, ...]) -> Iterator[Root]:
        """Give a dependency group's requirements, `include-group` followed (PEP 735)."""
        if group in path:
            cycle = " -> ".join((*path, group))
            raise LockError(self.path, self.line_of("include-group"), f"dependency groups include each other: {cycle}")
        if group not in self.groups:
            known = ", ".join(sorted(self.groups)) or "none"
            raise LockError(self.path, 1, f"has no dependency group '{group}' (it has: {known})")
        for item in self.groups[group]:
            if isinstance(item, str):
                yield from self._parsed((item,))
            elif isinstance(item, dict) and isinstance(item.get("include-group"), str) and len(item) == 1:
                yield from self._group(canonicalize_name(item["include-group"]), (*path, group))
            else:
                line = self.line_of("dependency-groups")
                raise LockError(self.path, line, f"the group '{group}' holds {item!r}, which is no requirement")

    def _parsed(self, texts: tuple[str, ...]) -> Iterator[Root]:
        for text in texts:
            line = self.line_of(text)
            try:
                requirement = parse(text)
            except ValueError as error:
                message = f"'{redact(text)}' is not a requirement: {error}"
                raise LockError(self.path, line, message) from error
            yield Root(requirement=requirement, file=self.path, line=line)


def read_pyproject(path: str, text: str) -> ProjectFile:
    """Read a `pyproject.toml`.

    Raises:
        LockError: not TOML, or a value of a wrong type, with the key.
    """
    data = load_toml(path, text)
    keys = _Keys(path, text)
    project = keys.table(data, "project")
    name = keys.string(project, "name")
    extras = keys.table(project, "optional-dependencies")
    dynamic = keys.strings(project, "dynamic")
    uv = keys.table(keys.table(data, "tool"), "uv")
    supported = keys.string(project, "requires-python")
    line = keys.line("requires-python")
    return ProjectFile(
        path=path,
        text=text,
        name=canonicalize_name(name) if name else None,
        requires_python=Declared(text=supported, file=path, line=line) if supported else None,
        dynamic=bool({"dependencies", "optional-dependencies"} & set(dynamic)) or not project,
        dependencies=keys.strings(project, "dependencies"),
        extras={canonicalize_name(extra): keys.strings(extras, extra) for extra in extras},
        groups={canonicalize_name(group): value for group, value in keys.lists(data, "dependency-groups").items()},
        build=keys.strings(keys.table(data, "build-system"), "requires"),
        uv={key: keys.strings(uv, key) for key in UV_LISTS},
    )


UV_LISTS = ("override-dependencies", "constraint-dependencies", "exclude-dependencies")


class _Keys:
    """Takes values out of a TOML table, and says where one has a wrong type."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    def line(self, key: str) -> int:
        position = self.text.find(key)
        return self.text.count("\n", 0, position) + 1 if position >= 0 else 1

    def _get(self, table: Mapping[str, Any], key: str, kind: type, words: str) -> Any:
        value = table.get(key)
        if value is not None and not isinstance(value, kind):
            raise LockError(self.path, self.line(key), f"'{key}' has to be {words}, not {type(value).__name__}")
        return value

    def table(self, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._get(table, key, dict, "a table") or {}
        return found

    def string(self, table: Mapping[str, Any], key: str) -> str | None:
        found: str | None = self._get(table, key, str, "a string")
        return found

    def strings(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        found = self._get(table, key, list, "a list of strings") or []
        if not all(isinstance(item, str) for item in found):
            raise LockError(self.path, self.line(key), f"'{key}' has to be a list of strings")
        return tuple(found)

    def lists(self, table: Mapping[str, Any], key: str) -> dict[str, tuple[Any, ...]]:
        found = self.table(table, key)
        return {name: tuple(self._get(found, name, list, "a list") or []) for name in found}


def read_setup_cfg(path: str, text: str) -> ProjectFile:
    """Read a `setup.cfg`; what setuptools reads from elsewhere (`file:`, `attr:`) makes it dynamic.

    Raises:
        LockError: it is not of the INI form.
    """
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        line = getattr(error, "lineno", None)
        raise LockError(path, line, f"is not a valid setup.cfg: {str(error).splitlines()[0]}") from error
    required = parser.get("options", "install_requires", fallback="")
    extras = dict(parser.items("options.extras_require")) if parser.has_section("options.extras_require") else {}
    name = parser.get("metadata", "name", fallback="").strip()
    supported = parser.get("options", "python_requires", fallback="").strip()
    keys = _Keys(path, text)
    return ProjectFile(
        path=path,
        text=text,
        name=canonicalize_name(name) if name and ":" not in name else None,
        requires_python=Declared(text=supported, file=path, line=keys.line("python_requires")) if supported else None,
        dynamic=any(value.strip().startswith(("file:", "attr:")) for value in (required, *extras.values())),
        dependencies=_lines(required),
        extras={canonicalize_name(extra): _lines(value) for extra, value in extras.items()},
        groups={},
        uv={},
    )


def _lines(value: str) -> tuple[str, ...]:
    """Split a list as setuptools does (`list-semi`): at line ends or, where there is one line alone, at semicolons."""
    items = value.splitlines() if "\n" in value else value.split(";")
    return tuple(item.partition(" #")[0].strip() for item in items if item.strip() and item.strip()[0] != "#")
