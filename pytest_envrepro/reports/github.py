"""The reports for GitHub Actions: annotations, which are commands in the log, and the summary of a step, in Markdown."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

from pytest_envrepro.outcome import counted
from pytest_envrepro.reports.terminal import TITLE, closing, looked_at
from pytest_envrepro.reports.wording import about, message_of, printable, where

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_envrepro.outcome import Finding, Result
    from pytest_envrepro.reports.base import Lacking, NeedsSummary, Summary

Level = Literal["error", "warning", "notice"]

MOST_SHOWN = 10  # Annotations of one level that GitHub shows of a step.
MOST_BYTES = 1024 * 1024  # Of the summary of a step: GitHub drops a longer one as a whole.

_CUT = f"\nGitHub takes {MOST_BYTES // 1024} KiB of a step, and there was more: the log has all of it."
_FOLD, _FOLD_END = "<details>", "</details>"
_RESERVED = len(f"\n{_FOLD_END}\n{_CUT}\n".encode())
# All that Markdown or HTML could take for markup. Entities hold also in tables and within a `<code>`.
_MARKUP = re.compile(r"[^\w\s.,:;/=+()%'\"@?-]|_")


def command(level: Level, message: str, **properties: str | int | None) -> str:
    """Write a command of GitHub's log, escaped as GitHub's own toolkit does it; empty properties are left out."""
    said = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items() if value)
    return f"::{level}{' ' if said else ''}{said}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def log_commands(summary: Summary, folder: str = "") -> list[str]:
    """Give the commands that annotate files: errors first, and at most as many of a level as GitHub shows.

    The checks take turns, the broken before the others, so that one with many findings does not hide another.

    Args:
        folder: where the root lies in the repository, without a slash at its end.
    """
    said: list[str] = []
    more: list[str] = []
    results = sorted(summary.results, key=lambda result: result.outcome.status != "broken")
    levels: tuple[Level, ...] = ("error", "warning")
    for level in levels:
        each = [_of_check(level, result, folder, strict=summary.strict) for result in results]
        found = [line for turn in zip_longest(*each) for line in turn if line is not None]
        said += found[:MOST_SHOWN]
        if found[MOST_SHOWN:]:
            more.append(counted(len(found) - MOST_SHOWN, f"more {level}"))
    if more:
        message = f"{' and '.join(more)}: GitHub shows {MOST_SHOWN} of each, the log has all"
        said.append(command("notice", message, title=TITLE))
    return said


def _of_check(level: Level, result: Result, folder: str, *, strict: bool) -> Iterator[str]:
    """Give a check's annotations of a level, those first whose line is known."""
    status = result.outcome.status
    if status == "unchecked" and (level == "error") == strict:
        reason = printable(result.outcome.reason or "could not be judged")
        yield command(level, reason, file=_path(folder, result.subject), title=f"unchecked {printable(result.check)}")
    found = [each for each in result.outcome.findings if each.waived is None and each.counts == (level == "error")]
    for finding in sorted(found, key=lambda each: each.line is None):
        fix = f" (fix: {finding.fix})" if finding.fix else ""
        yield command(
            level,
            printable(f"{finding.message}{fix}"),
            file=_path(folder, finding.file),
            line=finding.line,
            title=printable(f"{finding.code} {about(finding)}".rstrip()),
        )


def needs_commands(summary: NeedsSummary, folder: str = "") -> list[str]:
    """Give the commands for what has failed tests, or the session, since it is missing: one error for each.

    Args:
        folder: where the root lies in the repository, without a slash at its end.
    """
    failing = [each for each in summary.lacking if each.failed] + [
        each for each in summary.required if not each.allowed
    ]
    said = [
        command(
            "error",
            printable(f"{_needed(each)}{f' (fix: {each.fix})' if each.fix else ''}"),
            title=printable(each.kind or each.name),
        )
        for each in failing
    ]
    for module, reason in summary.modules:
        file = _path(folder, module.partition("::")[0])
        said.append(command("error", printable(reason), file=file, title="skipped as a whole"))
    if said[MOST_SHOWN:]:
        message = f"{counted(len(said) - MOST_SHOWN, 'more error')}: GitHub shows {MOST_SHOWN} of each, the log has all"
        said[MOST_SHOWN:] = [command("notice", message, title="integrations")]
    return said


