"""Reads the pins of a lock, with what its comments say of them, and those of the files that it reads."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.faults import cycle, merge_conflict, missing, not_a_requirement, unpinned, unreadable
from pytest_envrepro.locks.header import read_via
from pytest_envrepro.locks.lines import options_of, read_entry
from pytest_envrepro.locks.paths import DEEPEST, beside, is_url
from pytest_envrepro.model import Pin

if TYPE_CHECKING:
    from pytest_envrepro.locks.base import Tree
    from pytest_envrepro.locks.statements import Document, Entry, Include
    from pytest_envrepro.outcome import Finding
    from pytest_envrepro.provenance import Option
    from pytest_envrepro.requirement import Requirement

_EXACT = re.compile(r"===?[^,*]+")
_BRANCHES = frozenset({"head", "main", "master", "trunk", "develop", "tip", "default"})
_URL_HASH = re.compile(r"[#&](sha256|sha384|sha512)=([0-9a-fA-F]+)")


@dataclass(kw_only=True)
class Pins:
    """The pins of a lock, collected file by file.

    Attributes:
        files: the files that the lock reads, and those that they read.
        bounds: the files that it reads as constraints, each with the place that names it.
        unread: the file that they go on in and that is not opened, or None.
        partial: why some of the pins are not known, or None.
        unpinned: canonical names that stand there without one version.
        options: what these files tell an installer.
    """

    tree: Tree
    found: list[Pin] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    bounds: list[tuple[str, tuple[str, int]]] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)
    unread: str | None = None
    partial: str | None = None
    unpinned: set[str] = field(default_factory=set)
    options: list[Option] = field(default_factory=list)

    def add(self, path: str, document: Document, trail: tuple[str, ...] = ()) -> None:
        """Read the pins of a file, and then those of the files that it reads."""
        for line in document.conflicts:
            self._lack(merge_conflict(path, line))
        for fault in document.faults:
            self._lack(unreadable((path, fault.line), fault.message))
        self.options += options_of(path, document)
        for entry in document.entries:
            try:
                requirement = read_entry(entry)
            except ValueError as error:
                self._lack(unreadable((path, entry.line), not_a_requirement(entry.raw, error)))
                continue
            pinned = is_pinned(requirement, editable=entry.editable)
            if pinned:
                self.found.append(_pin(requirement, path, entry))
            else:
                self.unpinned.add(requirement.name or "")
                # What it needs may stand in the lock no more than its own version does.
                self.partial = self.partial or f"{path}:{entry.line} does not name one version"
            if not pinned or floats(requirement):
                message = "names no commit or tag" if requirement.url else "does not name one version"
                self.faults.append(unpinned(requirement, (path, entry.line), message))
        for include in document.includes:
            self._follow(include, path, (*trail, path))

    def _follow(self, include: Include, path: str, trail: tuple[str, ...]) -> None:
        place = (path, include.line)
        target = beside(path, include.path)
        if is_url(include.path):
            self.unread = self.unread or f"{path}:{include.line} reads {redact(include.path)}, which is not opened"
            self.partial = self.partial or self.unread
        elif include.constraint:
            self.bounds.append((target, place))
        elif target in trail:
            self.faults.append(cycle(target, place, trail))
        elif len(trail) > DEEPEST:
            self._lack(unreadable(place, f"{target} is read through {DEEPEST} other files"))
        elif target not in self.files:
            self.files.add(target)
            if not self.tree.exists(target):
                self._lack(missing(target, place))
                return
            try:
                self.add(target, self.tree.document(target), trail)
            except LockError as error:
                self._lack(unreadable((error.file, error.line), error.message))

    def _lack(self, fault: Finding) -> None:
        """Note a fault behind which there may be pins."""
        self.faults.append(fault)
        place = fault.file if fault.line is None else f"{fault.file}:{fault.line}"
        self.partial = self.partial or f"{place}: {fault.message}"


def exact_version(requirement: Requirement) -> str | None:
    """Give the one version that a requirement admits by `==` or `===`, or None."""
    clauses = [clause for clause in requirement.written.split(",") if _EXACT.fullmatch(clause)]
    return clauses[0].lstrip("=").strip() if len(clauses) == 1 else None


def is_pinned(requirement: Requirement, *, editable: bool) -> bool:
    """Tell whether a requirement names one version or one place."""
    return editable or requirement.url is not None or exact_version(requirement) is not None


def floats(requirement: Requirement) -> bool:
    """Tell whether a VCS URL names no commit or tag, but nothing or a branch."""
    url = requirement.url or ""
    if not url.startswith(("git+", "hg+", "bzr+", "svn+")):
        return False
    path = url.partition("://")[2].partition("#")[0].partition("/")[2]
    revision = path.rpartition("@")[2] if "@" in path else ""
    return not revision or revision.lower() in _BRANCHES


def _pin(requirement: Requirement, path: str, entry: Entry) -> Pin:
    text = exact_version(requirement)
    try:
        version = Version(text) if text else None
    except InvalidVersion:
        version = None  # `===` compares any text.
    parents, sources, bounds = read_via(entry.comments)
    hashes = entry.hashes
    if requirement.url is not None:
        hashes += tuple(f"{kind}:{digest}" for kind, digest in _URL_HASH.findall(requirement.url))
    return Pin(
        requirement=requirement,
        version=version,
        hashes=hashes,
        parents=parents,
        sources=sources,
        bounds=bounds,
        file=path,
        line=entry.line,
        editable=entry.editable,
    )
