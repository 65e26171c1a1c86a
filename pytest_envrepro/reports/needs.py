"""The report of what tests need, for people: the section at the end, the table of integrations, and one test's needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.outcome import counted
from pytest_envrepro.reports.terminal import Line, columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_envrepro.reports.base import IntegrationRows, Lacking, NeedRow, NeedsSummary

TITLE = "integrations"


def section(summary: NeedsSummary) -> Iterator[Line]:
    """Say what was missing, one line for each; and what else there is to know of it."""
    for each in summary.lacking:
        yield Line(
            _with_fix(f"{each.name}: {_tests(each)} ({each.missing})", each.fix), "red" if each.failed else "yellow"
        )
    # Two that lack another one look at the same machine.
    for table in dict.fromkeys(tuple(each.table) for each in summary.lacking):
        yield from (Line(f"  {text}") for text in table)
    for each in summary.required:
        what = "is required, and missing, as is allowed" if each.allowed else "is required, which fails the session"
        yield Line(_with_fix(f"{each.name}: {what} ({each.missing})", each.fix), "yellow" if each.allowed else "red")
    for module, reason in summary.modules:
        yield Line(f"{module}: skipped as a whole, which fails a strict session ({reason})", "red")
    for name in summary.stale:
        yield Line(f"{name}: may be missing, and is not: that allowance is no longer needed", "yellow")
    for name in summary.shadowed:
        yield Line(f"{name}: this suite has registered a marker of that name, so it is left alone", "yellow")
    for line in summary.why:
        yield Line(line, "yellow")


def _tests(lacking: Lacking) -> str:
    """Write how many tests that has failed and skipped."""
    allowed = ", as is allowed" if lacking.allowed and not lacking.failed else ""
    if not lacking.failed:
        return f"{counted(lacking.skipped, 'test')} skipped{allowed}"
    more = f" and {lacking.skipped} skipped" if lacking.skipped else ""
    return f"{counted(lacking.failed, 'test')} failed{more}"


def _with_fix(text: str, fix: str) -> str:
    return f"{text}: {fix}" if fix else text


class Ticks(NamedTuple):
    """What stands before a need."""

    met: str = "\u2713"
    unmet: str = "\u2717"
    elsewhere: str = "-"


def ticks_for(encoding: str | None) -> Ticks:
    """Give ticks that an output can show."""
    ticks = Ticks()
    try:
        "".join(ticks).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return Ticks("+", "x", "-")
    return ticks


def table(integrations: Iterable[IntegrationRows], ticks: Ticks) -> Iterator[Line]:
    """List integrations, each with its needs: what is wanted, what was found, and what mends it."""
    listed = [*integrations]
    heads = columns([(each.name, each.status) for each in listed], 3) if listed else []
    below = iter(columns([_row(row, ticks) for each in listed for row in each.rows]))
    for each, head in zip(listed, heads, strict=True):
        yield Line(head, {"met": "green", "partial": "red", "missing": "red"}.get(each.status, ""))
        for row in each.rows:
            yield Line(f"  {next(below)}", "red" if row.applies and not row.met else "")
        if each.reason or not each.rows:
            yield from (Line(f"  {text}") for text in (each.reason or "needs nothing").split("\n"))
    if not listed:
        yield Line("there are no integrations")


def _row(row: NeedRow, ticks: Ticks) -> tuple[str, ...]:
    if not row.applies:
        return (ticks.elsewhere, row.requirement, row.why)
    if row.met:
        return (ticks.met, row.requirement, row.found or row.why)
    return (ticks.unmet, row.requirement, _with_fix(row.why, row.fix or ""))


def explanation(
    node_id: str, pieces: Iterable[IntegrationRows], outcome: str, ticks: Ticks, given: Iterable[Line] = ()
) -> Iterator[Line]:
    """Say what one test needs, requirement by requirement, and what would come of it.

    Args:
        given: what there is to say of the environments that it would be given.
    """
    yield Line(node_id)
    told = [*pieces]
    for line in table(told, ticks) if told else ():
        yield Line(f"  {line.text}", line.style)
    for line in given:
        yield Line(f"  {line.text}", line.style)
    yield from (Line(f"  {text}") for text in outcome.split("\n"))
