"""Follows what the pins of a lock need: which of them are proven, what is not met, and what nobody needs.

The dependencies of a pin are those of the installed distribution, where its version is the pinned one: metadata of one
version of a distribution is the same wherever it is installed. A pin that is not installed at that version is not
proven; only the comments of the lock tell then who needs it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_envrepro.checks.base import dependencies, to_version
from pytest_envrepro.checks.source import is_installed_from
from pytest_envrepro.outcome import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.model import Distribution, Inventory, Lock, Pin, Root
    from pytest_envrepro.requirement import Requirement

_PLATFORM_WORDS = ("platform", "os_name", "implementation_name")


@dataclass(kw_only=True)
class Closure:
    """What following the pins has shown.

    Attributes:
        proven: the names of the pins whose dependencies are known.
        needs: for each name, the names that it needs, by metadata and by the lock's comments together.
        findings: dependencies that no pin meets, or that a pin violates.
    """

    proven: set[str] = field(default_factory=set)
    needs: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    findings: list[Finding] = field(default_factory=list)

    def reached(self, roots: Iterable[str]) -> set[str]:
        """Give all names that are needed, starting from some."""
        waiting = list(roots)
        reached: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting.extend(self.needs.get(name, ()))
        return reached


def follow(
    lock: Lock,
    pins: Mapping[str, list[Pin]],
    environment: Mapping[str, str],
    inventory: Inventory,
    roots: Iterable[Root],
) -> Closure:
    """Follow every pin that applies, with the extras that anything asks for.

    Args:
        pins: those that apply in the environment, by canonical name.
        environment: the marker variables of what the lock was compiled for.
        roots: the requirements of the inputs that apply.
    """
    closure = Closure()
    extras: dict[str, frozenset[str]] = defaultdict(frozenset)
    asked_for = [pin.requirement for several in pins.values() for pin in several]
    for requirement in (*asked_for, *(root.requirement for root in roots)):
        if requirement.name:
            extras[requirement.name] |= requirement.extras
    overrides = _by_name(lock.overrides, environment)
    visited: dict[str, frozenset[str]] = {}
    waiting = list(pins)
    while waiting:
        name = waiting.pop()
        if name not in pins or visited.get(name) == extras[name]:
            continue
        visited[name] = extras[name]
        pin = pins[name][0]
        distribution = installed_as_pinned(pin, inventory)
        if distribution is None:
            continue
        try:
            asked = list(_overridden(dependencies(distribution, environment, extras[name]), overrides))
        except ValueError:
            continue  # Is told as unreadable metadata by the check of conflicts; here it proves nothing.
        closure.proven.add(name)
        for requirement in asked:
            other = requirement.name or ""
            closure.needs[name].add(other)
            if not requirement.extras <= extras[other]:
                extras[other] |= requirement.extras
                waiting.append(other)
            closure.findings += _unmet(lock, pin, requirement, pins.get(other, []))
    for several in pins.values():
        for pin in several:
            for parent in pin.parents:
                closure.needs[parent].add(pin.name)
    return closure


def installed_as_pinned(pin: Pin, inventory: Inventory) -> Distribution | None:
    """Give the installed distribution if it is the one that is pinned, else None."""
    name = pin.requirement.name
    if name is None or name not in inventory.distributions:
        return None
    if pin.version is not None:
        version = to_version(inventory.versions[name])
        if version is None or version.public != pin.version.public:
            return None
    distribution = inventory.distributions[name]
    if distribution.fault or distribution.version is None or not pin.requirement.admits(distribution.version):
        return None
    if pin.requirement.url is not None and not is_installed_from(distribution.source, pin):
        return None
    return distribution


def _by_name(roots: Iterable[Root], environment: Mapping[str, str]) -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = defaultdict(list)
    for root in roots:
        if root.requirement.name and root.requirement.applies(environment):
            found[root.requirement.name].append(root.requirement)
    return found


def _overridden(asked: Iterable[Requirement], overrides: Mapping[str, list[Requirement]]) -> Iterator[Requirement]:
    """Put the overrides in the place of what a package asks for, as uv's `--override` does."""
    for requirement in asked:
        yield from overrides.get(requirement.name or "", (requirement,))


def _unmet(lock: Lock, parent: Pin, requirement: Requirement, met_by: list[Pin]) -> Iterator[Finding]:
    name = requirement.name or ""
    needs = f"{parent.name} {parent.version or ''}".strip() + f" needs {requirement}"
    if not met_by and name not in lock.excluded:
        marker = requirement.marker or ""
        if any(word in marker for word in _PLATFORM_WORDS):
            needs += " on this platform: the lock was compiled on another, or is not closed"
        yield Finding(
            code="missing-transitive",
            package=name,
            expected=requirement.written or None,
            file=parent.file,
            line=parent.line,
            message=needs,
        )
    for pin in met_by:
        if pin.version is not None and not requirement.admits(pin.version):
            yield Finding(
                code="violated-transitive",
                package=name,
                expected=requirement.written,
                actual=str(pin.version),
                file=pin.file,
                line=pin.line,
                message=needs,
            )
