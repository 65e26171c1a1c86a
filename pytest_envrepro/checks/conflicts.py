"""Finds what conflicts among the installed distributions.

That is all that `pip check` (26) finds and, beside it, extras that were asked for, Requires-Python, duplicates, and
metadata that cannot be read.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from packaging import __version__ as _PACKAGING  # noqa: N812  # A constant.
from packaging import tags as packaging_tags
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pytest_envrepro.checks.base import Facts, dependencies
from pytest_envrepro.outcome import Finding, Outcome, sort_findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.model import Distribution, Inventory
    from pytest_envrepro.requirement import Requirement


class ConflictsCheck:
    """The installed distributions agree with each other, with this Python and with this platform."""

    name = "conflicts"
    codes: tuple[str, ...] = (
        "conflict",
        "missing-dependency",
        "wrong-python",
        "wrong-platform",
        "unreadable-metadata",
        "duplicate",
    )

    def subjects(self, facts: Facts) -> tuple[str, ...]:
        """Give the file that checks of the whole environment are shown at."""
        return (facts.project.anchor,)

    def key(self, facts: Facts, subject: str) -> str | None:  # noqa: ARG002  # There is one environment.
        """Give the state of the metadata, the interpreter and the extras asked for."""
        state = facts.inventory.state()
        if state is None:
            return None
        inventory = facts.inventory
        extras = sorted((name, sorted(extras)) for name, extras in _asked(facts))
        variables = sorted(inventory.interpreter.environment.items())
        parts = (state, inventory.fingerprint, inventory.leftovers, inventory.duplicates, variables, extras, _PACKAGING)
        return f"conflicts {parts}"

    def judge(self, facts: Facts, subject: str) -> Outcome:  # noqa: ARG002  # There is one environment.
        """Judge every installed distribution."""
        inventory = facts.inventory
        findings = [*_leftovers(inventory), *duplicates(inventory, inventory.duplicates)]
        for name in inventory.distributions:
            distribution = inventory.distributions[name]
            if distribution.fault:
                findings.append(_unreadable(distribution, distribution.fault))
            findings += _wrong_python(distribution, inventory)
            findings += _wrong_platform(distribution)
        findings += _Walk(inventory).findings(_asked(facts))
        return Outcome(findings=sort_findings(findings), detail=f"{len(inventory.distributions)} distributions")


def _asked(facts: Facts) -> Iterator[tuple[str, frozenset[str]]]:
    """Give the extras that the locks of this environment, and their inputs, ask for."""
    environment = facts.inventory.interpreter.environment
    for path in facts.locks if facts.installed is None else facts.installed:
        lock = facts.locks[path]
        for requirement in lock.stated():
            if requirement.extras and requirement.name and requirement.applies(environment):
                yield requirement.name, requirement.extras


class _Walk:
    """Follows every requirement of every distribution, with the extras that somebody asks for."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.environment = inventory.interpreter.environment
        self.seen: dict[str, frozenset[str]] = {}
        self.found: list[Finding] = []

    def findings(self, asked: Iterator[tuple[str, frozenset[str]]]) -> list[Finding]:
        """Give the conflicts, with the extras asked for from outside."""
        first: dict[str, frozenset[str]] = dict.fromkeys(self.inventory.distributions, frozenset())
        for name, extras in asked:
            if name in first:
                first[name] |= extras
        waiting = list(first.items())
        while waiting:
            name, extras = waiting.pop()
            known = self.seen.get(name)
            if known is not None and extras <= known:
                continue
            self.seen[name] = extras | (known or frozenset())
            waiting += self._visit(self.inventory.distributions[name], self.seen[name])
        return self.found

    def _visit(self, distribution: Distribution, extras: frozenset[str]) -> list[tuple[str, frozenset[str]]]:
        asked: list[tuple[str, frozenset[str]]] = []
        try:
            for requirement in dependencies(distribution, self.environment, extras):
                other = self.inventory.distributions.get(requirement.name or "")
                if other is None or (other.version is not None and not requirement.admits(other.version)):
                    self.found.append(_conflict(distribution, requirement, other))
                elif requirement.extras:
                    asked.append((other.name, requirement.extras))
        except ValueError as error:
            self.found.append(_unreadable(distribution, f"one of its requirements is not valid: {error}"))
        return asked


def _conflict(distribution: Distribution, requirement: Requirement, other: Distribution | None) -> Finding:
    asks = f"{distribution.name} {distribution.version} asks for it"
    wanted = str(requirement)
    return Finding(
        code="missing-dependency" if other is None else "conflict",
        package=distribution.name,
        expected=wanted,
        actual=None if other is None else str(other.version),
        message=f"{asks}, it is not installed" if other is None else f"{asks}, {other.version} is installed",
        fix=f"pip install '{wanted}'",
    )


def _leftovers(inventory: Inventory) -> Iterator[Finding]:
    for label, why in inventory.leftovers:
        yield Finding(code="unreadable-metadata", actual=label, message=f"{label} {why}: delete it")


def duplicates(inventory: Inventory, names: Mapping[str, object]) -> Iterator[Finding]:
    """Give a finding for each of the names that is installed twice in one folder."""
    for name in names:
        labels = " and ".join(inventory.duplicates[name])
        yield Finding(
            code="duplicate",
            package=name,
            actual=labels,
            message=f"{labels} lie in one folder: which of them an import finds, nobody knows",
            fix=f"pip uninstall {name} && pip install {name}=={inventory.versions[name]}",
        )


def _unreadable(distribution: Distribution, fault: str) -> Finding:
    return Finding(
        code="unreadable-metadata",
        package=distribution.name,
        actual=distribution.label,
        message=f"{distribution.label}: {fault}",
        fix=f"pip install --force-reinstall {distribution.name}",
    )


def _wrong_python(distribution: Distribution, inventory: Inventory) -> Iterator[Finding]:
    wanted = distribution.requires_python
    version = inventory.interpreter.version
    if not wanted:
        return
    try:
        if _specifier(wanted).contains(version, prereleases=True):
            return
        message = f"{distribution.name} {distribution.version} supports only Python {wanted}"
        yield Finding(code="wrong-python", package=distribution.name, expected=wanted, actual=version, message=message)
    except InvalidSpecifier:
        yield _unreadable(distribution, f"its Requires-Python '{wanted}' is not valid")


@lru_cache(maxsize=256)
def _specifier(text: str) -> SpecifierSet:
    return SpecifierSet(text)


def _wrong_platform(distribution: Distribution) -> Iterator[Finding]:
    written = distribution.tags
    if written is None or any(_is_supported(tag) for tag in written):
        return
    yield Finding(
        code="wrong-platform",
        package=distribution.name,
        actual=", ".join(written) or None,
        message=f"the wheel of {distribution.name} {distribution.version} was not built for this platform",
        fix=f"pip install --force-reinstall {distribution.name}",
    )


@lru_cache(maxsize=256)
def _is_supported(tag: str) -> bool:
    """Tell whether this interpreter could install a wheel with the tag; `py3-none-any`, the usual one, at once."""
    if tag in {"py3-none-any", "py2.py3-none-any"}:
        return True
    return tag.count("-") == 2 and not _supported().isdisjoint(packaging_tags.parse_tag(tag))  # noqa: PLR2004


@lru_cache(maxsize=1)
def _supported() -> frozenset[packaging_tags.Tag]:
    return frozenset(packaging_tags.sys_tags())
