"""Compares this environment with the lock that it is installed from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_envrepro.checks.base import Facts, dependencies, is_other_platform, to_version
from pytest_envrepro.checks.conflicts import duplicates
from pytest_envrepro.checks.source import is_installed_from, same_place
from pytest_envrepro.outcome import Finding, Outcome, sort_findings
from pytest_envrepro.requirement import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.model import Distribution, Lock, Pin

# What is in nearly every environment, and what runs this check, with all that only they need.
_NEVER_EXTRANEOUS = frozenset({"pip", "setuptools", "wheel", "distribute", "uv"})
_OURS = ("pytest", "pytest-envrepro")
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
        unknown = _unreadable(facts, lock)
        if unknown is not None:
            return Outcome(judged=False, reason=unknown)
        environment = facts.inventory.interpreter.environment
        pins = [pin for pin in lock.pins if pin.requirement.applies(environment)]
        judges_all = facts.installed is not None or len(facts.locks) == 1
        findings: list[Finding] = []
        absent = 0
        for pin in pins:
            name = _name_of(pin, facts)
            if name is None or name not in facts.inventory.versions:
                absent += 1
                if judges_all:
                    findings.append(_not_installed(lock, pin))
            else:
                findings += _disagreement(facts, lock, pin, name)
        pinned_twice = dict.fromkeys(pin.name for pin in pins if pin.name in facts.inventory.duplicates)
        findings += (
            replace(finding, file=lock.path, line=_line_of(lock, finding.package))
            for finding in duplicates(facts.inventory, pinned_twice)
        )
        # All locks together say what is extraneous: it is told once, with the first.
        if judges_all and subject == self.subjects(facts)[0]:
            findings += _extraneous(facts, lock)
        left = f", {absent} not installed" if absent and not judges_all else ""
        return Outcome(
            findings=sort_findings(findings),
            reason=None if judges_all else _SEVERAL,
            detail=f"{len(pins)} pins{left}",
        )


def _unreadable(facts: Facts, lock: Lock) -> str | None:
    if any(fault.file == lock.path and fault.code in ("unreadable", "merge-conflict") for fault in lock.faults):
        return f"{lock.path} cannot be read in full: see its lock check"
    if lock.unread and not lock.pins:
        return lock.unread
    if is_other_platform(facts, lock.target):
        return f"{lock.path} was compiled for {lock.target.platform}"
    return None


def _name_of(pin: Pin, facts: Facts) -> str | None:
    """Give the pin's name; of a path or a URL that tells none, that of the distribution installed from there."""
    if pin.requirement.name is not None:
        return pin.requirement.name
    project = facts.project
    url = pin.requirement.url or ""
    if project.name and (url in {".", "./"} or same_place(url, project.root)):
        return project.name
    for name, distribution in facts.inventory.distributions.items():
        if is_installed_from(distribution.source, pin):
            return name
    return None


def _line_of(lock: Lock, name: str | None) -> int | None:
    return next((pin.line for pin in lock.pins if pin.name == name), None)


def _not_installed(lock: Lock, pin: Pin) -> Finding:
    requirement = pin.requirement
    return Finding(
        code="not-installed",
        package=requirement.name,
        expected=redact(requirement.url) if requirement.url else requirement.written,
        file=pin.file,
        line=pin.line,
        message="is not installed",
        fix=_install(lock),
    )


def _disagreement(facts: Facts, lock: Lock, pin: Pin, name: str) -> Iterator[Finding]:
    """Give what is wrong with the installed distribution of a pin, unless another lock pins just that."""
    version = to_version(facts.inventory.versions[name])
    if version is not None and pin.requirement.specifier and not pin.requirement.admits(version):
        if facts.installed is None and _is_pinned_elsewhere(facts, lock, name):
            return
        yield Finding(
            code="wrong-version",
            package=name,
            expected=pin.requirement.written,
            actual=str(version),
            file=pin.file,
            line=pin.line,
            message=f"{version} is installed",
            fix=_install(lock),
        )
        return
    distribution = facts.inventory.distributions[name]
    where = _other_source(pin, distribution)
    if where is not None:
        yield Finding(
            code="wrong-source",
            package=name,
            expected=redact(pin.requirement.url) if pin.requirement.url else pin.requirement.written,
            actual=where,
            file=pin.file,
            line=pin.line,
            message=f"was installed from {where}",
            fix=f"pip install --force-reinstall --no-deps '{pin.requirement}'",
        )


def _is_pinned_elsewhere(facts: Facts, lock: Lock, name: str) -> bool:
    environment = facts.inventory.interpreter.environment
    version = to_version(facts.inventory.versions[name])
    return version is not None and any(
        pin.name == name and pin.requirement.applies(environment) and pin.requirement.admits(version)
        for path, other in facts.locks.items()
        if path != lock.path
        for pin in other.pins
    )


def _other_source(pin: Pin, distribution: Distribution) -> str | None:
    """Tell where a distribution was installed from, if that is not where its pin says."""
    source = distribution.source
    if pin.requirement.url is not None:
        if is_installed_from(source, pin):
            return None
        if source is None:
            return "an index"
    elif source is None or not source.hashes.isdisjoint(pin.hashes):
        return None
    commit = f"@{source.commit}" if source.commit else ""
    return redact(f"{source.url}{commit}") + (" (editable)" if source.editable else "")


def _extraneous(facts: Facts, lock: Lock) -> Iterator[Finding]:
    locks = [facts.locks[path] for path in facts.installed or (lock.path,)]
    known = {_name_of(pin, facts) for each in locks for pin in each.pins}
    known |= _NEVER_EXTRANEOUS | _needed_by_us(facts)
    for each in locks:
        known |= each.excluded
    where = " or ".join(each.path for each in locks)
    for name in facts.inventory.distributions:
        if name in known or name == facts.project.name:
            continue
        source = facts.inventory.distributions[name].source
        if source is not None and same_place(source.url, facts.project.root):
            continue
        yield Finding(
            code="extraneous",
            severity="warn",
            package=name,
            actual=facts.inventory.versions[name],
            file=lock.path,
            message=f"is installed, and not in {where}",
            fix=f"pip uninstall {name}",
        )


def _needed_by_us(facts: Facts) -> set[str]:
    """Give pytest, this plugin, and all that they need."""
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
            waiting.extend(requirement.name or "" for requirement in dependencies(distribution, environment))
        except ValueError:
            continue  # Is told by the check of conflicts.
    return needed


def _install(lock: Lock) -> str:
    return f"uv pip install -r {lock.path}" if lock.tool == "uv" else f"pip install -r {lock.path}"
