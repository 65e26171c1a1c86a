"""Compares a lock with its inputs and with itself: offline, from the files and from installed metadata.

Three things are proven (DESIGN 4): every requirement of the inputs is pinned and satisfied; nothing that was pinned for
an input has left it; and the lock is closed, as far as installed metadata tells.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_envrepro.checks.base import Facts, is_other_platform, target_environment
from pytest_envrepro.checks.closure import Closure, follow
from pytest_envrepro.checks.direct import check_constraints, check_roots, dynamic_roots, met_by
from pytest_envrepro.outcome import Finding, Outcome, sort_findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.model import Lock, Pin, Root

# A fault of these codes has no command that mends it: a person has to look at the file.
_BY_HAND = frozenset({"unreadable", "merge-conflict", "input-missing", "host-leak"})


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
        """Judge one lock; what a lower layer is already charged with is not told again."""
        outcome = _judge(facts, facts.locks[subject])
        lower = [path for path in facts.locks if path in facts.locks[subject].rests_on]
        if not outcome.findings or not lower:
            return outcome
        charged = {_fault(finding): path for path in lower for finding in _judge(facts, facts.locks[path]).findings}
        own = tuple(finding for finding in outcome.findings if _fault(finding) not in charged)
        if len(own) == len(outcome.findings):
            return outcome
        bases = sorted({charged[_fault(finding)] for finding in outcome.findings if _fault(finding) in charged})
        reason = f"rests on {', '.join(bases)}, which is broken: mend that first"
        return replace(outcome, findings=own, judged=False, reason=reason)


def _fault(finding: Finding) -> tuple[object, ...]:
    """Tell what a finding charges, whichever lock it stands in."""
    return (finding.code, finding.package, finding.expected, finding.actual, finding.message)


def _judge(facts: Facts, lock: Lock) -> Outcome:
    if any(fault.file == lock.path and fault.code in ("unreadable", "merge-conflict") for fault in lock.faults):
        # Pins may be missing from what could be read: only the fault itself is certain.
        return Outcome(findings=sort_findings(lock.faults), detail="not read", proven=0, total=len(lock.pins))
    view = _View.of(facts, lock)
    findings = [*lock.faults, *_ambiguous(view), *_partly_hashed(lock)]
    findings += check_roots(lock, view.roots, view.pins, view.environment)
    findings += check_constraints(lock, view.pins, view.environment)
    if lock.closed:
        findings += view.closure.findings
        findings += _unneeded(view)
    findings = [_with_fix(finding, lock) for finding in findings]
    reason = view.unknown or _unproven(facts, view)
    applicable = {pin.name for several in view.pins.values() for pin in several}
    proven = len(view.closure.proven) if lock.closed else None
    return Outcome(
        findings=sort_findings(findings),
        reason=reason,
        judged=reason is None,
        detail=_detail(view, proven, len(lock.pins) - sum(pin.name in applicable for pin in lock.pins)),
        proven=proven,
        total=len(lock.pins) if lock.closed else None,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _View:
    """A lock, seen from what it was compiled for.

    Attributes:
        pins: those that apply, by canonical name.
        roots: those that apply.
        unknown: why not all roots are known, or None.
    """

    lock: Lock
    environment: Mapping[str, str]
    pins: Mapping[str, list[Pin]]
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
        roots = tuple(root for root in (*lock.roots, *told) if root.requirement.applies(environment))
        # Metadata of this platform tells nothing certain about a lock for another.
        is_foreign = is_other_platform(facts, lock.target)
        closure = Closure() if is_foreign else follow(lock, pins, environment, facts.inventory, roots)
        return cls(
            lock=lock,
            environment=environment,
            pins=pins,
            roots=roots,
            closure=closure,
            unknown=lock.unread or unknown,
        )


def _unproven(facts: Facts, view: _View) -> str | None:
    """Say why the closure of a lock is unchecked, where something of it would have to be proven and nothing is."""
    lock = view.lock
    if not lock.pins or not lock.closed or view.closure.proven:
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
        return f"{total} pins, compiled with --no-deps"
    others = f", {elsewhere} for other environments" if elsewhere else ""
    return f"{proven} of {total} pins proven{others}"


def _with_fix(finding: Finding, lock: Lock) -> Finding:
    return finding if finding.fix or finding.code in _BY_HAND else replace(finding, fix=lock.fix)


def _ambiguous(view: _View) -> Iterator[Finding]:
    for name, several in view.pins.items():
        if len({(pin.version, pin.requirement.url) for pin in several}) > 1:
            first, *others = several
            for pin in others:
                yield Finding(
                    code="ambiguous-pin",
                    package=name,
                    expected=f"=={first.version}" if first.version else None,
                    actual=str(pin.version) if pin.version else None,
                    file=pin.file,
                    line=pin.line,
                    message=f"line {first.line} pins {first.requirement} for the same environment",
                )


def _partly_hashed(lock: Lock) -> Iterator[Finding]:
    """Give the pins without a hash, where others have one: pip then refuses to install the lock at all."""
    if any(pin.hashes for pin in lock.pins):
        for pin in lock.pins:
            if not pin.hashes:
                yield Finding(
                    code="partial-hashes",
                    package=pin.requirement.name,
                    actual=str(pin.version) if pin.version else None,
                    file=pin.file,
                    line=pin.line,
                    message="has no hash, though other pins have: pip refuses to install such a lock",
                )


def _unneeded(view: _View) -> Iterator[Finding]:
    """Give the pins that no input asks for and no pin needs; only where all inputs, and who needs what, are known."""
    lock = view.lock
    knows_inputs = lock.inputs and lock.complete and not view.unknown
    if not knows_inputs or any(fault.code in ("unreadable", "input-missing") for fault in lock.faults):
        return
    tells_why = any(pin.parents or pin.sources for pin in lock.pins)
    if not tells_why and not set(view.pins) <= view.closure.proven:
        return
    names = {pin.name for root in (*lock.roots, *view.roots) for pin in met_by(root.requirement, view.pins)}
    reached = view.closure.reached({*names, *lock.excluded})
    for name, several in view.pins.items():
        if name not in reached:
            for pin in several:
                yield _unneeded_finding(pin, view)


def _unneeded_finding(pin: Pin, view: _View) -> Finding:
    stale = bool(pin.sources)
    needing = sorted(name for name in view.pins if pin.name in view.closure.needs.get(name, ()))
    message = f"only {', '.join(needing)} needs it, which nothing needs" if needing else "nothing needs it"
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
