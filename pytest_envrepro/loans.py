"""The books of a session's environments: which test has which, how they come back, and which of them stay."""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.errors import EnvReproError
from pytest_envrepro.reports import Ended, EnvironmentRow, Kept, Lent
from pytest_envrepro.reports import environments as report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pytest_envrepro.depot import Depot, Made
    from pytest_envrepro.envs.virtualenv import VirtualEnvironment
    from pytest_envrepro.store import Change

SESSION = ""  # The holder of what no single test has.
_TICK = 0.02  # Seconds: the times of files are those of a clock that stands still for so long.


def of_fixture(name: str) -> str:
    """Give the holder of what a fixture of a class, a module or the session has."""
    return f"fixture '{name}'"


class Loan(NamedTuple):
    """An environment that somebody has been given, what it is made of, and since when (seconds since the epoch)."""

    environment: VirtualEnvironment
    made: Made
    since: float


class Loans:
    """Which environments are lent, and to whom: a node id, or the session.

    Args:
        since: when the session began, in seconds since the epoch.
        among_others: whether other processes run tests of this session at the same time.
    """

    def __init__(self, depot: Depot, *, since: float, among_others: bool = False) -> None:
        self._since = since
        self._depot = depot
        self._among_others = among_others
        self._held: dict[str, list[Loan]] = {}
        # The test that is at work: since when, in seconds since the epoch, and the fixtures that it is given.
        self._began = 0.0
        self._given: frozenset[str] = frozenset()
        self._failed: set[str] = set()
        self._dirty: set[Path] = set()  # The prefixes of shared ones that have changed, and are still lent.
        self._rows: dict[str, EnvironmentRow] = {}
        self._kept: list[Kept] = []
        self._changed: list[str] = []
        self._blamed: set[tuple[str, str]] = set()  # Who has changed which build: that is told once.
        self._notes: dict[str, None] = {}

    def begin(self, fixtures: Iterable[str]) -> None:
        """Note that a test begins: what was changed before is none of its doing.

        Args:
            fixtures: the names of those that it is given.
        """
        self._began = time.time()
        self._given = frozenset(map(of_fixture, fixtures))
        for holder in self._given & self._held.keys() if self._dirty else ():
            self._held[holder] = [self._healed(loan) for loan in self._held[holder]]

    def _healed(self, loan: Loan) -> Loan:
        """Have what a test has changed made as it was, at its place, for those who still have it from a fixture."""
        if loan.environment.prefix not in self._dirty:
            return loan
        self._dirty.discard(loan.environment.prefix)
        with contextlib.suppress(EnvReproError):  # It could be made before; else the next test tells what has changed.
            return loan._replace(made=self._depot.make(loan.made.plan), since=time.time())
        return loan

    def fail(self, holder: str) -> None:
        """Note that the test at work has failed: what it has, itself or by its fixtures, may be worth a look."""
        self._failed |= {holder, *self._given}

    def add(self, holder: str, loan: Loan) -> None:
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

    def look(self, holder: str) -> str | None:
        """Look whether the shared ones of a test are as they were made, and say what of them is not.

        Those that fixtures of a wider scope hold are looked at too: the test may have them from there. What is changed
        is mended, or made anew, before it is given out again.
        """
        told = []
        for environment, made, since in self._of(holder):
            if environment.is_private or (holder, made.entry.build) in self._blamed:
                continue
            changes = self._depot.store.changes(made.entry)
            if changes:
                self._changed.append(environment.title)
                self._dirty.add(environment.prefix)
                if _changed_at(environment.prefix, changes) >= max(since, self._began) - _TICK:
                    self._blamed.add((holder, made.entry.build))
                    told.append(report.changed(environment.label, changes, among_others=self._among_others))
        return "\n".join(told) or None

    def _of(self, holder: str) -> list[Loan]:
        """Give what a test has, itself or by its fixtures, the same build once."""
        found: dict[Path, Loan] = {}
        for each in (holder, *sorted(self._given)):
            for loan in self._held.get(each, ()):
                found.setdefault(loan.environment.prefix, loan)
        return [*found.values()]

    def details(self, holder: str) -> Iterator[tuple[str, str]]:
        """Say all there is to know of what a test has: titles and texts."""
        for loan in self._of(holder):
            yield f"envrepro: {loan.environment.label}", report.details(self._lent(loan))

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

    def take_back(self, holder: str) -> None:
        """Take back what a holder has; what is private is gone then, or kept."""
        for loan in self._held.pop(holder, ()):
            self._end(holder, loan.environment)

    def _end(self, holder: str, environment: VirtualEnvironment) -> None:
        if environment.is_private and environment.prefix.exists():
            stays = self._stays(failed=holder in self._failed)
            if stays:
                self._kept.append(Kept(holder, _entering(environment)))
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
        self._depot.store.prune()

    def ended(self) -> Ended:
        """Say what there is to say at the end."""
        return Ended(
            rows=tuple(sorted(self._rows.values())),
            kept=tuple(self._kept),
            changed=tuple(dict.fromkeys(self._changed)),
            notes=tuple(self._notes),
        )


def _changed_at(prefix: Path, changes: Iterable[Change]) -> float:
    """Give when the latest of some changes was made, in seconds since the epoch; of what is gone, when its folder changed."""
    latest = 0.0
    for change in changes:
        path = os.path.join(prefix, change.path)
        while not os.path.lexists(path) and len(path) > len(str(prefix)):
            path = os.path.dirname(path)
        with contextlib.suppress(OSError):
            latest = max(latest, os.lstat(path).st_ctime)
    return latest or time.time()


def _entering(environment: VirtualEnvironment) -> str:
    """Give the command that enters an environment."""
    return f"source {shlex.quote(str(environment.scripts / 'activate'))}"
