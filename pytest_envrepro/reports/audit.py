"""The report of an audit, for people: which markers lie, which could not be tried, and how many tests that are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.outcome import counted
from pytest_envrepro.reports.terminal import Line, columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TITLE = "honest markers"
_MOST = 5  # Tests that are named; the others are counted.
_HEAD = ("needs", "tests", "need it", "skip", "do not", "not known")


class AuditRow(NamedTuple):
    """What markers name, with the number of tests that need it, skip themselves, pass without it, or tell nothing."""

    title: str
    needed: int
    skips: int
    passes: int
    unknown: int


class Needless(NamedTuple):
    """A marker that lies.

    Attributes:
        line: 0 where it is not known.
        title: what is not needed.
        tests: those that pass without it.
        of: how many have it from that marker.
        either: of several things the tests need one, whichever; then these.
    """

    file: str
    line: int
    title: str
    tests: tuple[str, ...]
    of: int
    either: tuple[str, ...] = ()


class Untold(NamedTuple):
    """Why needs of some tests could not be tried."""

    titles: tuple[str, ...]
    why: str
    tests: tuple[str, ...]


class Unmarked(NamedTuple):
    """An import of something optional in tests that do not say that they need it.

    Attributes:
        module: what is imported.
        asked: who asks for it, and nobody else does: `extra 'excel'`.
        tests: those that carry no marker that names it.
    """

    file: str
    line: int
    module: str
    asked: tuple[str, ...]
    tests: tuple[str, ...]


class Audit(NamedTuple):
    """What an audit has found.

    Attributes:
        late: the tests that were ended, with what they lacked, and after how long.
        unmarked: what is imported, and no marker says.
    """

    rows: tuple[AuditRow, ...]
    needless: tuple[Needless, ...] = ()
    untold: tuple[Untold, ...] = ()
    late: tuple[tuple[str, str, str], ...] = ()
    unmarked: tuple[Unmarked, ...] = ()

    @property
    def lies(self) -> bool:
        """Whether a marker lies."""
        return bool(self.needless)

    @property
    def is_blind(self) -> bool:
        """Whether there was something to try, and nothing could be."""
        return bool(self.rows) and not any(row.needed + row.skips + row.passes for row in self.rows)


def section(audit: Audit, *, strict: bool) -> Iterator[Line]:
    """Give the whole section, without its title.

    Args:
        strict: whether it fails the session that nothing could be tried.
    """
    yield from _table(audit.rows)
    for each in audit.needless:
        yield from _needless(each)
    for untold in audit.untold:
        are = "is" if len(untold.titles) == 1 else "are"
        yield Line(f"not known whether {' and '.join(untold.titles)} {are} needed: {untold.why}:", "yellow")
        yield from _tests(untold.tests)
    for test, title, why in audit.late:
        yield Line(f"{test}: hung without {title}, and {why}", "yellow")
    for unmarked in audit.unmarked:
        asked = " and ".join(unmarked.asked)
        what = f"imports {unmarked.module}, which only {asked} {'asks' if len(unmarked.asked) == 1 else 'ask'} for"
        yield Line(f"{_place(unmarked.file, unmarked.line)}: {what}, and no marker of these tests says:", "yellow")
        yield from _tests(unmarked.tests)
    yield _verdict(audit, strict=strict)


def _table(rows: Sequence[AuditRow]) -> Iterator[Line]:
    """Give a line for each that markers name: how many tests have it, and what came of them."""
    if not rows:
        return
    cells = [(row.title, *map(str, (sum(row[1:]), row.needed, row.skips, row.passes, row.unknown))) for row in rows]
    styles = ["", *("red" if row.passes else "" for row in rows)]
    for text, style in zip(columns([_HEAD, *cells], 3), styles, strict=True):
        yield Line(text, style)


def _needless(each: Needless) -> Iterator[Line]:
    """Name a marker that lies, with its tests."""
    number = len(each.tests)
    several = f"{number} tests" if number == each.of else f"{number} of {each.of} tests"
    passes = "its test passes" if number == each.of == 1 else f"{several} {'passes' if number == 1 else 'pass'}"
    either = f" (either {' or '.join(each.either)} is enough)" if each.either else ""
    yield Line(f"{_place(each.file, each.line)}: {each.title} is not needed: {passes} without it{either}:", "red")
    yield from _tests(each.tests)


def _tests(tests: Sequence[str]) -> Iterator[Line]:
    shown = tests if len(tests) <= _MOST + 1 else tests[:_MOST]
    yield from (Line(f"  {test}") for test in shown)
    if len(shown) < len(tests):
        yield Line(f"  and {len(tests) - len(shown)} more")


def _place(file: str, line: int) -> str:
    return f"{file}:{line}" if line else file


def _verdict(audit: Audit, *, strict: bool) -> Line:
    if not audit.rows:
        return Line("no test has a marker that could lie", "yellow")
    unknown = sum(row.unknown for row in audit.rows)
    untried = f"{counted(unknown, 'need')} could not be tried"
    more = f"; {untried}" if unknown else ""
    if audit.lies:
        number = len(audit.needless)
        return Line(f"{counted(number, 'marker')} {'lies' if number == 1 else 'lie'}{more}", "red")
    if audit.is_blind:
        fails = ", which fails a strict session" if strict else ""
        return Line(f"{untried}, and there is no other{fails}", "red" if strict else "yellow")
    return Line(
        f"every marker is honest, as far as it was tried{more}" if unknown else "every marker is honest", "green"
    )
