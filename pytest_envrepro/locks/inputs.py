"""Reads the inputs of a lock, and all that they read: roots, constraints, and what is wrong with them."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_envrepro.errors import LockError
from pytest_envrepro.locks import syntax
from pytest_envrepro.locks.project import Choice, ProjectFile, read_pyproject, read_setup_cfg
from pytest_envrepro.model import Dynamic, Root
from pytest_envrepro.outcome import Finding
from pytest_envrepro.requirement import parse_line, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_envrepro.locks.base import Tree

_LONGEST_QUOTE = 60  # Characters of a line, in a message.
PROJECT_FILES = ("pyproject.toml", "setup.cfg", "setup.py")


@dataclass(kw_only=True)
class Inputs:
    """What some inputs say together, collected file by file.

    Attributes:
        files: every file that was read, or should have been.
        unread: why they cannot be read in full without the network, or None.
    """

    tree: Tree
    roots: list[Root] = field(default_factory=list)
    constraints: list[Root] = field(default_factory=list)
    overrides: list[Root] = field(default_factory=list)
    excluded: set[str] = field(default_factory=set)
    dynamic: list[Dynamic] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    faults: list[Finding] = field(default_factory=list)
    unread: str | None = None

    def add(self, path: str, choice: Choice, asked: tuple[str, int | None]) -> None:
        """Read one input of a compile command; `asked` is the file and the line that name it."""
        name = posixpath.basename(path)
        if name == "pyproject.toml":
            self._add_project(path, choice, asked, read_pyproject)
        elif name == "setup.cfg":
            self._add_project(path, choice, asked, read_setup_cfg)
        elif name == "setup.py":
            if self._text(path, asked) is not None:
                self._add_dynamic(path, choice)
        else:
            self.add_requirements(path, self.roots, asked)

    def add_requirements(self, path: str, into: list[Root], asked: tuple[str, int | None]) -> None:
        """Read a requirements file, and those that it reads, into one of the lists."""
        self._follow(path, into, asked, ())

    def _follow(self, path: str, into: list[Root], asked: tuple[str, int | None], trail: tuple[str, ...]) -> None:
        if path in trail:
            cycle = " -> ".join((*trail[trail.index(path) :], path))
            self._fault(asked, f"these files read each other: {cycle}")
            return
        text = self._text(path, asked)
        if text is None:
            return
        document = syntax.read(text, self.tree.environ)
        self._add_document(path, document, into)
        for include in document.includes:
            place = (path, include.line)
            if "://" in include.path:
                self.unread = self.unread or f"{path}:{include.line} reads {redact(include.path)}"
                continue
            target = beside(path, include.path)
            self._follow(target, self.constraints if include.constraint else into, place, (*trail, path))

    def _add_document(self, path: str, document: syntax.Document, into: list[Root]) -> None:
        for line in document.conflicts:
            self.faults.append(merge_conflict(path, line))
        for fault in document.faults:
            self._fault((path, fault.line), fault.message)
        for entry in document.entries:
            try:
                requirement = parse_line(entry.text)
            except ValueError as error:
                self._fault((path, entry.line), not_a_requirement(entry.raw, error))
            else:
                into.append(Root(requirement=requirement, file=path, line=entry.line, editable=entry.editable))

    def _add_project(
        self, path: str, choice: Choice, asked: tuple[str, int | None], reader: Callable[[str, str], ProjectFile]
    ) -> None:
        text = self._text(path, asked)
        if text is None:
            return
        try:
            project = reader(path, text)
            dynamic = project.dynamic and choice.dependencies
            self.roots.extend(project.roots(Choice(groups=choice.groups, dependencies=False) if dynamic else choice))
            self.overrides.extend(project.listed("override-dependencies"))
            self.constraints.extend(project.listed("constraint-dependencies"))
            self.excluded.update(canonicalize_name(name) for name in project.uv.get("exclude-dependencies", ()))
        except LockError as error:
            self._fault((error.file, error.line), error.message)
            return
        if dynamic:
            self._add_dynamic(path, choice, project.name)

    def _add_dynamic(self, path: str, choice: Choice, name: str | None = None) -> None:
        folder = posixpath.dirname(path)
        changed = max(self.tree.changed(beside(path, other)) for other in PROJECT_FILES)
        project = name or self._project_name(folder)
        self.dynamic.append(Dynamic(file=path, project=project, extras=choice.extras, changed=changed))

    def _project_name(self, folder: str) -> str | None:
        """Find the name of the project that a `setup.py` builds in the files beside it."""
        for file, reader in (("pyproject.toml", read_pyproject), ("setup.cfg", read_setup_cfg)):
            path = posixpath.join(folder, file)
            if self.tree.exists(path):
                try:
                    name = reader(path, self.tree.read(path)).name
                except LockError:
                    continue  # It is not an input: its faults are not this lock's.
                if name is not None:
                    return name
        return None

    def _text(self, path: str, asked: tuple[str, int | None]) -> str | None:
        """Read a file once more or for the first time; a missing one is a finding at the line that asks for it."""
        self.files.add(path)
        if not self.tree.exists(path):
            file, line = asked
            message = f"{path} does not exist"
            self.faults.append(Finding(code="input-missing", expected=path, file=file, line=line, message=message))
            return None
        try:
            return self.tree.read(path)
        except LockError as error:
            self._fault((error.file, error.line), error.message)
            return None

    def _fault(self, place: tuple[str, int | None], message: str) -> None:
        self.faults.append(Finding(code="unreadable", file=place[0], line=place[1], message=message))


def beside(path: str, other: str) -> str:
    """Give a path that is relative to the folder of a file, relative to the root instead."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), other.replace("\\", "/")))


def merge_conflict(path: str, line: int) -> Finding:
    """Give the finding of a merge that is not finished."""
    return Finding(code="merge-conflict", file=path, line=line, message="a merge conflict begins here")


def not_a_requirement(raw: str, error: Exception) -> str:
    """Say that a line is none that pip would read."""
    shown = redact(raw)
    if len(shown) > _LONGEST_QUOTE:
        shown = f"{shown[: _LONGEST_QUOTE - 3]}..."
    return f"'{shown}' is not a requirement" + (": a variable in it is not set" if "${" in raw else f": {error}")


def is_project_file(path: str) -> bool:
    """Tell whether an input is a project's own file and not a list of requirements."""
    return posixpath.basename(path) in PROJECT_FILES


def existing(paths: Iterable[str], tree: Tree) -> tuple[str, ...]:
    """Keep the paths that are files."""
    return tuple(path for path in paths if tree.exists(path))
