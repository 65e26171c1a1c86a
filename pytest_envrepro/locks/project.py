"""The requirements that a project's own files declare: `pyproject.toml` (PEP 621, PEP 735) and `setup.cfg`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.utils import canonicalize_name

from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.keys import Keys
from pytest_envrepro.model import Declared
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.model import Root


class Choice(NamedTuple):
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


class ProjectFile(NamedTuple):
    """What a project's file declares, with the lines.

    Attributes:
        name: the project's canonical name.
        dynamic: whether a build tells the dependencies, not this file.
        dynamic_extras: whether a build tells the extras.
        dependencies, extras, groups, build: requirements as text; a group may hold `include-group` tables.
        files: the requirements files that hold the dependencies, relative to the project's folder.
        extra_files: those of each extra.
    """

    path: str
    text: str
    name: str | None
    requires_python: Declared | None
    dynamic: bool
    dynamic_extras: bool
    dependencies: tuple[str, ...]
    extras: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[Any, ...]]
    build: tuple[str, ...]
    files: tuple[str, ...]
    extra_files: Mapping[str, tuple[str, ...]]

    @property
    def _keys(self) -> Keys:
        return Keys(self.path, self.text)

    def roots(self, choice: Choice) -> Iterator[Root]:
        """Give the requirements that are chosen, those that name the project itself (`demo[all]`) among them.

        Raises:
            LockError: an unknown extra or group, a cycle of groups, or a requirement that is none.
        """
        if choice.dependencies:
            yield from self._parsed(self.dependencies, "project", "dependencies", "install_requires")
        if choice.build:
            yield from self._parsed(self.build, "build-system", "requires")
        for extra in sorted(self._known(choice.extras)):
            yield from self._parsed(self.extras[extra], "optional-dependencies", "options.extras_require", extra)
        for group in dict.fromkeys(canonicalize_name(group) for group in choice.groups):
            yield from self._group(group, ())

    def _parsed(self, texts: tuple[str, ...], *keys: str) -> Iterator[Root]:
        return self._keys.roots(texts, *keys)

    def chosen_files(self, choice: Choice) -> Iterator[tuple[str, int]]:
        """Give the requirements files that are chosen, each with the line that names it."""
        if choice.dependencies:
            yield from ((file, self._keys.line_of(file)) for file in self.files)
        for extra in sorted(self._known(choice.extras)):
            yield from ((file, self._keys.line_of(file)) for file in self.extra_files.get(extra, ()))

    def _known(self, extras: frozenset[str] | None) -> frozenset[str]:
        """Give the names of the extras.

        Raises:
            LockError: there is no such extra.
        """
        for extra in sorted(extras or ()):
            if extra not in self.extras:
                known = ", ".join(sorted(self.extras)) or "none"
                message = f"has no extra '{extra}' (it has: {known})"
                raise LockError(self.path, self._keys.line("optional-dependencies"), message)
        return frozenset(self.extras) if extras is None else extras

    def _group(self, group: str, trail: tuple[str, ...]) -> Iterator[Root]:
        """Give a dependency group's requirements, `include-group` followed (PEP 735)."""
        if group in trail:
            cycle = " -> ".join((*trail[trail.index(group) :], group))
            line = self._keys.line("dependency-groups", trail[-1])
            raise LockError(self.path, line, f"dependency groups include each other: {cycle}")
        if group not in self.groups:
            known = ", ".join(sorted(self.groups)) or "none"
            line = self._keys.line("dependency-groups", *trail[-1:])
            raise LockError(self.path, line, f"has no dependency group '{group}' (it has: {known})")
        for item in self.groups[group]:
            if isinstance(item, str):
                yield from self._parsed((item,), "dependency-groups", group)
            elif isinstance(item, dict) and isinstance(item.get("include-group"), str) and len(item) == 1:
                yield from self._group(canonicalize_name(item["include-group"]), (*trail, group))
            else:
                line = self._keys.line("dependency-groups", group)
                raise LockError(self.path, line, f"the group '{group}' holds {item!r}, which is no requirement")


