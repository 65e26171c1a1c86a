"""What all reports share: the port, and what a report is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from pytest_envrepro.inventory import Interpreter
    from pytest_envrepro.outcome import Result, Status
    from pytest_envrepro.process import Completed


@dataclass(frozen=True, kw_only=True, slots=True)
class TestOutcome:
    """A test that has markers of ours, or was skipped, without its parameters; the outcome is that of those that ran.

    Attributes:
        ran: whether its function was called at all: a test that fails at its set-up has an outcome, and did not run.
    """

    __test__ = False  # Is not a test itself, for pytest.

    node_id: str
    outcome: str
    needs: tuple[str, ...] = ()
    ran: bool = True


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
        kind: what is missing, in a word or two, where the name is a sentence.
        table: what there is in its place, in lines.
    """

    name: str
    missing: str
    fix: str
    allowed: bool = False
    skipped: int = 0
    failed: int = 0
    kind: str = ""
    table: tuple[str, ...] = ()


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


class Lent(NamedTuple):
    """An environment that a failing test was given.

    Attributes:
        settings: where each of them came from, a line each.
        notes: what else there is to know: that it is made of unpinned requirements, or of what has no hashes.
        last: the last command that the test ran in it.
        is_used: whether anybody has run one in it.
        called: the function that the test has called in it last, or its own body; None for none.
        installed: what the test has had installed in it.
        has_installed: whether it has tried to.
        enter: the command that enters it; None where it is gone by then.
    """

    path: str
    key: str
    python: str
    settings: str
    notes: tuple[str, ...] = ()
    last: Completed | None = None
    is_used: bool = False
    called: str | None = None
    installed: tuple[str, ...] = ()
    has_installed: bool = False
    enter: str | None = None


class Foreseen(NamedTuple):
    """An environment that a test would be given.

    Attributes:
        fixture: what gives it.
        title: as part of a sentence; empty where no settings are known.
        python: its version, and where it was found.
        settings: where each of them came from, a line each.
        state: whether it is made already, as far as that is known.
        fault: why it cannot be had.
        is_missing: whether that is for want of its Python.
        base: the image that it begins with, of a container.
        needs: the integrations that it takes itself.
        rots: what of its settings will mean another environment later, a line each.
        is_inside: whether the body of the test runs in it.
    """

    fixture: str
    title: str = ""
    python: str = ""
    settings: str = ""
    state: str = ""
    fault: str = ""
    is_missing: bool = False
    base: str = ""
    needs: tuple[str, ...] = ()
    rots: tuple[str, ...] = ()
    is_inside: bool = False


class Kept(NamedTuple):
    """A private environment that stays: the node id of its test, or nothing, and the command that enters it."""

    holder: str
    enter: str


class EnvironmentRow(NamedTuple):
    """An environment that was used: whether it was there already, and how long it took to make or to find, in seconds."""

    name: str
    kind: str
    key: str
    cached: bool
    seconds: float


class Ended(NamedTuple):
    """What there is to say of environments at the end of a session.

    Attributes:
        rows: those that were used, each once.
        kept: the private ones that stay.
        changed: the titles of the shared ones that tests have changed.
        notes: what else there is to know, a line each.
        rots: what of the settings will mean another environment later, and a place that it comes from.
    """

    rows: tuple[EnvironmentRow, ...] = ()
    kept: tuple[Kept, ...] = ()
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rots: tuple[tuple[str, str], ...] = ()

    def joined(self, other: Ended) -> Ended:
        """Add what another process has to say; of an environment that both used, the one that made it tells."""
        rows = {row.key: row for row in sorted((*self.rows, *other.rows), key=lambda row: not row.cached)}
        return Ended(
            rows=tuple(sorted(rows.values())),
            kept=tuple(sorted({*self.kept, *other.kept})),
            changed=tuple(dict.fromkeys((*self.changed, *other.changed))),
            notes=tuple(dict.fromkeys((*self.notes, *other.notes))),
            rots=tuple(dict.fromkeys((*self.rots, *other.rots))),
        )

    def pack(self) -> list[Any]:
        """Give it as plain JSON types, for another process."""
        rots = [[*each] for each in self.rots]
        return [[[*row] for row in self.rows], [[*each] for each in self.kept], [*self.changed], [*self.notes], rots]

    @classmethod
    def unpack(cls, data: Any) -> Ended:
        """Take what `pack` gave."""
        rows, kept, changed, notes, rots = data
        return cls(
            tuple(EnvironmentRow(*row) for row in rows),
            tuple(Kept(*each) for each in kept),
            tuple(changed),
            tuple(notes),
            tuple((told, origin) for told, origin in rots),
        )


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
        environments: those that tests were given.
        unfinished: whether the session has not come to its end, so that there may be more to tell.
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
    environments: tuple[EnvironmentRow, ...] = ()
    unfinished: bool = False


class FileReport(Protocol):
    """A report that is written to a file.

    Attributes:
        suffixes: the endings of the file's name that ask for it.
    """

    name: str
    suffixes: tuple[str, ...]

    def render(self, summary: Summary) -> str:
        """Give the file's whole text."""
