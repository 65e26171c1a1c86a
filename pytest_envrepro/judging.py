"""Judges a project by the checks: each once, as an earlier session did where nothing has changed, by the table's policy."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from pytest_envrepro.checks import settle
from pytest_envrepro.garbage import no_collection
from pytest_envrepro.outcome import Finding, Outcome, Result, with_findings
from pytest_envrepro.policy import STALE_WAIVER, Policy
from pytest_envrepro.selection import CheckId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_envrepro.cache import VerdictCache
    from pytest_envrepro.checks import Check, Facts
    from pytest_envrepro.config import Config

Read = TypeVar("Read")


class Judging:
    """The checks of one session.

    Args:
        cache: remembers outcomes between sessions.
        facts: gives all that the checks look at, once it is asked for.
    """

    def __init__(
        self, checks: Iterable[Check], config: Config, cache: VerdictCache, facts: Callable[[], Facts]
    ) -> None:
        self._checks = {check.name: check for check in checks}
        self._config = config
        self._cache = cache
        self._facts = facts
        self._reading: dict[str, float] = {}
        self._outcomes: dict[CheckId, tuple[Outcome, float]] = {}

    @cached_property
    def plan(self) -> tuple[CheckId, ...]:
        """All checks of the project in the order in which they are shown: lock by lock, then the environment."""
        facts = self._facts()
        each = {name: check.subjects(facts) for name, check in self._checks.items()}
        ids = [CheckId(path, name) for path in facts.locks for name, subjects in each.items() if path in subjects]
        ids += [CheckId(subject, name) for name, subjects in each.items() for subject in subjects]
        return tuple(dict.fromkeys(ids))

    def timed(self, subject: str, read: Callable[[], Read]) -> Read:
        """Read something, and count how long that took with the first check that is shown at the subject."""
        started = time.perf_counter()
        value = read()
        self._reading[subject] = self._reading.get(subject, 0.0) + time.perf_counter() - started
        return value

    def judge(self, ids: Iterable[CheckId]) -> tuple[Result, ...]:
        """Judge some of the plan, in its order, with the severities and waivers of the table."""
        wanted = set(ids)
        today = dt.datetime.now(tz=dt.timezone.utc).date()
        facts = self._facts()
        policy = Policy(self._config, today, facts.inventory.interpreter.environment)
        with no_collection():
            results = [self._judge(each, policy) for each in self.plan if each in wanted]
        settled = self._with_stale_waivers(settle(facts, results), policy)
        return tuple(self._without_refused(result) for result in settled)

    def _judge(self, each: CheckId, policy: Policy) -> Result:
        outcome, seconds = self._timed_outcome(each)
        seconds += self._reading.pop(each.subject, 0.0)
        return Result(check=each.check, subject=each.subject, outcome=policy.apply(outcome), seconds=seconds)

    def outcome(self, each: CheckId) -> Outcome:
        """Judge once, by the checks alone."""
        return self._timed_outcome(each)[0]

    def _timed_outcome(self, each: CheckId) -> tuple[Outcome, float]:
        """Judge once, by the checks alone; with the seconds that it took."""
        if each not in self._outcomes:
            started = time.perf_counter()
            outcome = self._remembered(self._checks[each.check], each.subject)
            self._outcomes[each] = outcome, time.perf_counter() - started
        return self._outcomes[each]

    def _remembered(self, check: Check, subject: str) -> Outcome:
        """Give the outcome of an earlier session if all that it depends on is the same, else judge."""
        facts = self._facts()
        key = check.key(facts, subject)
        known = self._cache.get(key) if key else None
        if known is not None:
            return Result.unpack(known).outcome
        outcome = check.judge(facts, subject)
        if key and outcome.judged:
            self._cache.put(key, Result(check=check.name, subject=subject, outcome=outcome).pack())
        return outcome

    def _with_stale_waivers(self, results: list[Result], policy: Policy) -> Iterable[Result]:
        """Add what is wrong with the waivers to the first result of the check that owns the code."""
        judged = {(result.subject, result.check) for result in results}
        whole = {each.check for each in self.plan} - {
            each.check for each in self.plan if (each.subject, each.check) not in judged
        }
        stale: dict[str, list[Finding]] = {}
        for owner, finding in policy.stale(results, owners(self._checks.values())):
            if owner in whole:
                stale.setdefault(owner, []).append(finding)
        for result in results:
            found = stale.pop(result.check, [])
            outcome = with_findings(result.outcome, [*result.outcome.findings, *found]) if found else result.outcome
            yield replace(result, outcome=outcome)

    def _without_refused(self, result: Result) -> Result:
        """Leave out a command that a header tells and that we would not run ourselves: people paste what they are told."""
        lock = self._facts().locks.get(result.subject)
        findings = result.outcome.findings
        if (
            lock is None
            or lock.fix is None
            or lock.recipe is None
            or not any(each.fix == lock.fix for each in findings)
        ):
            return result
        # Only where something is broken.
        from pytest_envrepro.compilers import is_run  # noqa: PLC0415

        if is_run(lock.recipe, lock.path):
            return result
        kept = (replace(each, fix=None) if each.fix == lock.fix else each for each in findings)
        return replace(result, outcome=with_findings(result.outcome, kept))


def owners(kinds: Iterable[Check]) -> Mapping[str, str]:
    """Give the check that owns each code: the first that may find it."""
    found: dict[str, str] = {}
    for kind in kinds:
        for code in kind.codes:
            found.setdefault(code, kind.name)
    return found


def codes(kinds: Iterable[Check]) -> list[str]:
    """Give all codes that the table may name."""
    return [*owners(kinds), STALE_WAIVER]
