"""Tells who needs what in a `uv.lock`, by its own lists: the packages, and the parts of each project."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pytest_envrepro.locks.uv_packages import FOLDERS, choices
from pytest_envrepro.model import MAIN, Root
from pytest_envrepro.requirement import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.locks.uv_inputs import Member, Told
    from pytest_envrepro.locks.uv_packages import Edge, Package

_Unit = tuple[str, str]  # A project of the workspace, and a part of it.


def is_own(package: Package, members: Mapping[str, Member]) -> bool:
    """Tell whether a package is no pin: a project of the workspace, or a folder of which nothing is installed."""
    member = members.get(package.name)
    return package.kind == "virtual" or (package.kind in FOLDERS and member is not None and not member.is_pin)


class Graph:
    """What needs what, by the lock's own lists.

    Attributes:
        own: what is no pin, by name.
        parts: the groups and the extras of what is installed where nobody says which project, these in brackets.
        parents: the packages that need one, by its name.
        sources: the files of the projects that ask for one.
    """

    def __init__(self, packages: list[Package], members: Mapping[str, Member]) -> None:
        self._members = members
        self.own = {package.name: package for package in packages if is_own(package, members)}
        self._firsts = [name for name in self.own if name in members and members[name].is_first]
        self._project = self._firsts[0] if len(self._firsts) == 1 else None
        self._publics: dict[tuple[str, str], int] = defaultdict(int)
        self._units: dict[_Unit, tuple[Edge, ...]] = {}
        self.parents: dict[str, set[str]] = defaultdict(set)
        self.sources: dict[str, dict[str, None]] = defaultdict(dict)
        for package in packages:
            self._publics[package.name, package.version.public if package.version else ""] += 1
            self._add(package)
        self.parts = frozenset(part for name, part in self._units if name in self._firsts and part != MAIN)

    def _add(self, package: Package) -> None:
        if package.name not in self.own:
            for edge in (*package.needs, *(edge for edges in package.optional.values() for edge in edges)):
                self.parents[edge.name].add(package.name)
            return
        extras = {f"[{extra}]": edges for extra, edges in package.optional.items()}
        for part, edges in {MAIN: package.needs, **extras, **package.grouped}.items():
            self._units[package.name, part] = edges
            for edge in edges if package.name in self._members else ():
                self.sources[edge.name][self._members[package.name].path] = None

    def requires(self, package: Package) -> Iterator[str]:
        """Give what a package needs, as metadata writes it."""
        for edge in package.needs:
            yield self._text(edge)
        for extra, edges in package.optional.items():
            for edge in edges:
                yield self._text(edge, f"extra == '{extra}'")

    def asks(self, shared: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
        """Give what each part asks for, other projects of the workspace followed.

        Args:
            shared: what the groups of the workspace itself ask for.
        """
        for group, texts in shared.items():
            yield from ((group, text) for text in texts)
        for part in (MAIN, *sorted(self.parts)):
            waiting: list[tuple[_Unit, frozenset[str]]] = [((name, part), frozenset()) for name in self._firsts]
            # A project may be needed under several conditions: those that it is reached by, and no stricter ones.
            reached: dict[_Unit, list[frozenset[str]]] = defaultdict(list)
            while waiting:
                unit, conditions = waiting.pop()
                if any(known <= conditions for known in reached[unit]):
                    continue
                reached[unit].append(conditions)
                for edge in self._units.get(unit, ()):
                    marker = choices(edge.marker, self._project) if edge.marker else None
                    further = conditions | {marker} if marker else conditions
                    if edge.name in self.own:
                        waiting += [((edge.name, other), further) for other in (MAIN, *map("[{}]".format, edge.extras))]
                    else:
                        yield part, self._text(edge._replace(marker=None), *sorted(further))
        for (name, part), edges in self._units.items():
            if name not in self._firsts:
                yield from ((f"{name}/{part}", self._text(edge)) for edge in edges if edge.name not in self.own)

    def unread(self, told: Told, path: str) -> Iterator[Root]:
        """Give the roots of the projects whose files were not read: what the lock says of them is all that is known."""
        for (name, part), edges in self._units.items():
            if name not in told.asked and not any(dynamic.project == name for dynamic in told.dynamic):
                for edge in edges:
                    if edge.name not in self.own:
                        requirement = parse(self._text(edge._replace(version=None)))
                        yield Root(requirement=requirement, file=path, line=self.own[name].line, part=f"{name}/{part}")

    def _text(self, edge: Edge, *conditions: str) -> str:
        extras = f"[{','.join(edge.extras)}]" if edge.extras else ""
        version = ""
        if edge.version is not None:
            # `==2.5` would be met by `2.5+cpu` too, where both are locked.
            is_shared = self._publics[edge.name, edge.version.partition("+")[0]] > 1
            version = f"{'===' if is_shared else '=='}{edge.version}"
        markers = (*([choices(edge.marker, self._project)] if edge.marker else []), *conditions)
        text = f"{edge.name}{extras}{version}"
        if not markers:
            return text
        return f"{text} ; {markers[0] if len(markers) == 1 else ' and '.join(f'({each})' for each in markers)}"
