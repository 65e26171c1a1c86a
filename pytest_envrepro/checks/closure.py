"""Follows what the pins of a lock need: which of them are proven, what is not met, and what nobody needs.

The dependencies of a pin are those of the installed distribution, where its version is the pinned one: metadata of one
version of a distribution is the same wherever it is installed. A pin that is not installed at that version is not
proven. Many formats list besides what each pin needs. That is followed too; but who removes a package from a lock may
remove it from those lists as well, so that they prove nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_envrepro.checks.base import dependencies, to_version
from pytest_envrepro.checks.plainly import plain_release, see
from pytest_envrepro.checks.source import is_installed_from, is_the_pinned_release
from pytest_envrepro.model import MAIN
from pytest_envrepro.outcome import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.checks.base import Facts
    from pytest_envrepro.checks.plainly import Release
    from pytest_envrepro.inventory import Distribution
    from pytest_envrepro.model import Lock, Pin, Root
    from pytest_envrepro.requirement import Requirement

_PLATFORM_WORDS = ("platform", "os_name", "implementation_name")


@dataclass(kw_only=True)
class Closure:
    """What following the pins has shown.

    Attributes:
        proven: the names of the pins whose dependencies are known by metadata.
        listed: the names of those whose dependencies are known by the lock's own lists.
        needs: for each name, the names that it needs, by both.
        findings: dependencies that no pin meets, or that a pin violates.
    """

    proven: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    needs: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    findings: list[Finding] = field(default_factory=list)


def follow(
    lock: Lock,
    pins: Mapping[str, list[Pin]],
    environment: Mapping[str, str],
    facts: Facts,
    roots: Iterable[Root],
) -> Closure:
    """Follow every pin that applies, with the extras that anything asks for.

    Args:
        pins: those that apply in the environment, by canonical name.
        environment: the marker variables of what the lock was compiled for.
        roots: the requirements of the inputs that apply.
    """
    following = _Following(lock, pins, environment, facts)
    asked_for = [pin.requirement for several in pins.values() for pin in several]
    following.run((*asked_for, *(root.requirement for root in roots)))
    return following.closure


class _Following:
    """What has been followed so far, and with which extras."""

    def __init__(self, lock: Lock, pins: Mapping[str, list[Pin]], environment: Mapping[str, str], facts: Facts) -> None:
        self.closure = Closure()
        self._lock = lock
        self._pins = pins
        self._environment = environment
        self._facts = facts
        self._overrides = _by_name(lock.overrides, environment)
        self._releases = {name: _release(several) for name, several in pins.items() if name not in self._overrides}
        # Where parts of the project exclude each other, the lock is to be whole for each choice.
        self._chosen = frozenset(f":{part}" for part in lock.parts)
        self._extras: dict[str, frozenset[str]] = defaultdict(frozenset)
        self._waiting = list(pins)

    def run(self, asked_for: Iterable[Requirement]) -> None:
        """Follow all pins, and again those that further extras are asked of."""
        for requirement in asked_for:
            if requirement.name:
                self._extras[requirement.name] |= requirement.extras
        visited: dict[str, frozenset[str]] = {}
        while self._waiting:
            name = self._waiting.pop()
            known, extras = visited.get(name), self._extras[name]
            if name not in self._pins or known == extras:
                continue
            visited[name] = extras
            # Of two pins for one environment the first is meant, but where what needs them tells one from the other.
            for pin in self._pins[name] if self._lock.has_choices else self._pins[name][:1]:
                self._follow(pin, known, extras)

    def _follow(self, pin: Pin, known: frozenset[str] | None, extras: frozenset[str]) -> None:
        """Follow what a pin needs with some extras, but for what was followed with those that are known."""
        distribution = installed_as_pinned(pin, self._facts)
        unmet: set[str] = set()
        for requires, known_by in (
            (distribution.requires if distribution is not None else None, self.closure.proven),
            (pin.requires, self.closure.listed),
        ):
            if requires is None:
                continue
            new = requires if known is None else _for_extras(requires, extras - known)
            met, doubtful = self._glance(new)
            try:
                needs = list(dependencies(doubtful, self._environment, extras | self._chosen))
            except ValueError:
                continue  # Is told as unreadable metadata by the check of conflicts; here it proves nothing.
            known_by.add(pin.name)
            self.closure.needs[pin.name] |= met
            for requirement in _overridden(needs, self._overrides):
                self._note(pin, requirement, unmet)

    def _glance(self, requires: Iterable[str]) -> tuple[set[str], list[str]]:
        """Give the names of what is plainly needed everywhere, without extras, and pinned so, as nearly all is; and the rest."""
        met, rest = set[str](), list[str]()
        for text in requires:
            plain = see(text)
            if plain is not None and plain.applies and plain.is_met(self._releases):
                met.add(plain.name)
            else:
                rest.append(text)
        return met, rest

    def _note(self, pin: Pin, requirement: Requirement, unmet: set[str]) -> None:
        """Note that a pin needs something, and once by its name what is wrong with that."""
        name = requirement.name or ""
        self.closure.needs[pin.name].add(name)
        if not requirement.extras <= self._extras[name]:
            self._extras[name] |= requirement.extras
            self._waiting.append(name)
        if name not in unmet and (found := list(_unmet(self._lock, pin, requirement, self._pins.get(name, [])))):
            unmet.add(name)
            self.closure.findings += found


def given_by(pins: Iterable[str], facts: Facts) -> set[str]:
    """Give the names of Python's packages that lie in pinned packages of another kind, whatever these are called."""
    others = facts.inventory.others
    return {name for pinned in pins if pinned in others for name in others[pinned].provides}


