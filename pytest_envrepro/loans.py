"""The books of a session's environments: which test has which, how they come back, and which of them stay."""

from __future__ import annotations

import contextlib
import shlex
import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.errors import EnvReproError
from pytest_envrepro.reports import Ended, EnvironmentRow, Kept, Lent
from pytest_envrepro.reports import environments as report
from pytest_envrepro.serving import last_logs
from pytest_envrepro.witness import TICK, Witness, changed_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_envrepro.depot import Depot, Made
    from pytest_envrepro.envs.virtualenv import VirtualEnvironment

_SOON = 0.5  # Seconds: who was looked at within them, with no test since, is not looked at again.


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
    """An environment that somebody has been given, and what it is made of."""

    environment: VirtualEnvironment
    made: Made


class Loans:
    """Which environments are lent, and to whom.

    Args:
        since: when the session began, in seconds since the epoch.
    """

    def __init__(self, depot: Depot, *, since: float) -> None:
        self._since = since
        self._depot = depot
        self._witness = Witness(depot.store)
        self._held: dict[Holder, list[Loan]] = {}
        self._is_given: Callable[[Holder], bool] = _is_none
        self._idle = 0.0  # When the last test was over, in seconds since the epoch: since then, none did anything.
        self._failed: set[Holder] = set()
        self._dirty: set[str] = set()  # The builds that have changed, which was told.
        self._rows: dict[str, EnvironmentRow] = {}
        self._kept: list[Kept] = []
        self._changed: list[str] = []
        self._notes: dict[str, None] = {}

    def begin(self, name: str, is_given: Callable[[Holder], bool]) -> None:
        """Note that a test begins, and have all as it was made that it is given by fixtures which have it already.

        Args:
            is_given: tells whether it is given what a fixture of a wider scope has.
        """
        self._witness.begin(name)
        self._is_given = is_given
        for holder in filter(is_given, self._held):
            self._held[holder] = [self._sound(loan) for loan in self._held[holder]]

    def _sound(self, loan: Loan) -> Loan:
        with contextlib.suppress(
            EnvReproError
        ):  # It could be made before; else the test's look tells what has changed.
            return loan if loan.environment.is_private else loan._replace(made=self.sound(loan.made))
        return loan

    def sound(self, made: Made) -> Made:
        """Give a shared environment as it was made: what was done to it meanwhile is told, and put right.

        It is looked at unless that was done a moment ago, and no test has run since.

        Raises:
            EnvReproError: it cannot be made anew.
        """
        looked = self._depot.store.looked(made.entry)
        if looked >= self._idle and time.time() - looked < _SOON:
            return made
        changes = self._depot.store.changes(made.entry)
        if not changes:
            return made
        if made.entry.build not in self._dirty:
            self._changed.append(made.plan.title)
            when = changed_at(made.entry.path, changes)
            suspects = [*self._witness.before(when), *self._witness.beside(when)]
            self._notes[report.changed_unseen(made.plan.title, changes, suspects)] = None
        self._dirty.discard(made.entry.build)
        return self._depot.make(made.plan)

    def fail(self, holder: Holder) -> None:
        """Note that the test at work has failed: what it has, itself or by its fixtures, may be worth a look."""
        self._failed |= {holder, *filter(self._is_given, self._held)}

    def add(self, holder: Holder, loan: Loan) -> None:
        """Note who has one."""
        self._held.setdefault(holder, []).append(loan)
        environment, made = loan.environment, loan.made
        entry = made.entry
        # Of several workers of pytest-xdist one makes it, and another may be the one that uses it.
        is_new = not entry.cached or entry.facts.get("made at", 0.0) >= self._since
        seconds = entry.facts["made in"] if is_new and entry.cached else entry.seconds
        row = EnvironmentRow(environment.title, environment.kind, environment.key, not is_new, seconds)
        self._rows.setdefault(environment.key, row)
        if made.resolved.weak:
            reasons = "; ".join(made.resolved.reasons)
            self._notes[f"{environment.title}: another day could bring something else ({reasons})"] = None

    def look(self, holder: Holder) -> str | None:
        """Look whether the shared ones of a test are as they were made, and say what of them is not.

        Those that fixtures of a wider scope hold are looked at too: the test may have them from there. What is changed
        is mended, or made anew, before it is given out again.
        """
        self._idle = time.time()
        told = []
        for environment, made in self._of(holder):
            if environment.is_private or made.entry.build in self._dirty:
                continue
            changes = self._depot.store.changes(made.entry)
            if changes:
                self._changed.append(environment.title)
                self._dirty.add(made.entry.build)
                when = changed_at(environment.prefix, changes)
                beside = self._witness.beside(when)
                if when >= self._witness.since - TICK:
                    told.append(report.changed(environment.label, changes, test=holder.shown, beside=beside))
                else:
                    suspects = [*self._witness.before(when), *beside]
                    self._notes[report.changed_unseen(environment.title, changes, suspects)] = None
        return "\n".join(told) or None

    def _of(self, holder: Holder) -> list[Loan]:
        """Give what a test has, itself or by its fixtures, the same build once."""
        found: dict[Path, Loan] = {}
        for each in (holder, *filter(self._is_given, self._held)):
            for loan in self._held.get(each, ()):
                found.setdefault(loan.environment.prefix, loan)
        return [*found.values()]

    def details(self, holder: Holder) -> Iterator[tuple[str, str]]:
        """Say all there is to know of what a test has: titles and texts."""
        for loan in self._of(holder):
            yield f"envrepro: {loan.environment.label}", report.details(self._lent(loan))
            yield from last_logs(loan.environment.services)

    def _lent(self, loan: Loan) -> Lent:
        environment, made = loan.environment, loan.made
        stays = not environment.is_private or self._stays(failed=True)
        python = made.plan.python
        notes = [f"{reason}: another day could bring something else" for reason in made.resolved.reasons]
        if made.resolved.unpinned:
            notes.append("its settings do not pin all that is in it: versions were chosen when it was first made")
        return Lent(
            path=str(environment.prefix),
            key=environment.key,
            python=f"{python.interpreter.version} ({python.origin})",
            settings=made.plan.settings.explain(),
            notes=tuple(notes),
            last=environment.last,
            enter=_entering(environment) if stays else None,
        )

    def _stays(self, *, failed: bool) -> bool:
        keep = self._depot.policy.keep
        return keep == "all" or (keep == "failed" and failed)

    def take_back(self, holder: Holder) -> None:
        """Take back what a holder has; what is private is gone then, or kept."""
        for loan in self._held.pop(holder, ()):
            self._end(holder, loan.environment)
        self._failed.discard(holder)  # A test that is run again may pass.

    def _end(self, holder: Holder, environment: VirtualEnvironment) -> None:
        if environment.is_private and environment.prefix.exists():
            stays = self._stays(failed=holder in self._failed)
            if stays:
                self._kept.append(Kept(holder.shown, _entering(environment)))
            self._depot.store.release(environment.prefix, keep=stays)

    def give_back(self, environment: VirtualEnvironment) -> None:
        """Take back one before its holder has ended."""
        for holder, loans in self._held.items():
            if any(loan.environment is environment for loan in loans):
                self._held[holder] = [loan for loan in loans if loan.environment is not environment]
                self._end(holder, environment)

    def close(self) -> None:
        """Take back all that is left at the end of the session, and make room."""
        for holder in list(self._held):
            self.look(holder)
            self.take_back(holder)
        self._witness.end()
        self._depot.store.prune()

    def ended(self) -> Ended:
        """Say what there is to say at the end."""
        return Ended(
            rows=tuple(sorted(self._rows.values())),
            kept=tuple(self._kept),
            changed=tuple(dict.fromkeys(self._changed)),
            notes=tuple(self._notes),
        )


def _is_none(_: Holder) -> bool:
    return False


def _entering(environment: VirtualEnvironment) -> str:
    """Give the command that enters an environment."""
    return f"source {shlex.quote(str(environment.scripts / 'activate'))}"
