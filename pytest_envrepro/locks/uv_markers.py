"""Compares environment markers by what they mean: uv writes another text for a marker than its input has.

It leaves out what `requires-python` and `tool.uv.environments` say already, and writes one variable for another
(`platform_system == 'Windows'` as `sys_platform == 'win32'`). Two markers are equal here where they hold in the same
environments, of all that the values in them tell apart.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName

from pytest_envrepro.requirement import parse_known_marker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packaging.specifiers import SpecifierSet

_VALUE = re.compile(r"""(?P<left>[a-z_]+)\s*(?:[=!<>~]=?=?|(?:not\s+)?in\b)\s*(?:"(?P<one>[^"]*)"|'(?P<two>[^']*)')""")
_TURNED = re.compile(r"""(?:"(?P<one>[^"]*)"|'(?P<two>[^']*)')\s*(?:[=!<>~]=?=?|(?:not\s+)?in\b)\s*(?P<left>[a-z_]+)""")
_RELEASE = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_PYTHON = ("python_version", "python_full_version", "implementation_version")
_PLATFORM = ("sys_platform", "platform_system", "os_name")
_IMPLEMENTATION = ("platform_python_implementation", "implementation_name")
_SYSTEMS = {"linux": ("Linux", "posix"), "darwin": ("Darwin", "posix"), "win32": ("Windows", "nt")}
_MOST = 4096  # Environments: more than that no marker seen in public needs.
_MICRO = 99  # One that no Python has reached.


class Space(NamedTuple):
    """The environments that a lock is for.

    Attributes:
        python: the Pythons.
        supported: markers of which one has to hold; empty for all environments.
    """

    python: SpecifierSet
    supported: tuple[str, ...] = ()

    def has(self, marker: str | None) -> bool:
        """Tell whether a marker holds in any of them; also where that cannot be told."""
        return marker is None or _holds_somewhere(self, marker)

    def equal(self, one: str | None, other: str | None) -> bool:
        """Tell whether two markers hold in the same of them; also where that cannot be told."""
        return one == other or _are_equal(self, one, other)


@lru_cache(maxsize=1024)
def _holds_somewhere(space: Space, marker: str) -> bool:
    try:
        environments = list(_environments(space, (marker,)))
        return not environments or any(parse_known_marker(marker).evaluate(dict(each)) for each in environments)
    except (ValueError, UndefinedComparison, UndefinedEnvironmentName):
        return True


@lru_cache(maxsize=1024)
def _are_equal(space: Space, one: str | None, other: str | None) -> bool:
    try:
        for environment in _environments(space, tuple(filter(None, (one, other)))):
            results = {parse_known_marker(each).evaluate(dict(environment)) if each else True for each in (one, other)}
            if len(results) > 1:
                return False
    except (ValueError, UndefinedComparison, UndefinedEnvironmentName):
        return True
    return True


def _environments(space: Space, markers: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    """Give environments that differ in whatever the markers tell apart; none where there are too many."""
    mentioned: dict[str, set[str]] = {}
    for marker in (*markers, *space.supported):
        for pattern in (_VALUE, _TURNED):
            for found in pattern.finditer(marker):
                name = found["left"]
                if name and name not in ("and", "or", "not", "in"):
                    mentioned.setdefault(name, set()).add(found["one"] or found["two"] or "")
    choices = [_pythons(space, mentioned), _systems(mentioned), _implementations(mentioned)]
    known = {*_PYTHON, *_PLATFORM, *_IMPLEMENTATION}
    for name in ("extra", "platform_machine", "platform_release", "platform_version", *sorted(mentioned)):
        if name not in known:
            known.add(name)
            choices.append([{name: value} for value in sorted({"", *mentioned.get(name, ())})])
    count = 1
    for each in choices:
        count *= len(each)
    if count > _MOST:
        return
    supported = [parse_known_marker(marker) for marker in space.supported]
    for several in itertools.product(*choices):
        environment = {name: value for each in several for name, value in each.items()}
        if not supported or any(marker.evaluate(dict(environment)) for marker in supported):
            yield environment


def _pythons(space: Space, mentioned: Mapping[str, set[str]]) -> list[dict[str, str]]:
    """Give each version that is mentioned, and those right before and after it, as far as the lock is for them."""
    bounds = {spec.version for spec in space.python}
    named = set[str]().union(bounds, *(mentioned.get(name, set()) for name in _PYTHON))
    return [
        {
            "python_full_version": version,
            "python_version": version.rpartition(".")[0],
            "implementation_version": version,
        }
        for version in releases_around(named or {"3.9"})
        if space.python.contains(version, prereleases=True)
    ]


def releases_around(named: Iterable[str]) -> list[str]:
    """Give the versions of Python in some texts, and those right before and after each."""
    releases: set[tuple[int, int, int]] = set()
    for text in named:
        for major, minor, micro in _RELEASE.findall(text):
            one, two, three = int(major), int(minor), int(micro or 0)
            after = {(one, two, three + 1), (one, two, _MICRO), (one, two + 1, 0)}
            before = {(one, two, three - 1)} if three else {(one, two - 1, _MICRO)} if two else set()
            releases |= {(one, two, three)} | after | before
    return [".".join(map(str, release)) for release in sorted(releases)]


def _systems(mentioned: Mapping[str, set[str]]) -> list[dict[str, str]]:
    if not any(name in mentioned for name in _PLATFORM):
        return [dict(zip(_PLATFORM, ("linux", *_SYSTEMS["linux"]), strict=True))]
    known = dict(_SYSTEMS)
    for value in sorted(mentioned.get("sys_platform", ())):
        known.setdefault(value, (value.capitalize(), "posix"))
    systems = {system for system, _ in known.values()}
    for value in sorted(mentioned.get("platform_system", set()) - systems):
        known.setdefault(value.lower(), (value, "posix"))
    return [{"sys_platform": name, "platform_system": system, "os_name": os} for name, (system, os) in known.items()]


def _implementations(mentioned: Mapping[str, set[str]]) -> list[dict[str, str]]:
    named = {value.lower(): value for value in mentioned.get("platform_python_implementation", ())}
    named |= {value: named.get(value, value) for value in mentioned.get("implementation_name", ())}
    named = {"cpython": "CPython", **named}
    if len(named) > 1:
        named.setdefault("pypy", "PyPy")
    return [{"implementation_name": name, "platform_python_implementation": full} for name, full in named.items()]
