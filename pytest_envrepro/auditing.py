"""Judges markers: does a test fail without what they claim that it needs? One that passes has a marker that lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.claims import Claims, Without
from pytest_envrepro.locating import line_of
from pytest_envrepro.reports.audit import Audit, AuditRow, Needless, Untold
from pytest_envrepro.trials import Trial
from pytest_envrepro.unmarked import Importing, unmarked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.asking import Ask
    from pytest_envrepro.claims import Claim
    from pytest_envrepro.session import Session
    from pytest_envrepro.trials import Trials


class Placed(NamedTuple):
    """A marker of a test, and where it is put.

    Attributes:
        ask: the marker.
        file: the module, relative to the project; empty where it is put by something else than a module.
        scope: the classes, and at last the function, that it decorates; nothing for a whole module.
    """

    ask: Ask
    file: str
    scope: tuple[str, ...] = ()


class Marked(NamedTuple):
    """A test, with its markers of ours, if it has any.

    Attributes:
        file: its module, relative to the project; empty where it is in none.
        scope: its classes, and at last the function.
        fixtures: the names of all that it uses.
    """

    node_id: str
    markers: tuple[Placed, ...]
    file: str = ""
    scope: tuple[str, ...] = ()
    fixtures: frozenset[str] = frozenset()


class _Case(NamedTuple):
    """One claim of one test."""

    test: str
    claim: Claim
    placed: Placed


def audit(tests: Iterable[Marked], session: Session, trials: Trials) -> Audit:
    """Run tests without what their markers claim, one claim at a time.

    A test is first run in an environment that is made in the same way and lacks nothing: one that does not pass there
    tells nothing by failing in others.
    """
    tests = tuple(tests)
    claims = Claims(session)
    cases = [
        _Case(test.node_id, claim, placed)
        for test in tests
        for placed in test.markers
        for claim in claims.of(placed.ask)
    ]
    found = _unmet(cases)
    waiting = [case for case in cases if case not in found]
    if waiting:
        control = trials.run([case.test for case in waiting], Without(), "with all that is here")
        found |= {case: why for case in waiting if (why := _not_passed(control[case.test]))}
    waiting = [case for case in waiting if case not in found]
    tried: dict[Without, dict[str, Trial]] = {}
    for without, some in _by_removal(waiting).items():
        title = f"without {' and '.join(dict.fromkeys(case.claim.title for case in some))}"
        tried[without] = trials.run([case.test for case in some], without, title)
    found |= {case: _result(case, tried[case.claim.without][case.test]) for case in waiting}
    told = _told(cases, found, _either(found, trials), session.root)
    return told._replace(unmarked=unmarked(_importing(tests, cases), session))


def _importing(tests: Iterable[Marked], cases: Iterable[_Case]) -> Iterator[Importing]:
    claimed: dict[str, set[str]] = {}
    for case in cases:
        claimed.setdefault(case.test, set()).update(case.claim.names)
    for test in tests:
        yield Importing(test.node_id, test.file, test.scope, test.fixtures, frozenset(claimed.get(test.node_id, ())))


def _unmet(cases: Sequence[_Case]) -> dict[_Case, Trial]:
    """Judge those that cannot be tried: also those of a test that cannot run here for another of its claims."""
    stopped: dict[str, str] = {}
    for case in cases:
        if case.claim.why_not and not case.claim.met:
            stopped.setdefault(case.test, case.claim.why_not)
    found: dict[_Case, Trial] = {}
    for case in cases:
        why = case.claim.why_not or stopped.get(case.test)
        if why:
            found[case] = Trial("unknown", why)
    return found


def _not_passed(trial: Trial) -> Trial | None:
    """Say of a test that lacks nothing why it tells nothing; None where it passes."""
    if trial.outcome == "passed":
        return None
    said = {
        "failed": "fails also with all that is here",
        "skipped": "skips by itself also with all that is here",
        "expected": "is expected to fail",
        "unknown": "could not be run",
    }
    return Trial("unknown", f"{said[trial.outcome]}{f' ({trial.why})' if trial.why else ''}")


def _by_removal(cases: Iterable[_Case]) -> dict[Without, list[_Case]]:
    found: dict[Without, list[_Case]] = {}
    for case in cases:
        found.setdefault(case.claim.without, []).append(case)
    return found


def _result(case: _Case, trial: Trial) -> Trial:
    if trial.outcome != "passed" or not case.claim.stays:
        return trial
    stays = " and ".join(case.claim.stays)
    return Trial("unknown", f"passes without the rest, and {stays} cannot be taken away")


def _either(found: Mapping[_Case, Trial], trials: Trials) -> dict[str, tuple[str, ...]]:
    """Give the tests that pass without each of some claims, and not without all of these: they need one of them."""
    several: dict[str, list[Claim]] = {}
    for case, trial in found.items():
        if trial.outcome == "passed":
            several.setdefault(case.test, []).append(case.claim)
    together: dict[tuple[tuple[str, ...], Without], list[str]] = {}
    for test, claims in several.items():
        if len({claim.without for claim in claims}) > 1:
            without = Without()
            for claim in claims:
                without = without.and_without(claim.without)
            titles = tuple(dict.fromkeys(claim.title for claim in claims))
            together.setdefault((titles, without), []).append(test)
    either: dict[str, tuple[str, ...]] = {}
    for (titles, without), tests in together.items():
        for test, trial in trials.run(tests, without, f"without {' and '.join(titles)}").items():
            if trial.outcome in {"failed", "skipped", "expected"}:
                either[test] = titles
    return either


def _told(
    cases: Sequence[_Case], found: Mapping[_Case, Trial], either: Mapping[str, tuple[str, ...]], root: Path
) -> Audit:
    """Count, and put in order, what is to be told."""
    once = {(case.test, case.claim.title): case for case in cases}.values()  # Two markers may claim the same.
    rows: dict[str, dict[str, int]] = {}
    for case in once:
        counts = rows.setdefault(case.claim.title, dict.fromkeys(("needed", "skips", "passes", "unknown"), 0))
        counts[_COUNTED[found[case].outcome]] += 1
    late = {(case.test, case.claim.title, found[case].why) for case in once if found[case].late}
    return Audit(
        rows=tuple(AuditRow(title=title, **counts) for title, counts in sorted(rows.items())),
        needless=tuple(_needless(cases, found, either, root)),
        untold=tuple(_untold(once, found)),
        late=tuple(sorted(late)),
    )


_COUNTED = {"passed": "passes", "failed": "needed", "expected": "needed", "skipped": "skips", "unknown": "unknown"}


def _needless(
    cases: Iterable[_Case], found: Mapping[_Case, Trial], either: Mapping[str, tuple[str, ...]], root: Path
) -> Iterator[Needless]:
    """Give the markers that lie, by file and line."""
    texts: dict[str, str] = {}
    covered: dict[tuple[str, int, str], dict[str, bool]] = {}
    for case in cases:
        place = (*_place(case, root, texts), case.claim.title)
        covered.setdefault(place, {})[case.test] = found[case].outcome == "passed"
    for (file, line, title), tests in sorted(covered.items()):
        passing = tuple(test for test, passes in tests.items() if passes)
        one_of = next((either[test] for test in passing if test in either), ())
        if passing:
            yield Needless(file=file, line=line, title=title, tests=passing, of=len(tests), either=one_of)


def _untold(cases: Iterable[_Case], found: Mapping[_Case, Trial]) -> Iterator[Untold]:
    """Put together what the same tests cannot tell for the same reason."""
    tests: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        if found[case].outcome == "unknown":
            tests.setdefault((found[case].why, case.claim.title), []).append(case.test)
    titles: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (why, title), several in sorted(tests.items()):
        titles.setdefault((why, tuple(several)), []).append(title)
    for (why, several_tests), names in titles.items():
        yield Untold(titles=tuple(names), why=why, tests=several_tests)


def _place(case: _Case, root: Path, texts: dict[str, str]) -> tuple[str, int]:
    """Give the file and the line of a marker; a line of 0 is not known."""
    placed = case.placed
    if not placed.file:
        return case.test.partition("::")[0], 0
    if placed.file not in texts:
        try:
            texts[placed.file] = (root / placed.file).read_text(encoding="utf-8")
        except (OSError, ValueError):
            texts[placed.file] = ""
    return placed.file, line_of(texts[placed.file], placed.scope, placed.ask.marker, placed.ask.arguments)
