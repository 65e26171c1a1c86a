"""Whether a lock is what its own tool makes of its inputs today, the old pins preferred.

What a change is, and which of them are believed, `changes` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.checks.changes import doubtful, holes
from pytest_envrepro.outcome import Finding, Outcome, counted, sort_findings

if TYPE_CHECKING:
    from pytest_envrepro.checks.base import Attempt, Facts
    from pytest_envrepro.checks.changes import Change
    from pytest_envrepro.model import Lock

_SHOWN = 5  # Changes that a reason names.


class RecompileCheck:
    """The check `recompile`."""

    name = "recompile"
    codes: tuple[str, ...] = ("recompiled-differs",)

    def subjects(self, facts: Facts) -> tuple[str, ...]:
        """Every lock, where somebody asked for it."""
        return tuple(facts.locks) if facts.compiling is not None else ()

    def key(self, facts: Facts, subject: str) -> str | None:
        """Give what the tool is given.

        What explains a change is no part of it: a fault of a lock stays one, whatever is installed to prove it.
        """
        known = facts.compiling.key(subject) if facts.compiling else None
        return f"recompile {known}" if known else None

    def judge(self, facts: Facts, subject: str) -> Outcome:
        """Compile the lock again, and compare."""
        if facts.compiling is None:
            return Outcome(judged=False, reason="nobody asked for it")
        lock = facts.locks[subject]
        attempt = facts.compiling.attempt(subject)
        if attempt.holds is not None:
            return _looked_at(lock, attempt, facts.offline(subject), is_held=attempt.holds)
        if attempt.lock is None:
            return Outcome(judged=False, reason=attempt.reason, detail=attempt.tool)
        found, unexplained = doubtful(lock, attempt.lock, facts.offline(subject))
        return Outcome(
            findings=sort_findings(_finding(change, lock) for change in found if change not in unexplained),
            judged=not unexplained,
            reason=_doubt(unexplained, attempt, attempt.lock) if unexplained else None,
            detail=f"{counted(len(lock.pins), 'pin')}, as {attempt.tool} compiles them{_except(attempt)}",
        )


def _looked_at(lock: Lock, attempt: Attempt, offline: Outcome, *, is_held: bool) -> Outcome:
    """Judge a lock by a tool that compiles none for a second opinion: it only says whether the inputs are the same.

    As with changed pins, that they are not is believed where the check `lock` finds something too: tools have hashed
    the same inputs in several ways.
    """
    said = "; ".join(attempt.said)
    if is_held:
        detail = (
            f"{counted(len(lock.pins), 'pin')}; {attempt.tool} compares the hash of the inputs alone, and finds it true"
        )
        return Outcome(detail=detail)
    if not offline.findings:
        reason = f"{said}; but the hash is one that is known for these inputs: another version of it may have locked"
        return Outcome(judged=False, reason=reason, detail=attempt.tool)
    finding = Finding(
        code="recompiled-differs",
        package=None,
        expected=None,
        actual=lock.stamp.written if lock.stamp else None,
        file=lock.path,
        line=lock.stamp.line if lock.stamp else None,
        message=said,
        fix=lock.fix,
    )
    return Outcome(findings=(finding,), detail=f"as {attempt.tool} looks at it")


def _except(attempt: Attempt) -> str:
    """Say what of a lock was not compiled."""
    return f", but for {attempt.left}, where it compares the hash of the inputs alone" if attempt.left else ""


def _finding(change: Change, lock: Lock) -> Finding:
    return Finding(
        code="recompiled-differs",
        package=change.name,
        expected=change.new,
        actual=change.old,
        file=change.pin.file if change.pin else lock.path,
        line=change.pin.line if change.pin else None,
        message=f"compiled again, {change}",
        fix=lock.fix,
    )


def _doubt(changes: list[Change], attempt: Attempt, lock: Lock) -> str:
    """Say what has changed that nothing explains."""
    shown = "; ".join(map(str, changes[:_SHOWN]))
    if len(changes) > _SHOWN:
        shown += f"; and {len(changes) - _SHOWN} more"
    lacking = holes(changes, lock)
    if all(change.name in lacking for change in changes):
        return (
            f"compiled again, {shown}, which the pins need here: the lock has a hole, or was compiled on another "
            "platform or Python; install it, and the check 'lock' can tell"
        )
    said = f" ({'; '.join(attempt.said)})" if attempt.said else ""
    return (
        f"compiled again, {shown}{said}: nothing in the inputs explains it, so that a release may be gone, "
        "an index may be down, or the lock may be of another platform or Python"
    )
