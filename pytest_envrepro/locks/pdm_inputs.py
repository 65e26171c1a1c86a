"""The inputs of a lock of pdm, the `pyproject.toml` beside it and those of its workspace, and what it keeps of them."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.specifiers import SpecifierSet

from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.faults import missing, unreadable
from pytest_envrepro.locks.paths import beside
from pytest_envrepro.locks.pdm_copy import differences
from pytest_envrepro.locks.pdm_project import PdmProject, read_pdm_project
from pytest_envrepro.locks.pdm_stamp import content_hashes
from pytest_envrepro.locks.sources import faults_of, named_in
from pytest_envrepro.locks.uv_members import find_members
from pytest_envrepro.model import MAIN
from pytest_envrepro.provenance import Stamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from packaging.version import Version

    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.model import Root
    from pytest_envrepro.outcome import Finding

_SHOWN = 3  # Differences, in a message.


class Written(NamedTuple):
    """What a lock keeps of its inputs.

    Attributes:
        path: the lock.
        name: the key of the hash.
        content_hash: `sha256:...`; empty where there is none.
        copy: `lock_inputs`, or None.
        line: that of either.
        pythons: what the lock says that it was made for.
    """

    path: str
    name: str
    content_hash: str
    copy: Any
    line: int | None
    pythons: tuple[str, ...] = ()


class _Projects(NamedTuple):
    """The projects of a workspace, to know them by in what is asked for."""

    by_name: Mapping[str, PdmProject]
    by_folder: Mapping[str, PdmProject]

    @classmethod
    def of(cls, projects: Iterable[PdmProject]) -> _Projects:
        """Take them, the root first."""
        listed = [*projects]
        by_name = {each.name: each for each in reversed(listed) if each.name is not None}
        return cls(by_name, {posixpath.dirname(each.path) or ".": each for each in listed})

    def named(self, root: Root) -> PdmProject | None:
        """Give the one that a requirement is of, by its place or, where it has none, by its name."""
        requirement = root.requirement
        if requirement.url is None:
            return self.by_name.get(requirement.name or "")
        return self.by_folder.get(beside(root.file, requirement.url.partition("#")[0]))


class Asked(NamedTuple):
    """What the inputs of a lock say.

    Attributes:
        files: those that were named or found, the first of them the project's own.
        project: None where there is none that can be read.
        members: the other projects of the workspace, by their folders below that of the first.
        is_whole: whether all of them could be read.
    """

    files: tuple[str, ...]
    project: PdmProject | None
    members: Mapping[str, PdmProject]
    faults: tuple[Finding, ...]
    is_whole: bool

    @property
    def own(self) -> frozenset[str]:
        """Give the names of the projects themselves."""
        return frozenset(each.name for each in (self.project, *self.members.values()) if each and each.name)

    @property
    def unread(self) -> str | None:
        """Say why the file is no input, or None."""
        if self.project is None or self.project.is_told:
            return None
        return f"{self.project.path} has no [project]: it is not what the lock was made from"

    def roots(self, locked: Collection[str]) -> tuple[Root, ...]:
        """Give what is asked for, of other projects than these, by the parts that are locked.

        What another project of the workspace asks for is asked for by the parts that name it; else by `MAIN`.
        """
        if self.project is None:
            return ()
        own = _Projects.of((self.project, *self.members.values()))
        listed = [*self.project.roots(locked)]
        waiting = [(root.part, found, root.requirement.extras) for root in listed if (found := own.named(root))]
        elsewhere = {member.path for part, member, _ in waiting if part != MAIN}
        installed = (member for member in self.members.values() if member.is_distribution)
        waiting += [(MAIN, member, frozenset()) for member in installed if member.path not in elsewhere]
        seen: set[tuple[str, str, frozenset[str]]] = set()
        for part, member, extras in waiting:
            if member is self.project or (part, member.path, extras) in seen:
                continue
            seen.add((part, member.path, extras))
            for root in member.roots({MAIN, *(f"[{extra}]" for extra in extras)}):
                listed.append(replace(root, part=part))
                if other := own.named(root):
                    waiting.append((part, other, root.requirement.extras))
        return tuple(root for root in listed if own.named(root) is None)

    def stamp(self, written: Written, schema: Version) -> Stamp | None:
        """Compare what the lock keeps of the inputs with them."""
        project = self.project
        if project is None or not project.is_told or not self.is_whole:
            return None
        if written.copy is not None:
            try:
                found = differences(written.copy, project, self.members, written.path)
            except ValueError as error:
                return Stamp("lock_inputs", "", None, written.line, untold=str(error))
            more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            accepted = frozenset[str]() if found else frozenset({""})
            return Stamp("lock_inputs", "", accepted, written.line, "; ".join(found[:_SHOWN]) + more)
        cause = self._cause(written)
        if project.settings.get("resolution", {}).get("lock_inputs") is True:
            cause = f"{project.path} asks for a copy of the inputs (lock_inputs), and {written.path} has none"
            return Stamp(written.name, written.content_hash, frozenset(), written.line, cause)
        algorithm, _, digest = written.content_hash.partition(":")
        others = [(folder, member.data) for folder, member in self.members.items()]
        hashes = content_hashes(project.data, schema, algorithm or "sha256", others)
        return Stamp(written.name, digest, hashes, written.line, cause) if hashes else None

    def _cause(self, written: Written) -> str:
        """Say what has changed, where that can be told from the hash's neighbours; empty elsewhere."""
        project = self.project
        if project is None or not written.content_hash:
            return f"{written.path} has no {written.name}"
        now = project.project.get("requires-python", "")
        if len(written.pythons) == 1 and isinstance(now, str) and not _is_same(now, written.pythons[0]):
            then = written.pythons[0] or "any Python"
            return f"{project.path} asks for Python {now or 'of any version'}, the lock was made for {then}"
        return ""


