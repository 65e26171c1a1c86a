"""Joins the JSON reports of many jobs: what ran in none of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_SCHEMA = 1
_UNMET = frozenset({"missing", "partial", "allowed"})


class Job(NamedTuple):
    """What one report tells.

    Attributes:
        outcomes: of the tests that it lists.
        needs: of the same tests.
        statuses: of the integrations that it lists.
    """

    outcomes: dict[str, str]
    needs: dict[str, tuple[str, ...]]
    statuses: dict[str, str]

    def ran(self, test: str) -> bool:
        """Tell whether a test ran; one that is not listed was not skipped, and ran unless it has markers.

        A strict session fails a test that lacks something: that has not run either.
        """
        outcome = self.outcomes.get(test, "passed")
        lacks = any(self.statuses.get(need) in _UNMET for need in self.needs.get(test, ()))
        return outcome != "skipped" and not (outcome == "failed" and lacks)


class NeverRun(NamedTuple):
    """What ran in no job: tests, each with all that it needs, and integrations that were met in none."""

    tests: tuple[tuple[str, tuple[str, ...]], ...]
    integrations: tuple[str, ...]


def never_run(jobs: Sequence[Job]) -> NeverRun:
    """Find what ran in no job."""
    needs: dict[str, set[str]] = {}
    for job in jobs:
        for test in job.outcomes:
            needs.setdefault(test, set()).update(job.needs[test])
    tests = [
        (test, tuple(sorted(names)))
        for test, names in sorted(needs.items())
        if not any(job.ran(test) for job in jobs if test in job.outcomes or not names)
    ]
    integrations = {name for job in jobs for name in job.statuses}
    met = {name for job in jobs for name, status in job.statuses.items() if status == "met"}
    return NeverRun(tests=tuple(tests), integrations=tuple(sorted(integrations - met)))


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
        )
    except (KeyError, TypeError) as error:
        message = (
            f"{path}: is no report of --env-report: its tests or integrations are not as schema {_SCHEMA} has them"
        )
        raise SettingsError(message) from error
