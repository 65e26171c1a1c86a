"""Compares this environment with the lock that it is installed from."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_envrepro.checks.applying import applying
from pytest_envrepro.checks.base import Facts, dependencies, install_command, is_other_platform
from pytest_envrepro.checks.conflicts import duplicates
from pytest_envrepro.checks.source import is_below, is_installed_from, is_root, is_the_pinned_release
from pytest_envrepro.credentials import redact
from pytest_envrepro.outcome import Finding, Outcome, counted, sort_findings
from pytest_envrepro.requirement import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from pytest_envrepro.inventory import Distribution
    from pytest_envrepro.model import Lock, Pin

# What is in nearly every environment, and what runs this check, with all that only they need.
_NEVER_EXTRANEOUS = frozenset({"pip", "setuptools", "wheel"})
_OURS = ("pytest", "pytest-envrepro")
_NONE_OF_SEVERAL = "none of its pins is installed: name the locks of this environment in 'installed'"
_SEVERAL = "several locks, and the table does not say which is installed: what is missing or extraneous is not judged"


class InstalledCheck:
    """This environment is the lock."""

    name = "installed"
    codes: tuple[str, ...] = ("not-installed", "wrong-version", "wrong-source", "extraneous", "duplicate")

    def subjects(self, facts: Facts) -> tuple[str, ...]:
        """Give the locks that the table names in `installed`, else all."""
        return tuple(facts.locks) if facts.installed is None else facts.installed

    def key(self, facts: Facts, subject: str) -> None:
        """Give None: it is not remembered."""

    def judge(self, facts: Facts, subject: str) -> Outcome:
        """Judge this environment by one lock."""
        lock = facts.locks[subject]
        if lock.choosing:
            lock = replace(lock, install=install_command(lock, facts.parts.get(subject)), choosing=())
        unknown = _unreadable(facts, lock)
        if unknown is not None:
            return Outcome(judged=False, reason=unknown)
        pins = applying(lock, facts.inventory.interpreter.environment, facts.parts.get(subject))
        judges_all = facts.installed is not None or len(facts.locks) == 1
        others = {} if judges_all else _pinned_elsewhere(facts, lock)
        findings: list[Finding] = []
        absent = 0
        for pin in pins:
            name = _name_of(pin, facts)
            if name is None or not facts.inventory.has(name):
                absent += 1
                if judges_all:
                    findings.append(_not_installed(lock, pin))
            else:
                findings += _disagreement(facts, lock, pin, name, others.get(name, ()))
        findings += _duplicates(facts, lock, pins)
        # All locks together say what is extraneous: it is told once, with the first.
        is_first = judges_all and subject == self.subjects(facts)[0]
        if is_first and not any(facts.locks[path].partial for path in self.subjects(facts)):
            findings += _extraneous(facts, lock)
        nothing_compared = bool(pins) and absent == len(pins) and not judges_all
        unknown = _partly_known(lock) or (_NONE_OF_SEVERAL if nothing_compared else None)
        left = f", {absent} not installed" if absent and not judges_all else ""
        return Outcome(
            findings=sort_findings(findings),
            reason=unknown or (None if judges_all else _SEVERAL),
            judged=unknown is None,
            detail=f"{counted(len(pins), 'pin')}{left}",
        )


def _unreadable(facts: Facts, lock: Lock) -> str | None:
    if any(fault.file == lock.path and fault.code in ("unreadable", "merge-conflict") for fault in lock.faults):
        return f"{lock.path} cannot be read in full: see its lock check"
    if not lock.pins and (lock.unread or lock.partial):
        return lock.unread or lock.partial
    if is_other_platform(facts, lock.target):
        return f"{lock.path} was compiled for {lock.target.platform}"
    for kind in sorted({kind_of(pin.name) for pin in lock.pins}):
        if facts.inventory.is_unseen(kind):
            return f"{lock.path} pins packages of {kind}, and this is no environment of {kind}"
    return None


def _partly_known(lock: Lock) -> str | None:
    """Say why some of what a lock pins is not known, or None: what is missing or extraneous is then not either."""
    return f"not all that {lock.path} pins is known: {lock.partial}" if lock.partial else None


def _name_of(pin: Pin, facts: Facts) -> str | None:
    """Give the pin's name; of a path or a URL that tells none, that of the distribution installed from there."""
    if pin.requirement.name is not None:
        return pin.requirement.name
    root = facts.project.root
    if facts.project.name and is_root(pin, root):
        return facts.project.name
    installed = facts.inventory.distributions.items()
    return next((name for name, found in installed if is_installed_from(found.source, pin, root)), None)


def _duplicates(facts: Facts, lock: Lock, pins: list[Pin]) -> Iterator[Finding]:
    lines = {pin.name: pin.line for pin in reversed(pins) if pin.name in facts.inventory.duplicates}
    for finding in duplicates(facts.inventory, lines):
        yield replace(finding, file=lock.path, line=lines[finding.package or ""])


def _not_installed(lock: Lock, pin: Pin) -> Finding:
    requirement = pin.requirement
    return Finding(
        code="not-installed",
        package=requirement.name,
        expected=redact(requirement.url) if requirement.url else requirement.written,
        file=pin.file,
        line=pin.line,
        message="not installed",
        fix=install_command(lock),
    )


