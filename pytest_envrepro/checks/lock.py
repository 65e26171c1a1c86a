"""Compares a lock with its inputs and with itself: offline, from the files and from installed metadata.

Three things are proven (docs/explanation.md): every requirement of the inputs is pinned and satisfied; nothing that was pinned for
an input has left it; and the lock is closed, as far as installed metadata tells.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.checks.alike import without_brought
from pytest_envrepro.checks.applying import applying, are_rivals
from pytest_envrepro.checks.base import Facts, is_other_platform, target_environment
from pytest_envrepro.checks.closure import Closure, follow
from pytest_envrepro.checks.derived import compare, with_parent
from pytest_envrepro.checks.direct import check_constraints, check_roots, dynamic_roots
from pytest_envrepro.checks.unneeded import find_unneeded
from pytest_envrepro.credentials import redact
from pytest_envrepro.outcome import Finding, Outcome, counted, sort_findings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.model import Lock, Pin, Root

# A fault of these codes has no command that mends it: a person has to look at the file.
_BY_HAND = frozenset({"unreadable", "merge-conflict", "input-missing", "host-leak"})
# Faults that a tool which believes its lock does not see.
_UNSEEN = frozenset({"missing-transitive", "violated-transitive"})


class LockCheck:
    """A lock agrees with its inputs, and is whole."""

    name = "lock"
    codes: tuple[str, ...] = (
        "missing-direct",
        "violated-direct",
        "stale-direct",
        "violated-constraint",
        "missing-transitive",
        "violated-transitive",
        "orphan",
        "unpinned",
        "ambiguous-pin",
        "partial-hashes",
        "stale-stamp",
        "derived-drift",
        "input-missing",
        "merge-conflict",
        "host-leak",
        "unreadable",
    )

    def subjects(self, facts: Facts) -> tuple[str, ...]:
        """Give every lock."""
        return tuple(facts.locks)

    def key(self, facts: Facts, subject: str) -> None:
        """Give None: it is not remembered."""

    def judge(self, facts: Facts, subject: str) -> Outcome:
        """Judge one lock."""
        return _judge(facts, facts.locks[subject])


def _judge(facts: Facts, lock: Lock) -> Outcome:
    if any(fault.file == lock.path and fault.code in ("unreadable", "merge-conflict") for fault in lock.faults):
        # Pins may be missing from what could be read: only the fault itself is certain.
        unread = f"{lock.path} cannot be read in full"
        return Outcome(findings=sort_findings(lock.faults), judged=False, reason=unread, proven=0, total=len(lock.pins))
    parent = with_parent(facts, lock)
    if parent is not None:
        # What was replaced or left out there on purpose is so here.
        lock = replace(lock, overrides=parent.overrides, excluded=lock.excluded | parent.excluded)
    view = _View.of(facts, lock)
    drift = compare(facts, lock, view.environment)
    folder = facts.project.root
    findings = [*lock.faults, *_ambiguous(view), *_partly_hashed(lock)]
    findings += check_roots(lock, view.roots, view.needed, view.environment, folder)
    findings += check_constraints(lock, view.needed, view.environment, folder)
    findings += drift.findings
    if lock.closed:
        findings += view.closure.findings
        if _knows_inputs(view):
            asked_for = (*lock.roots, *view.roots)
            known = view.closure.proven | view.closure.listed
            findings += find_unneeded(lock, view.pins, asked_for, view.closure.needs, known, folder)
    findings, untold = without_brought(findings, lock, view.pins, facts)
    if _may_pin_more(lock):
        findings = [finding for finding in findings if not finding.code.startswith("missing-")]
    findings += _stale_stamp(lock, holds=not findings)
    findings = [_with_fix(finding, lock) for finding in findings]
    unstamped = lock.stamp.untold if lock.stamp else ""
    reason = view.unknown or lock.partial or drift.unknown or untold or unstamped or _unproven(facts, view)
    elsewhere = len(lock.pins) - sum(map(len, view.pins.values()))
    proven = len(view.closure.proven) if lock.closed else None
    return Outcome(
        findings=sort_findings(findings),
        reason=reason,
        judged=reason is None,
        detail=_detail(view, proven, elsewhere),
        proven=proven,
        total=len(lock.pins) if lock.closed else None,
        unproven=tuple(pin.name for pin in lock.pins if pin.name not in view.closure.proven) if lock.closed else (),
    )


class _View(NamedTuple):
    """A lock, seen from what it was compiled for.

    Attributes:
        pins: those that apply, by canonical name.
        needed: of these, where the lock's own lists tell what each part asks for, those that one of them needs.
        roots: those that apply.
        unknown: why not all roots are known, or None.
    """

    lock: Lock
    environment: Mapping[str, str]
    pins: Mapping[str, list[Pin]]
    needed: Mapping[str, list[Pin]]
    roots: tuple[Root, ...]
    closure: Closure
    unknown: str | None

    @classmethod
    def of(cls, facts: Facts, lock: Lock) -> _View:
        environment = target_environment(facts, lock.target)
        pins: dict[str, list[Pin]] = defaultdict(list)
        for pin in lock.pins:
            if pin.requirement.applies(environment):
                pins[pin.name].append(pin)
        told, unknown = dynamic_roots(lock, facts)
        everywhere = {pin.name for pin in lock.pins}
        roots = tuple(
            root
            for root in (*lock.roots, *told)
            if root.requirement.applies(environment)
            # A lock for all platforms pins what any of them needs.
            or (lock.target.universal and root.requirement.name and root.requirement.name not in everywhere)
        )
        # Metadata of this platform tells nothing certain about a lock for another.
        is_foreign = is_other_platform(facts, lock.target)
        needed = _needed(lock, environment) or pins
        closure = Closure() if is_foreign else follow(lock, needed, environment, facts, roots)
        return cls(
            lock=lock,
            environment=environment,
            pins=pins,
            needed=needed,
            roots=roots,
            closure=closure,
            unknown=lock.unread or unknown or (_elsewhere(lock) if is_foreign and lock.target.covers else None),
        )


def _elsewhere(lock: Lock) -> str:
    return f"{lock.path} has no pins for this platform: it was compiled for {lock.target.platform}"


def _needed(lock: Lock, environment: Mapping[str, str]) -> Mapping[str, list[Pin]]:
    """Give the pins that the parts of the project need, all of them at once or none, by the lock's own lists."""
    if lock.asks is None:
        return {}
    everything = frozenset(part for part, _ in lock.asks)
    for_any = {id(pin) for parts in (everything, frozenset[str]()) for pin in applying(lock, environment, parts)}
    found: dict[str, list[Pin]] = defaultdict(list)
    for pin in lock.pins:
        if id(pin) in for_any:
            found[pin.name].append(pin)
    return found


