"""What a `pyproject.toml` asks for as Poetry reads it: in its own table, in the standard's, or in both together."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import Version

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.faults import unreadable
from pytest_envrepro.locks.keys import Keys
from pytest_envrepro.locks.poetry_entries import read_entry
from pytest_envrepro.locks.poetry_stamp import content_hashes
from pytest_envrepro.locks.poetry_words import to_requirement
from pytest_envrepro.locks.toml_lines import TomlLines
from pytest_envrepro.model import MAIN, Root
from pytest_envrepro.requirement import evaluate
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.outcome import Finding

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_PYTHONS = ("2.7", *(f"3.{minor}" for minor in range(31)))
_MOST_MICRO = 30
_NO_EXTRA = "[]"  # The part of what is optional and in no extra.


class PoetryProject(NamedTuple):
    """What a project asks for.

    Attributes:
        parts: its groups, and its extras in brackets.
        usual: the groups that are not optional.
        python: the Pythons that it is for, in Poetry's words; None where it does not say.
        hashes: the content hashes that Poetry gives it, from version 2.3 on and before; none where it cannot.
        name: its canonical name, or None.
        is_told: whether it is a project at all.
    """

    roots: tuple[Root, ...]
    parts: frozenset[str]
    usual: frozenset[str]
    python: str | None
    hashes: tuple[str, ...]
    faults: tuple[Finding, ...]
    name: str | None
    is_told: bool


def read_poetry_project(path: str, text: str) -> PoetryProject:
    """Read what a project asks for; what is wrong with a single requirement is among the faults.

    Raises:
        LockError: it is not TOML, or a table is none.
    """
    data = load_toml(path, text)
    reader = _Reader(path, text, data)
    reader.read_main()
    reader.read_groups()
    groups: frozenset[str] = frozenset(reader.groups)
    return PoetryProject(
        roots=tuple(root for root in reader.roots if not reader.is_never(root)),
        parts=groups | {f"[{extra}]" for extra in reader.extras},
        usual=groups - reader.optional,
        python=reader.python,
        hashes=content_hashes(data),
        faults=tuple(reader.faults),
        name=reader.name,
        is_told=bool(reader.project or reader.own),
    )


class _Reader:
    """Collects the roots of a project, part by part."""

    def __init__(self, path: str, text: str, data: Mapping[str, Any]) -> None:
        self.path = path
        self.data = data
        self.keys = Keys(path, text)
        self.lines = TomlLines(text)
        self.project = self.keys.table(data, "project")
        self.own = self.keys.table(self.keys.table(data, "tool"), "poetry")
        self.faults: list[Finding] = []
        self.roots: list[Root] = []
        self.groups: dict[str, list[Root]] = {}
        self.optional: set[str] = set()
        self.extras: set[str] = set()
        told = self.keys.table(self.own, "dependencies").get("python", self.project.get("requires-python"))
        named = self.keys.string(self.project, "name") or self.keys.string(self.own, "name")
        self.name = canonicalize_name(named) if named else None
        self.python = told if isinstance(told, str) else None
        self._pythons = self._supported()

    def read_main(self) -> None:
        """Read what the project itself needs, with its extras.

        Poetry takes the standard's table where that has any requirement, and then reads its own only for more about the
        same packages, and for what is said to be dynamic.
        """
        own = self.keys.table(self.own, "dependencies")
        standard = list(self._listed(self.keys.strings(self.project, "dependencies"), MAIN, "project", "dependencies"))
        for extra, texts in self.keys.lists(self.project, "optional-dependencies").items():
            name: str = canonicalize_name(extra)
            self.extras.add(name)
            standard += self._listed(texts, f"[{name}]", "project", "optional-dependencies", extra)
        place = ("tool", "poetry", "dependencies")
        if not standard:
            self.roots += self._of_table(own, place, self._extras_of())
            return
        self.roots += self._enriched(standard, own, place)
        if not {"dependencies", "optional-dependencies"}.isdisjoint(self.keys.strings(self.project, "dynamic")):
            has_main = any(root.part == MAIN for root in standard)
            has_extras = any(root.part != MAIN for root in standard)
            more = list(self._of_table(own, place, self._extras_of()))
            if not (has_main and has_extras):
                self.roots += [root for root in more if (root.part == MAIN) != has_main]

    def read_groups(self) -> None:
        """Read the groups of both tables, and what they include of each other."""
        includes: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for name, items in self.keys.lists(self.data, "dependency-groups").items():
            group = canonicalize_name(name)
            texts = [item for item in items if not isinstance(item, dict)]
            self.groups.setdefault(group, []).extend(self._listed(texts, group, "dependency-groups", name))
            line = self.lines.of("dependency-groups", name)
            for item in items:
                if isinstance(item, dict):
                    includes[group].append((str(item.get("include-group")), line))
        for name, config in self.keys.table(self.own, "group").items():
            group = canonicalize_name(name)
            place: tuple[str, ...] = ("tool", "poetry", "group", name)
            if not isinstance(config, dict):
                self._fault(self.lines.of(*place), f"the group '{name}' has to be a table, not {type(config).__name__}")
                continue
            if self.keys.flag(config, "optional"):
                self.optional.add(group)
            own = self.keys.table(config, "dependencies")
            standard = self.groups.get(group)
            place = (*place, "dependencies")
            self.groups[group] = list(
                self._enriched(standard, own, place) if standard else self._of_table(own, place, {}, group)
            )
            line = self.lines.of(*place[:-1], "include-groups")
            includes[group] += ((other, line) for other in self.keys.strings(config, "include-groups"))
        old = self.keys.table(self.own, "dev-dependencies")
        if old or "dev-dependencies" in self.own:
            more = self._of_table(old, ("tool", "poetry", "dev-dependencies"), {}, "dev")
            self.groups.setdefault("dev", []).extend(more)
        for each in self.groups:
            self.roots += self._with_included(each, includes)

    def is_never(self, root: Root) -> bool:
        """Tell whether a root applies on none of the Pythons that the project is for: Poetry then locks nothing for it."""
        marker = root.requirement.marker
        if marker is None:
            return False
        terms = [marker] if " or " in marker else [term.strip("() ") for term in marker.split(" and ")]
        return any(self._is_never(term) for term in terms)

    def _is_never(self, marker: str) -> bool:
        words = set(re.findall(r"[a-z_]{4,}", _QUOTED.sub("", marker)))
        if not words or not words <= {"python_version", "python_full_version"}:
            return False
        micros = range(_MOST_MICRO + 1 if "python_full_version" in words else 1)
        try:
            return not any(
                evaluate(marker, {"python_version": python, "python_full_version": f"{python}.{micro}"})
                for python in self._pythons
                for micro in micros
            )
        except ValueError:
            return False  # Half of a term in brackets.

    def _supported(self) -> list[str]:
        try:
            asked = to_requirement("python", self.python or "*")
        except ValueError as error:
            self._fault(self.lines.of("tool", "poetry", "dependencies", "python"), f"python: {error}")
            return list(_PYTHONS)
        micros = (0, _MOST_MICRO)
        found = [each for each in _PYTHONS if any(asked.admits(Version(f"{each}.{micro}")) for micro in micros)]
        return found or list(_PYTHONS)

    def _listed(self, texts: Iterable[Any], part: str, *place: str) -> Iterator[Root]:
        """Give the requirements of a list of the standard's."""
        for text in texts:
            if not isinstance(text, str):
                self._fault(self.lines.of(*place), f"{text!r} is not a requirement")
                continue
            try:
                for root in self.keys.roots((text,), *place):
                    yield Root(requirement=root.requirement, file=root.file, line=root.line, part=part)
            except LockError as error:
                self._fault(error.line, error.message)

    def _extras_of(self) -> dict[str, list[str]]:
        """Give the extras that each package is in, by Poetry's own table."""
        found: dict[str, list[str]] = defaultdict(list)
        for extra, names in self.keys.lists(self.own, "extras").items():
            self.extras.add(canonicalize_name(extra))
            for name in names:
                found[canonicalize_name(str(name).partition("[")[0])].append(f"[{canonicalize_name(extra)}]")
        return found

    def _of_table(
        self, table: Mapping[str, Any], place: tuple[str, ...], extras: Mapping[str, list[str]], part: str = MAIN
    ) -> Iterator[Root]:
        """Give the requirements of a table of Poetry's."""
        for name, value in table.items():
            if name.lower() == "python":
                continue
            for item, line in self._items(name, value, place):
                is_optional = isinstance(item, dict) and item.get("optional") is True
                parts = extras.get(canonicalize_name(name), [_NO_EXTRA]) if is_optional else [part]
                for each in parts:
                    try:
                        yield self._root(name, item, line, each)
                    except ValueError as error:
                        self._fault(line, f"{name}: {redact(str(error))}")
                        break

    def _items(self, name: str, value: Any, place: tuple[str, ...]) -> Iterable[tuple[Any, int]]:
        if isinstance(value, list):
            return zip(value, self.lines.of_items(len(value), *place, name), strict=False)
        return [(value, self.lines.of(*place, name))]

    def _enriched(self, standard: Iterable[Root], own: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[Root]:
        """Give requirements of the standard's table, each with what Poetry's says besides of that package."""
        by_name: dict[str, list[tuple[str, Any, int]]] = defaultdict(list)
        for name, value in own.items():
            by_name[canonicalize_name(name)] += ((name, item, line) for item, line in self._items(name, value, place))
        for root in standard:
            yield root
            for name, item, line in by_name.get(root.requirement.name or "", ()):
                try:
                    yield self._root(name, item, line, root.part, root.requirement.marker)
                except ValueError as error:
                    self._fault(line, f"{name}: {redact(str(error))}")

    def _root(self, name: str, item: Any, line: int, part: str, marker: str | None = None) -> Root:
        requirement, is_editable = read_entry(name, item, marker)
        return Root(requirement=requirement, file=self.path, line=line, part=part, editable=is_editable)

    def _with_included(self, group: str, includes: Mapping[str, list[tuple[str, int]]]) -> Iterator[Root]:
        """Give what a group asks for, itself and by the groups that it includes."""
        seen: set[str] = set()
        waiting = [group]
        while waiting:
            current = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            for root in self.groups[current]:
                yield Root(
                    requirement=root.requirement, file=root.file, line=root.line, part=group, editable=root.editable
                )
            for other, line in includes.get(current, ()):
                if canonicalize_name(other) in self.groups:
                    waiting.append(canonicalize_name(other))
                elif current == group:
                    self._fault(line, f"the group '{group}' includes '{other}', which is none")

    def _fault(self, line: int | None, message: str) -> None:
        self.faults.append(unreadable((self.path, line), message))
