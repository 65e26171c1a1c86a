"""The books of a session's environments: which test has which, how they come back, and which of them stay."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pytest_envrepro.envs.leftovers import running
from pytest_envrepro.holdings import Ledger, entering, row_of, shown, titles_of
from pytest_envrepro.inspecting import Inspecting
from pytest_envrepro.reports import Ended, Kept
from pytest_envrepro.reports import environments as report
from pytest_envrepro.tidying import FAULTS, Tidying

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pytest_envrepro.depot import Depot
    from pytest_envrepro.envs.virtualenv import VirtualEnvironment
    from pytest_envrepro.holdings import Holder, Loan
    from pytest_envrepro.reports import EnvironmentRow
    from pytest_envrepro.virtualenvs import Made


class Loans(Ledger):
    """Which environments are lent, and to whom.

    Args:
        since: when the session began, in seconds since the epoch.
    """

    def __init__(self, depot: Depot, *, since: float) -> None:
        super().__init__(depot.policy.keep)
        self._since = since
        self._depot = depot
        self._notes: dict[str, None] = {}
        self._inspecting = Inspecting(depot, self._note)
        self._held: dict[Holder, list[Loan]] = {}
        self._rows: dict[str, EnvironmentRow] = {}
        self._kept: list[Kept] = []
        self._titles: dict[str, dict[str, None]] = {}  # What those are called that were lent, by the folder.
        # Of all that were lent: what they are called, and who had them, one after the other.
        self._scratches: dict[str, tuple[str, list[str]]] = {}

    def begin(
        self, name: str, is_given: Callable[[Holder], bool], may_be_given: Callable[[Holder], bool] | None = None
    ) -> None:
        """Note that a test begins, and have all as it was made that it may be given by fixtures which have it already.

        Args:
            is_given: tells whether it is given what a fixture of a wider scope has, as far as that is known by then.
            may_be_given: tells whether it may come to be.
        """
        self._inspecting.begin(name)
        self._is_given = is_given
        may_be = may_be_given or is_given
        for holder, loans in self._held.items():
            for loan in loans:
                loan.environment.begin()
            may = may_be(holder)
            self._held[holder] = [
                self._sound(loan) if may or self._inspecting.is_dirty(loan.made) else loan for loan in loans
            ]

    def _sound(self, loan: Loan) -> Loan:
        if loan.environment.is_private:
            return loan
        made = loan.made
        with contextlib.suppress(*FAULTS):  # It could be made before; else the look tells what has changed.
            made = self.sound(made)
        return self._marked(loan._replace(made=made))

    def _marked(self, loan: Loan) -> Loan:
        """Note up to where what was put right in it is not about those who get it now."""
        mends = () if loan.environment.is_private else self._depot.store.mends(loan.made.entry)
        return loan._replace(mended=mends[-1].number if mends else 0)

    def sound(self, made: Made) -> Made:
        """Give a shared environment as it was made, as `Inspecting.sound` does.

        Raises:
            EnvReproError: it cannot be made anew.
        """
        return self._inspecting.sound(made)

    def add(self, holder: Holder, loan: Loan) -> None:
        """Note who has one."""
        self._held.setdefault(holder, []).append(self._marked(loan))
        environment, made = loan.environment, loan.made
        environment.is_held = True
        self._titles.setdefault(made.entry.path.parent.name, {})[environment.title] = None
        self._scratches.setdefault(str(environment.scratch), (environment.title, []))[1].append(holder.shown)
        if environment.key not in self._rows:
            self._rows[environment.key] = row_of(loan, since=self._since)
        # What is editable says so in its settings; of that, a failure's own report is reminder enough.
        reasons = "; ".join(filter(None, (pin.weakness for pin in made.resolved.pins if not pin.is_editable)))
        if reasons:
            self._note(f"{environment.title}: another day could bring something else ({reasons})")
        for each in made.resolved.oldest:
            self._note(f"{environment.title}: {each}")

    def note_end(self) -> None:
        """Note that somebody has ended, who may have changed what was looked at before."""
        self._inspecting.note_end()

    def look(self, holder: Holder, over: Sequence[Holder] = ()) -> str | None:
        """Look whether the shared ones of a test are as they were made, and say what of them is not.

        Those that fixtures of a wider scope hold are looked at too: the test may have them from there. What is changed
        is mended, or made anew, before it is given out again.

        Args:
            over: fixtures that have ended with the test, given to it or not.
        """
        self.note_end()
        told = [self._inspecting.look(loan, holder.shown) for loan in self._of(holder)]
        return "\n".join(filter(None, (*told, self.look_at_ended(holder, over)))) or None

    def look_at_ended(self, holder: Holder, over: Sequence[Holder]) -> str | None:
        """Look at the shared ones of fixtures that have ended, and say what their ends have changed.

        Args:
            holder: the test that is at work.
        """
        ended = [each for each in over if each.definition is not None]
        told = [self._inspecting.look(loan, holder.shown, each) for each in ended for loan in self._held.get(each, ())]
        return "\n".join(filter(None, told)) or None

    def _of(self, holder: Holder) -> list[Loan]:
        """Give what a test has, itself or by its fixtures, the same build once, since it has it."""
        found: dict[Path, Loan] = {}
        for each in self._with_fixtures(holder):
            for loan in self._held.get(each, ()):
                first = found.setdefault(loan.environment.prefix, loan)
                found[loan.environment.prefix] = first._replace(mended=min(first.mended, loan.mended))
        return [*found.values()]

    def details(self, holder: Holder) -> Iterator[tuple[str, str]]:
        """Say all there is to know of what a test has: titles and texts."""
        loans = self._of(holder)
        above = None
        for title, loan in zip(titles_of([each.environment for each in loans]), loans, strict=True):
            stays = not loan.environment.is_private or self._stays(failed=True)
            lent = shown(loan, stays=stays)
            yield title, report.details(lent, above)
            above = lent
            if loan.environment.services:
                from pytest_envrepro.serving import last_logs  # noqa: PLC0415  # Few environments have services.

                yield from last_logs(loan.environment.services, loan.made.plan.settings.hiding)

    def take_back(self, holder: Holder) -> None:
        """Take back what a holder has; what is private is gone then, or kept."""
        # Where no test could be told, since it fails for another reason, the end of the session tells.
        self.look_at_ended(holder, [holder])
        for loan in self._held.pop(holder, ()):
            self._end(holder, loan.environment)
        self._failed.discard(holder)  # A test that is run again may pass.

    def _end(self, holder: Holder, environment: VirtualEnvironment) -> None:
        environment.is_held = False
        if not environment.is_private:
            return
        stays = self._stays(failed=holder in self._failed)
        try:
            if environment.prefix.exists():
                self._depot.store.release(environment.prefix, keep=stays)
                self._kept += [Kept(holder.shown, entering(environment))] if stays else []
        except FAULTS as error:  # The test has its verdict, and the next session sweeps what is left.
            self._note(f"{holder.shown}: {environment.title} could not be put away: {error}")

    def give_back(self, environment: VirtualEnvironment) -> None:
        """Take back a private one before its holder has ended; a shared one is looked at when that has, and no earlier."""
        if not environment.is_private:
            return
        for holder, loans in self._held.items():
            if any(loan.environment is environment for loan in loans):
                self._held[holder] = [loan for loan in loans if loan.environment is not environment]
                self._end(holder, environment)

    def close(self) -> None:
        """Take back all that is left at the end of the session, and make room: each part, whatever becomes of the others.

        Raises:
            EnvReproError, OSError: the first of what could not be done.
        """
        tidying = Tidying()
        for holder in list(self._held):
            with tidying.step():
                self.look(holder)
            with tidying.step():
                self.take_back(holder)
        with tidying.step():
            self._inspecting.end()
        with tidying.step():
            for process, (title, holders) in running(self._scratches):
                self._note(report.runs_on(title, process.argv, process.pid, holders))
        with tidying.step():
            self._depot.store.prune()
        tidying.end()

    def _note(self, text: str) -> None:
        self._notes[text] = None

    def ended(self) -> Ended:
        """Say what there is to say at the end."""
        self._inspecting.note_unseen(self._titles)
        return Ended(
            rows=tuple(sorted(self._rows.values())),
            kept=tuple(self._kept),
            changed=tuple(dict.fromkeys(self._inspecting.changed)),
            notes=tuple(self._notes),
        )
