"""Judges requirements by what is installed: their versions, sources and extras, and all that they need in turn.

Dependencies are followed as `pip check` (26) does, for the extras that are asked for too, and each once: a circle ends.
"""

from __future__ import annotations

import shlex
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.credentials import redact
from pytest_envrepro.integrations.base import Need
from pytest_envrepro.integrations.origin import is_from, place_of
from pytest_envrepro.requirement import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_envrepro.integrations.base import Status
    from pytest_envrepro.inventory import Distribution, Inventory
    from pytest_envrepro.requirement import Requirement


class Wanted(NamedTuple):
    """A requirement, with the command that installs it."""

    requirement: Requirement
    fix: str


class Satisfaction:
    """Judges requirements by an inventory.

    Args:
        root: the project's folder, to find relative paths by.
    """

    def __init__(self, inventory: Inventory, root: str) -> None:
        self._inventory = inventory
        self._environment = inventory.interpreter.environment
        self._root = root

    def needs(self, wanted: Iterable[Wanted]) -> tuple[Need, ...]:
        """Judge some requirements, and give besides what is missing of all that they need in turn."""
        found: dict[tuple[str, bool], Need] = {}
        waiting: deque[tuple[Distribution, frozenset[str], str]] = deque()
        for requirement, fix in wanted:
            if not requirement.applies(self._environment):
                why = f"is not for this environment ({requirement.marker})"
                found.setdefault((str(requirement), False), Need(str(requirement), None, False, why, applies=False))
                continue
            need = self._direct(requirement, fix)
            found.setdefault((str(requirement), True), need)
            distribution = self.distribution(requirement)
            if need.met and distribution is not None:
                waiting.append((distribution, requirement.extras, ""))
        for need in self._follow(waiting):
            found.setdefault((need.requirement, True), need)
        return tuple(found.values())

    def distribution(self, requirement: Requirement) -> Distribution | None:
        """Give what is installed of a requirement's name; of one that is a URL alone, what is installed from there."""
        distributions = self._inventory.distributions
        if requirement.name is not None:
            return distributions.get(requirement.name)
        url = requirement.url or ""
        return next((each for each in distributions.values() if is_from(each.source, url, self._root)), None)

    def _direct(self, requirement: Requirement, fix: str) -> Need:
        """Judge one requirement, its dependencies aside."""
        found, why_not = self._judge(requirement)
        if why_not is None and requirement.extras and requirement.name:
            declared = self._inventory.extras(requirement.name)
            unknown = sorted(requirement.extras - declared)
            if unknown:
                named = " and no ".join(f"extra '{extra}'" for extra in unknown)
                why = f"{found} has no {named} (it has: {', '.join(sorted(declared)) or 'none'})"
                return Need(str(requirement), found, met=False, why=why)
        if why_not is None:
            return Need(str(requirement), found, met=True, why=f"{found} is installed")
        return Need(str(requirement), found, met=False, why=why_not, fix=fix)

    def _judge(self, requirement: Requirement) -> tuple[str | None, str | None]:
        """Give the version that is installed, and why it is not what is needed."""
        distribution = self.distribution(requirement)
        if distribution is None:
            return None, "is not installed"
        version = distribution.version
        found = None if version is None else str(version)
        if version is None or distribution.fault:
            return found, f"its metadata is not to be trusted: {distribution.fault}"
        if not requirement.admits(version):
            return found, f"{version} is installed"
        if requirement.url is not None and not is_from(distribution.source, requirement.url, self._root):
            return found, f"{version} is installed from {place_of(distribution.source)}"
        return found, None

    def _follow(self, waiting: deque[tuple[Distribution, frozenset[str], str]]) -> Iterator[Need]:
        """Give what is missing of all that some distributions need, the nearest first.

        Args:
            waiting: each with the extras that are asked of it, and the words that lead to it.
        """
        seen: dict[str, frozenset[str]] = {}
        while waiting:
            distribution, extras, chain = waiting.popleft()
            known = seen.get(distribution.name)
            if known is not None and extras <= known:
                continue
            seen[distribution.name] = extras = extras | (known or frozenset())
            label = f"{distribution.name} {distribution.version}"
            for text in distribution.requires:
                try:
                    requirement = parse(text)
                except ValueError as error:
                    yield Need(
                        redact(text), None, met=False, why=f"{chain}{label} needs it, and it is not valid: {error}"
                    )
                    continue
                if not requirement.applies(self._environment, extras):
                    continue
                words = f"{chain}{label} needs {requirement}, "
                found, why_not = self._judge(requirement)
                other = self.distribution(requirement)
                if why_not is not None:
                    why = f"{words}which {why_not}" if why_not.startswith("is ") else f"{words}{why_not}"
                    yield Need(str(requirement), found, met=False, why=why, fix=pip_install(requirement))
                elif other is not None:
                    waiting.append((other, requirement.extras, words))


def pip_install(requirement: Requirement) -> str:
    """Give the command that installs it."""
    return f"pip install {quoted(str(requirement))}"


def quoted(text: str) -> str:
    """Quote for a shell, also where it need not be: `'psycopg'` is read faster beside `'psycopg>=3.1'`."""
    return shlex.quote(text) if "'" in text else f"'{text}'"


def status_of(needs: Iterable[Need], *, excluded: bool) -> Status:
    """Give the status of some needs.

    Args:
        excluded: whether a marker, or a provider's own rule, excludes one of them here.
    """
    judged = [need for need in needs if need.applies]
    if not judged:
        return "not-applicable" if excluded else "met"
    met = sum(need.met for need in judged)
    return "met" if met == len(judged) else "partial" if met else "missing"
