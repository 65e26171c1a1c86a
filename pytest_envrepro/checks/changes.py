"""What has changed between a lock and what its own tool makes of it, and which of that something explains.

A tool keeps every pin that still fits. So what it changes is drift only where something is wrong with the old lock; if
nothing is, the world around it has changed: an index is down, a release was deleted, another index answers. Nobody can
tell from its result, which looks the same and ends with 0 (pip-tools 7.6). So each change has to be explained by what
the check `lock` has found, or by another change beside it that is; what is not is told, and is no verdict.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.credentials import redact
from pytest_envrepro.requirement import parse, parse_known_marker

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pytest_envrepro.model import Lock, Pin
    from pytest_envrepro.outcome import Outcome


def doubtful(old: Lock, new: Lock, offline: Outcome) -> tuple[list[Change], list[Change]]:
    """Compare a lock with what its tool makes of it.

    Args:
        offline: what the check `lock` says of the old one.

    Returns:
        what has changed, and what of that nothing explains.
    """
    changes = compare(old, new)
    if not changes:
        return [], []
    needing = _needing(old), _needing(new)
    wrong = _explaining(offline)
    if old.target.universal:
        # For all platforms and Pythons alike: what kept pins need, and the lock has not, is a hole.
        wrong |= _holes(changes, new, needing[1])
    explained = _explain(changes, needing, wrong) | {change.name for change in changes if change.is_moved}
    return changes, [change for change in changes if change.name not in explained]


class Change(NamedTuple):
    """A package that is pinned otherwise than before.

    Attributes:
        old, new: the pins as text, without the name; None where there is none.
        is_older: whether an earlier version takes the place of a later one.
        is_added: whether a pin has come and none has gone.
        is_moved: whether nothing is another but the parts of the project that it is locked for, which no index decides.
        pin: the old pin, if there is one.
    """

    name: str
    old: str | None
    new: str | None
    is_older: bool
    is_added: bool
    is_moved: bool
    pin: Pin | None

    def __str__(self) -> str:
        """Write it for people."""
        if self.old is None:
            return f"{self.name} {self.new} is added"
        return f"{self.name} {self.old} is left out" if self.new is None else f"{self.name} {self.old} -> {self.new}"


def holes(changes: Collection[Change], new: Lock) -> frozenset[str]:
    """Give the packages that are added because inputs ask for them, or pins that have not changed."""
    return _holes(changes, new, _needing(new))


def _holes(changes: Collection[Change], new: Lock, needing: Mapping[str, set[str]]) -> frozenset[str]:
    changed = {change.name for change in changes}
    asked = {root.requirement.name for root in new.roots}
    added = (change.name for change in changes if change.is_added)
    return frozenset(name for name in added if name in asked or needing.get(name, frozenset()) - changed)


def compare(old: Lock, new: Lock) -> list[Change]:
    """Compare pins by meaning, sorted by name.

    Not compared: the order, comments, options, extras (a compiler strips them or not), how a name or a marker is
    written, hashes of files that were uploaded later, and, between two schemas of a format, what only one of them tells.
    """
    before, after = _by_name(old), _by_name(new)
    has_more = old.by_need == new.by_need
    excluded = old.excluded | new.excluded
    found = []
    for name in sorted(before.keys() | after.keys()):
        old_pins, new_pins = before.get(name, []), after.get(name, [])
        meanings = [_meanings(pins, has_more=has_more) for pins in (old_pins, new_pins)]
        is_same = meanings[0] == meanings[1]
        lost = _lost_hashes(old_pins, new_pins) if is_same else 0
        if name in excluded or (is_same and not lost):
            continue
        is_moved = not is_same and _meanings(old_pins, parts=False) == _meanings(new_pins, parts=False)
        texts = [_texts(pins, parts=is_moved) for pins in (old_pins, new_pins)]
        texts[1] += f" without {lost} of its hashes" if lost else ""
        is_older = not is_same and _is_older(old_pins, new_pins)
        pin = next(iter(old_pins), None)
        is_added = meanings[0] < meanings[1]
        found.append(Change(name, texts[0] or None, texts[1] or None, is_older, is_added, is_moved, pin))
    return found


def _by_name(lock: Lock) -> dict[str, list[Pin]]:
    pins: dict[str, list[Pin]] = defaultdict(list)
    for pin in lock.pins:
        pins[pin.name].append(pin)
    return pins


def _texts(pins: Iterable[Pin], *, parts: bool) -> str:
    return ", ".join(sorted({_text(pin, parts=parts) for pin in pins}))


def _meanings(pins: Iterable[Pin], *, has_more: bool = True, parts: bool = True) -> set[tuple[object, ...]]:
    """Give what makes pins of one name the same, however they are written.

    Args:
        has_more: whether what they apply to (markers, parts) is told in both locks alike.
        parts: whether the parts of the project that they are locked for count.
    """
    found: set[tuple[object, ...]] = set()
    for pin in pins:
        requirement = pin.requirement
        marker = str(parse_known_marker(requirement.marker)) if requirement.marker and has_more else ""
        which = pin.parts if parts and has_more else None
        found.add((requirement.url or pin.version or requirement.written, marker, pin.editable, which))
    return found


def _is_older(old: list[Pin], new: list[Pin]) -> bool:
    """Tell whether any version takes the place of later ones alone."""
    before, after = ([pin.version for pin in pins if pin.version is not None] for pins in (old, new))
    return bool(before and after) and max(after) < max(before)


def _text(pin: Pin, *, parts: bool) -> str:
    requirement = pin.requirement
    what = redact(requirement.url) if requirement.url else str(pin.version or requirement.written)
    marker = f"; {parse_known_marker(requirement.marker)}" if requirement.marker else ""
    groups = f" ({', '.join(sorted(part or 'main' for part in pin.parts))})" if parts and pin.parts else ""
    return f"{'-e ' if pin.editable else ''}{what}{marker}{groups}"


def _lost_hashes(old: Iterable[Pin], new: Iterable[Pin]) -> int:
    """Count the hashes that a pin of the same version has no more."""
    before, after = ({each for pin in pins for each in pin.hashes} for pins in (old, new))
    return len(before - after)


def _explaining(offline: Outcome) -> frozenset[str]:
    """Give the packages that something is wrong with by what the check `lock` says."""
    return frozenset(finding.package for finding in offline.findings if finding.package)


def _explain(
    changes: Collection[Change], needing: Collection[Mapping[str, set[str]]], wrong: frozenset[str]
) -> frozenset[str]:
    """Give the changes that follow from what is wrong: those of such a package, and those next to one that follows.

    An earlier version follows from nothing but a fault of its own: it is what a release that is gone looks like. Where the
    locks do not tell what needs what, packages come with whatever is wrong, as long as nothing else is another one: that
    alone could bring them too.

    Args:
        needing: for each of the two locks, which packages need which.
        wrong: canonical names.
    """
    names = {change.name for change in changes}
    if names & wrong and not any(needing):
        coming = {change.name for change in changes if change.old is None}
        return frozenset(names & wrong | coming if names - coming <= wrong else names & wrong)
    later = {change.name for change in changes if not change.is_older}
    beside = _neighbours(needing)
    explained: set[str] = set()
    waiting = [name for name in names if name in wrong]
    while waiting:
        name = waiting.pop()
        if name not in explained:
            explained.add(name)
            waiting.extend(beside[name] & later)
    return frozenset(explained)


def _neighbours(needing: Iterable[Mapping[str, set[str]]]) -> Mapping[str, set[str]]:
    """Give for each package those that need it and those that it needs, by what the locks tell."""
    beside: dict[str, set[str]] = defaultdict(set)
    for each in needing:
        for name, parents in each.items():
            beside[name] |= parents
            for parent in parents:
                beside[parent].add(name)
    return beside


def _needing(lock: Lock) -> Mapping[str, set[str]]:
    """Give for each package those that need it, by a lock's comments or by its lists."""
    found: dict[str, set[str]] = defaultdict(set)
    for pin in lock.pins:
        if pin.parents:
            found[pin.name] |= pin.parents
        for text in pin.requires or ():
            with contextlib.suppress(ValueError):
                needed = parse(text).name
                if needed:
                    found[needed].add(pin.name)
    return found
