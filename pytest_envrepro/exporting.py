"""Joins the requirements of several integrations into lines for pip, and finds those that contradict each other."""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from pytest_envrepro.credentials import redact
from pytest_envrepro.requirement import parse_known_marker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.requirement import Requirement

_LARGE = 999_999  # Stands for "as far as it goes" in a part of a version.


class Export(NamedTuple):
    """Requirements, ready for pip.

    Attributes:
        lines: sorted, each name once for each marker.
        contradictions: what of them cannot be met together.
        masked: which of the lines pip cannot use, since a credential in them is not printed.
    """

    lines: tuple[str, ...]
    contradictions: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()


class Asked(NamedTuple):
    """A requirement, and the integration that asks for it."""

    requirement: Requirement
    by: str


def export(asked: Iterable[Asked], environment: Mapping[str, str]) -> Export:
    """Join requirements.

    Args:
        environment: the marker variables of here, to find contradictions of lines whose markers differ.
    """
    names: dict[str, list[Asked]] = defaultdict(list)
    for each in dict.fromkeys(asked):
        names[each.requirement.name or each.requirement.url or ""].append(each)
    lines: list[str] = []
    contradictions: list[str] = []
    for name in sorted(names):
        alike: dict[tuple[str, str], list[Asked]] = defaultdict(list)
        for each in names[name]:
            alike[each.requirement.url or "", _marker(each.requirement)].append(each)
        lines += sorted(_line([each.requirement for each in several]) for several in alike.values())
        together = [each for each in names[name] if each.requirement.applies(environment)]
        marked: dict[str, list[Asked]] = defaultdict(list)
        for each in names[name]:
            marked[_marker(each.requirement)].append(each)
        told = (_contradiction(name, several) for several in (together, *marked.values()))
        contradictions += dict.fromkeys(filter(None, told))
    masked = sorted({_masked(each) for several in names.values() for each in several} - {""})
    return Export(tuple(lines), tuple(contradictions), tuple(masked))


def _masked(asked: Asked) -> str:
    """Say what to do about a credential in a URL; nothing where there is none."""
    url = asked.requirement.url or ""
    if redact(url) == url:
        return ""
    what = asked.requirement.name or redact(url)
    advice = "write it as a variable, such as ${TOKEN}, which pip fills in"
    return f"{what}: the credential in its URL is not printed, and pip cannot do without it: {advice} ({asked.by})"


def _marker(requirement: Requirement) -> str:
    return str(parse_known_marker(requirement.marker)) if requirement.marker else ""


def _line(alike: list[Requirement]) -> str:
    """Write requirements of one name, URL and marker as one."""
    first = alike[0]
    extras = frozenset[str]().union(*(each.extras for each in alike))
    brackets = f"[{','.join(sorted(extras))}]" if extras else ""
    specifier = reduce(and_, (each.specifier for each in alike), SpecifierSet())
    marker = _marker(first)
    if first.url is None:
        return f"{first.name}{brackets}{specifier}" + (f"; {marker}" if marker else "")
    what = f"{first.name}{brackets} @ {first.url}" if first.name else first.url
    return redact(what) + (f" ; {marker}" if marker else "")


def _contradiction(name: str, several: list[Asked]) -> str | None:
    """Say that no version and no place can be what all of them ask for."""
    urls = {
        each.requirement.url: f"{redact(each.requirement.url)} ({each.by})" for each in several if each.requirement.url
    }
    if len(urls) > 1:
        return f"{name}: cannot be installed from {' and '.join(sorted(urls.values()))}"
    bounds = [each for each in several if each.requirement.specifier]
    if is_possible(reduce(and_, (each.requirement.specifier for each in bounds), SpecifierSet())):
        return None
    shown = sorted({f"{each.requirement.specifier} ({each.by})" for each in bounds})
    return f"{name}: no version is {' and '.join(shown)}"


def is_possible(specifier: SpecifierSet) -> bool:
    """Tell whether some version is one of those asked for.

    Where there is any, there is one beside a bound: the bound itself, or the next one that can be told on either side.
    """
    candidates = [Version("0"), Version(str(_LARGE))]  # No set: 1.0 and 1 are equal, and differ for `===`.
    for each in specifier:
        try:
            candidates += _beside(Version(each.version.removesuffix(".*")))
        except InvalidVersion:
            return True  # `===` alone may name what is no version, and nothing can be said of it.
    return any(specifier.contains(version, prereleases=True) for version in candidates)


def _beside(bound: Version) -> Iterator[Version]:
    """Give versions at a bound, and just below and above it and each of the parts that it is made of."""
    yield bound
    epoch = f"{bound.epoch}!" if bound.epoch else ""
    release = bound.release
    yield Version(f"{epoch}{'.'.join(map(str, release))}.{_LARGE}")
    for count in range(1, len(release) + 1):
        *before, last = release[:count]
        yield Version(epoch + ".".join(map(str, [*before, last + 1])))
        if last:
            yield Version(epoch + ".".join(map(str, [*before, last - 1, _LARGE])))
    yield Version(f"{bound.base_version}.dev0")
    pre = "".join(map(str, bound.pre or ()))
    post = f".post{bound.post}" if bound.post is not None else ""
    if bound.pre is not None:
        yield Version(f"{bound.base_version}{bound.pre[0]}{bound.pre[1] + 1}")
    if bound.post is not None:
        yield Version(f"{bound.base_version}{pre}.post{bound.post + 1}")
    if bound.dev is not None:
        yield Version(f"{bound.base_version}{pre}{post}.dev{bound.dev + 1}")
        yield Version(f"{bound.base_version}{pre}{post}")
    yield Version(bound.base_version)
