"""Reads what the projects of a uv workspace ask for: the tables of PEP 621 and PEP 735, and `[tool.uv]`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.faults import missing, unreadable
from pytest_envrepro.locks.inputs import Inputs
from pytest_envrepro.locks.keys import Keys
from pytest_envrepro.locks.paths import PROJECT_FILES, beside
from pytest_envrepro.locks.project import Choice, ProjectFile, read_pyproject
from pytest_envrepro.locks.uv_members import find_members, workspace_of
from pytest_envrepro.locks.uv_origins import Origin, Origins, at, texts_at
from pytest_envrepro.model import MAIN, Root
from pytest_envrepro.provenance import Dynamic
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.locks.base import Tree
    from pytest_envrepro.outcome import Finding
    from pytest_envrepro.requirement import Requirement


class Asked(NamedTuple):
    """A requirement of a project, as its own file has it or as a lock keeps it.

    Attributes:
        origin: None for an index that is asked for everything.
        group: the dependency group that it is of; None for the project's own.
        settled: False where `[tool.uv.sources]` tell several origins, by markers: it is compared by its name alone.
    """

    requirement: Requirement
    marker: str | None
    origin: Origin | None
    group: str | None
    root: Root
    settled: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A project whose requirements a lock holds.

    Attributes:
        name: canonical.
        path: its `pyproject.toml`, relative to the root.
        is_whole: whether its groups and extras are locked too, as those of a workspace are, whoever asks for them.
        is_first: whether it is the one that is installed, where nobody says which.
        is_pin: whether it is pinned by its folder, as a package is.
    """

    name: str
    path: str
    is_whole: bool
    is_first: bool
    is_pin: bool