def _unproven(facts: Facts, view: _View) -> str | None:
    """Say why the closure of a lock is unchecked, where something of it would have to be proven and nothing is."""
    lock = view.lock
    if not view.pins or not lock.closed or view.closure.proven:
        return None
    nothing = "none of its pins is installed at the locked version"
    if lock.path in (facts.installed or ()):
        return f"{nothing}, though the table says that this environment is installed from it"
    return None if lock.inputs else f"{nothing}, and it has no inputs to compare with"


def _detail(view: _View, proven: int | None, elsewhere: int) -> str:
    total = len(view.lock.pins)
    if view.lock.unread and not total:
        return ""
    if proven is None:
        return f"{counted(total, 'pin')}, compiled with --no-deps"
    others = f", {elsewhere} for other environments" if elsewhere else ""
    listed = len(view.closure.listed - view.closure.proven)
    by_lists = f", {listed} by its own lists alone" if listed else ""
    return f"{proven} of {counted(total, 'pin')} proven{by_lists}{others}"


def _with_fix(finding: Finding, lock: Lock) -> Finding:
    # Which of two locks that contradict each other is right, no command can tell.
    is_between = finding.code == "derived-drift" and lock.exported is None
    if finding.fix or finding.code in _BY_HAND or is_between:
        return finding
    return replace(finding, fix=(lock.relock if finding.code in _UNSEEN else None) or lock.fix)


def _stale_stamp(lock: Lock, *, holds: bool) -> Iterator[Finding]:
    """Compare what a lock keeps of its inputs with them.

    Args:
        holds: whether nothing else is wrong with it.
    """
    stamp = lock.stamp
    if stamp is None or stamp.accepted is None or stamp.written in stamp.accepted:
        return
    message = f"{stamp.cause or f'{_listed(lock.inputs)} has changed since it was written'}"
    if holds:
        message += ": the pins still hold, only the stamp is old"
    yield Finding(code="stale-stamp", package=stamp.name, file=lock.path, line=stamp.line, message=message)


def _listed(inputs: Iterable[str]) -> str:
    return " or ".join(inputs) or "its input"


def _ambiguous(view: _View) -> Iterator[Finding]:
    """Give the second pin of a name; where pins apply by need, a marker on what needs them tells two apart."""
    lock = view.lock
    for name, several in () if lock.by_need else view.pins.items():
        if len({(pin.version, pin.requirement.url) for pin in several}) > 1:
            if lock.parts and not are_rivals(lock, several, view.environment):
                continue
            first, *others = several
            for pin in others:
                yield Finding(
                    code="ambiguous-pin",
                    package=name,
                    expected=f"=={first.version}" if first.version else None,
                    actual=str(pin.version) if pin.version else None,
                    file=pin.file,
                    line=pin.line,
                    message=f"{first.file}:{first.line} pins {_pinned(first)} for the same environment",
                )


def _pinned(pin: Pin) -> str:
    return str(pin.version) if pin.version else redact(pin.requirement.url or pin.requirement.written)


def _partly_hashed(lock: Lock) -> Iterator[Finding]:
    """Give the pins without a hash, where others have one: pip then refuses to install the lock at all.

    A checkout or a folder can have none: uv, other than pip, installs it beside what is hashed.
    """
    # Those of another file (`-r base.txt`) are judged with that file.
    own = [pin for pin in lock.pins if pin.file == lock.path]
    refused = "what is installed may be any file" if lock.install else "pip refuses the lock"
    if any(pin.hashes for pin in own):
        for pin in own:
            may_lack = lock.tool not in (None, "pip-compile") and pin.requirement.url
            if not (pin.hashes or pin.hashless or may_lack):
                yield Finding(
                    code="partial-hashes",
                    package=pin.requirement.name,
                    actual=str(pin.version) if pin.version else None,
                    file=pin.file,
                    line=pin.line,
                    message=f"no hash, though other pins have one: {refused}",
                )


def _may_pin_more(lock: Lock) -> bool:
    """Tell whether a part of the lock was not read, which may pin what seems to be missing."""
    unread = any(fault.code in ("unreadable", "input-missing", "merge-conflict") for fault in lock.faults)
    return lock.partial is not None and (unread or not lock.unpinned)


def _knows_inputs(view: _View) -> bool:
    """Tell whether all inputs were read: else nobody can say what has left them."""
    lock = view.lock
    unread = any(fault.code in ("unreadable", "input-missing") for fault in lock.faults)
    is_known = lock.complete and lock.exported is None and not view.unknown
    return bool(lock.inputs) and is_known and not unread and not lock.partial
