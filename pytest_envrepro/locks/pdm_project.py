"""What a `pyproject.toml` asks for as pdm 2.29 reads it: the standard's tables, and groups and overrides of its own."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pytest_envrepro.credentials import redact
from pytest_envrepro.locks.faults import quoted, unreadable
from pytest_envrepro.locks.keys import Keys
from pytest_envrepro.model import MAIN, Root
from pytest_envrepro.requirement import parse
from pytest_envrepro.requirementlines import parse_listed
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from pytest_envrepro.outcome import Finding
    from pytest_envrepro.requirement import Requirement

DEFAULT_GROUP = "default"  # pdm's name for `MAIN`.
# How pdm, and hatchling where it builds the project, write a path within it.
_HERE = re.compile(r"^(?:file:/+\$\{PROJECT_ROOT\}|\{root:uri\})/*")
_SHOWN = 3  # Keys of a table, in a message.


class PdmProject(NamedTuple):
    """What a project asks for.

    Attributes:
        path: its file.
        data: what stands in that.
        own: for each of its parts, what that asks for itself.
        included: for each, the parts that it names.
        overrides: `[tool.pdm.resolution.overrides]`.
        excluded: canonical names, of `[tool.pdm.resolution]` too.
        name: its canonical name, or None.
        is_told: whether it is a project at all.
    """

    path: str
    data: Mapping[str, Any]
    own: Mapping[str, tuple[Root, ...]]
    included: Mapping[str, tuple[str, ...]]
    overrides: tuple[Root, ...]
    excluded: frozenset[str]
    faults: tuple[Finding, ...]
    name: str | None
    is_told: bool

    def part_of(self, group: str) -> str:
        """Give the part that a name in a lock stands for: pdm has extras and groups in one list."""
        name = canonicalize_name(group)
        if name == DEFAULT_GROUP:
            return MAIN
        return extra if (extra := f"[{name}]") in self.own else name

    def roots(self, locked: Collection[str]) -> Iterator[Root]:
        """Give what some parts ask for, each with what it includes of others.

        As pdm has it: what is included through a part that is not locked itself is not looked at any further.
        """
        resolved = {*locked, *(other for part in locked for other in self.included.get(part, ()))}
        for part in self.own:
            if part not in locked:
                continue
            seen: set[str] = set()
            waiting = [part]
            while waiting:
                current = waiting.pop()
                if current not in seen:
                    seen.add(current)
                    waiting += reversed(self.included.get(current, ()))
                    for root in self.own[current] if current in resolved else ():
                        yield root if current == part else replace(root, part=part)

    @property
    def project(self) -> Mapping[str, Any]:
        """Give the table `[project]`."""
        found: Mapping[str, Any] = self.data.get("project", {})
        return found

    @property
    def settings(self) -> Mapping[str, Any]:
        """Give the table `[tool.pdm]`."""
        found: Mapping[str, Any] = self.data.get("tool", {}).get("pdm", {})
        return found

    @property
    def is_distribution(self) -> bool:
        """Tell whether the project itself is installed."""
        kind = self.settings.get("package-type")
        return bool(self.name) and (kind == "library" if kind is not None else self.settings.get("distribution", True))


def read_pdm_project(path: str, text: str) -> PdmProject:
    """Read what a project asks for; what is wrong with a single requirement is among the faults.

    Raises:
        LockError: it is not TOML, or a table is none.
    """
    data = load_toml(path, text)
    reader = _Reader(path, text, data)
    reader.read()
    included, overrides = reader.included(), tuple(reader.overrides())
    return PdmProject(
        path=path,
        data=data,
        own={part: tuple(roots) for part, roots in reader.parts.items()},
        included=included,
        overrides=overrides,
        excluded=frozenset(map(canonicalize_name, reader.keys.strings(reader.resolution, "excludes"))),
        faults=tuple(reader.faults),
        name=reader.name,
        is_told=bool(reader.project),
    )


def beside_project(url: str) -> str:
    """Give a place within the project as a path; any other URL as it is."""
    return _HERE.sub("./", url)


class _Reader:
    """Collects the roots of a project, part by part."""

    def __init__(self, path: str, text: str, data: Mapping[str, Any]) -> None:
        self.path = path
        self.data = data
        self.keys = Keys(path, text)
        self.project = self.keys.table(data, "project")
        self.settings = self.keys.table(self.keys.table(data, "tool"), "pdm")
        self.resolution = self.keys.table(self.settings, "resolution")
        named = self.keys.string(self.project, "name")
        self.name = canonicalize_name(named) if named else None
        self.faults: list[Finding] = []
        self.parts: dict[str, list[Root]] = {}
        self._included: dict[str, list[tuple[str, int]]] = defaultdict(list)

    def read(self) -> None:
        """Read all parts."""
        pythons = self.project.get("requires-python")
        if pythons is not None and not (isinstance(pythons, str) and _is_specifier(pythons)):
            shown = f"'{redact(pythons)}'" if isinstance(pythons, str) else type(pythons).__name__
            message = f"'requires-python' has to be a specifier (PEP 440), such as '>=3.9', not {shown}"
            self._fault(self.keys.line("project", "requires-python"), message)
        self._add(MAIN, self.keys.strings(self.project, "dependencies"), "project", "dependencies")
        for extra, texts in self.keys.lists(self.project, "optional-dependencies").items():
            self._add(f"[{canonicalize_name(extra)}]", texts, "project", "optional-dependencies", extra)
        groups = self.keys.lists(self.data, "dependency-groups")
        old = self.keys.lists(self.settings, "dev-dependencies")
        for place, listed in (("dependency-groups", groups), ("dev-dependencies", old)):
            for group, texts in listed.items():
                self._add(canonicalize_name(group), texts, place, group)

    def _add(self, part: str, items: Iterable[Any], *place: str) -> None:
        """Add what stands in a list: requirements, and other parts that it includes."""
        found = self.parts.setdefault(part, [])
        for item in items:
            if isinstance(item, dict):
                line = self.keys.line(*place)
                other = item.get("include-group")
                if part == MAIN or part.startswith("[") or not isinstance(other, str) or len(item) > 1:
                    self._fault(line, f"{place[-1]} holds {_kind(item)}, which is no requirement")
                else:
                    self._included[part].append((canonicalize_name(other), line))
            elif not isinstance(item, str):
                self._fault(self.keys.line(*place), f"{place[-1]} holds {_kind(item)}, which is no requirement")
            elif not self._is_self(item, part, place):
                found += self._root(item, part, place)

    def _is_self(self, text: str, part: str, place: tuple[str, ...]) -> bool:
        """Take a requirement of the project itself for the parts that it names; tell whether it is one."""
        try:
            asked = parse(text)
        except ValueError:
            return False  # Or a path, which may have no name.
        if self.name is None or asked.name != self.name or asked.url is not None or asked.is_bound:
            return False
        if asked.extras:
            line = self.keys.line_of(text, *place)
            self._included[part] += ((f"[{extra}]", line) for extra in sorted(asked.extras))
        return True

    def _root(self, text: str, part: str, place: tuple[str, ...]) -> Iterator[Root]:
        line = self.keys.line_of(text, *place)
        try:
            requirement, is_editable = parse_listed(text)
        except ValueError as error:
            self._fault(line, f"'{quoted(text)}' is not a requirement: {redact(str(error))}")
            return
        if is_editable and place[0] == "project":
            return  # pdm leaves it out, and says so.
        yield Root(requirement=_placed(requirement), file=self.path, line=line, editable=is_editable, part=part)

    def included(self) -> dict[str, tuple[str, ...]]:
        """Give the parts that each part names; one that is not there is a fault."""
        found: dict[str, tuple[str, ...]] = {}
        for part, listed in self._included.items():
            others = []
            for named, line in listed:
                # A group may name another as if that were an extra.
                other = named if named in self.parts or part.startswith("[") else named.strip("[]")
                if other in self.parts:
                    others.append(other)
                else:
                    whose = part.strip("[]") or "the project"
                    self._fault(line, f"{whose} includes '{named.strip('[]')}', which is none of its groups and extras")
            found[part] = tuple(others)
        return found

    def overrides(self) -> Iterator[Root]:
        """Give what replaces the requirements of any package (`pdm.utils.get_requirement_from_override`)."""
        table = self.keys.table(self.resolution, "overrides") or self.keys.table(self.settings, "overrides")
        for name, value in table.items():
            line = self.keys.line("overrides", name)
            if not isinstance(value, str):
                self._fault(line, f"the override of '{name}' has to be a string, not {type(value).__name__}")
                continue
            try:
                if "://" in value:
                    requirement = parse(f"{name} @ {value}")
                else:
                    requirement = parse(f"{name}{value if _is_specifier(value) else f'=={value}'}")
            except ValueError as error:
                self._fault(line, f"the override of '{name}' cannot be read: {redact(str(error))}")
                continue
            yield Root(requirement=_placed(requirement), file=self.path, line=line)

    def _fault(self, line: int | None, message: str) -> None:
        self.faults.append(unreadable((self.path, line), message))


def _kind(item: Any) -> str:
    """Say what stands in the place of a requirement, and none of what is in it: that may be a credential."""
    if not isinstance(item, dict):
        return {list: "a list", bool: "true or false", int: "a number", float: "a number"}.get(type(item), "a date")
    keys = " and ".join(f"'{key}'" for key in list(item)[:_SHOWN])
    return redact(f"a table with {keys}" if keys else "an empty table")


def _is_specifier(text: str) -> bool:
    try:
        SpecifierSet(text)
    except ValueError:  # Also of a number that Python refuses to read.
        return False
    return True


def _placed(requirement: Requirement) -> Requirement:
    """Give a requirement with a path in the place of a URL within the project."""
    if requirement.url is None:
        return requirement
    return replace(requirement, url=beside_project(requirement.url))