@dataclass(kw_only=True)
class Told:
    """What the files of a workspace say.

    Attributes:
        asked: the requirements of each member that could be read, by its name, as the lock would keep them.
        versions: the version of each member that states one.
        pythons: what the members say of Python.
        unlisted: the files of projects that belong to the workspace, and that the lock has not.
        groups: the groups of the projects that are installed, and of the workspace.
        default: those that are installed where nobody says which; None for uv's own default.
        table: `[tool.uv]` at the root of the workspace.
        settings: the same, or what stands in a `uv.toml` in its place.
        build_constraints: what bounds the packages that build others.
        conflicts: whether parts of a project exclude each other.
    """

    roots: list[Root] = field(default_factory=list)
    constraints: list[Root] = field(default_factory=list)
    overrides: list[Root] = field(default_factory=list)
    excluded: set[str] = field(default_factory=set)
    dynamic: list[Dynamic] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)
    asked: dict[str, list[Asked]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    pythons: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    groups: set[str] = field(default_factory=set)
    default: frozenset[str] | None = None
    table: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    build_constraints: list[Root] = field(default_factory=list)
    conflicts: bool = False


WORKSPACE = ""  # Stands for the root of a workspace that is no project, where a name of one would.


def read_workspace(path: str, members: Iterable[Member], tree: Tree) -> Told:
    """Read the files of a workspace, its root first.

    Args:
        path: the lock, which lies at the root of the workspace.
        members: by the lock.
    """
    told = Told()
    top = beside(path, "pyproject.toml")
    listed = {member.path: member for member in members}
    settings: Mapping[str, Any] = {}
    for file in (top, *(file for file in listed if file != top)):
        member = listed.get(file)
        told.files.append(file)
        if not tree.exists(file):
            if member is None or member.is_whole:
                told.faults.append(missing(file, (path, None)))
            continue
        try:
            text = tree.read(file)
            data = load_toml(file, text)
            project = read_pyproject(file, text)
        except LockError as error:
            if member is None or member.is_whole:
                told.faults.append(unreadable((error.file, error.line), error.message))
            continue
        own = at(data, "tool", "uv")
        if member is None or member.is_whole:
            told.conflicts = told.conflicts or bool(own.get("conflicts"))
        if file == top:
            settings = own
            told.unlisted += (each for each in find_members(path, own, tree) if each not in listed)
            _add_settings(told, tree, path, own, Keys(file, text))
        # What a project outside of the workspace needs is told by a workspace of its own, or by itself alone.
        shared = (top, settings) if member is None or member.is_whole else workspace_of(file, tree) or (file, {})
        origins = Origins(*shared, file, own, {member.name: member.path for member in listed.values()})
        reader = _Reader(file, text, project, own, {member.name: member for member in listed.values()}, origins)
        try:
            if member is None or isinstance(data.get("project"), dict):
                _add_member(told, tree, reader, member)
                _add_versions(told, at(data, "project"), member)
        except LockError as error:
            told.faults.append(unreadable((error.file, error.line), error.message))
            told.asked.pop(WORKSPACE if member is None else member.name, None)
    return told


def _add_versions(told: Told, project: Mapping[str, Any], member: Member | None) -> None:
    """Add a project's version and its Pythons: uv reads neither of other tools' tables."""
    version, python = (project.get(key) for key in ("version", "requires-python"))
    if member is not None and isinstance(version, str):
        told.versions[member.name] = version
    if (member is None or member.is_whole) and isinstance(python, str):
        told.pythons.append(python)


def _add_settings(told: Told, tree: Tree, path: str, own: Mapping[str, Any], keys: Keys) -> None:
    """Add what the root of the workspace says for all: a `uv.toml` beside it stands for its table."""
    told.table = own
    groups = own.get("default-groups")
    if isinstance(groups, list):
        told.default = frozenset(canonicalize_name(group) for group in groups if isinstance(group, str))
    other = beside(path, "uv.toml")
    if tree.exists(other):
        told.files.append(other)
        try:
            own, keys = load_toml(other, tree.read(other)), Keys(other, tree.read(other))
        except LockError as error:
            told.faults.append(unreadable((error.file, error.line), error.message))
            return
    told.settings = own
    for key, into in (
        ("constraint-dependencies", told.constraints),
        ("override-dependencies", told.overrides),
        ("build-constraint-dependencies", told.build_constraints),
    ):
        try:
            into.extend(keys.roots(texts_at(own, key), key))
        except LockError as error:
            told.faults.append(unreadable((error.file, error.line), error.message))
    told.excluded |= {canonicalize_name(name) for name in texts_at(own, "exclude-dependencies")}


def _add_member(told: Told, tree: Tree, reader: _Reader, member: Member | None) -> None:
    """Add what one project asks for; of one that lies outside the workspace, what it needs without extras alone."""
    project = reader.project
    is_whole = member is None or member.is_whole
    is_first = member is None or member.is_first
    asked = list(_groups(told, reader, is_first=is_first)) if is_whole else []
    if member is not None and (project.dynamic or project.dynamic_extras):
        changed = max(tree.changed(beside(reader.file, name)) for name in PROJECT_FILES)
        extras = None if is_whole else frozenset[str]()
        told.dynamic.append(Dynamic(file=reader.file, project=member.name, extras=extras, changed=changed))
    else:
        told.asked[WORKSPACE if member is None else member.name] = asked
        if member is not None:
            parts = {f"[{extra}]": Choice(extras=frozenset({extra}), dependencies=False) for extra in project.extras}
            for part, choice in {MAIN: Choice(), **parts}.items():
                asked += reader.part(part, choice)
                asked += (reader.asked(root, part, None) for root in _of_files(told, tree, project, choice))
    prefix = "" if member is None or is_first else f"{member.name}/"
    for each in asked:
        other = reader.members.get(each.root.requirement.name or "")
        # What another project of the workspace asks for are roots of its own.
        if (other is None or other.is_pin) and (is_whole or each.root.part == MAIN):
            told.roots.append(replace(each.root, part=f"{prefix}{each.root.part}"))


def _of_files(told: Told, tree: Tree, project: ProjectFile, choice: Choice) -> Iterator[Root]:
    """Give what stands in the requirements files that setuptools reads for the project when it is built."""
    inputs = Inputs(tree=tree)
    for file, line in project.chosen_files(choice):
        inputs.add_requirements(beside(project.path, file), inputs.roots, (project.path, line))
    told.files += sorted(inputs.files.difference(told.files))
    told.faults += inputs.faults
    yield from inputs.roots


def _groups(told: Told, reader: _Reader, *, is_first: bool) -> Iterator[Asked]:
    """Give what the dependency groups of a project ask for, those of before PEP 735 too."""
    legacy = texts_at(reader.own, "dev-dependencies")
    groups = frozenset({*reader.project.groups, *(["dev"] if legacy else [])})
    if is_first:
        told.groups |= groups
        if reader.own.get("default-groups") == "all":
            told.default = (told.default or frozenset()) | groups
    for group in reader.project.groups:
        yield from reader.part(group, Choice(groups=(group,), dependencies=False), group)
    for root in Keys(reader.file, reader.text).roots(legacy, "dev-dependencies"):
        yield reader.asked(root, "dev", "dev")


class _Reader(NamedTuple):
    """One project's file.

    Attributes:
        own: its table `[tool.uv]`.
        members: all projects of the workspace, by name.
    """

    file: str
    text: str
    project: ProjectFile
    own: Mapping[str, Any]
    members: Mapping[str, Member]
    origins: Origins

    def part(self, part: str, choice: Choice, group: str | None = None) -> Iterator[Asked]:
        """Give the requirements of one part of the project."""
        for root in self.project.roots(choice):
            yield self.asked(root, part, group)

    def asked(self, root: Root, part: str, group: str | None) -> Asked:
        """Give a requirement as the lock would keep it: with its origin, and its extra as a marker."""
        requirement = root.requirement
        extra = part[1:-1] if part.startswith("[") else None
        origins = list(self.origins.of(requirement, group, extra))
        origin = origins[0][0] if len(origins) == 1 and origins[0][1] is None else None
        settled = len(origins) in (0, 1) and all(marker is None for _, marker in origins)
        if origin is not None and origin.url:
            requirement = replace(requirement, url=origin.url, specifier=SpecifierSet(), written="")
        marker = requirement.marker
        if extra is not None:
            marker = f"({marker}) and extra == '{extra}'" if marker else f"extra == '{extra}'"
        if group is not None and group in {str(canonicalize_name(each)) for each in at(self.own, "dependency-groups")}:
            settled = False  # A Python of its own is one more condition.
        root = replace(root, requirement=requirement, part=part)
        return Asked(root.requirement, marker, origin, group, root, settled)
