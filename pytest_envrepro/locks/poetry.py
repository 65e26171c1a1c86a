"""Reads `poetry.lock`, of the schemas 1.1 to 2.1, with the `pyproject.toml` beside it."""

from __future__ import annotations

import contextlib
import posixpath
import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.archives import read_files
from pytest_envrepro.locks.faults import missing, unreadable
from pytest_envrepro.locks.leaks import find_leaks_of
from pytest_envrepro.locks.opening import broken, newer, open_toml
from pytest_envrepro.locks.poetry_constraints import lowest
from pytest_envrepro.locks.poetry_packages import extras_asked_for, read_package, string_of
from pytest_envrepro.locks.poetry_project import PoetryProject, read_poetry_project
from pytest_envrepro.locks.poetry_words import python_marker
from pytest_envrepro.locks.recipes import native_recipe
from pytest_envrepro.model import MAIN, Lock
from pytest_envrepro.provenance import Stamp, Support, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.locks.opening import Opened
    from pytest_envrepro.model import Pin, Root
    from pytest_envrepro.outcome import Finding

_KNOWN = "2.1"
_WITH_GROUPS = Version("2.1")
_OLDEST = Version("1.1")
_HASHES_GROUPS = Version("2.3.0")  # From then on Poetry's content hash has the standard's groups in it.
_WRITER = re.compile(r"Poetry ([^ ]+)")


def parse(path: str, tree: Tree, declaration: Declaration | None) -> Lock:
    """Read the lock with its input."""
    opened = open_toml(path, tree, read_files)
    if isinstance(opened, Lock):
        return opened
    try:
        metadata = _Metadata.of(opened)
    except LockError as error:
        return broken(path, error)
    if metadata.schema is None or metadata.schema < _OLDEST:
        return Lock(path=path, unread=f"{path} was written by Poetry 1.0 or older: lock again with a later one")
    if metadata.schema > _WITH_GROUPS:
        return newer(path, str(metadata.schema), _KNOWN)
    return _read(opened, metadata, tree, declaration)


class _Metadata(NamedTuple):
    """What the lock says of itself.

    Attributes:
        files: of the schema 1.1, the files of each package by its name.
        line: where the table begins.
    """

    schema: Version | None
    python: str | None
    content_hash: str
    files: Mapping[str, Any]
    line: int
    lines: Mapping[str, int]

    @property
    def is_old(self) -> bool:
        """Whether the schema is one in which packages have no groups."""
        return self.schema is not None and self.schema < _WITH_GROUPS

    @classmethod
    def of(cls, opened: Opened) -> _Metadata:
        """Read the table.

        Raises:
            LockError: there is none, or a value has a wrong type.
        """
        table = opened.data.get("metadata")
        if not isinstance(table, dict):
            raise LockError(opened.path, None, "has no [metadata]: was its tool interrupted?")
        start = max(opened.text.rfind("\n[metadata]") + 1, 0)
        first = opened.text.count("\n", 0, start) + 1
        lines: dict[str, int] = {}
        for number, line in enumerate(opened.text[start:].splitlines(), first):
            lines.setdefault(line.partition("=")[0].strip(), number)
            if number > first and line.startswith("["):
                break
        schema, python, content_hash = (
            string_of(opened.path, lines.get(key, first), table, key, "[metadata]")
            for key in ("lock-version", "python-versions", "content-hash")
        )
        files = table.get("files", {})
        if not isinstance(files, dict):
            raise LockError(opened.path, lines.get("files", first), "'files' of [metadata] has to be a table")
        try:
            version = Version(schema) if schema else None
        except InvalidVersion as error:
            raise LockError(opened.path, lines.get("lock-version"), f"'{schema}' is no schema of Poetry's") from error
        by_name: dict[str, Any] = {canonicalize_name(name): value for name, value in files.items()}
        return cls(version, python, content_hash or "", by_name, first, lines)


def _read(opened: Opened, metadata: _Metadata, tree: Tree, declaration: Declaration | None) -> Lock:
    """Put a lock together."""
    path = opened.path
    inputs, project, input_faults = _project(path, tree, declaration)
    pins, faults = _pins(opened, metadata, project.roots if project else ())
    partial = f"{path}:{faults[0].line}: {faults[0].message}" if faults else None
    in_folder = f"cd {shlex.quote(folder)} && " if (folder := posixpath.dirname(path)) else ""
    parts = project.parts if project else frozenset()
    locked = {part for pin in pins for part in pin.parts}
    extras = {f"[{canonicalize_name(extra)}]" for extra in _tables(opened.data.get("extras"))}
    recipe, unrecorded = native_recipe(path, "poetry", ("poetry", "lock"), declaration)
    return Lock(
        path=path,
        tool="poetry",
        pins=tuple(pins),
        inputs=inputs,
        roots=project.roots if project else (),
        # A plugin of the project may need the project.
        excluded=frozenset({project.name} if project and project.name else ()),
        rests_on=frozenset(inputs),
        target=_target(metadata),
        fix=f"{in_folder}poetry lock",
        install=f"{in_folder}poetry sync",
        choosing=tuple(
            (part, f"--extras {part.strip('[]')}" if part.startswith("[") else f"--with {part}")
            for part in sorted(parts)
        ),
        recipe=recipe,
        unrecorded=unrecorded,
        faults=(*faults, *find_leaks_of(path, _places(pins, opened)), *input_faults),
        unread=_unread(inputs, project),
        partial=partial,
        stamp=_stamp(opened, metadata, inputs, project),
        parts=parts | extras | (locked - {MAIN}),
        usual=project.usual if project else frozenset(locked - {MAIN}),
        by_need=metadata.is_old,
        supports=tuple(_supports(metadata)),
    )


