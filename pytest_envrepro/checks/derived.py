"""Compares a lock with the lock that it was written from, and the locks of one project with each other: by their pins."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.checks.applying import applying
from pytest_envrepro.credentials import redact
from pytest_envrepro.outcome import Finding
from pytest_envrepro.requirement import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.checks.base import Facts
    from pytest_envrepro.model import Lock, Pin
    from pytest_envrepro.provenance import Exported


_NAMED = re.compile(r"pylock\.[^.]+\.toml")  # PEP 751: several locks of one project are told from each other so.
_COMMIT = re.compile(r"\b[0-9a-f]{40}\b")


class Drift(NamedTuple):
    """What the comparison has shown.

    Attributes:
        findings: where the two differ.
        unknown: why they cannot be compared, or None.
    """

    findings: tuple[Finding, ...] = ()
    unknown: str | None = None


def compare(facts: Facts, lock: Lock, environment: Mapping[str, str]) -> Drift:
    """Compare a lock with the one that it was written from, or with the others of its project.

    Args:
        environment: the marker variables of what it is for.
    """
    if lock.exported is None:
        return Drift(tuple(_contradictions(facts, lock, environment)))
    parent = facts.locks.get(lock.exported.parent)
    if parent is None:
        if any(fault.code == "input-missing" for fault in lock.faults):
            return Drift()
        return Drift(unknown=f"{lock.exported.parent}, which it was exported from, is left out here")
    if parent.unread or parent.partial:
        return Drift(unknown=f"{parent.path}, which it was exported from, cannot be read: mend that first")
    return Drift(tuple(_drift(lock, parent, lock.exported, environment)))


def with_parent(facts: Facts, lock: Lock) -> Lock | None:
    """Give the lock that one was written from."""
    return facts.locks.get(lock.exported.parent) if lock.exported else None


def _drift(lock: Lock, parent: Lock, exported: Exported, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Give what the two pin differently, what is not in the other one, and what has other hashes."""
    own = [pin for pin in lock.pins if pin.requirement.name]
    here = [pin for pin in own if pin.requirement.applies(environment)]
    names, known_here = frozenset(pin.name for pin in here), {id(pin) for pin in here}
    selected = {pin.name: pin for pin in _selected(parent, exported, environment, names)}
    known: dict[str, list[Pin]] = defaultdict(list)
    for pin in parent.pins:
        known[pin.name].append(pin)
    for pin in own:
        expected = known.get(pin.name, [])
        same = [each for each in expected if _are_same(pin, each)]
        if not expected and pin.name in parent.excluded and not _is_released(pin):
            continue  # The project itself, which no lock of its own pins.
        if not same:
            yield _differs(pin, expected, parent)
        elif all(each.hashes for each in same) and set(pin.hashes).difference(*(each.hashes for each in same)):
            message = f"has a hash that is not in {parent.path}:{same[0].line}, which this file was exported from"
            yield _finding(pin, None, message)
        elif exported.is_known and id(pin) in known_here and pin.name not in selected.keys() | parent.excluded:
            yield _finding(pin, None, f"{parent.path} has no need of it in what this file was exported from it for")
    narrowed = {pin.name: pin for pin in own}
    for name in sorted(selected.keys() - names - exported.omitted - lock.excluded):
        pin, other = selected[name], narrowed.get(name)
        if _is_released(pin):
            yield Finding(
                code="derived-drift",
                package=name,
                expected=_shown(pin),
                file=lock.path,
                line=other.line if other else None,
                message=f"{parent.path}:{pin.line} pins it{' for this environment' if other else ''}, and this file, "
                "which was exported from it, does not",
            )


def _selected(parent: Lock, exported: Exported, environment: Mapping[str, str], names: frozenset[str]) -> list[Pin]:
    """Give the pins of a lock that another one has to hold: by its command, or else those that are nearest to what it holds."""
    groups = frozenset(part for part in parent.parts if not part.startswith("["))
    extras = parent.parts - groups
    if exported.is_known:
        parts = set(parent.usual if exported.usual else ()) | exported.added
        is_named = not exported.added.isdisjoint(groups)
        if "groups" in exported.every or ("groups unless named" in exported.every and not is_named):
            parts |= groups
        parts |= extras if "extras" in exported.every else set()
        return applying(parent, environment, frozenset(parts - exported.removed), main=exported.main)
    choices = [(True, frozenset[str]()), (True, parent.usual), (True, groups), (True, parent.parts)]
    choices += [(main, frozenset({part})) for part in sorted(parent.parts) for main in (True, False)]
    selections = [applying(parent, environment, parts, main=main) for main, parts in dict.fromkeys(choices)]
    return min(selections, key=lambda pins: len({pin.name for pin in pins} ^ names))