def _disagreement(facts: Facts, lock: Lock, pin: Pin, name: str, others: Iterable[Pin]) -> Iterator[Finding]:
    """Give what is wrong with the installed distribution of a pin, unless another lock pins just that."""
    distribution = facts.inventory.get(name)
    root = facts.project.root
    if distribution is None or any(
        _has_version(distribution, other) and _other_source(other, distribution, root) is None for other in others
    ):
        return
    if not _has_version(distribution, pin):
        version = str(distribution.version or facts.inventory.versions.get(name, distribution.label))
        yield Finding(
            code="wrong-version",
            package=name,
            expected=pin.requirement.written,
            actual=version,
            file=pin.file,
            line=pin.line,
            message=f"{version} is installed",
            fix=install_command(lock),
        )
        return
    where = _other_source(pin, distribution, root)
    if where is not None:
        yield Finding(
            code="wrong-source",
            package=name,
            expected=redact(pin.requirement.url) if pin.requirement.url else pin.requirement.written,
            actual=where,
            file=pin.file,
            line=pin.line,
            message=f"installed from {where}",
            fix=_reinstalling(lock, pin, name),
        )


def _has_version(distribution: Distribution, pin: Pin) -> bool:
    if not pin.requirement.is_bound:
        return True
    return distribution.version is not None and pin.requirement.admits(distribution.version)


def _pinned_elsewhere(facts: Facts, lock: Lock) -> dict[str, list[Pin]]:
    """Give the pins of the other locks that apply here, by name."""
    environment = facts.inventory.interpreter.environment
    found: dict[str, list[Pin]] = defaultdict(list)
    for path, other in facts.locks.items():
        for pin in other.pins:
            if path != lock.path and pin.requirement.applies(environment):
                found[pin.name].append(pin)
    return found


def _other_source(pin: Pin, distribution: Distribution, root: str) -> str | None:
    """Tell where a distribution was installed from, if that is not where its pin says."""
    source = distribution.source
    if is_the_pinned_release(source, pin) if pin.requirement.url is None else is_installed_from(source, pin, root):
        return None
    if source is None:
        return "an index"
    commit = f"@{source.commit}" if source.commit else ""
    how = " (editable)" if source.editable else " (not editable)" if pin.editable else ""
    return redact(f"{source.url}{commit}") + how


def _reinstalling(lock: Lock, pin: Pin, name: str) -> str:
    """Give the command that puts in place what is installed from elsewhere."""
    return install_command(lock) if kind_of(name) else f"pip install --force-reinstall --no-deps {_argument(pin)}"


def _argument(pin: Pin) -> str:
    return f"-e '{redact(pin.requirement.url or '')}'" if pin.editable else f"'{pin.requirement}'"


def _extraneous(facts: Facts, lock: Lock) -> Iterator[Finding]:
    locks = [facts.locks[path] for path in facts.installed or (lock.path,)]
    known = {_name_of(pin, facts) for each in locks for pin in each.pins}
    ours = _NEVER_EXTRANEOUS | _needed_by_us(facts)
    known |= ours
    for each in locks:
        known |= each.excluded | each.unpinned
    kinds = {kind_of(pin.name) for each in locks for pin in each.pins}
    others = (
        {name: each for name, each in facts.inventory.others.items() if kind_of(name) in kinds} if any(kinds) else {}
    )
    known |= _parts_of_others(facts, others, ours)
    where = " or ".join(each.path for each in locks)
    for name in (*facts.inventory.distributions, *others):
        distribution = facts.inventory.get(name)
        if name in known or name == facts.project.name or distribution is None:
            continue
        source = distribution.source
        if source is not None and source.directory and is_below(source.url, facts.project.root):
            continue
        yield Finding(
            code="extraneous",
            severity="warn",
            package=name,
            actual=facts.inventory.versions.get(name) or str(distribution.version or distribution.label),
            file=lock.path,
            message=f"not in {where}",
            fix=f"{kind} remove {name.partition(':')[2]}" if (kind := kind_of(name)) else f"pip uninstall {name}",
        )


def _parts_of_others(facts: Facts, others: Mapping[str, Distribution], ours: AbstractSet[str]) -> set[str]:
    """Give what belongs to packages of other kinds: Python's in them, and those that bring ours, with what they need."""
    given = {part for each in others.values() for part in each.provides}
    waiting = [name for name, each in others.items() if not each.provides.isdisjoint(ours)]
    fine: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in others or name in fine:
            continue
        fine.add(name)
        try:
            needed = list(dependencies(others[name].requires, facts.inventory.interpreter.environment))
        except ValueError:
            continue  # What cannot be read is needed by nobody.
        waiting += [need.name or "" for need in needed]
    return given | fine


def _needed_by_us(facts: Facts) -> set[str]:
    """Give pytest, this plugin, and all that they need, uv for one where it came with the extra `uv`."""
    environment = facts.inventory.interpreter.environment
    needed: set[str] = set()
    waiting = list(_OURS)
    while waiting:
        name = waiting.pop()
        distribution = facts.inventory.distributions.get(name)
        if name in needed or distribution is None:
            continue
        needed.add(name)
        try:
            extras = frozenset({"uv"}) if name == "pytest-envrepro" else frozenset[str]()
            waiting.extend(
                requirement.name or "" for requirement in dependencies(distribution.requires, environment, extras)
            )
        except ValueError:
            continue  # Is told by the check of conflicts.
    return needed