def _project(
    path: str, tree: Tree, declaration: Declaration | None
) -> tuple[tuple[str, ...], PoetryProject | None, list[Finding]]:
    """Read the input: the `pyproject.toml` beside the lock, or that of the table."""
    beside = posixpath.join(posixpath.dirname(path), "pyproject.toml")
    named = declaration.inputs if declaration and declaration.inputs is not None else None
    inputs = (beside,) if named is None else named
    if named is None and not tree.exists(beside):
        return (), None, []
    faults: list[Finding] = []
    found: PoetryProject | None = None
    for each in inputs:
        if not tree.exists(each):
            faults.append(missing(each, (path, None)))
        elif posixpath.basename(each) != "pyproject.toml" or found is not None:
            faults.append(unreadable((each, None), f"is no input of {path}: Poetry reads one pyproject.toml"))
        else:
            try:
                found = read_poetry_project(each, tree.read(each))
                faults += found.faults
            except LockError as error:
                faults.append(unreadable((error.file, error.line), error.message))
    return inputs, found, faults


def _unread(inputs: tuple[str, ...], project: PoetryProject | None) -> str | None:
    if project is not None and not project.is_told:
        return f"{inputs[0]} has no [project] and no [tool.poetry]: it is not what the lock was made from"
    return None


def _target(metadata: _Metadata) -> Target:
    try:
        python = lowest(metadata.python or "*")
    except ValueError:
        python = None
    return Target(python=python, line=metadata.lines.get("python-versions"), universal=True)


def _supports(metadata: _Metadata) -> Iterator[Support]:
    with contextlib.suppress(ValueError):
        marker = python_marker(metadata.python or "*")
        if marker is not None:
            yield Support(marker, f"python-versions {metadata.python}", metadata.lines.get("python-versions"))


def _stamp(opened: Opened, metadata: _Metadata, inputs: tuple[str, ...], project: PoetryProject | None) -> Stamp | None:
    """Give the content hash; a lock of Poetry before 2.3 may have it without the standard's groups."""
    if project is None or not project.hashes:
        return None
    accepted = {project.hashes[0]}
    writer = _WRITER.search(opened.text.partition("\n")[0])
    try:
        if writer is not None and Version(writer[1]) < _HASHES_GROUPS:
            accepted.update(project.hashes)
    except InvalidVersion:
        pass  # As Poetry does: a version that is none tells nothing.
    cause = ""
    if (project.python or "*") != (metadata.python or "*"):
        now, then = project.python or "any Python", metadata.python or "any Python"
        cause = f"{inputs[0]} asks for Python {now}, the lock was made for {then}"
    line = metadata.lines.get("content-hash", metadata.line)
    return Stamp("content-hash", metadata.content_hash, frozenset(accepted), line, cause)


def _pins(opened: Opened, metadata: _Metadata, roots: Iterable[Root]) -> tuple[list[Pin], list[Finding]]:
    """Read the packages; what is wrong with one of them is told at the line that it begins on.

    Args:
        roots: what the project asks for, with extras.
    """
    if not isinstance(opened.data.get("package", []), list):
        return [], [unreadable((opened.path, None), "'package' has to be a list of tables")]
    pins: list[Pin] = []
    faults: list[Finding] = []
    packages = _packages(opened)
    # In an old lock the lists of extras have no markers: what stands there may be for other Pythons than the lock's.
    extras = extras_asked_for(() if metadata.is_old else (package for package, _ in packages))
    for root in () if metadata.is_old else roots:
        extras[root.requirement.name or ""] |= root.requirement.extras
    for package, line in packages:
        try:
            pins.append(read_package(opened.path, line, package, files=metadata.files, extras=extras))
        except LockError as error:
            faults.append(unreadable((error.file, error.line), error.message))
        except ValueError as error:
            faults.append(unreadable((opened.path, line), redact(str(error))))
    return pins, faults


def _packages(opened: Opened) -> list[tuple[Any, int]]:
    """Give the packages, each with the line that it begins on."""
    found = opened.data.get("package", [])
    packages = found if isinstance(found, list) else []
    lines = opened.lines("[[package]]")
    # Where they are written in another way, Poetry has not written them.
    return list(zip(packages, lines if len(lines) == len(packages) else [1] * len(packages), strict=True))


def _tables(value: Any) -> Iterable[str]:
    return value if isinstance(value, dict) else ()


def _places(pins: Iterable[Pin], opened: Opened) -> Iterator[tuple[str, int | None]]:
    """Give the URLs and paths that the lock names, with lines: those of the packages, and each index once."""
    lines: dict[str, int | None] = {}
    for pin in pins:
        if pin.requirement.url:
            lines.setdefault(pin.requirement.url, pin.line)
    for package, line in _packages(opened):
        source = package.get("source") if isinstance(package, dict) else None
        if isinstance(source, dict) and source.get("type") == "legacy" and isinstance(source.get("url"), str):
            lines.setdefault(source["url"], line)
    yield from lines.items()
