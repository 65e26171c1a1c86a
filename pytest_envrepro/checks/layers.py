"""Tells the root cause of a fault once, where locks rest on each other (`dev.in` reads `base.txt`): at the lowest layer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_envrepro.outcome import sort_findings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_envrepro.checks.base import Facts
    from pytest_envrepro.outcome import Finding, Outcome


def without_inherited(facts: Facts, outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """Leave out of each lock's outcome what a lower layer is charged with already.

    Args:
        outcomes: of the `lock` check, by lock, with severities and waivers applied; those that were judged.

    Returns:
        the same with less; a lock of which nothing is left but inherited faults is unchecked until those are mended.
    """
    return {path: _own(outcome, _lower(facts, path, outcomes)) for path, outcome in outcomes.items()}


def _lower(facts: Facts, path: str, outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    return {other: outcomes[other] for other in sorted(facts.locks[path].rests_on) if other in outcomes}


def _own(outcome: Outcome, lower: Mapping[str, Outcome]) -> Outcome:
    own: list[Finding] = []
    bases: set[str] = set()
    for finding in outcome.findings:
        inherited = [
            (path, each) for path, below in lower.items() for each in below.findings if _is_from(finding, each)
        ]
        if not inherited:
            own.append(finding)
        bases.update(path for path, each in inherited if each.counts and finding.counts)
    if len(own) == len(outcome.findings):
        return outcome
    findings = sort_findings(own)
    if not bases:
        return replace(outcome, findings=findings)
    reason = f"rests on {', '.join(sorted(bases))}, which is broken: mend that first"
    return replace(outcome, findings=findings, judged=False, reason=reason)


def _is_from(finding: Finding, below: Finding) -> bool:
    """Tell whether a finding is one of a lower lock, seen again, or is about the very line that is at fault there."""
    if _charge(finding) == _charge(below):
        return True
    return below.counts and (finding.file, finding.line, finding.package) == (below.file, below.line, below.package)


def _charge(finding: Finding) -> Sequence[object]:
    return (finding.code, finding.package, finding.expected, finding.actual, finding.message)
