"""The report for people: the section at the end of a session, and the text of a check that fails."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_envrepro.outcome import Finding, Result, Status
    from pytest_envrepro.reports.base import Summary

TITLE = "environment reproducibility"

_STYLES: dict[Status, str] = {"clean": "green", "unchecked": "yellow", "broken": "red"}
_GAP = 3
_WORTH_TELLING = 0.0005  # Seconds.
_MOST_NAMED = 5  # Packages named beside failed tests, and warnings of one code.


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, and the style that it is printed in: `red`, `yellow`, `green`, or none."""

    text: str
    style: str = ""


def one_line(summary: Summary) -> Line:
    """Say that all is clean: what was looked at, how long it took, and how many warnings there are."""
    said = [_count(len(summary.results), "check")]
    total = sum(result.outcome.total or 0 for result in summary.results)
    if total:
        said.append(f"{sum(result.outcome.proven or 0 for result in summary.results)} of {total} pins proven")
    said.append(_milliseconds(sum(result.seconds for result in summary.results)))
    warned = Counter(finding.code for result in summary.results for finding in result.outcome.findings)
    warnings = ", ".join(f"{number} {code}" for code, number in sorted(warned.items()))
    notes = dict.fromkeys(result.outcome.reason for result in summary.results if result.outcome.reason)
    more = [f"warnings: {warnings} (-v shows them)"] if warnings else []
    return Line("; ".join([f"{TITLE}: clean, {', '.join(said)}", *more, *filter(None, notes)]), "green")


def section(summary: Summary, *, verbose: bool = False) -> Iterator[Line]:
    """Give the whole section, without its title; `verbose` names every warning."""
    widths = [
        max((len(text) for text in column), default=0) + _GAP
        for column in zip(*map(_head, summary.results), strict=True)
    ]
    for result in summary.results:
        head = "".join(text.ljust(width) for text, width in zip(_head(result), widths, strict=True))
        took = _milliseconds(result.seconds) if result.seconds >= _WORTH_TELLING else ""
        yield Line(head + ", ".join(filter(None, [result.outcome.detail, took])), _STYLES[result.outcome.status])
        yield from details(result, verbose=verbose)
    if summary.failed_tests:
        yield from _beside_failures(summary)
    for line in summary.why:
        yield Line(line, "yellow")
    yield Line(_closing(summary), _STYLES[summary.verdict])


def details(result: Result, *, verbose: bool = False) -> Iterator[Line]:
    """Give what is under a check's line: the findings in columns, why it was not judged, and the commands that mend."""
    shown, folded = (result.outcome.findings, {}) if verbose else _fold(result.outcome.findings)
    rows = [(finding.code, _about(finding), _place(finding), _message(finding)) for finding in shown]
    widths = [max((len(text) for text in column), default=0) for column in zip(*rows, strict=True)]
    for finding, row in zip(shown, rows, strict=True):
        cells = [text.ljust(width) for text, width in zip(row[:-1], widths[:-1], strict=True) if width]
        yield Line(f"  {'  '.join([*cells, row[-1]])}".rstrip(), "" if finding.counts else "yellow")
    for code, number in folded.items():
        yield Line(f"  {code}  {number} more, with -v or in the report", "yellow")
    if result.outcome.reason:
        yield Line(f"  {result.outcome.reason}", "yellow")
    for fix in dict.fromkeys(finding.fix for finding in shown if finding.fix and finding.counts):
        yield Line(f"  fix: {fix}")


def _fold(findings: Iterable[Finding]) -> tuple[list[Finding], dict[str, int]]:
    """Keep the first few warnings of each code, and count the rest; what counts is never left out."""
    kept: list[Finding] = []
    seen: Counter[str] = Counter()
    for finding in findings:
        if not finding.counts:
            seen[finding.code] += 1
        if finding.counts or seen[finding.code] <= _MOST_NAMED:
            kept.append(finding)
    return kept, {code: number - _MOST_NAMED for code, number in seen.items() if number > _MOST_NAMED}


def failure(result: Result) -> str:
    """Give the text of a check that failed, for the place where pytest shows it."""
    outcome = result.outcome
    head = f"{result.subject}: {result.check} is {outcome.status}"
    head += f" ({outcome.detail})" if outcome.detail else ""
    return "\n".join([head, *(line.text for line in details(result))])


def _head(result: Result) -> tuple[str, str, str]:
    return result.subject, result.check, result.outcome.status


def _about(finding: Finding) -> str:
    """Say in short what a finding is about: the requirement that is not met, or what is there in its place."""
    if finding.code in ("conflict", "missing-dependency"):
        return finding.expected or ""
    if finding.package is None:
        return ""
    if finding.actual and finding.actual[:1].isdigit():
        return f"{finding.package}=={finding.actual}"
    expected = finding.expected or ""
    return finding.package + (expected if expected[:1] in "<>=!~" else "")


def _place(finding: Finding) -> str:
    if finding.file is None:
        return ""
    return f"{finding.file}:{finding.line}" if finding.line else finding.file


def _message(finding: Finding) -> str:
    if finding.waived is None:
        return finding.message
    until = f" until {finding.waived.until}" if finding.waived.until else ""
    return f"{finding.message} (waived{until}: {finding.waived.reason})"


def _beside_failures(summary: Summary) -> Iterator[Line]:
    """Name, beside failed tests, the packages in which the environment is not the lock."""
    differing = [
        finding
        for result in summary.results
        if result.check == "installed"
        for finding in result.outcome.findings
        if finding.counts
    ]
    if differing:
        tests = _count(summary.failed_tests, "test")
        named = [f"{finding.package} {_difference(finding)}" for finding in differing[:_MOST_NAMED]]
        if len(differing) > _MOST_NAMED:
            named.append(f"{len(differing) - _MOST_NAMED} more")
        yield Line(f"{tests} failed in an environment that is not the lock: {', '.join(named)}", "red")


def _difference(finding: Finding) -> str:
    found = finding.actual or "is not installed"
    return f"{found} (locked: {finding.expected})" if finding.expected else found


def _closing(summary: Summary) -> str:
    counting = [finding for result in summary.results for finding in result.outcome.findings if finding.counts]
    broken = _having(summary.results, "broken")
    unchecked = _having(summary.results, "unchecked")
    if broken:
        said = f"broken: {_count(len(counting), 'finding')} in {_count(broken, 'check')}."
    elif unchecked:
        said = f"unchecked: {_count(unchecked, 'check')} could not be judged."
    else:
        said = "clean, with warnings."
    if summary.fails:
        return f"{said} The session fails."
    return f"{said} The session does not fail." if summary.verdict != "clean" else said


def _having(results: Sequence[Result], status: Status) -> int:
    return sum(result.outcome.status == status for result in results)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def header(discovered: Iterable[tuple[str, str | None, tuple[str, ...]]], *, strict: bool) -> list[str]:
    """Say what was discovered: each lock with the tool that wrote it and its inputs."""
    shown = []
    for path, tool, inputs in discovered:
        about = " ".join(filter(None, [tool, f"from {', '.join(inputs)}" if inputs else ""]))
        shown.append(f"{path} ({about})" if about else path)
    return [f"envrepro: {'; '.join(shown)}{', strict' if strict else ''}"]
