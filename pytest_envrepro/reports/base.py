"""What all reports share: the port, and what a report is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pytest_envrepro.model import Interpreter
    from pytest_envrepro.outcome import Result, Status


@dataclass(frozen=True, kw_only=True, slots=True)
class TestOutcome:
    """A test that has markers of ours, or was skipped, without its parameters; the outcome is that of those that ran."""

    __test__ = False  # Is not a test itself, for pytest.

    node_id: str
    outcome: str
    needs: tuple[str, ...] = ()


class Integration(NamedTuple):
    """An integration: its status, and each need as requirement, what was found, and whether that is enough."""

    name: str
    status: str
    needs: tuple[tuple[str, str | None, bool], ...]


class NeedRow(NamedTuple):
    """One thing that is needed: what, whether it is met and applies here, what was found, why not, and what mends it."""

    requirement: str
    met: bool
    applies: bool
    found: str | None
    why: str
    fix: str | None


class IntegrationRows(NamedTuple):
    """An integration, or what a marker names besides, need by need; the reason says why that cannot be told."""

    name: str
    status: str
    rows: tuple[NeedRow, ...]
    reason: str = ""


class Lacking(NamedTuple):
    """What tests lack.

    Attributes:
        name: of the integration, or the requirement.
        missing: what is missing of it.
        fix: the commands that mend it.
        allowed: whether it may be missing in a strict session.
        skipped: how many tests that has skipped.
        failed: how many tests that has failed.
    """

    name: str
    missing: str
    fix: str
    allowed: bool = False
    skipped: int = 0
    failed: int = 0


class NeedsSummary(NamedTuple):
    """What there is to say at the end of a session of what its tests need.

    Attributes:
        lacking: what has skipped or failed tests.
        required: what is missing and fails the session by itself, unless it is allowed to be.
        modules: the modules that were skipped as a whole, which fails the session, with the reasons.
        stale: the integrations that may be missing, and are not.
        shadowed: the names of markers that the suite has registered for itself.
        why: what else explains that, one line each.
    """

    lacking: tuple[Lacking, ...] = ()
    required: tuple[Lacking, ...] = ()
    modules: tuple[tuple[str, str], ...] = ()
    stale: tuple[str, ...] = ()
    shadowed: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


class Mended(NamedTuple):
    """What `--env-fix` has done about a broken lock.

    Attributes:
        reason: why it was left as it was; None where it was compiled again.
        changes: the pins that have changed, for people.
    """

    path: str
    reason: str | None
    changes: tuple[str, ...] = ()


class Summary(NamedTuple):
    """A session, as reports see it.

    Attributes:
        verdict: the worst of the results; `unchecked` where there is none.
        results: in the order in which they are shown.
        fails: whether the verdict fails the session.
        strict: whether unchecked outcomes do.
        why: what else decides or explains that, one line each.
        mended: what `--env-fix` has done, in this order.
        failures: how many tests failed beside the checks, modules that could not be collected included.
        integrations: those of the table, and those that tests asked for.
    """

    verdict: Status
    results: tuple[Result, ...]
    fails: bool
    strict: bool
    python: Interpreter
    fingerprint: str
    why: tuple[str, ...] = ()
    tests: tuple[TestOutcome, ...] = ()
    mended: tuple[Mended, ...] = ()
    failures: int = 0
    integrations: tuple[Integration, ...] = ()


class FileReport(Protocol):
    """A report that is written to a file.

    Attributes:
        suffixes: the endings of the file's name that ask for it.
    """

    name: str
    suffixes: tuple[str, ...]

    def render(self, summary: Summary) -> str:
        """Give the file's whole text."""
