"""Reads the inputs of conda's locks: `environment.yml`, with selectors (`# [linux]`), channels and its list for pip.

Selectors are those of conda-lock 4, which knows platforms alone: a line with any other selector is for no platform.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_envrepro.condaspecs import parse_match
from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.conda_pins import Archive, any_of, shown
from pytest_envrepro.locks.conda_yaml import compose_yaml, entries, items, line_of
from pytest_envrepro.locks.faults import missing, unreadable
from pytest_envrepro.locks.inputs import Inputs
from pytest_envrepro.locks.opening import conflicts
from pytest_envrepro.locks.paths import beside, is_url
from pytest_envrepro.model import MAIN, Root
from pytest_envrepro.requirementlines import parse_line

if TYPE_CHECKING:
    from collections.abc import Callable

    import yaml

    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.locks.faults import Place
    from pytest_envrepro.outcome import Finding
    from pytest_envrepro.requirement import Requirement

CONVENTION = ("environment.yml", "environment.yaml")
_BRACKETS = re.compile(r"\[([^\[\]]+)\]")
_SELECTED = {
    "linux-64": {"linux64", "unix", "linux"},
    "linux-aarch64": {"aarch64", "unix", "linux"},
    "linux-ppc64le": {"ppc64le", "unix", "linux"},
    "osx-64": {"osx", "osx64", "unix"},
    "osx-arm64": {"arm64", "osx", "unix"},
    "win-64": {"win", "win64"},
}
_READS = re.compile(r"(?s)(?:-r|--requirement)[ =]*(\S.*)")
_BOUNDS = re.compile(r"(?s)(?:-c|--constraint)[ =]*(\S.*)")
_FOLDER = re.compile(r"\.{0,2}/|\.{1,2}$|file:|~|[A-Za-z]:[\\/]")
_NO_CHANNEL = "nodefaults"


@dataclass(kw_only=True)
class CondaInputs:
    """What some inputs say together.

    Attributes:
        platforms: those that the lock is for; none for any.
        channels: of each input that names some, these, sorted.
        unread: why they cannot be read in full, or None.
    """

    tree: Tree
    platforms: tuple[str, ...]
    roots: list[Root] = field(default_factory=list)
    constraints: list[Root] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    faults: list[Finding] = field(default_factory=list)
    channels: list[tuple[str, ...]] = field(default_factory=list)
    unread: str | None = None

    def add(self, path: str, asked: Place) -> None:
        """Read one input; `asked` is the file and the line that name it."""
        self.files.add(path)
        if not self.tree.exists(path):
            self.faults.append(missing(path, asked))
        elif not path.endswith((".yml", ".yaml")) or posixpath.basename(path) == "meta.yaml":
            self.unread = self.unread or f"{path} is an input of conda-lock that cannot be read yet"
        else:
            try:
                text = self.tree.read(path)
                if merging := conflicts(path, text):
                    self.faults += merging
                    self.unread = self.unread or f"{path} cannot be read in full"
                    return
                _Environment(self, path, text).read(compose_yaml(path, text))
            except LockError as error:
                self.faults.append(unreadable((error.file, error.line), error.message))


class _Environment:
    """One `environment.yml`."""

    def __init__(self, into: CondaInputs, path: str, text: str) -> None:
        self._into = into
        self._path = path
        self._lines = text.splitlines()
        self._part = MAIN

    def read(self, node: yaml.Node | None) -> None:
        """Read the document."""
        top = dict(entries(node))
        if "dependencies" not in top:
            self._refuse(1, "has no 'dependencies'")
            return
        category = _text(top.get("category")) or "main"
        self._part = part_of(category)
        channels = {_text(each) for each in items(top.get("channels"))} - {_NO_CHANNEL, ""}
        if channels:
            self._into.channels.append(tuple(sorted(channels)))
        for item in items(top["dependencies"]):
            if _is_scalar(item):
                self._add(item, _read_match)
                continue
            for key, listed in entries(item):
                if key == "pip":
                    # conda-lock adds pip itself, as conda asks people to do.
                    self._root(parse_match("pip"), line_of(item))
                    for each in items(listed):
                        self._add_python(each)

    def _add_python(self, node: yaml.Node) -> None:
        text = _text(node)
        if (reads := _READS.fullmatch(text)) or (bounds := _BOUNDS.fullmatch(text)):
            inner = Inputs(tree=self._into.tree)
            found = inner.roots if reads else inner.constraints
            named = (reads or bounds or [""])[1]
            if is_url(named):
                place = f"{self._path}:{line_of(node)}"
                self._into.unread = self._into.unread or f"{place} reads {redact(named)}, which is not opened"
                return
            inner.add_requirements(beside(self._path, named), found, (self._path, line_of(node)))
            self._into.files |= inner.files
            self._into.faults += inner.faults
            self._into.unread = self._into.unread or inner.unread
            self._into.roots += [replace(root, part=self._part) for root in inner.roots if root.requirement.name]
            self._into.constraints += inner.constraints
        elif not text.startswith("-") and not _FOLDER.match(text):
            # Folders and what is editable stand in no lock of conda's; options are for pip.
            self._add(node, parse_line)

    def _add(self, node: yaml.Node, read: Callable[[str], Requirement]) -> None:
        text = _text(node).strip()
        try:
            requirement = read(text)
        except ValueError as error:
            self._refuse(line_of(node), f"'{shown(text)}' is not a requirement: {error}")
        else:
            self._root(requirement, line_of(node))

    def _root(self, requirement: Requirement, line: int) -> None:
        """Add a root for those platforms that its line is for."""
        platforms = self._into.platforms
        written = self._lines[line - 1] if line <= len(self._lines) else ""
        selector = _selector_of(written)
        if selector is not None:
            platforms = tuple(each for each in platforms or _SELECTED if selector in _SELECTED.get(each, ()))
        marker = any_of(platforms) if platforms or selector is not None else None
        if marker and requirement.marker:
            marker = f"({marker}) and ({requirement.marker})"
        bound = replace(requirement, marker=marker or requirement.marker)
        self._into.roots.append(Root(requirement=bound, file=self._path, line=line, part=self._part))

    def _refuse(self, line: int, message: str) -> None:
        self._into.faults.append(unreadable((self._path, line), message))


def _read_match(text: str) -> Requirement:
    """Read a match-spec, or the URL of an archive, which is one too."""
    archive = Archive.read(text) if "://" in text else None
    return parse_match(text) if archive is None else archive.pinned("", None).requirement


def _selector_of(line: str) -> str | None:
    """Give what stands in the last brackets of a line's comment, where no parenthesis follows; None for no such comment."""
    comment = line.partition("#")[2]
    found = list(_BRACKETS.finditer(comment))
    if not found or not {"(", ")"}.isdisjoint(comment[found[-1].end() :]):
        return None
    return found[-1][1].strip()


def part_of(category: str) -> str:
    """Give the part of the project that a category of conda-lock's is: `dev` is a group, all others are extras."""
    return MAIN if category == "main" else category if category == "dev" else f"[{category}]"


def inputs_of(path: str, tree: Tree, declaration: Declaration | None, told: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Find the inputs of a lock: in the table, by its own word, or beside it."""
    if declaration is not None and declaration.inputs is not None:
        return declaration.inputs
    if told:
        return tuple(dict.fromkeys(beside(path, each) for each in told if each))
    found = (beside(path, name) for name in CONVENTION)
    return tuple(each for each in found if tree.exists(each))[:1]


def _is_scalar(node: yaml.Node) -> bool:
    return isinstance(node.value, str)


def _text(node: yaml.Node | None) -> str:
    """Give a text; empty of anything else."""
    return node.value if node is not None and isinstance(node.value, str) else ""
