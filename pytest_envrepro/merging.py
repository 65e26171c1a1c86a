"""Joins the JSON reports of many jobs: what ran in none of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_SCHEMA = 1
_SEPARATOR = "::"
_INAPPLICABLE = "not-applicable"
_UNMET = frozenset({"missing", "partial", "allowed"})


@dataclass(frozen=True, kw_only=True)
class Job:
    """What one report tells.

    Attributes:
        outcomes: of the tests that it lists.
        needs: of the same tests.
        statuses: of the integrations that it lists.
        called: whether the function of a test was called, where the report says so.
        unfinished: the report of a session that did not come to its end, or nothing.
    """

    outcomes: dict[str, str]
    needs: dict[str, tuple[str, ...]]
    statuses: dict[str, str]
    called: dict[str, bool] = field(default_factory=dict)
    unfinished: str = ""

    @cached_property
    def _modules(self) -> frozenset[str]:
        """The modules of the tests that it lists: these were collected, and not skipped as a whole."""
        return frozenset(test.partition(_SEPARATOR)[0] for test in self.outcomes if _SEPARATOR in test)

    def ran(self, test: str) -> bool | None:
        """Tell whether a test without markers ran, or any that is listed; None where the report does not tell.

        One that is not listed has run, or was not collected: it stood in another folder, or the session was a list, or
        was interrupted. A strict session fails a test that lacks something: that has not run either.
        """
        outcome = self.outcomes.get(test)
        if outcome is None:
            if test in self._modules:
                return True
            return False if self.outcomes.get(test.partition(_SEPARATOR)[0]) == "skipped" else None
        if test in self.called:
            return self.called[test]
        # A report that was written before reports said so: a test that may have run and failed is not said to have.
        lacks = any(self.statuses.get(need) in _UNMET for need in self.needs.get(test, ()))
        return outcome != "skipped" and not (outcome == "failed" and lacks)


class NeverRun(NamedTuple):
    """What ran in no job.

    Attributes:
        tests: each with all that it needs.
        integrations: those that were met in none, and are for the environment of one at least.
        untold: tests that were skipped in some jobs, of which the others do not tell whether they ran.
        inapplicable: the integrations that are for the environment of none: nothing of them was missing.
        unfinished: the reports of sessions that did not come to their ends: what they do not list may have run or not.
    """

    tests: tuple[tuple[str, tuple[str, ...]], ...]
    integrations: tuple[str, ...]
    untold: tuple[str, ...] = ()
    inapplicable: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether something ran in no job, or that cannot be told."""
        return bool(self.tests or self.integrations or self.unfinished)


def never_run(jobs: Sequence[Job]) -> NeverRun:
    """Find what ran in no job, and of which tests that cannot be known: a report lists the marked and the skipped."""
    needs: dict[str, set[str]] = {}
    for job in jobs:
        for test in job.outcomes:
            needs.setdefault(test, set()).update(job.needs[test])
    tests: list[tuple[str, tuple[str, ...]]] = []
    untold: list[str] = []
    for test, names in sorted(needs.items()):
        # A test with markers is listed wherever it was set up.
        told = {job.ran(test) for job in jobs if test in job.outcomes or not names}
        if None in told and True not in told:
            untold.append(test)
        elif True not in told:
            tests.append((test, tuple(sorted(names))))
    statuses: dict[str, set[str]] = {}
    for job in jobs:
        for name, status in job.statuses.items():
            statuses.setdefault(name, set()).add(status)
    inapplicable = {name for name, found in statuses.items() if found == {_INAPPLICABLE}}
    unmet = {name for name, found in statuses.items() if "met" not in found}
    return NeverRun(
        tests=tuple(tests),
        integrations=tuple(sorted(unmet - inapplicable)),
        untold=tuple(untold),
        inapplicable=tuple(sorted(inapplicable)),
        unfinished=tuple(job.unfinished for job in jobs if job.unfinished),
    )


def read_all(paths: Iterable[Path]) -> list[Job]:
    """Read reports.

    Raises:
        SettingsError: some of them cannot be read, or are no reports; a line for each.
    """
    jobs: list[Job] = []
    faults: list[str] = []
    for path in paths:
        try:
            jobs.append(_read(path))
        except SettingsError as error:
            faults.append(str(error))
    if faults:
        raise SettingsError("\n".join(faults))
    return jobs


def _read(path: Path) -> Job:
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror or error}"
        raise SettingsError(message) from error
    except (ValueError, RecursionError) as error:
        message = f"{path}: is not JSON: {error}"
        raise SettingsError(message) from error
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != _SCHEMA:
        found = "has no schema" if schema is None else f"is of schema {json.dumps(schema)}"
        message = f"{path}: is no report of --env-report that this version can read: it {found}, not {_SCHEMA}"
        raise SettingsError(message)
    try:
        return Job(
            outcomes={str(test["nodeid"]): str(test["outcome"]) for test in data["tests"]},
            needs={str(test["nodeid"]): tuple(map(str, test["needs"])) for test in data["tests"]},
            statuses={str(each["name"]): str(each["status"]) for each in data["integrations"]},
            called={str(test["nodeid"]): test["ran"] is True for test in data["tests"] if "ran" in test},
            unfinished=str(path) if data.get("unfinished") else "",
        )
    except (KeyError, TypeError) as error:
        message = (
            f"{path}: is no report of --env-report: its tests or integrations are not as schema {_SCHEMA} has them"
        )
        raise SettingsError(message) from error
