"""The report of environments, for people: what a failing test ran in, and what was made, kept or changed meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.errors import typed
from pytest_envrepro.reports.terminal import Line
from pytest_envrepro.requirement import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_envrepro.process import Completed
    from pytest_envrepro.reports.base import Ended, Foreseen, Lent

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
    return "\n".join(_labelled(lines))


def _labelled(lines: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Write each line behind its label, which is written once."""
    for index, (label, text) in enumerate(lines):
        yield f"{'' if index and lines[index - 1][0] == label else label:<9} {text}".rstrip()


def explanation(told: Foreseen) -> Iterator[Line]:
    """Say which environment a test would be given."""
    yield Line(f"{f'{told.title}, by ' if told.title else ''}'{told.fixture}'")
    lines = [(label, text) for label, text in (("base", told.base), ("python", told.python)) if text]
    lines += [("settings", line) for line in told.settings.splitlines()]
    lines += [("state", line) for line in told.state.splitlines()]
    lines += [("will rot", line) for line in told.rots]
    lines += [("cannot be", line) for line in told.fault.splitlines()]
    yield from (Line(f"  {line}", "red" if told.fault and index else "") for index, line in enumerate(_labelled(lines)))


def _last(completed: Completed | None) -> Iterator[str]:
    if completed is None:
        yield "nothing was run in it"
        return
    yield f"{redact(typed(completed.argv))} ended with {completed.returncode} after {completed.seconds:.2f} seconds"
    for name, text in (("standard output", completed.stdout), ("standard error", completed.stderr)):
        lines = text.rstrip().splitlines()
        if lines:
            left_out = len(lines) - _MOST_LINES
            yield f"{name}{f', the last {_MOST_LINES} lines of {len(lines)}' if left_out > 0 else ''}:"
            yield from (f"  {redact(line)}" for line in lines[-_MOST_LINES:])


def changed(title: str, changes: Iterable[tuple[str, str]], *, test: str, beside: Sequence[str] = ()) -> str:
    """Say that a shared environment was changed while a test ran that has it.

    Args:
        test: its node id.
        beside: those of tests that other processes ran at that time: one of all these did it.
    """
    told = [f"  {path} {what}" for path, what in changes]
    more = [f"  and {len(told) - _MOST_CHANGES} more"] if len(told) > _MOST_CHANGES else []
    return "\n".join(
        [
            f"{title} is shared with other tests, and was changed while this one ran:",
            *told[:_MOST_CHANGES],
            *more,
            *([f"{_one_of([test, *beside])}: other processes ran at the same time", _CERTAIN] if beside else []),
            "It is put right before it is used again. A test that has to change it takes 'throwaway_venv',",
            "or environments.throwaway(...), in its place.",
        ]
    )


def changed_unseen(title: str, changes: Sequence[tuple[str, str]], suspects: Sequence[str]) -> str:
    """Say that a shared environment had been changed before a test got it.

    Args:
        suspects: the node ids of tests that were at work at that time.
    """
    path, what = changes[0]
    more = f", and {len(changes) - 1} more" if len(changes) > 1 else ""
    if not suspects:
        who = "no test is known of that was at work then: it may be a program that one has left running"
    elif len(suspects) == 1:
        who = f"{suspects[0]} was at work then"
    else:
        who = _one_of(suspects)
    return f"{title}: had been changed when a test was to get it ({path} {what}{more}); {who}"


_CERTAIN = "(with -n0, and no other session beside it, that is certain)"


def _one_of(tests: Sequence[str]) -> str:
    more = f", and {len(tests) - _MOST_CHANGES} more" if len(tests) > _MOST_CHANGES else ""
    return f"one of these tests did it: {', '.join(tests[:_MOST_CHANGES])}{more}"


def section(ended: Ended) -> Iterator[Line]:
    """Say at the end of the session which private environments stay, and what else there is to know."""
    for title in ended.changed:
        yield Line(f"{title}: was changed by a test, and is put right before it is used again", "yellow")
    for note in ended.notes:
        yield Line(note, "yellow")
    for each in ended.kept:
        yield Line(f"{each.holder or 'of no single test'}: kept; to enter it: {each.enter}", "yellow")
