"""Finds what conflicts among the installed distributions.

That is all that `pip check` (26) finds and, beside it, extras that were asked for, Requires-Python, duplicates, and
metadata that cannot be read.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from packaging import __version__ as _PACKAGING  # noqa: N812  # A constant.
from packaging import tags as packaging_tags
from packaging.specifiers import SpecifierSet

from pytest_envrepro.checks.base import Facts, dependencies, install_command, release_of
from pytest_envrepro.checks.plainly import plain_release, see
from pytest_envrepro.outcome import Finding, Outcome, counted, sort_findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.inventory import Distribution, Inventory
    from pytest_envrepro.model import Pin
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
        for distribution in inventory.distributions.values():
            if distribution.fault:
                findings.append(_unreadable(distribution, distribution.fault))
            findings += _wrong_python(distribution, inventory)
            findings += _wrong_platform(distribution)
        findings += _Walk(inventory, _locked(facts)).findings(_asked(facts))
        return Outcome(findings=sort_findings(findings), detail=counted(len(inventory.distributions), "distribution"))


def _asked(facts: Facts) -> Iterator[tuple[str, frozenset[str]]]:
    """Give the extras that the locks of this environment, and their inputs, ask for.

    Which of several locks is installed is not known where the table does not say: then none of them asks.
    """
    environment = facts.inventory.interpreter.environment
    for path in _installed_locks(facts):
        lock = facts.locks[path]
        for requirement in lock.stated():
            if requirement.extras and requirement.name and requirement.applies(environment):
                yield requirement.name, requirement.extras


def _locked(facts: Facts) -> dict[str, list[tuple[Pin, str]]]:
    """Give the pins of the locks of this environment that apply, by name, with the command that installs the lock."""
    environment = facts.inventory.interpreter.environment
    found: dict[str, list[tuple[Pin, str]]] = defaultdict(list)
    for path in _installed_locks(facts):
        for pin in facts.locks[path].pins:
            if pin.requirement.applies(environment):
                found[pin.name].append((pin, install_command(facts.locks[path], facts.parts.get(path))))
    return found


def _installed_locks(facts: Facts) -> tuple[str, ...]:
    if facts.installed is not None:
        return facts.installed
    return tuple(facts.locks) if len(facts.locks) == 1 else ()


# Ours are needed by single features, each of which says so: `pip install --no-deps` is a way to install this plugin.
_OWN = "pytest-envrepro"


class _Walk:
    """Follows every requirement of every distribution, with the extras that somebody asks for."""

    def __init__(self, inventory: Inventory, locked: Mapping[str, list[tuple[Pin, str]]]) -> None:
        self.locked = locked
        self.distributions = dict(inventory.distributions)
        self.releases = {name: plain_release(each.version) for name, each in self.distributions.items()}
        self.environment = inventory.interpreter.environment
        self.seen: dict[str, frozenset[str]] = {}
        self.found: list[Finding] = []

    def findings(self, asked: Iterator[tuple[str, frozenset[str]]]) -> list[Finding]:
        """Give the conflicts, with the extras asked for from outside."""
        first: dict[str, frozenset[str]] = dict.fromkeys(self.distributions, frozenset())
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
            waiting += self._visit(self.distributions[name], self.seen[name])
        return self.found

    def _visit(self, distribution: Distribution, extras: frozenset[str]) -> list[tuple[str, frozenset[str]]]:
        asked: list[tuple[str, frozenset[str]]] = []
        doubtful = [text for text in distribution.requires if not self._is_plainly_met(text)]
        try:
            for requirement in dependencies(doubtful, self.environment, extras):
                other = self.distributions.get(requirement.name or "")
                if other is None and distribution.name == _OWN:
                    continue
                if other is None or (other.version is not None and not requirement.admits(other.version)):
                    self.found.append(_conflict(distribution, requirement, other, self._fix(requirement)))
                if other is not None and requirement.extras:
                    asked.append((other.name, requirement.extras))
        except ValueError as error:
            self.found.append(_unreadable(distribution, f"one of its requirements is not valid: {error}"))
        return asked

    def _fix(self, requirement: Requirement) -> str:
        """Give the command that installs what is asked for: by the lock, where its pin meets it."""
        for pin, command in self.locked.get(requirement.name or "", ()):
            if pin.version is not None and requirement.admits(pin.version):
                return command
        return f"pip install '{requirement}'"

    def _is_plainly_met(self, text: str) -> bool:
        plain = see(text)
        return plain is not None and plain.extra is None and plain.is_met(self.releases)


def _conflict(distribution: Distribution, requirement: Requirement, other: Distribution | None, fix: str) -> Finding:
    asks = f"{distribution.name} {distribution.version} asks for it"
    found = None if other is None else str(other.version)
    return Finding(
        code="missing-dependency" if other is None else "conflict",
        package=distribution.name,
        expected=str(requirement),
        actual=found,
        message=f"{asks}, {requirement.name} {found} is installed" if found else f"{asks}, not installed",
        fix=fix,
    )


def _leftovers(inventory: Inventory) -> Iterator[Finding]:
    for label, why in inventory.leftovers:
        yield Finding(code="unreadable-metadata", actual=label, message=f"{label} {why}: delete it")


def duplicates(inventory: Inventory, names: Mapping[str, object]) -> Iterator[Finding]:
    """Give a finding for each of the names that is installed twice in one folder."""
    for name in names:
        several = inventory.duplicates[name]
        labels = " and ".join(several)
        # pip removes one of them at a time.
        remove = [f"pip uninstall --yes {name}"] * len(several)
        yield Finding(
            code="duplicate",
            package=name,
            actual=labels,
            message=f"installed twice in one folder: {labels}",
            fix=" && ".join([*remove, f"pip install {name}"]),
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
        if _supports(wanted, release_of(inventory.interpreter)):
            return
        message = f"{distribution.version} supports only Python {wanted}, this is {version}"
        yield Finding(code="wrong-python", package=distribution.name, expected=wanted, actual=version, message=message)
    except ValueError:  # Also of a number that Python refuses to read.
        yield _unreadable(distribution, f"its Requires-Python '{wanted}' is not valid")


@lru_cache(maxsize=256)
def _supports(requires_python: str, version: str) -> bool:
    return SpecifierSet(requires_python).contains(version, prereleases=True)


def _wrong_platform(distribution: Distribution) -> Iterator[Finding]:
    written = distribution.tags
    if written is None or any(_is_supported(tag) for tag in written):
        return
    yield Finding(
        code="wrong-platform",
        package=distribution.name,
        actual=", ".join(written) or None,
        message=f"{distribution.version} was built for {', '.join(written) or 'no platform'}, not for this one",
        fix=f"pip install --force-reinstall {distribution.name}",
    )


@lru_cache(maxsize=256)
def _is_supported(tag: str) -> bool:
    """Tell whether this interpreter could install a wheel with the tag; `py3-none-any`, the usual one, at once."""
    if tag in {"py3-none-any", "py2.py3-none-any"}:
        return True
    return tag.count("-") == 2 and _tags().include(packaging_tags.parse_tag(tag))  # noqa: PLR2004


class _Tags:
    """The tags that this interpreter supports, best first: made only as far as they are asked for."""

    def __init__(self) -> None:
        self._made: set[packaging_tags.Tag] = set()
        self._rest = packaging_tags.sys_tags()

    def include(self, wanted: frozenset[packaging_tags.Tag]) -> bool:
        """Tell whether any of some tags is among them."""
        if not self._made.isdisjoint(wanted):
            return True
        for tag in self._rest:
            self._made.add(tag)
            if tag in wanted:
                return True
        return False


@lru_cache(maxsize=1)
def _tags() -> _Tags:
    return _Tags()
