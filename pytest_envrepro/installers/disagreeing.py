"""Says why requirements cannot be met: which of them contradict each other, and who asks for what a tool could not find."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import reduce
from itertools import combinations
from operator import and_
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pytest_envrepro.credentials import redact
from pytest_envrepro.exporting import is_possible
from pytest_envrepro.installers.tools import last_lines
from pytest_envrepro.places import same_place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.installers.pinning import Asked, Sources
    from pytest_envrepro.process import Completed
    from pytest_envrepro.requirement import Requirement

OFFLINE_HINT = "ask once without --env-offline, or put a wheel into a folder that PIP_FIND_LINKS or UV_FIND_LINKS names"
_FILE = re.compile(r"-\d.*")
_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_NAME = r"(?P<name{}>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
# What pip and pip-tools, and uv, say of a package that they have no usable file of.
_MISSING = re.compile(
    rf"No matching distribution found for {_NAME.format(1)}|there (?:is no version|are no versions) of {_NAME.format(2)}"
    rf"|\b{_NAME.format(3)}(?:[=<>!~]\S*)? (?:was not found in|has no (?:wheels|usable)|needs to be downloaded)"
)
_ABSENT = re.compile(
    rf"satisfies the requirement {_NAME.format(1)}.*\(from versions: none\)|\b{_NAME.format(2)} was not found in the package"
)


def contradictions(sources: Sources, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Find what no choice of versions can meet, without any tool: for each name, the least that contradicts each other.

    Args:
        environment: the marker variables of the Python that it is for.
    """
    by_name: dict[str, list[tuple[Asked, Requirement]]] = defaultdict(list)
    for asked in (*sources.requirements, *sources.constraints):
        requirement = asked.requirement
        if requirement is not None and requirement.name and requirement.applies(environment):
            by_name[requirement.name].append((asked, requirement))
    return tuple(filter(None, (_contradiction(name, by_name[name]) for name in sorted(by_name))))


def _contradiction(name: str, several: list[tuple[Asked, Requirement]]) -> str | None:
    located = [(asked, requirement.url) for asked, requirement in several if requirement.url]
    for (one, first), (other, second) in combinations(located, 2):
        if not same_place(first or "", second or ""):
            places = f"{redact(first or '')} ({one.source}) and {redact(second or '')} ({other.source})"
            return f"{name}: cannot come from {places}"
    bounded = [(asked, requirement) for asked, requirement in several if requirement.specifier]
    for count in range(1, min(len(bounded), 3) + 1):
        for some in combinations(bounded, count):
            if not _is_possible(requirement for _, requirement in some):
                return f"{name}: no version is {_told(some)}"
    return (
        None if _is_possible(requirement for _, requirement in bounded) else f"{name}: no version is {_told(bounded)}"
    )


def _is_possible(requirements: Iterable[Requirement]) -> bool:
    return is_possible(reduce(and_, (each.specifier for each in requirements), SpecifierSet()))


def _told(several: Iterable[tuple[Asked, Requirement]]) -> str:
    return " and ".join(f"{requirement.written} ({asked.source})" for asked, requirement in several)


def named_in(completed: Completed, names: Iterable[str]) -> list[str]:
    """Give those of some canonical names that the last lines of a tool mention, in their order.

    Where those mention none, as after a build that says much, it is the one that was mentioned last.
    """
    known = list(names)
    said = {name for line in last_lines(completed) for name in _names(line)}
    if found := [name for name in known if name in said]:
        return found
    mentioned = (name for line in completed.stdout.splitlines() for name in _names(line) if name in known)
    return list(mentioned)[-1:]


def _names(line: str) -> Iterator[str]:
    """Give all words of a line that could be the name of a package, and the beginnings of the names of its files."""
    for word in _WORD.findall(line):
        yield canonicalize_name(word)
        yield canonicalize_name(_FILE.sub("", word))


def missing_in(completed: Completed) -> tuple[str, ...]:
    """Give the canonical names of packages that a tool says it has no usable file of."""
    found = (match for line in last_lines(completed) for match in _MISSING.finditer(line))
    return tuple(dict.fromkeys(canonicalize_name(next(filter(None, match.groups()))) for match in found))


def absent_in(completed: Completed) -> tuple[str, ...]:
    """Give those of what is missing that a tool says it knows no version of, for this Python at least."""
    said = "\n".join(last_lines(completed))
    return tuple(
        name
        for name in missing_in(completed)
        if any(canonicalize_name(match[1] or match[2]) == name for match in _ABSENT.finditer(said))
    )


def failure(completed: Completed, sources: Sources) -> list[str]:
    """Give the requirements that a tool's last lines are about, with their sources; all of them where it names none."""
    asked = [*sources.requirements, *sources.constraints]
    names = {each.requirement.name for each in asked if each.requirement and each.requirement.name}
    about = set(named_in(completed, sorted(name for name in names if name)))
    said = "\n".join(last_lines(completed))
    lines = [
        str(each)
        for each in asked
        if each.requirement is None or not about or each.requirement.name in about or str(each) in said
    ]
    return list(dict.fromkeys(lines))
