"""The report of environments, for people: what a failing test ran in, and what was made, kept or changed meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import ended as ended_by
from pytest_envrepro.errors import typed
from pytest_envrepro.outcome import counted
from pytest_envrepro.reports.terminal import Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_envrepro.reports.base import Ended, Foreseen, Lent

TITLE = "environments"
_MOST_LINES = 40  # Of one stream of the last command.
_MOST_CHANGES = 10
_LONGEST_COMMAND = 80  # Characters.


def details(lent: Lent, above: Lent | None = None) -> str:
    """Say all there is to know of an environment.

    Args:
        above: the one that was told before it: what both were made of is not told twice.
    """
    lines: list[tuple[str, str]] = [("path", lent.path)]
    if above is not None and _made_of(above) == _made_of(lent):
        lines += [("made", "as the one above: the same key, Python and settings")]
    else:
        lines += [("key", lent.key), ("python", lent.python)]
        lines += [("settings", line) for line in lent.settings.splitlines()]
        lines += [("note", note) for note in lent.notes]
    lines += [("installed", redact(each)) for each in lent.installed]
    lines += [("last", line) for line in _last(lent)]
    lines += [("enter", lent.enter)] if lent.enter else [("enter", "is gone with the test: --env-keep=failed keeps it")]
    return "\n".join(_labelled(lines))


def _made_of(lent: Lent) -> tuple[object, ...]:
    return lent.key, lent.python, lent.settings, lent.notes


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
    lines += [("cannot be:", line) for line in told.fault.splitlines()]
    yield from (Line(f"  {line}", "red" if told.fault and index else "") for index, line in enumerate(_labelled(lines)))


def _last(lent: Lent) -> Iterator[str]:
    completed = lent.last
    if completed is None and lent.called is not None:
        yield f"{lent.called} has run in it"
        return
    if completed is None:
        by = " by this test" if lent.is_used else ""
        yield f"nothing was run in it{by}{' but what install() runs' if lent.has_installed else ''}"
        return
    yield f"{redact(typed(completed.argv))} {ended_by(completed.returncode)} after {completed.seconds:.2f} seconds"
    for name, text in (("standard output", completed.stdout), ("standard error", completed.stderr)):
        lines = text.rstrip().splitlines()
        if lines:
            left_out = len(lines) - _MOST_LINES
            yield f"{name}{f', the last {_MOST_LINES} lines of {len(lines)}' if left_out > 0 else ''}:"
            yield from (f"  {redact(line)}" for line in lines[-_MOST_LINES:])


def changed(  # noqa: PLR0913  # Each is a fact of its own.
    title: str,
    changes: Iterable[tuple[str, str]],
    *,
    test: str,
    beside: Sequence[str] = (),
    unnamed: int = 0,
    is_mended: bool = False,
    ended: str = "",
) -> str:
    """Say that a shared environment was changed while a test ran that has it.

    Args:
        test: its node id.
        beside: those of tests that other processes ran at that time: one of all these did it.
        unnamed: how many changes there were besides.
        is_mended: whether it was put right, and given to another one, before that test had ended.
        ended: the fixture that had it, where it was found at the end of that, and the test may not have had it.
    """
    when = f"found changed at the end of {ended}" if ended else "changed while this one ran"
    told = [f"  {_shown(path)} {what}" for path, what in changes]
    left_out = max(len(told) - _MOST_CHANGES, 0) + unnamed
    more = [f"  and {left_out} more"] if left_out else []
    mended = (
        "It was put right when it was given out again." if is_mended else "It is put right before it is used again."
    )
    return "\n".join(
        [
            f"{title} is shared with other tests, and was {when}:",
            *told[:_MOST_CHANGES],
            *more,
            *([f"{_one_of([test, *beside])}: other processes ran at the same time", _CERTAIN] if beside else []),
            f"{mended} A test that has to change it takes 'throwaway_venv',",
            "or environments.throwaway(...), in its place.",
        ]
    )


def changed_unseen(
    title: str, changes: Sequence[tuple[str, str]], total: int, suspects: Sequence[str], *, at_end: bool = False
) -> str:
    """Say that a shared environment had been changed before a test got it, or was when all tests were over.

    Args:
        changes: the first of them, at least.
        total: how many there were.
        suspects: the node ids of tests that were at work at that time.
    """
    path, what = changes[0]
    more = f", and {total - 1} more" if total > 1 else ""
    if not suspects:
        who = "no test is known of that was at work then: somebody did it, or a program that a test has left running"
    elif len(suspects) == 1:
        who = f"{suspects[0]} was at work then: it did it, or a program that an earlier test has left running"
    else:
        who = f"{_one_of(suspects)}; or a program did that an earlier one has left running"
    found, then = "had been changed when a test was to get it", "was put right"
    if at_end:
        found, then = "is changed, as was found when all tests were over", "is put right before it is used again"
    return f"{title}: {found} ({_shown(path)} {what}{more}), and {then}; {who}"


def runs_on(title: str, argv: Sequence[str], pid: int, holders: Sequence[str]) -> str:
    """Say that a program still runs at the end that was started in an environment.

    Args:
        holders: had that environment, at least one: node ids, and the words for fixtures; empty for the session.
    """
    names = [each or "the session" for each in dict.fromkeys(holders)]
    more = f" and {len(names) - _MOST_CHANGES} more" if len(names) > _MOST_CHANGES else ""
    who = f"{'one of ' if len(names) > 1 else ''}{', '.join(names[:_MOST_CHANGES])}{more}"
    command = redact(typed(argv))
    shown = command if len(command) <= _LONGEST_COMMAND else f"{command[: _LONGEST_COMMAND - 4]} ..."
    return f"{title}: a program runs on that {who} has started: {shown} (process {pid}); end it with its test"


def _shown(path: str) -> str:
    return "its folder" if path == "." else path


_CERTAIN = "(with -n0, and no other session beside it, that is certain)"


def _one_of(tests: Sequence[str]) -> str:
    more = f", and {len(tests) - _MOST_CHANGES} more" if len(tests) > _MOST_CHANGES else ""
    return f"one of these tests did it: {', '.join(tests[:_MOST_CHANGES])}{more}"


def section(ended: Ended) -> Iterator[Line]:
    """Say at the end of the session which private environments stay, and what else there is to know."""
    for title in ended.changed:
        yield Line(f"{title}: was changed by a test, and is put right before it is used again", "yellow")
    yield from (Line(text, "yellow") for text in _rotting(ended.rots))
    for note in ended.notes:
        yield Line(note, "yellow")
    for each in ended.kept:
        yield Line(f"{each.holder or 'of no single test'}: kept; to enter it: {each.enter}", "yellow")


def _rotting(rots: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Say each thing once, whichever places it comes from: a marker on a function with many parameters has as many."""
    places: dict[str, list[str]] = {}
    for told, origin in rots:
        places.setdefault(told, []).append(origin)
    for told, origins in places.items():
        more = f", and {counted(len(origins) - 1, 'more place')}" if len(origins) > 1 else ""
        yield f"{told} ({min(origins)}{more})"
