"""The report of environments, for people: what a failing test ran in, and what was made, kept or changed meanwhile."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pytest_envrepro.reports.terminal import Line
from pytest_envrepro.requirement import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_envrepro.process import Completed
    from pytest_envrepro.reports.base import Ended, Lent

TITLE = "environments"
_MOST_LINES = 40  # Of one stream of the last command.
_MOST_CHANGES = 10


def details(lent: Lent) -> str:
    """Say all there is to know of an environment."""
    lines: list[tuple[str, str]] = [("path", lent.path), ("key", lent.key), ("python", lent.python)]
    lines += [("settings", line) for line in lent.settings.splitlines()]
    lines += [("note", note) for note in lent.notes]
    lines += [("last", line) for line in _last(lent.last)]
    lines += [("enter", lent.enter)] if lent.enter else [("enter", "is gone with the test: --env-keep=failed keeps it")]
    shown = [
        f"{'' if index and lines[index - 1][0] == label else label:<9} {text}"
        for index, (label, text) in enumerate(lines)
    ]
    return "\n".join(line.rstrip() for line in shown)


def _last(completed: Completed | None) -> Iterator[str]:
    if completed is None:
        yield "nothing was run in it"
        return
    yield f"{redact(shlex.join(completed.argv))} ended with {completed.returncode} after {completed.seconds:.2f} seconds"
    for name, text in (("standard output", completed.stdout), ("standard error", completed.stderr)):
        lines = text.rstrip().splitlines()
        if lines:
            left_out = len(lines) - _MOST_LINES
            yield f"{name}{f', the last {_MOST_LINES} lines of {len(lines)}' if left_out > 0 else ''}:"
            yield from (f"  {redact(line)}" for line in lines[-_MOST_LINES:])


def changed(title: str, changes: Iterable[tuple[str, str]], *, among_others: bool) -> str:
    """Say that a test has changed a shared environment.

    Args:
        among_others: whether tests in other processes could have, at the same time.
    """
    told = [f"  {path} {what}" for path, what in changes]
    more = [f"  and {len(told) - _MOST_CHANGES} more"] if len(told) > _MOST_CHANGES else []
    return "\n".join(
        [
            f"{title} is shared with other tests, and was changed while this one ran:",
            *told[:_MOST_CHANGES],
            *more,
            *(
                ["(or it was a test that another worker ran at the same time: with -n0 that is certain)"]
                if among_others
                else []
            ),
            "It is put right before it is used again. A test that has to change it takes 'throwaway_venv',",
            "or environments.throwaway(...), in its place.",
        ]
    )


def section(ended: Ended, *, made: bool = False) -> Iterator[Line]:
    """Say at the end of the session which private environments stay, and what else there is to know.

    Args:
        made: whether to tell what was made, since nobody could while it was.
    """
    for row in ended.rows if made else ():
        if not row.cached:
            yield Line(f"{row.name}: made in {row.seconds:.1f} s")
    for title in ended.changed:
        yield Line(f"{title}: was changed by a test, and is put right before it is used again", "yellow")
    for note in ended.notes:
        yield Line(note, "yellow")
    for each in ended.kept:
        yield Line(f"{each.holder or 'of no single test'}: kept; to enter it: {each.enter}", "yellow")
