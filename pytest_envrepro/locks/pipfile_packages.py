"""The packages of a `Pipfile.lock`: one pin for each, whatever number of sections it stands in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envrepro.credentials import redact
from pytest_envrepro.locks.faults import unpinned, unreadable
from pytest_envrepro.locks.pins import exact_version, floats
from pytest_envrepro.locks.pipfile_entries import read_entry, string, strings
from pytest_envrepro.locks.pipfile_project import part_of
from pytest_envrepro.model import Pin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.locks.opening import Opened
    from pytest_envrepro.outcome import Finding
    from pytest_envrepro.requirement import Requirement

_OPENING = re.compile(r'"[ \t]*:[ \t]*\{')
_LONGEST_NAME = 500  # Characters of a line before the name of a package ends.


@dataclass(kw_only=True)
class Packages:
    """What was read.

    Attributes:
        pins: in the order of the lock.
        names: of each section, the canonical names in it, those without a version too.
        unpinned: the names without a version.
        partial: why some of the pins are not known, or None.
        indexes: the URLs of the indexes by their names; under nothing, that of the usual one.
    """

    path: str
    indexes: Mapping[str, str] = field(default_factory=dict)
    pins: tuple[Pin, ...] = ()
    names: dict[str, set[str]] = field(default_factory=dict)
    unpinned: set[str] = field(default_factory=set)
    faults: list[Finding] = field(default_factory=list)
    partial: str | None = None

    def read(self, section: str, name: str, entry: Any, line: int) -> Pin | None:
        """Read a package; what is none, or has no version, is noted."""
        self.names[section].add(canonicalize_name(name.partition("[")[0]))
        try:
            requirement, is_editable = read_entry(name, entry)
            table = entry if isinstance(entry, dict) else {}
            hashes, index = strings(table, "hashes"), string(table, "index") or ""
        except ValueError as error:
            self.lack(line, redact(f"'{name}' in '{section}': {error}"))
            return None
        text = exact_version(requirement)
        if requirement.url is None and text is None:
            self._note_unpinned(requirement, line)
            return None
        if floats(requirement):
            self.faults.append(unpinned(requirement, (self.path, line), "names no commit or tag"))
        try:
            version = Version(text) if text else None
        except InvalidVersion:
            version = None  # `===` compares any text.
        return Pin(
            requirement=requirement,
            version=version,
            hashes=tuple(hashes),
            file=self.path,
            line=line,
            editable=is_editable,
            index="" if requirement.url else self.indexes.get(index, self.indexes.get("", "")),
        )

    def lack(self, line: int, message: str) -> None:
        """Note a fault behind which there may be pins."""
        self.faults.append(unreadable((self.path, line), message))
        self.partial = self.partial or f"{self.path}:{line}: {message}"

    def _note_unpinned(self, requirement: Requirement, line: int) -> None:
        """Tell of an entry without a version, but where a marker says what it is for: there it is not locked at all."""
        if requirement.marker is not None:
            return
        self.unpinned.add(requirement.name or "")
        self.partial = self.partial or f"{self.path}:{line} does not name one version"
        message = "does not name one version: pipenv installs the latest, on every platform"
        self.faults.append(unpinned(requirement, (self.path, line), message))


def read_packages(opened: Opened, meta: str, indexes: Mapping[str, str]) -> Packages:
    """Read all packages; what is wrong with one of them is told at its line.

    Args:
        meta: the key that holds no packages.
        indexes: the URLs of the indexes by their names; under nothing, that of the usual one.
    """
    packages = Packages(path=opened.path, indexes=indexes)
    lines = _Lines(opened.text)
    for section, name, line in lines.repeated:
        packages.lack(line, f"'{name}' stands in '{section}' twice" if name else f"'{section}' stands there twice")
    same: dict[Any, dict[str, Pin]] = {}
    for section, entries in opened.data.items():
        if section == meta:
            continue
        packages.names[section] = set()
        if not isinstance(entries, dict):
            message = f"'{section}' has to be an object of packages, not {type(entries).__name__}"
            packages.lack(lines.of(section), message)
            continue
        for name, entry in entries.items():
            pin = packages.read(section, name, entry, lines.of(section, name))
            if pin is not None:
                asked = pin.requirement
                key = (pin.name, asked.written, asked.url, asked.extras, pin.hashes, pin.editable)
                same.setdefault(key, {})[part_of(section)] = pin
    packages.pins = tuple(_joined(by_part) for by_part in same.values())
    return packages


def _joined(by_part: Mapping[str, Pin]) -> Pin:
    """Give one pin for what is the same in several sections but, perhaps, for its marker."""
    first = next(iter(by_part.values()))
    markers = {part: pin.requirement.marker for part, pin in by_part.items()}
    if len(set(markers.values())) == 1:
        return replace(first, parts=frozenset(by_part))
    own = {part: marker for part, marker in markers.items() if marker is not None}
    anywhere = (
        " or ".join(f"({marker})" for marker in dict.fromkeys(own.values())) if len(own) == len(markers) else None
    )
    requirement = replace(first.requirement, marker=anywhere)
    return replace(first, requirement=requirement, parts=frozenset(by_part), markers=tuple(own.items()))


class _Lines:
    """The lines that sections and packages begin on, counted from 1, where each has one of its own.

    Attributes:
        repeated: what stands there a second time, of which JSON has the last: the section, the name or nothing, the line.
    """

    def __init__(self, text: str) -> None:
        self.repeated: list[tuple[str, str, int]] = []
        self._found: dict[tuple[str, str], int] = {}
        section, outer, inner = "", None, None
        line, position = 1, 0
        for opening in _OPENING.finditer(text):
            end = opening.start()
            begin = text.rfind("\n", max(0, end - _LONGEST_NAME), end) + 1
            indent, quote, name = text[begin:end].partition('"')
            if not begin or not quote or indent.strip():
                continue
            line += text.count("\n", position, end)
            position = end
            outer = indent if outer is None else outer
            if indent == outer:
                section, inner = name, None
                self._note(section, "", line)
                continue
            inner = indent if inner is None else inner
            if indent == inner:
                self._note(section, name, line)

    def _note(self, section: str, name: str, line: int) -> None:
        if (section, name) in self._found:
            self.repeated.append((section, name, line))
        self._found[section, name] = line

    def of(self, section: str, name: str = "") -> int:
        """Give the line of a package, or of its section, or the first."""
        return self._found.get((section, name)) or self._found.get((section, "")) or 1
