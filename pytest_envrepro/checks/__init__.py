"""The checks: values to `Outcome`. A new one is a file here and a line in `CHECKS`."""

from pytest_envrepro.checks.base import Check, Facts
from pytest_envrepro.checks.conflicts import ConflictsCheck
from pytest_envrepro.checks.installed import InstalledCheck
from pytest_envrepro.checks.lock import LockCheck
from pytest_envrepro.checks.python import PythonCheck
from pytest_envrepro.kinds import added

CHECKS: tuple[Check, ...] = (LockCheck(), InstalledCheck(), ConflictsCheck(), PythonCheck())


def checks() -> tuple[Check, ...]:
    """Give all checks in the order in which they are shown, those of other distributions last."""
    return (*CHECKS, *added("checks"))


__all__ = ["CHECKS", "Check", "Facts", "checks"]