def _differs(pin: Pin, expected: list[Pin], parent: Lock) -> Finding:
    if not expected:
        return _finding(pin, None, f"{parent.path}, which this file was exported from, does not pin it")
    first = expected[0]
    return _finding(pin, first, f"{parent.path}:{first.line} pins {_plain(first)}, and this file was exported from it")


def _contradictions(facts: Facts, lock: Lock, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Give the pins of which another lock of the same project has another version."""
    for other in _of_the_same_project(facts, lock):
        versions: dict[str, list[Pin]] = defaultdict(list)
        for pin in other.pins:
            if pin.requirement.applies(environment):
                versions[pin.name].append(pin)
        for pin in lock.pins:
            others = versions.get(pin.name, []) if pin.requirement.applies(environment) else []
            if others and not any(_are_same(pin, each) for each in others):
                place = f"{other.path}:{others[0].line}"
                yield _finding(pin, others[0], f"{place} pins {_plain(others[0])} for the same project")


def _of_the_same_project(facts: Facts, lock: Lock) -> Iterable[Lock]:
    """Give the locks that are to agree with one: those in its folder that belong to a whole project, as a stamp shows.

    Of two such locks the second is charged. Of others, those alone that have no inputs of their own: two compiled ones
    may be for different things, and those that have a name of their own (`pylock.NAME.toml`) are. What pins packages of
    another kind than Python's is for an environment of that kind, beside which the project has another.
    """
    if (lock.stamp is None and lock.inputs) or _is_named(lock.path) or _is_of_another_kind(lock):
        return
    for path, other in facts.locks.items():
        is_first = lock.stamp is None or path < lock.path
        beside = posixpath.dirname(path) == posixpath.dirname(lock.path) and not _is_named(path)
        is_whole = other.stamp is not None and not other.partial and not _is_of_another_kind(other)
        if is_whole and path != lock.path and is_first and beside:
            yield other


def _is_of_another_kind(lock: Lock) -> bool:
    return any(kind_of(pin.name) for pin in lock.pins)


def _is_named(path: str) -> bool:
    return _NAMED.fullmatch(posixpath.basename(path)) is not None


def _are_same(pin: Pin, other: Pin) -> bool:
    """Tell whether two pins are of one release, or of one commit or file; one URL of it may say more than the other."""
    urls = [each.requirement.url for each in (pin, other) if each.requirement.url]
    if len(urls) == 2:  # noqa: PLR2004  # Both have one.
        commits = [set(_COMMIT.findall(url)) for url in urls]
        if all(commits):
            return not commits[0].isdisjoint(commits[1])
        return not all(map(_is_remote, urls)) or len({url.partition("#")[0] for url in urls}) == 1
    return pin.version == other.version


def _is_released(pin: Pin) -> bool:
    """Tell whether every lock has a pin by its name: a path may stand in another one without it."""
    return pin.requirement.name is not None and (pin.version is not None or _is_remote(pin.requirement.url or ""))


def _is_remote(url: str) -> bool:
    return "://" in url and not url.startswith("file:")


def _shown(pin: Pin) -> str:
    return f"=={pin.version}" if pin.version is not None else _plain(pin)


def _plain(pin: Pin) -> str:
    return str(pin.version) if pin.version is not None else redact(pin.requirement.url or pin.requirement.written)


def _finding(pin: Pin, expected: Pin | None, message: str) -> Finding:
    return Finding(
        code="derived-drift",
        package=pin.requirement.name,
        expected=_shown(expected) if expected else None,
        actual=str(pin.version) if pin.version is not None else None,
        file=pin.file,
        line=pin.line,
        message=message,
    )
