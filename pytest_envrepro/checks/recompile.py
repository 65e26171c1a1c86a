"""Whether a lock is what its own tool makes of its inputs today, the old pins preferred.

A tool keeps every pin that still fits. So what it changes is drift only where something is wrong with the old lock; if
nothing is, the world around it has changed: an index is down, a release was deleted, another index answers. Nobody can
tell from its result, which looks the same and ends with 0 (pip-tools 7.6). So each change has to be explained by what
the check `lock` has found, or by another change beside it that is; what is not is told, and is no verdict.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.outcome import Finding, Outcome, counted, sort_findings
from pytest_envrepro.requirement import parse_marker, redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_envrepro.checks.base import Attempt, Facts
    from pytest_envrepro.model import Lock, Pin

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
        if attempt.lock is None:
            return Outcome(judged=False, reason=attempt.reason, detail=attempt.tool)
        found, unexplained = doubtful(lock, attempt.lock, facts.offline(subject))
        return Outcome(
            findings=sort_findings(_finding(change, lock) for change in found if change not in unexplained),
            judged=not unexplained,
            reason=_doubt(unexplained, attempt, attempt.lock) if unexplained else None,
            detail=f"{counted(len(lock.pins), 'pin')}, as {attempt.tool} compiles them",
        )


def doubtful(old: Lock, new: Lock, offline: Outcome) -> tuple[list[Change], list[Change]]:
    """Compare a lock with what its tool makes of it.

    Args:
        offline: what the check `lock` says of the old one.

    Returns:
        what has changed, and what of that nothing explains.
    """
    changes = compare(old, new)
    wrong = _explaining(offline)
    if old.target.universal:
        # For all platforms and Pythons alike: what kept pins need, and the lock has not, is a hole.
        wrong |= {change.name for change in changes if change.is_hole(changes, new)}
    explained = explain(changes, old, new, wrong)
    return changes, [change for change in changes if change.name not in explained]


class Change(NamedTuple):
    """A package that is pinned otherwise than before.

    Attributes:
        old, new: the pins as text, without the name; None where there is none.
        is_older: whether an earlier version takes the place of a later one.
        pin: the old pin, if there is one.
    """

    name: str
    old: str | None
    new: str | None
    is_older: bool
    pin: Pin | None

    def is_hole(self, changes: Iterable[Change], new: Lock) -> bool:
        """Tell whether it is added because a pin asks for it that has not changed."""
        changed = {change.name for change in changes}
        parents = {parent for pin in new.pins if pin.name == self.name for parent in pin.parents}
        return self.old is None and bool(parents - changed)

    def __str__(self) -> str:
        """Write it for people."""
        if self.old is None:
            return f"{self.name} {self.new} is added"
        return f"{self.name} {self.old} is left out" if self.new is None else f"{self.name} {self.old} -> {self.new}"


def compare(old: Lock, new: Lock) -> list[Change]:
    """Compare pins by meaning, sorted by name.

    Not compared: the order, comments, options, extras (a compiler strips them or not), how a name or a marker is
    written, and hashes of files that were uploaded later.
    """
    before, after = _by_name(old), _by_name(new)
    excluded = old.excluded | new.excluded
    found = []
    for name in sorted(before.keys() | after.keys()):
        old_pins, new_pins = before.get(name, []), after.get(name, [])
        texts = [_texts(pins) for pins in (old_pins, new_pins)]
        is_same = {_meaning(pin) for pin in old_pins} == {_meaning(pin) for pin in new_pins}
        lost = _lost_hashes(old_pins, new_pins) if is_same else 0
        if lost:
            texts[1] += f" without {lost} of its hashes"
        if (lost or not is_same) and name not in excluded:
            is_older = not is_same and _is_older(old_pins, new_pins)
            found.append(Change(name, texts[0] or None, texts[1] or None, is_older, next(iter(old_pins), None)))
    return found


def _by_name(lock: Lock) -> dict[str, list[Pin]]:
    pins: dict[str, list[Pin]] = defaultdict(list)
    for pin in lock.pins:
        pins[pin.name].append(pin)
    return pins


def _texts(pins: Iterable[Pin]) -> str:
    return ", ".join(sorted({_text(pin) for pin in pins}))


def _meaning(pin: Pin) -> tuple[object, ...]:
    """Give what makes two pins the same, however they are written."""
    requirement = pin.requirement
    marker = str(parse_marker(requirement.marker)) if requirement.marker else ""
    return (requirement.url or pin.version or requirement.written, marker, pin.editable)


def _is_older(old: list[Pin], new: list[Pin]) -> bool:
    """Tell whether any version takes the place of later ones alone."""
    before, after = ([pin.version for pin in pins if pin.version is not None] for pins in (old, new))
    return bool(before and after) and max(after) < max(before)


def _text(pin: Pin) -> str:
    requirement = pin.requirement
    what = redact(requirement.url) if requirement.url else str(pin.version or requirement.written)
    marker = f"; {parse_marker(requirement.marker)}" if requirement.marker else ""
    return f"{'-e ' if pin.editable else ''}{what}{marker}"


def _lost_hashes(old: Iterable[Pin], new: Iterable[Pin]) -> int:
    """Count the hashes that a pin of the same version has no more."""
    before, after = ({each for pin in pins for each in pin.hashes} for pins in (old, new))
    return len(before - after)


def _explaining(offline: Outcome) -> frozenset[str]:
    """Give the packages that something is wrong with by what the check `lock` says."""
    return frozenset(finding.package for finding in offline.findings if finding.package)


def explain(changes: Iterable[Change], old: Lock, new: Lock, wrong: frozenset[str]) -> frozenset[str]:
    """Give the changes that follow from what is wrong: those of such a package, and those next to one that follows.

    An earlier version follows from nothing but a fault of its own: it is what a release that is gone looks like.

    Args:
        wrong: canonical names.
    """
    names = {change.name for change in changes}
    later = {change.name for change in changes if not change.is_older}
    beside = _neighbours(old, new)
    explained: set[str] = set()
    waiting = [name for name in names if name in wrong]
    while waiting:
        name = waiting.pop()
        if name not in explained:
            explained.add(name)
            waiting.extend(beside[name] & later)
    return frozenset(explained)


def _neighbours(*locks: Lock) -> Mapping[str, set[str]]:
    """Give for each package those that need it and those that it needs, by the comments of the locks."""
    beside: dict[str, set[str]] = defaultdict(set)
    for lock in locks:
        for pin in lock.pins:
            for parent in pin.parents:
                beside[pin.name].add(parent)
                beside[parent].add(pin.name)
    return beside


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
    if all(change.is_hole(changes, lock) for change in changes):
        return (
            f"compiled again, {shown}, which the pins need here: the lock has a hole, or was compiled on another "
            "platform or Python; install it, and the check 'lock' can tell"
        )
    said = f" ({'; '.join(attempt.said)})" if attempt.said else ""
    return (
        f"compiled again, {shown}{said}: nothing in the inputs explains it, so that a release may be gone, "
        "an index may be down, or the lock may be of another platform or Python"
    )