def _needed(lacking: Lacking) -> str:
    what = f"{counted(lacking.failed, 'test')} failed" if lacking.failed else "is required"
    named = f"{lacking.name}: " if lacking.kind else ""  # Else that is the title.
    return f"{named}{what}: {lacking.missing}"


def _path(folder: str, file: str | None) -> str | None:
    return printable("/".join(filter(None, [folder, file]))) if file else None


def step_summary(summary: Summary, folder: str = "", *, room: int = MOST_BYTES) -> str:
    """Give the summary of a step, in Markdown.

    Args:
        folder: where the root lies in the repository, without a slash at its end.
        room: how many bytes there are for it; what does not fit is left out, row by row.
    """
    room -= _RESERVED
    if room < 0:
        return ""
    lines: list[str] = []
    is_folded = False
    for line in _markdown(summary, folder):
        room -= len(line.encode()) + 1
        if room < 0:
            lines += [*(["", _FOLD_END] if is_folded else []), _CUT]
            break
        lines.append(line)
        is_folded = line.startswith(_FOLD) or (is_folded and line != _FOLD_END)
    return "".join(f"{line}\n" for line in lines)


def _markdown(summary: Summary, folder: str) -> Iterator[str]:
    *more, verdict = (line.text for line in closing(summary))
    yield f"### Environment reproducibility{f' of {_text(folder)}' if folder else ''}: {summary.verdict}"
    yield ""
    python = f"{summary.python.implementation} {summary.python.version}, {summary.python.platform}"
    said = looked_at(summary) if summary.verdict == "clean" else verdict.partition(": ")[2].rstrip(".")
    yield _text(f"{said}. On {python}.")
    for line in more:
        yield ""
        yield _text(line)
    if summary.verdict != "clean":
        rows = [(_code(each.node_id), each.outcome.status, _text(_detail(each))) for each in summary.results]
        yield from _table(("check", "outcome", "detail"), rows)
    for result in summary.results:
        yield from _findings(result)


def _detail(result: Result) -> str:
    return "; ".join(filter(None, [result.outcome.detail, result.outcome.reason]))


def _findings(result: Result) -> Iterator[str]:
    """Give the tables of a check's findings; what does not count is folded."""
    found = result.outcome.findings
    if not found:
        return
    yield ""
    yield f"#### {_text(result.node_id)}"
    yield from _table(_COLUMNS, map(_row, (finding for finding in found if finding.counts)))
    kinds = {
        "warning": [each for each in found if not each.counts and each.waived is None],
        "waived finding": [each for each in found if each.waived is not None],
    }
    for kind, findings in kinds.items():
        if findings:
            yield ""
            yield f"{_FOLD}<summary>{counted(len(findings), kind)}</summary>"
            yield from _table(_COLUMNS, map(_row, findings))
            yield ""
            yield _FOLD_END


_COLUMNS = ("code", "package", "place", "message", "fix")


def _row(finding: Finding) -> tuple[str, ...]:
    return (
        _code(finding.code),
        _text(about(finding)),
        _text(where(finding)),
        _text(message_of(finding)),
        _code(finding.fix or ""),
    )


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for index, row in enumerate(rows):
        if index == 0:
            yield ""
            yield f"| {' | '.join(columns)} |"
            yield f"|{'---|' * len(columns)}"
        yield f"| {' | '.join(row)} |"


def _text(text: str) -> str:
    """Escape what is not to be markup."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", printable(text))


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>" if text else ""