def read_pyproject(path: str, text: str) -> ProjectFile:
    """Read a `pyproject.toml`.

    Raises:
        LockError: not TOML, or a value of a wrong type, with the key.
    """
    data = load_toml(path, text)
    keys = Keys(path, text)
    project = keys.table(data, "project")
    name = keys.string(project, "name") or _poetry_name(data)
    extras = keys.table(project, "optional-dependencies")
    dynamic = keys.strings(project, "dynamic")
    supported = keys.string(project, "requires-python")
    line = keys.line("project", "requires-python")
    files, extra_files = _setuptools_files(keys, data)
    listed: dict[str, tuple[str, ...]] = {canonicalize_name(extra): keys.strings(extras, extra) for extra in extras}
    if "optional-dependencies" in dynamic:
        listed = {**dict.fromkeys(extra_files, ()), **listed}
    return ProjectFile(
        path=path,
        text=text,
        name=canonicalize_name(name) if name else None,
        requires_python=Declared(text=supported, file=path, line=line)
        if supported
        else _poetry_python(path, text, data),
        dynamic=("dependencies" in dynamic and not files) or not project,
        dynamic_extras="optional-dependencies" in dynamic and not extra_files,
        dependencies=keys.strings(project, "dependencies"),
        extras=listed,
        groups={canonicalize_name(group): value for group, value in keys.lists(data, "dependency-groups").items()},
        build=keys.strings(keys.table(data, "build-system"), "requires"),
        files=files if "dependencies" in dynamic else (),
        extra_files=extra_files if "optional-dependencies" in dynamic else {},
    )


def _poetry_name(data: Mapping[str, Any]) -> str | None:
    """Give the name of a project that Poetry's own table declares."""
    name = _poetry_table(data).get("name")
    return name if isinstance(name, str) else None


def _poetry_python(path: str, text: str, data: Mapping[str, Any]) -> Declared | None:
    """Give the Pythons that such a project is for, as a specifier."""
    dependencies = _poetry_table(data).get("dependencies")
    python = dependencies.get("python") if isinstance(dependencies, dict) else None
    if not isinstance(python, str):
        return None
    from pytest_envrepro.locks.poetry_constraints import to_specifier  # noqa: PLC0415  # For such projects alone.
    from pytest_envrepro.locks.toml_lines import TomlLines  # noqa: PLC0415  # The same.

    try:
        specifier = to_specifier(python)[0]
    except ValueError:
        return None  # Where there is a lock of Poetry's, its check tells.
    line = TomlLines(text).of("tool", "poetry", "dependencies", "python")
    return Declared(text=specifier, file=path, line=line) if specifier else None


def _poetry_table(data: Mapping[str, Any]) -> Mapping[str, Any]:
    tool = data.get("tool")
    found = tool.get("poetry") if isinstance(tool, dict) else None
    return found if isinstance(found, dict) else {}


def _setuptools_files(keys: Keys, data: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Give the requirements files that setuptools reads dependencies and extras from."""
    build = keys.table(data, "build-system")
    if not str(build.get("build-backend", "setuptools")).startswith("setuptools"):
        return (), {}
    table: Any = data
    for key in ("tool", "setuptools", "dynamic"):
        table = table.get(key)
        if not isinstance(table, dict):
            return (), {}
    extras = table.get("optional-dependencies")
    found: dict[str, tuple[str, ...]] = {}
    if isinstance(extras, dict):
        found = {canonicalize_name(name): _named_files(value) for name, value in extras.items()}
    return _named_files(table.get("dependencies")), found if all(found.values()) else {}


def _named_files(value: Any) -> tuple[str, ...]:
    """Give what stands after `file` in a directive of setuptools; nothing for another directive."""
    named = value.get("file") if isinstance(value, dict) else None
    items = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    return tuple(item for item in items if isinstance(item, str))


def read_setup_cfg(path: str, text: str) -> ProjectFile:
    """Read a `setup.cfg`; what only a build tells (`attr:`) makes it dynamic.

    Raises:
        LockError: it is not of the INI form.
    """
    import configparser  # noqa: PLC0415

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
    keys = Keys(path, text)
    return ProjectFile(
        path=path,
        text=text,
        name=canonicalize_name(name) if name and ":" not in name else None,
        requires_python=Declared(text=supported, file=path, line=keys.line("python_requires")) if supported else None,
        dynamic=_is_read_elsewhere(required),
        dynamic_extras=any(map(_is_read_elsewhere, extras.values())),
        dependencies=() if _files_of(required) else _lines(required),
        extras={canonicalize_name(name): () if _files_of(value) else _lines(value) for name, value in extras.items()},
        groups={},
        build=(),
        files=_files_of(required),
        extra_files={canonicalize_name(name): _files_of(value) for name, value in extras.items()},
    )


def _is_read_elsewhere(value: str) -> bool:
    return value.strip().startswith("attr:")


def _files_of(value: str) -> tuple[str, ...]:
    """Give the files of `file: a.txt, b.txt`; nothing for what is no such directive."""
    directive, _, listed = value.strip().partition("file:")
    return () if directive else tuple(item.strip() for item in listed.split(",") if item.strip())


def _lines(value: str) -> tuple[str, ...]:
    """Split a list as setuptools does (`list-semi`): at line ends or, where there is one line alone, at semicolons."""
    items = value.splitlines() if "\n" in value else value.split(";")
    return tuple(item.partition(" #")[0].strip() for item in items if item.strip() and item.strip()[0] != "#")
