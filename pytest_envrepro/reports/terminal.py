"""The report for people: the section at the end of a session, and the text of a check that fails."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_envrepro.outcome import counted
from pytest_envrepro.reports.wording import about, fixes, message_of, printable, where

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_envrepro.outcome import Finding, Result, Status
    from pytest_envrepro.reports.base import Summary

TITLE = "environment reproducibility"

_STYLES: dict[Status, str] = {"clean": "green", "unchecked": "yellow", "broken": "red"}
_GAP = 3
_WIDTH = 100
_WORTH_TELLING = 0.0005  # Seconds.
_MOST_NAMED = 5  # Packages in the one line of a code that only warns.
_MOST_BLAMED = 3  # Packages named beside failures, with their versions.


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, and the style that it is printed in: `red`, `yellow`, `green`, or none."""

    text: str
    style: str = ""

    def __post_init__(self) -> None:
        """Escape what a terminal, or the log of a CI, would obey: much of the text comes out of files."""
        object.__setattr__(self, "text", printable(self.text))


def header(discovered: Iterable[tuple[str, str | None, tuple[str, ...]]], *, strict: bool) -> list[str]:
    """Say what was discovered: each lock with the tool that wrote it and its inputs."""
    title = "envrepro (strict): " if strict else "envrepro: "
    shown: list[str] = []
    for path, tool, inputs in discovered:
        about = " ".join(filter(None, [tool, f"from {', '.join(inputs)}" if inputs else ""]))
        shown.append(Line(f"{' ' * len(title) if shown else title}{path}{f' ({about})' if about else ''}").text)
    return shown


def one_line(summary: Summary) -> Line:
    """Say that all is clean: what was looked at, how long it took, what warns and what is accepted."""
    warned, waived = _not_counting(summary)
    kinds = [_by_code(found, title) for found, title in ((warned, "warnings"), (waived, "waived")) if found]
    more = [f"{', '.join(kinds)} (-v shows them)"] if kinds else []
    notes = dict.fromkeys(result.outcome.reason for result in summary.results if result.outcome.reason)
    return Line("; ".join([f"{TITLE}: clean, {looked_at(summary)}", *more, *filter(None, notes)]), "green")


def looked_at(summary: Summary) -> str:
    """Say what was looked at, and how long it took."""
    said = [counted(len(summary.results), "check")]
    total = sum(result.outcome.total or 0 for result in summary.results)
    if total:
        proven = sum(result.outcome.proven or 0 for result in summary.results)
        said.append(f"{proven} of {counted(total, 'pin')} proven")
    return ", ".join([*said, _milliseconds(sum(result.seconds for result in summary.results))])


def section(summary: Summary, *, verbose: bool = False) -> Iterator[Line]:
    """Give the whole section, without its title; `verbose` gives every warning a line of its own."""
    for result, head in zip(summary.results, columns([*map(_head, summary.results)], _GAP), strict=True):
        yield Line(head, _STYLES[result.outcome.status])
        yield from details(result, verbose=verbose)
    yield from closing(summary)


def closing(summary: Summary) -> Iterator[Line]:
    """Say what else is to be known of the session, and at last the verdict, and whether it fails the session."""
    if summary.failures:
        yield from _beside_failures(summary)
    for mended in summary.mended:
        said = f"mended: {', '.join(mended.changes)}" if mended.reason is None else f"left as it was: {mended.reason}"
        yield Line(f"{mended.path} {said}", "green" if mended.reason is None else "yellow")
    for line in summary.why:
        yield Line(line, "yellow")
    yield Line(_verdict(summary), _STYLES[summary.verdict])


def details(result: Result, *, verbose: bool = False) -> Iterator[Line]:
    """Give what is under a check's line: findings in columns, why it was not judged, and the commands that mend.

    What counts comes first; what only warns is one line for each code, unless `verbose`.
    """
    counting = [finding for finding in result.outcome.findings if finding.counts]
    warning = [finding for finding in result.outcome.findings if not finding.counts]
    shown = [*counting, *(warning if verbose else [])]
    rows = [(finding.code, about(finding), where(finding), message_of(finding)) for finding in shown]
    for finding, row in zip(shown, columns(rows), strict=True):
        yield Line(f"  {row}", "" if finding.counts else "yellow")
    if not verbose:
        yield from _folded(warning)
    elif result.outcome.unproven:
        yield from _wrapped("  not proven: ", result.outcome.unproven)
    if result.outcome.reason:
        yield Line(f"  {result.outcome.reason}", "yellow")
    for fix in fixes(result):
        yield Line(f"  fix: {fix}")


def _wrapped(title: str, names: Iterable[str]) -> Iterator[Line]:
    """List names, as many on a line as are pleasant to read."""
    text = textwrap.fill(", ".join(names), _WIDTH, initial_indent=title, subsequent_indent=" " * len(title))
    for line in text.splitlines():
        yield Line(line)


