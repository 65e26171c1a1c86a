"""Looks whether shared environments are as they were made, tells what has changed and who was at work, and has it mended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pytest_envrepro.reports import environments as report
from pytest_envrepro.store.mends import changed_at
from pytest_envrepro.witness import TICK, Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pytest_envrepro.depot import Depot
    from pytest_envrepro.holdings import Holder, Loan
    from pytest_envrepro.store.manifest import Change
    from pytest_envrepro.virtualenvs import Made

_SOON = 0.5  # Seconds: who was looked at within them, with no test since, is not looked at again.


class Inspecting:
    """Knows what has changed in the shared environments of a session, as far as somebody has looked.

    Args:
        depot: where they come from.
        note: is told what nobody could be told at once, for the end of the session.

    Attributes:
        changed: the titles of those that tests have changed.
    """

    def __init__(self, depot: Depot, note: Callable[[str], None]) -> None:
        self.changed: list[str] = []
        self._depot = depot
        self._note = note
        self._witness = Witness(depot.store)
        self._idle = 0.0  # When the last test was over, in seconds since the epoch: since then, none did anything.
        self._dirty: dict[str, tuple[Change, ...]] = {}  # What has changed in builds, which was told.
        self._told: dict[str, float] = {}  # When the latest changes were made that were told, by the folder.
        self._lent: dict[str, Loan] = {}  # The last of each build that was looked at.
        depot.store.ask_whom(self._witness.at_work)

    def begin(self, test: str) -> None:
        """Note that a test begins."""
        self._witness.begin(test)

    def note_end(self) -> None:
        """Note that somebody has ended, who may have changed what was looked at before."""
        self._idle = time.time()

    def end(self) -> None:
        """Note that the last test is over; where a look was spared last, one follows: not everything is told."""
        self._witness.end()
        for loan in self._lent.values():
            if self._depot.store.is_unseen(loan.made.entry):
                changes, when = self._changes(loan, closely=True)
                if changes:
                    suspects = tuple(dict.fromkeys(self._suspects(when)))
                    title = loan.environment.title
                    self._note(report.changed_unseen(title, changes, len(changes), suspects, at_end=True))

    def is_dirty(self, made: Made) -> bool:
        """Tell whether one was found changed, and was not put right since."""
        return made.entry.build in self._dirty

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

    def look(self, loan: Loan, test: str, ended: Holder | None = None) -> str | None:
        """Look at one, and at what others have put right in it since it was given out: that was done while this one ran.

        What has changed is given in words; None where nothing has, and for a private one.

        Args:
            test: who is at work, by its node id; ended: the fixture that had it, at its end.
        """
        if loan.environment.is_private:
            return None
        environment, entry = loan.environment, loan.made.entry
        name = entry.path.parent.name
        told = self._told.get(name, 0.0)
        self._lent[entry.build] = loan
        # First the files: whoever puts them right has said so before.
        changes, when = self._changes(loan)
        mends = self._depot.store.mends(entry, loan.mended)
        mends = tuple(mend for mend in mends if mend.when > told and self._is_since(mend.when))
        self._told[name] = max([self._told.get(name, 0.0), *(mend.when for mend in mends)])
        beside = self._witness.beside(when) if changes else ()
        if changes and not self._is_since(when):
            self._note_unseen(environment.title, changes, len(changes), self._suspects(when))
            changes = beside = ()
        if not changes and not mends:
            return None
        self.changed.append(environment.title)
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

    def _changes(self, loan: Loan, *, closely: bool = False) -> tuple[tuple[Change, ...], float]:
        """Give what has changed in one and was not told yet, and when the latest of that was; from now on it was told."""
        entry = loan.made.entry
        name = entry.path.parent.name
        changes = self._depot.store.changes(entry, closely=closely)
        when = changed_at(loan.environment.prefix, changes) if changes else 0.0
        if not changes or when <= self._told.get(name, 0.0) or changes == self._dirty.get(entry.build):
            return (), 0.0
        self._dirty[entry.build] = changes
        self._told[name] = when
        return changes, when

    def _suspects(self, when: float) -> tuple[str, ...]:
        """Give the tests that were at work at a time, but for the one that is: others of this process, and of others."""
        return (*self._witness.before(when), *self._witness.beside(when))

    def _is_since(self, when: float) -> bool:
        """Tell whether something was done since the test began that is at work."""
        return when >= self._witness.since - TICK

    def note_unseen(self, titles: Mapping[str, Iterable[str]]) -> None:
        """Tell of what was put right and nobody was told of.

        Args:
            titles: what those are called that were lent, by the folder.
        """
        for mend in self._depot.store.mended():
            if mend.when > self._told.get(mend.name, 0.0):
                every = (test for tests in mend.at_work.values() for test in tests)
                title = ", ".join(titles.get(mend.name, ())) or mend.title
                self._note_unseen(title, mend.changes, mend.total, every)

    def _note_unseen(self, title: str, changes: Sequence[Change], total: int, suspects: Iterable[str]) -> None:
        self._note(report.changed_unseen(title, changes, total, tuple(dict.fromkeys(suspects))))
