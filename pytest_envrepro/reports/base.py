"""What all reports share: the port, and what a report is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pytest_envrepro.model import Interpreter
    from pytest_envrepro.outcome import Result, Status


@dataclass(frozen=True, kw_only=True, slots=True)
class TestOutcome:
    """A test that was skipped, without its parameters: `passed` or `failed` where some of its parameters ran."""

    __test__ = False  # Is not a test itself, for pytest.

    node_id: str
    outcome: str


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


class FileReport(Protocol):
    """A report that is written to a file.

    Attributes:
        suffixes: the endings of the file's name that ask for it.
    """

    name: str
    suffixes: tuple[str, ...]

    def render(self, summary: Summary) -> str:
        """Give the file's whole text."""
