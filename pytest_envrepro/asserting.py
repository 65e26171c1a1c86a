"""Judges environments of tests by the checks that judge the one that runs them, and says what is wrong line by line."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from packaging.tags import parse_tag

from pytest_envrepro.checks import Facts, checks
from pytest_envrepro.discovery import read_project, tree_of
from pytest_envrepro.envs.judged import Judged
from pytest_envrepro.errors import LockError
from pytest_envrepro.files import Files
from pytest_envrepro.lockparts import parts_of
from pytest_envrepro.lockpins import pins_of, refuse_unusable
from pytest_envrepro.locks import format_of
from pytest_envrepro.outcome import Finding, Outcome, Result, with_findings
from pytest_envrepro.policy import Policy
from pytest_envrepro.reports.terminal import columns
from pytest_envrepro.reports.wording import about, fixes, message_of, printable, where
from pytest_envrepro.values import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.envs.judged import Subject
    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.model import Lock, Project
    from pytest_envrepro.session import Session

_ANYWHERE = "py3-none-any"


class Asserting:
    """Judges environments, with the severities and waivers of the project's table.

    One thing is stricter than in the session's own environment: what no lock names is a fault, unless the table says
    what `extraneous` is to be. A session's environment has the developer's tools in it, and this has what was asked for.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._checks = {check.name: check for check in checks()}

    def matches(self, subject: Subject, lock: str | os.PathLike[str]) -> Judged:
        """Compare what is installed with a lock; see `Judge`.

        Raises:
            LockError: there is no such lock, or what it pins is not known.
        """
        found = self._lock(lock)
        refuse_unusable(found)
        parts = self._parts(subject, found)
        pins_of(found, subject.inventory.interpreter.environment, parts, self._session.root)
        return self._judge("installed", subject, {found.path: found}, {} if parts is None else {found.path: parts})

    def _parts(self, subject: Subject, lock: Lock) -> frozenset[str] | None:
        """Give the parts of a project that are meant: those that the environment is declared with, of the same lock."""
        if subject.lock is not None and os.path.normpath(subject.lock) == os.path.normpath(lock.path):
            return parts_of(lock, subject.groups, subject.extras)
        named = (self._session.config.installed or ()) if subject.is_host else ()
        return next((entry.parts(lock.usual) for entry in named if entry.lock == lock.path), None)

    def conflicts(self, subject: Subject) -> Judged:
        """Look for what conflicts among the packages; see `Judge`."""
        named = [subject.lock] if subject.lock else []
        if subject.is_host:
            named = [entry.lock for entry in self._session.config.installed or ()]
        locks = [self._lock(path) for path in named]
        return self._judge("conflicts", subject, {lock.path: lock for lock in locks})

    def intact(self, subject: Subject) -> Judged:
        """Compare the files with RECORD; see `Judge`."""
        return self._judge("integrity", subject, {})

    def _judge(
        self,
        check: str,
        subject: Subject,
        locks: Mapping[str, Lock],
        parts: Mapping[str, frozenset[str]] = MappingProxyType({}),
    ) -> Judged:
        inventory, unsupported, unknown = _seen_by_its_python(subject)
        facts = Facts(
            locks=locks,
            installed=tuple(locks) or None,
            inventory=inventory,
            project=self._project,
            offline=lambda _: Outcome(),
            integrity=True,
            parts=parts,
        )
        outcome = self._checks[check].judge(facts, next(iter(locks), self._project.anchor))
        told = with_findings(outcome, map(_stricter, outcome.findings))
        if check == "conflicts":
            told = with_findings(told, [*told.findings, *unsupported])
            told = replace(told, judged=told.judged and not unknown, reason=unknown or told.reason)
        policy = Policy(
            self._session.config, dt.datetime.now(tz=dt.timezone.utc).date(), inventory.interpreter.environment
        )
        return _judged(policy.apply(told), check, tells_fixes=subject.is_host)

    @cached_property
    def _project(self) -> Project:
        return read_project(self._session.root, self._session.files, "pyproject.toml")

    def _lock(self, lock: str | os.PathLike[str]) -> Lock:
        """Read a lock as it is now, since a test may have written it; one outside of the root by itself."""
        root = self._session.root
        path = Path(os.path.normpath(root / lock))
        inside = path.relative_to(root).as_posix() if path.is_relative_to(root) else None
        name = path.name if inside is None else inside
        files = Files(path.parent if inside is None else root)
        known = self._session.discovery.locks
        if not files.exists(name):
            hint = did_you_mean(name, known) if known and inside is not None else ""
            raise LockError(os.fspath(lock), None, f"there is no such file{hint}")
        format_, declared = (format_of(name), None) if inside is None or inside not in known else known[inside]
        return format_.parse(name, tree_of(files, self._session.environ), declared)


def _seen_by_its_python(subject: Subject) -> tuple[Inventory, tuple[Finding, ...], str | None]:
    """Judge by the environment's own Python whether it can use the wheels: the check asks the one that runs this.

    Returns:
        the packages, without what the check would ask; what it would find; and why that is not known, or None.
    """
    inventory = subject.inventory
    if subject.tags is None:
        return inventory, (), None
    built = {
        name: each.tags for name, each in inventory.distributions.items() if each.tags and _ANYWHERE not in each.tags
    }
    supported = frozenset(subject.tags()) if built else frozenset()
    unknown = f"which wheels its Python can use is not known: {', '.join(built)}" if built and not supported else None
    findings = tuple(
        Finding(
            code="wrong-platform",
            package=name,
            actual=", ".join(written),
            message=f"{inventory.distributions[name].version} was built for {', '.join(written)}, not for this one",
        )
        for name, written in built.items()
        if supported and supported.isdisjoint(_expanded(written))
    )
    judged = {name: replace(each, tags=None) for name, each in inventory.distributions.items()}
    return replace(inventory, distributions=judged), findings, unknown


def _expanded(written: tuple[str, ...]) -> Iterator[str]:
    for text in written:
        if text.count("-") == 2:  # noqa: PLR2004  # PYTHON-ABI-PLATFORM.
            yield from map(str, parse_tag(text))


def _stricter(finding: Finding) -> Finding:
    return replace(finding, severity="error") if finding.code == "extraneous" else finding


def _judged(outcome: Outcome, check: str, *, tells_fixes: bool) -> Judged:
    """Say what counts, a finding a line, and why not all could be judged."""
    rows = [(each.code, about(each), where(each), message_of(each)) for each in outcome.findings if each.counts]
    unknown = None if outcome.judged else printable(outcome.reason or "the reason is not known")
    result = Result(check=check, subject="", outcome=outcome)
    return Judged(
        faults=tuple(map(printable, columns(rows))) if rows else (),
        unknown=unknown,
        fixes=tuple(map(printable, fixes(result))) if tells_fixes else (),
    )