def read_inputs(path: str, tree: Tree, declaration: Declaration | None) -> Asked:
    """Read the input of a lock, the `pyproject.toml` beside it or that of the table, and those of its workspace."""
    usual = beside(path, "pyproject.toml")
    named = declaration.inputs if declaration and declaration.inputs is not None else None
    files = (usual,) if named is None else named
    if named is None and not tree.exists(usual):
        return Asked((), None, {}, (), is_whole=True)
    faults: list[Finding] = []
    project: PdmProject | None = None
    for file in files:
        if not tree.exists(file):
            faults.append(missing(file, (path, None)))
        elif posixpath.basename(file) != "pyproject.toml" or project is not None:
            faults.append(unreadable((file, None), f"is no input of {path}: pdm reads one pyproject.toml"))
        else:
            project = _read(file, tree, faults)
    members, is_whole = _members(project, tree, faults) if project is not None else ({}, False)
    if project is not None:
        faults += faults_of(named_in(project.settings), project.path, tree.read(project.path))
    for each in (project, *members.values()):
        faults += each.faults if each is not None else ()
    return Asked((*files, *(each.path for each in members.values())), project, members, tuple(faults), is_whole)


def _members(project: PdmProject, tree: Tree, faults: list[Finding]) -> tuple[dict[str, PdmProject], bool]:
    """Read the other projects of a workspace, by folder; tell whether all of them could be read."""
    found: dict[str, PdmProject] = {}
    is_whole = True
    top = posixpath.dirname(project.path)
    for file in find_members(project.path, project.settings, tree):
        member = _read(file, tree, faults) if file != project.path else None
        if member is not None:
            found[posixpath.relpath(posixpath.dirname(file), top or ".")] = member
        else:
            is_whole = is_whole and file == project.path
    return found, is_whole


def _read(file: str, tree: Tree, faults: list[Finding]) -> PdmProject | None:
    try:
        return read_pdm_project(file, tree.read(file))
    except LockError as error:
        faults.append(unreadable((error.file, error.line), error.message))
        return None


def _is_same(one: str, other: str) -> bool:
    try:
        return SpecifierSet(one) == SpecifierSet(other)
    except ValueError:  # Also of a number that Python refuses to read.
        return one == other
