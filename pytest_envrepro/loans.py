"""The books of a session's environments: which test has which, how they come back, and which of them stay."""

from __future__ import annotations

import contextlib
import shlex
import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.envs.leftovers import running
from pytest_envrepro.errors import EnvReproError
from pytest_envrepro.reports import Ended, EnvironmentRow, Kept, Lent
from pytest_envrepro.reports import environments as report
from pytest_envrepro.serving import last_logs
from pytest_envrepro.store.mends import changed_at
from pytest_envrepro.witness import TICK, Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from pytest_envrepro.depot import Depot, Made
    from pytest_envrepro.envs.virtualenv import VirtualEnvironment
    from pytest_envrepro.store.manifest import Change

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
    """An environment that somebody has been given, and what it is made of.

    Attributes:
        mended: the number of the last time that it was put right before (see `Mend`): what comes later is about whoever
            has it.
    """

    environment: VirtualEnvironment
    made: Made
    mended: int = 0


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
        self._dirty: dict[str, tuple[Change, ...]] = {}  # What has changed in builds, which was told.
        self._told: dict[str, float] = {}  # When the latest changes were made that were told, by the folder.
        self._rows: dict[str, EnvironmentRow] = {}
        self._kept: list[Kept] = []
        self._changed: list[str] = []
        self._notes: dict[str, None] = {}
        self._titles: dict[str, dict[str, None]] = {}  # What those are called that were lent, by the folder.
        self._scratches: dict[
            str, tuple[str, str]
        ] = {}  # Of all that were lent: what they are called, and who had them.
        depot.store.ask_whom(self._witness.at_work)

    def begin(
        self, name: str, is_given: Callable[[Holder], bool], may_be_given: Callable[[Holder], bool] | None = None
    ) -> None:
        """Note that a test begins, and have all as it was made that it may be given by fixtures which have it already.

        Args:
            is_given: tells whether it is given what a fixture of a wider scope has, as far as that is known by then.
            may_be_given: tells whether it may come to be.
        """
        self._witness.begin(name)
        self._is_given = is_given
        may_be = may_be_given or is_given
        for holder, loans in self._held.items():
            may = may_be(holder)
            self._held[holder] = [self._sound(loan) if may or self._is_dirty(loan) else loan for loan in loans]

    def _is_dirty(self, loan: Loan) -> bool:
        return loan.made.entry.build in self._dirty

    def _sound(self, loan: Loan) -> Loan:
        if loan.environment.is_private:
            return loan
        made = loan.made
        with contextlib.suppress(EnvReproError):  # It could be made before; else the look tells what has changed.
            made = self.sound(made)
        return self._marked(loan._replace(made=made))

    def _marked(self, loan: Loan) -> Loan:
        """Note up to where what was put right in it is not about those who get it now."""
        mends = () if loan.environment.is_private else self._depot.store.mends(loan.made.entry)
        return loan._replace(mended=mends[-1].number if mends else 0)

    def sound(self, made: Made) -> Made:
        """Give a shared environment as it was made: what was done to it meanwhile is put right, and told at the end.

        It is looked at unless that was done a moment ago, and no test has run since.

        Raises:
            EnvReproError: it cannot be made anew.
        """
        looked = self._depot.store.looked(made.entry)
        is_looked_at = looked >= self._idle and time.time() - looked < _SOON
        is_whole = is_looked_at or not self._depot.store.changes(made.entry)
        self._dirty.pop(made.entry.build, None)
        return made if is_whole else self._depot.make(made.plan)

    def fail(self, holder: Holder) -> None:
        """Note that the test at work has failed: what it has, itself or by its fixtures, may be worth a look."""
        self._failed |= {holder, *filter(self._is_given, self._held)}

    def add(self, holder: Holder, loan: Loan) -> None:
        """Note who has one."""
        self._held.setdefault(holder, []).append(self._marked(loan))
        environment, made = loan.environment, loan.made
        entry = made.entry
        self._titles.setdefault(entry.path.parent.name, {})[environment.title] = None
        self._scratches[str(environment.scratch)] = environment.title, holder.shown
        # Of several workers of pytest-xdist one makes it, and another may be the one that uses it.
        is_new = not entry.cached or entry.facts.get("made at", 0.0) >= self._since
        seconds = entry.facts["made in"] if is_new and entry.cached else entry.seconds
        row = EnvironmentRow(environment.title, environment.kind, environment.key, not is_new, seconds)
        self._rows.setdefault(environment.key, row)
        # What is editable says so in its settings; of that, a failure's own report is reminder enough.
        reasons = "; ".join(filter(None, (pin.weakness for pin in made.resolved.pins if not pin.is_editable)))
        if reasons:
            self._notes[f"{environment.title}: another day could bring something else ({reasons})"] = None

    def note_end(self) -> None:
        """Note that somebody has ended, who may have changed what was looked at before."""
        self._idle = time.time()

    def look(self, holder: Holder, over: Sequence[Holder] = ()) -> str | None:
        """Look whether the shared ones of a test are as they were made, and say what of them is not.

        Those that fixtures of a wider scope hold are looked at too: the test may have them from there. What is changed
        is mended, or made anew, before it is given out again.

        Args:
            over: fixtures that have ended with the test, given to it or not.
        """
        self.note_end()
        told = [self._looked_at(loan, holder.shown) for loan in self._of(holder)]
        return "\n".join(filter(None, (*told, self.look_at_ended(holder, over)))) or None

    def look_at_ended(self, holder: Holder, over: Sequence[Holder]) -> str | None:
        """Look at the shared ones of fixtures that have ended, and say what their ends have changed.

        Args:
            holder: the test that is at work.
        """
        ended = [each for each in over if each.definition is not None]
        told = [self._looked_at(loan, holder.shown, each) for each in ended for loan in self._held.get(each, ())]
        return "\n".join(filter(None, told)) or None

    def _looked_at(self, loan: Loan, test: str, ended: Holder | None = None) -> str | None:
        """Look at one, and at what others have put right in it since it was given out: that was done while this one ran.

        Args:
            ended: the fixture that had it, at its end.
        """
        if loan.environment.is_private:
            return None
        environment, entry = loan.environment, loan.made.entry
        name = entry.path.parent.name
        told = self._told.get(name, 0.0)
        # First the files: whoever puts them right has said so before.
        changes = self._depot.store.changes(entry)
        when = changed_at(environment.prefix, changes) if changes else 0.0
        if when <= told or changes == self._dirty.get(entry.build):
            changes = ()
        mends = self._depot.store.mends(entry, loan.mended)
        mends = tuple(mend for mend in mends if mend.when > told and self._is_since(mend.when))
        if changes:
            self._dirty[entry.build] = changes
        self._told[name] = max([told, *([when] if changes else []), *(mend.when for mend in mends)])
        beside = self._witness.beside(when) if changes else ()
        if changes and not self._is_since(when):
            self._note_unseen(environment.title, changes, len(changes), (*self._witness.before(when), *beside))
            changes = beside = ()
        if not changes and not mends:
            return None
        self._changed.append(environment.title)
        others = (each for mend in mends for each in self._witness.of_others(mend.at_work))
        every = dict.fromkeys((*changes, *(change for mend in mends for change in mend.changes)))
        return report.changed(
            environment.label,
            tuple(every),
            unnamed=sum(mend.total - len(mend.changes) for mend in mends),
            test=test,
            beside=tuple(dict.fromkeys((*beside, *others))),
            is_mended=not changes,
            ended=ended.shown if ended is not None else "",
        )

    def _is_since(self, when: float) -> bool:
        """Tell whether something was done since the test began that is at work."""
        return when >= self._witness.since - TICK

    def _of(self, holder: Holder) -> list[Loan]:
        """Give what a test has, itself or by its fixtures, the same build once, since it has it."""
        found: dict[Path, Loan] = {}
        for each in (holder, *filter(self._is_given, self._held)):
            for loan in self._held.get(each, ()):
                first = found.setdefault(loan.environment.prefix, loan)
                found[loan.environment.prefix] = first._replace(mended=min(first.mended, loan.mended))
        return [*found.values()]

    def details(self, holder: Holder) -> Iterator[tuple[str, str]]:
        """Say all there is to know of what a test has: titles and texts."""
        for loan in self._of(holder):
            yield f"envrepro: {loan.environment.label}", report.details(self._lent(loan))
            yield from last_logs(loan.environment.services, loan.made.plan.settings.hiding)

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
            installed=environment.installed,
            enter=_entering(environment) if stays else None,
        )

    def _stays(self, *, failed: bool) -> bool:
        keep = self._depot.policy.keep
        return keep == "all" or (keep == "failed" and failed)

    def take_back(self, holder: Holder) -> None:
        """Take back what a holder has; what is private is gone then, or kept."""
        # Where no test could be told, since it fails for another reason, the end of the session tells.
        self.look_at_ended(holder, [holder])
        for loan in self._held.pop(holder, ()):
            self._end(holder, loan.environment)
        self._failed.discard(holder)  # A test that is run again may pass.

    def _end(self, holder: Holder, environment: VirtualEnvironment) -> None:
        if not environment.is_private:
            return
        stays = self._stays(failed=holder in self._failed)
        try:
            if environment.prefix.exists():
                self._depot.store.release(environment.prefix, keep=stays)
                self._kept += [Kept(holder.shown, _entering(environment))] if stays else []
        except (EnvReproError, OSError) as error:  # The test has its verdict, and the next session sweeps what is left.
            self._notes[f"{holder.shown}: {environment.title} could not be put away: {error}"] = None

    def give_back(self, environment: VirtualEnvironment) -> None:
        """Take back a private one before its holder has ended; a shared one is looked at when that has, and no earlier."""
        if not environment.is_private:
            return
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
        for process, (title, who) in running(self._scratches):
            self._notes[report.runs_on(title, process.argv, process.pid, who)] = None
        self._depot.store.prune()

    def _note_unseen(self, title: str, changes: Sequence[Change], total: int, suspects: Iterable[str]) -> None:
        self._notes[report.changed_unseen(title, changes, total, tuple(dict.fromkeys(suspects)))] = None

    def ended(self) -> Ended:
        """Say what there is to say at the end."""
        for mend in self._depot.store.mended():
            if mend.when > self._told.get(mend.name, 0.0):
                every = (test for tests in mend.at_work.values() for test in tests)
                title = ", ".join(self._titles.get(mend.name, ())) or mend.title
                self._note_unseen(title, mend.changes, mend.total, every)
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
