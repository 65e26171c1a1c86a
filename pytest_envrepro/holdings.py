"""What somebody has of a session's environments: who that is, which one, what it is made of, and how people are shown it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.reports import EnvironmentRow, Lent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_envrepro.deciding import Keep
    from pytest_envrepro.envs.lent import LentEnvironment
    from pytest_envrepro.envs.virtualenv import VirtualEnvironment
    from pytest_envrepro.virtualenvs import Made


class Holder(NamedTuple):
    """Who has an environment.

    Attributes:
        shown: for people: a node id, or the words for a fixture; empty for the session.
        definition: of a fixture: several may have one name, in modules, in classes, and one in the place of another.
        node: whose end is the fixture's: a class, a module, the session.
        turn: which time the fixture is set up: with another parameter, it is set up again.
    """

    shown: str
    definition: object = None
    node: object = None
    turn: object = None


SESSION = Holder("")  # Of what no single test has.


class Loan(NamedTuple):
    """An environment that somebody has been given, and what it is made of.

    Attributes:
        mended: the number of the last time that it was put right before (see `Mend`): what comes later is about whoever
            has it.
    """

    environment: VirtualEnvironment
    made: Made
    mended: int = 0


class Ledger:
    """Who has what, as far as all books are alike: whose fixtures it is, and whose test has failed."""

    _held: Mapping[Holder, object]

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._is_given: Callable[[Holder], bool] = _is_none
        self._failed: set[Holder] = set()

    def fail(self, holder: Holder) -> None:
        """Note that the test at work has failed: what it has, itself or by its fixtures, may be worth a look."""
        self._failed |= {*self._with_fixtures(holder)}

    def _with_fixtures(self, holder: Holder) -> tuple[Holder, ...]:
        return (holder, *filter(self._is_given, self._held))

    def _stays(self, *, failed: bool) -> bool:
        return self._keep == "all" or (self._keep == "failed" and failed)


def _is_none(_: Holder) -> bool:
    return False


def row_of(loan: Loan, *, since: float) -> EnvironmentRow:
    """Give the row of one in the table of those that were used.

    Args:
        since: when the session began, in seconds since the epoch.
    """
    environment, entry = loan.environment, loan.made.entry
    # Of several workers of pytest-xdist one makes it, and another may be the one that uses it.
    is_new = not entry.cached or entry.facts.get("made at", 0.0) >= since
    seconds = entry.facts["made in"] if is_new and entry.cached else entry.seconds
    return EnvironmentRow(environment.title, environment.kind, environment.key, not is_new, seconds)


def shown(loan: Loan, *, stays: bool) -> Lent:
    """Say of one what people are shown where its test has failed.

    Args:
        stays: whether it can be entered by then.
    """
    environment, made = loan.environment, loan.made
    python = made.plan.python
    notes = [f"{reason}: another day could bring something else" for reason in made.resolved.reasons]
    notes += made.resolved.oldest
    if made.resolved.unpinned:
        notes.append("its settings do not pin all that is in it: versions were chosen when it was first made")
    return Lent(
        path=str(environment.prefix),
        key=environment.key,
        python=f"{python.interpreter.version} ({python.origin})",
        settings=made.plan.settings.explain(),
        notes=tuple(notes),
        last=environment.last_of_test,
        is_used=environment.last is not None,
        called=environment.called,
        installed=environment.installed,
        has_installed=environment.has_installed,
        enter=entering(environment) if stays else None,
    )


def titles_of(environments: Sequence[LentEnvironment]) -> list[str]:
    """Give the titles of what a failed test is told of its environments: those of one name are told apart."""
    labels = [each.label for each in environments]
    kinds = [f"{each.label}, {'its own' if each.is_private else 'shared'}" for each in environments]
    told = []
    for index, (label, kind) in enumerate(zip(labels, kinds, strict=True)):
        number = f" ({kinds[: index + 1].count(kind)} of {kinds.count(kind)})" if kinds.count(kind) > 1 else ""
        told.append(f"envrepro: {kind if labels.count(label) > 1 else label}{number}")
    return told


def entering(environment: VirtualEnvironment) -> str:
    """Give the command that enters an environment."""
    return f"source {shlex.quote(str(environment.scripts / 'activate'))}"