def failure(result: Result) -> str:
    """Give the text of a check that failed, for the place where pytest shows it: it has to stand alone there."""
    outcome = result.outcome
    head = ", ".join(filter(None, [outcome.status, outcome.detail]))
    return "\n".join([Line(head).text, *(line.text for line in details(result))])


def headline(result: Result) -> str:
    """Give the one line of a check that failed: its first finding, and how many more there are."""
    counting = [finding for finding in result.outcome.findings if finding.counts]
    if not counting:
        return Line(f"{result.outcome.status}: {result.outcome.reason or 'could not be judged'}").text
    first = counting[0]
    at = f" ({where(first)})" if first.file else ""
    more = f", and {len(counting) - 1} more" if counting[1:] else ""
    return Line(f"{' '.join(filter(None, [first.code, about(first)]))}{at}: {message_of(first)}{more}").text


def place(result: Result) -> tuple[str, int]:
    """Give the file and the line of a check that failed: those of its first finding that has them."""
    found = (finding for finding in result.outcome.findings if finding.counts and finding.file)
    first = next(found, None)
    return (first.file or result.subject, first.line or 1) if first else (result.subject, 1)


def _head(result: Result) -> tuple[str, ...]:
    took = _milliseconds(result.seconds) if result.seconds >= _WORTH_TELLING else ""
    return (result.subject, result.check, result.outcome.status, ", ".join(filter(None, [result.outcome.detail, took])))


def columns(rows: Sequence[tuple[str, ...]], gap: int = 2) -> list[str]:
    """Set rows in columns; a column with nothing in it takes no room."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    used = [index for index, width in enumerate(widths) if width]
    return [(" " * gap).join(row[index].ljust(widths[index]) for index in used).rstrip(" ") for row in rows]


def _folded(warning: Iterable[Finding]) -> Iterator[Line]:
    """Say in one line for each code what only warns or is waived; where there is one such finding, say it whole."""
    codes: dict[tuple[str, str], list[Finding]] = {}
    for finding in warning:
        codes.setdefault((finding.code, "warnings" if finding.waived is None else "waived"), []).append(finding)
    for (code, what), findings in codes.items():
        if len(findings) == 1:
            row = (code, about(findings[0]), where(findings[0]), message_of(findings[0]))
            yield Line(f"  {'  '.join(filter(None, row))}", "yellow")
            continue
        names = list(dict.fromkeys(finding.package for finding in findings if finding.package))
        more = ["..."] if len(names) > _MOST_NAMED else []
        shown = f": {', '.join([*names[:_MOST_NAMED], *more])}" if names else ""
        yield Line(f"  {code}  {len(findings)} {what} (see -v){shown}", "yellow")


def _beside_failures(summary: Summary) -> Iterator[Line]:
    """Name, beside tests that failed, the packages in which the environment is not the lock."""
    differing = [
        finding
        for result in summary.results
        if result.check == "installed"
        for finding in result.outcome.findings
        if finding.counts
    ]
    if differing:
        named = [_difference(finding) for finding in differing[:_MOST_BLAMED]]
        if len(differing) > _MOST_BLAMED:
            named.append(f"and {len(differing) - _MOST_BLAMED} more")
        failures = counted(summary.failures, "failure")
        yield Line(f"{failures} in an environment that is not the lock: {', '.join(named)}", "red")


def _difference(finding: Finding) -> str:
    if finding.package is None:  # A path or a URL that tells no name.
        return f"{finding.expected} missing"
    origin = "from " if finding.code == "wrong-source" else ""
    found = f"{finding.package} {origin}{finding.actual or 'missing'}"
    return f"{found} (locked: {finding.expected.removeprefix('==')})" if finding.expected else found


def _verdict(summary: Summary) -> str:
    counting = [finding for result in summary.results for finding in result.outcome.findings if finding.counts]
    broken = _having(summary.results, "broken")
    unchecked = _having(summary.results, "unchecked")
    if broken:
        said = f"broken: {counted(len(counting), 'finding')} in {counted(broken, 'check')}."
    elif unchecked:
        said = f"unchecked: {counted(unchecked, 'check')} could not be judged."
    else:
        warned, waived = map(len, _not_counting(summary))
        kinds = [counted(warned, "warning")] if warned else []
        kinds += [f"{counted(waived, 'finding')} waived"] if waived else []
        said = f"clean, with {' and '.join(kinds)}." if kinds else "clean."
    if summary.fails:
        return f"{said} The session fails."
    return f"{said} The session does not fail." if summary.verdict != "clean" else said


def _having(results: Sequence[Result], status: Status) -> int:
    return sum(result.outcome.status == status for result in results)


def _not_counting(summary: Summary) -> tuple[list[Finding], list[Finding]]:
    """Give what only warns, and what is waived."""
    found = [each for result in summary.results for each in result.outcome.findings if not each.counts]
    return [each for each in found if each.waived is None], [each for each in found if each.waived is not None]


def _by_code(findings: Iterable[Finding], title: str) -> str:
    codes = Counter(finding.code for finding in findings)
    return f"{title}: {', '.join(f'{number} {code}' for code, number in sorted(codes.items()))}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
