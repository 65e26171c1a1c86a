"""Read `requirements.txt` locks, as pip-compile and `uv pip compile` write them, or as people keep them by hand."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envrepro.errors import LockError
from pytest_envrepro.locks import syntax
from pytest_envrepro.locks.header import Header, platform_variables, read_command, read_header, read_unsafe, read_via
from pytest_envrepro.locks.inputs import Inputs, beside, is_project_file, merge_conflict, not_a_requirement
from pytest_envrepro.locks.leaks import find_leaks
from pytest_envrepro.locks.origin import Origin, find_origin, join
from pytest_envrepro.locks.project import Choice
from pytest_envrepro.model import Lock, Pin, Target
from pytest_envrepro.outcome import Finding
from pytest_envrepro.requirement import Requirement, parse_line, redact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.locks.base import Declaration, Tree

# What pip-compile leaves out unless it is told `--allow-unsafe`; and what `pip freeze` leaves out.
_UNSAFE = frozenset({"pip", "setuptools", "distribute"})
_NOT_FROZEN = _UNSAFE | {"wheel"}
_BRANCHES = frozenset({"head", "main", "master", "trunk", "develop", "tip", "default"})
_EXACT = re.compile(r"===?[^,*]+")


class RequirementsFormat:
    """Locks in the form of a requirements file."""

    name = "requirements"

    def may_be(self, path: str) -> bool:
        """Tell, by the name alone, whether the file could be such a lock."""
        return path.endswith((".txt", ".lock")) and posixpath.basename(path) not in _OTHER_LOCKS

    def why_not(self, path: str, tree: Tree) -> str | None:  # noqa: PLR0911  # A table of cases, from DESIGN 4.
        """Give the reason why the file is no lock, or None where it is one (DESIGN 4)."""
        stem, suffix = posixpath.splitext(path)
        if suffix == ".txt" and tree.exists(f"{stem}.in"):
            return None
        named = posixpath.basename(path).startswith("requirements")
        try:
            document = syntax.read(tree.read(path), tree.environ)
        except LockError as error:
            return None if named else error.message
        if read_header(document.header).tool or any(any(read_via(entry.comments)) for entry in document.entries):
            return None
        if not named:
            return "no header of a compiler, no 'via' comments, and no .in file beside it"
        if document.conflicts or document.faults:
            return None
        if not document.entries:
            return "no requirement in it"
        for entry in document.entries:
            if not _is_pinned_text(entry):
                return f"line {entry.line} is not pinned: {redact(entry.text)}"
        return None

    def parse(self, path: str, tree: Tree, declaration: Declaration | None) -> Lock:
        """Read the lock with its inputs."""
        try:
            text = tree.read(path)
        except LockError as error:
            return Lock(path=path, faults=(_unreadable(error.file, error.line, error.message),))
        document = syntax.read(text, tree.environ)
        if document.conflicts:
            return Lock(path=path, faults=tuple(merge_conflict(path, line) for line in document.conflicts))
        return _Reading(path, text, document, tree, declaration).lock()


_OTHER_LOCKS = frozenset({"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "Cargo.lock", "pixi.lock"})


def _is_pinned_text(entry: syntax.Entry) -> bool:
    try:
        requirement = parse_line(entry.text)
    except ValueError:
        return True  # A lock with a fault in it, which is then reported; not an input.
    return entry.editable or requirement.url is not None or exact_version(requirement) is not None


def exact_version(requirement: Requirement) -> str | None:
    """Give the one version that a requirement admits by `==` or `===`, or None."""
    clauses = [clause for clause in requirement.written.split(",") if _EXACT.fullmatch(clause)]
    return clauses[0].lstrip("=").strip() if len(clauses) == 1 else None


def _unreadable(file: str, line: int | None, message: str) -> Finding:
    return Finding(code="unreadable", file=file, line=line, message=message)


class _Reading:
    """One lock while it is read."""

    def __init__(
        self, path: str, text: str, document: syntax.Document, tree: Tree, declaration: Declaration | None
    ) -> None:
        self.path = path
        self.document = document
        self.tree = tree
        self.declaration = declaration
        self.is_empty = not text.strip()
        self.header = read_header(document.header)
        if declaration and declaration.command:
            tool = self.header.tool or declaration.command.partition(" ")[0]
            self.header = Header(
                tool=tool,
                python=self.header.python,
                line=self.header.line,
                command=read_command(declaration.command),
            )
        self.faults = [_unreadable(path, fault.line, fault.message) for fault in document.faults]

    def lock(self) -> Lock:
        """Put the lock together."""
        pins = tuple(self._pins())
        origin = find_origin(self.path, self.header, self.declaration, pins, self.tree)
        inputs = self._inputs(origin)
        self.faults += find_leaks(self.path, self.document)
        self.faults += inputs.faults
        if self.is_empty and (inputs.roots or inputs.dynamic):
            self.faults.append(
                _unreadable(self.path, 1, "is empty, its inputs are not: was a compilation interrupted?")
            )
            inputs.roots.clear()
        command = self.header.command
        return Lock(
            path=self.path,
            tool=self.header.tool,
            pins=pins,
            inputs=origin.paths,
            roots=tuple(inputs.roots),
            constraints=tuple(inputs.constraints),
            overrides=tuple(inputs.overrides),
            excluded=self._excluded() | frozenset(inputs.excluded),
            dynamic=tuple(inputs.dynamic),
            rests_on=frozenset(inputs.files) - {self.path},
            target=self._target(),
            closed=not command.no_deps,
            complete=not command.build_requirements,
            fix=self._fix(origin),
            faults=tuple(self.faults),
            unread=f"the network would be needed: {inputs.unread}" if inputs.unread else self._unread(origin),
        )

    def _pins(self) -> Iterable[Pin]:
        """Give the pins, those of `-r` files included, and note what is none."""
        yield from self._pins_of(self.path, self.document)
        for include in self.document.includes:
            if include.constraint or "://" in include.path:
                continue
            path = beside(self.path, include.path)
            included = Inputs(tree=self.tree)
            included.add_requirements(path, included.roots, (self.path, include.line))
            self.faults += included.faults
            for root in included.roots:
                pin = _pin(root.requirement, root.file, root.line, editable=root.editable)
                if pin is not None:
                    yield pin

    def _pins_of(self, path: str, document: syntax.Document) -> Iterable[Pin]:
        for entry in document.entries:
            try:
                requirement = parse_line(entry.text)
            except ValueError as error:
                self.faults.append(_unreadable(path, entry.line, not_a_requirement(entry.raw, error)))
                continue
            pin = _pin(requirement, path, entry.line, entry=entry, editable=entry.editable)
            if pin is not None:
                yield pin
            if pin is None or _floats(requirement):
                self.faults.append(self._unpinned(requirement, entry.line))

    def _unpinned(self, requirement: Requirement, line: int) -> Finding:
        what = "names no commit" if requirement.url else "does not name one version"
        return Finding(
            code="unpinned",
            package=requirement.name,
            expected="a commit" if requirement.url else "==",
            actual=redact(requirement.url) if requirement.url else requirement.written or None,
            file=self.path,
            line=line,
            message=f"'{requirement}' {what}",
            fix=self.header.command.text or None,
        )

    def _excluded(self) -> frozenset[str]:
        """Give the packages that the compiler leaves out on purpose."""
        command = self.header.command
        named = read_unsafe(self.document.loose) | {canonicalize_name(name) for name in command.unsafe}
        if self.header.tool == "pip-compile":
            return frozenset(named) if command.allow_unsafe else named | _UNSAFE
        return frozenset(named) if self.header.tool == "uv" else named | _NOT_FROZEN

    def _target(self) -> Target:
        command = self.header.command
        return Target(
            python=command.python or self.header.python,
            line=self.header.line,
            environment=platform_variables(command.platform) if command.platform else (),
            platform=command.platform,
            universal=command.universal,
        )

    def _inputs(self, origin: Origin) -> Inputs:
        command = self.header.command
        inputs = Inputs(tree=self.tree)
        choice = Choice(
            extras=None if command.all_extras else frozenset(canonicalize_name(extra) for extra in command.extras),
            groups=tuple(group.rpartition(":")[2] for group in command.groups if ":" not in group),
            build=command.build_requirements,
        )
        for path in origin.paths:
            inputs.add(path, choice, origin.place)
        for group in command.groups:
            file, colon, name = group.rpartition(":")
            if colon or not any(is_project_file(path) for path in origin.paths):
                path = join(origin.base, file or "pyproject.toml")
                inputs.add(path, Choice(groups=(name,), dependencies=False), origin.place)
        for path in command.constraints:
            inputs.add_requirements(join(origin.base, path), inputs.constraints, origin.place)
        for path in command.overrides:
            inputs.add_requirements(join(origin.base, path), inputs.overrides, origin.place)
        for path in command.excludes:
            excluded = Inputs(tree=self.tree)
            excluded.add_requirements(join(origin.base, path), excluded.roots, origin.place)
            inputs.excluded.update(root.requirement.name for root in excluded.roots if root.requirement.name)
            inputs.faults += excluded.faults
        return inputs

    def _unread(self, origin: Origin) -> str | None:
        """Say why the inputs cannot be compared, where there must be some and none is known."""
        if self.header.exported:
            return f"exported by '{self.header.command.text}': a lock of that format cannot be read yet"
        if origin.paths or self.header.tool is None:
            return None
        return "its inputs were not found: name them in [[tool.envrepro.locks]]"

    def _fix(self, origin: Origin) -> str | None:
        """Give the command that compiles the lock again, from the root."""
        command = self.header.command.text
        if not command and origin.paths:
            hashes = "--generate-hashes " if any(entry.hashes for entry in self.document.entries) else ""
            tool = "uv pip compile" if self.header.tool == "uv" else "pip-compile"
            output = f"{'-o ' if tool.startswith('uv') else '--output-file='}{self.path}"
            return f"{tool} {hashes}{output} {' '.join(origin.paths)}"
        if command and origin.base and self.header.command.argv:
            return f"cd {origin.base} && {command}"
        return command or None


def _pin(
    requirement: Requirement, file: str, line: int | None, *, entry: syntax.Entry | None = None, editable: bool
) -> Pin | None:
    """Make a pin of a requirement that names one version or one place; None for any other."""
    text = exact_version(requirement)
    if text is None and requirement.url is None and not editable:
        return None
    try:
        version = Version(text) if text else None
    except InvalidVersion:
        version = None  # `===` compares any text.
    parents, sources = read_via(entry.comments) if entry else (frozenset[str](), ())
    fragment = (requirement.url or "").partition("#sha256=")[2].partition("&")[0]
    hashes = (*(entry.hashes if entry else ()), *((f"sha256:{fragment}",) if fragment else ()))
    return Pin(
        requirement=requirement,
        version=version,
        hashes=hashes,
        parents=parents,
        sources=sources,
        file=file,
        line=line,
        editable=editable,
    )


def _floats(requirement: Requirement) -> bool:
    """Tell whether a VCS URL names no commit or tag, but nothing or a branch."""
    url = requirement.url or ""
    if not url.startswith(("git+", "hg+", "bzr+", "svn+")):
        return False
    path = url.partition("://")[2].partition("#")[0].partition("/")[2]
    revision = path.rpartition("@")[2] if "@" in path else ""
    return not revision or revision.lower() in _BRANCHES