def _for_extras(requires: Iterable[str], extras: frozenset[str]) -> list[str]:
    """Give what may be for some extras: what is plainly for others, or for none, has been followed before."""
    return [text for text in requires if (plain := see(text)) is None or plain.extra in extras]


def installed_as_pinned(pin: Pin, facts: Facts) -> Distribution | None:
    """Give the installed distribution if its dependencies are those of what is pinned, else None.

    The metadata of a folder is none of a release: it may be older than the folder's files.
    """
    inventory = facts.inventory
    name = pin.requirement.name
    if name is None or pin.described:
        return None
    if pin.version is not None and name in inventory.versions:
        version = to_version(inventory.versions[name])
        if version is None or version.public != pin.version.public:
            return None
    distribution = inventory.get(name)
    if (
        distribution is None
        or distribution.fault
        or distribution.version is None
        or not pin.requirement.admits(distribution.version)
    ):
        return None
    source = distribution.source
    if pin.requirement.url is None:
        return distribution if is_the_pinned_release(source, pin) else None
    if source is None or source.directory or not is_installed_from(source, pin, facts.project.root):
        return None
    return distribution


def _by_name(roots: Iterable[Root], environment: Mapping[str, str]) -> dict[str, list[Requirement]]:
    """Give the requirements that apply; a name of which none does is there too, without any."""
    found: dict[str, list[Requirement]] = defaultdict(list)
    for root in roots:
        applying = found[root.requirement.name or ""]
        if root.requirement.applies(environment):
            applying.append(root.requirement)
    return found


def _release(pins: list[Pin]) -> Release | None:
    """Give the version to compare at a glance: of a single pin, which is there whatever parts of the project are chosen."""
    is_always_there = len(pins) == 1 and (not pins[0].parts or MAIN in pins[0].parts)
    return plain_release(pins[0].version) if is_always_there else None


def _overridden(asked: Iterable[Requirement], overrides: Mapping[str, list[Requirement]]) -> Iterator[Requirement]:
    """Put the overrides in the place of what a package asks for, as uv's `--override` does."""
    for requirement in asked:
        yield from overrides.get(requirement.name or "", (requirement,))


def _is_for_others(parent: Pin, met_by: list[Pin]) -> bool:
    """Tell whether a pin is installed with the project whatever else is, and what it needs only with other parts."""
    return MAIN in parent.parts and bool(met_by) and all(pin.parts and MAIN not in pin.parts for pin in met_by)


def _unmet(lock: Lock, parent: Pin, requirement: Requirement, met_by: list[Pin]) -> Iterator[Finding]:
    name = requirement.name or ""
    if not met_by and name not in lock.excluded | lock.unpinned:
        marker = requirement.marker or ""
        elsewhere = any(word in marker for word in _PLATFORM_WORDS)
        why = " on this platform: the lock was compiled on another, or is not closed" if elsewhere else ""
        yield _missing(parent, requirement, f"{_needs(parent, requirement)}{why}")
    if _is_for_others(parent, met_by) and "extra" not in (requirement.marker or "") and name not in lock.excluded:
        parts = " and ".join(f"'{part}'" for part in sorted({part for pin in met_by for part in pin.parts}))
        yield _missing(parent, requirement, f"{_needs(parent, requirement)}, which is locked for {parts} alone")
    violating = [pin for pin in met_by if pin.version is not None and not requirement.admits(pin.version)]
    if lock.has_choices and len(violating) < len(met_by):
        return  # Another pin of that name is for what else needs it.
    for pin in violating:
        yield Finding(
            code="violated-transitive",
            package=name,
            expected=requirement.written,
            actual=str(pin.version),
            file=pin.file,
            line=pin.line,
            message=_needs(parent, requirement),
        )


def _needs(parent: Pin, requirement: Requirement) -> str:
    return f"{parent.name} {parent.version or ''}".strip() + f" needs {requirement}"


def _missing(parent: Pin, requirement: Requirement, message: str) -> Finding:
    return Finding(
        code="missing-transitive",
        package=requirement.name or "",
        expected=requirement.written or None,
        file=parent.file,
        line=parent.line,
        message=message,
    )
