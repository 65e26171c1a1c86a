"""The checks: values to `Outcome`. A new one is a file here and a line in `CHECKS`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_envrepro.checks.base import Attempt, Check, Facts
from pytest_envrepro.checks.changes import doubtful
from pytest_envrepro.checks.conflicts import ConflictsCheck
from pytest_envrepro.checks.installed import InstalledCheck
from pytest_envrepro.checks.integrity import IntegrityCheck
from pytest_envrepro.checks.layers import without_inherited
from pytest_envrepro.checks.lock import LockCheck
from pytest_envrepro.checks.python import PythonCheck
from pytest_envrepro.checks.recompile import RecompileCheck
from pytest_envrepro.kinds import added

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.outcome import Result

CHECKS: tuple[Check, ...] = (
    LockCheck(),
    RecompileCheck(),
    InstalledCheck(),
    ConflictsCheck(),
    PythonCheck(),
    IntegrityCheck(),
)


def checks() -> tuple[Check, ...]:
    """Give all checks in the order in which they are shown, those of other distributions last."""
    return (*CHECKS, *added("checks"))


def settle(facts: Facts, results: Iterable[Result]) -> list[Result]:
    """Look at the results of several subjects together: a fault that one lock has from another is told once."""
    kept = list(results)
    locks = {result.subject: result.outcome for result in kept if result.check == LockCheck.name}
    settled = without_inherited(facts, locks)
    return [
        replace(result, outcome=settled[result.subject]) if result.check == LockCheck.name else result
        for result in kept
    ]


__all__ = ["CHECKS", "Attempt", "Check", "Facts", "checks", "doubtful", "settle"]
