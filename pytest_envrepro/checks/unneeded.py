"""Finds what a lock pins and nothing asks for: a requirement that has left the inputs, and what only it needed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pytest_envrepro.checks.direct import met_by
from pytest_envrepro.checks.plainly import see
from pytest_envrepro.outcome import Finding
from pytest_envrepro.requirement import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.model import Lock, Pin, Root


def find_unneeded(
    lock: Lock,
    pins: Mapping[str, list[Pin]],
    roots: Iterable[Root],
    needs: Mapping[str, set[str]],
    known: set[str],
    folder: str,
) -> Iterator[Finding]:
    """Give the pins that no input asks for and no pin needs, as far as comments, lists and metadata tell who needs what.

    Args:
        pins: those that apply, by canonical name.
        roots: all requirements of the inputs, those for other environments too.
        needs: for each known name, the names that it needs.
        known: the names of the pins of which that is known.
        folder: the project's.
    """
    tells_why = any(pin.parents or pin.sources for pin in lock.pins)
    if not tells_why and not pins.keys() <= known:
        return
    needs = _with_comments(lock, needs)
    everywhere: dict[str, list[Pin]] = defaultdict(list)
    for pin in lock.pins:
        everywhere[pin.name].append(pin)
    asked_for = {pin.name for root in roots for pin in met_by(root, everywhere, folder)}
    # What is asked for and not pinned is a finding of its own: what it needs is not to go too.
    unpinned = (root.requirement.name for root in roots)
    asked_for.update(name for name in unpinned if name and name not in everywhere)
    reached = _reached({*asked_for, *lock.excluded, *_unnamed(lock, everywhere)}, needs)
    needed_by: dict[str, list[str]] = defaultdict(list)
    for parent in sorted(everywhere):
        for name in needs.get(parent, ()):
            needed_by[name].append(parent)
    for name, several in pins.items():
        if name not in reached:
            for pin in several:
                yield _finding(pin, needed_by[name])


def _with_comments(lock: Lock, needs: Mapping[str, set[str]]) -> Mapping[str, set[str]]:
    together: dict[str, set[str]] = defaultdict(set)
    for name, needed in needs.items():
        together[name] |= needed
    for pin in lock.pins:
        for parent in pin.parents:
            together[parent].add(pin.name)
    if lock.by_need:
        # No marker of its own says of a pin that it is for another platform: what needs it there does.
        for pin in lock.pins:
            together[pin.name].update(_names(pin.requires or ()))
    return together


def _names(requires: Iterable[str]) -> Iterator[str]:
    for text in requires:
        try:
            plain = see(text)
            yield plain.name if plain is not None else parse(text).name or ""
        except ValueError:
            continue  # Nothing that is followed; what cannot be read is told elsewhere.


def _unnamed(lock: Lock, pins: Mapping[str, list[Pin]]) -> Iterator[str]:
    """Give, where a pin tells no name (`-e .`), the names in comments that no pin has: one of them is its own."""
    if any(pin.requirement.name is None for pin in lock.pins):
        for pin in lock.pins:
            yield from pin.parents - pins.keys()


def _reached(start: Iterable[str], needs: Mapping[str, set[str]]) -> set[str]:
    """Give all names that are needed, starting from some."""
    waiting = list(start)
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(needs.get(name, ()))
    return reached


def _finding(pin: Pin, needing: list[str]) -> Finding:
    message = f"only {', '.join(needing)} needs it, which nothing needs" if needing else "nothing needs it"
    stale = bool(pin.sources)
    if stale:
        message = f"{pin.sources[0]} no longer asks for it"
    return Finding(
        code="stale-direct" if stale else "orphan",
        severity="error" if stale else "warn",
        package=pin.requirement.name,
        actual=str(pin.version) if pin.version else None,
        file=pin.file,
        line=pin.line,
        message=message,
    )
