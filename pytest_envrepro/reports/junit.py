"""The report in JUnit's XML: properties of each check and of the session, beside what pytest writes of every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.reports.wording import fixes, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.outcome import Finding, Result
    from pytest_envrepro.reports.base import Summary

_PREFIX = "envrepro."


def of_check(result: Result) -> list[tuple[str, str]]:
    """Give the properties of a check: its outcome, and of the others those that it has."""
    outcome = result.outcome
    said = {
        "outcome": outcome.status,
        "reason": outcome.reason,
        "proven": None if outcome.proven is None else f"{outcome.proven}/{outcome.total}",
        "codes": _codes(finding for finding in outcome.findings if finding.waived is None),
        "waived": _codes(finding for finding in outcome.findings if finding.waived is not None),
        "fix": " && ".join(fixes(result)),
    }
    return [(f"{_PREFIX}{name}", printable(value)) for name, value in said.items() if value]


def of_session(summary: Summary) -> list[tuple[str, str]]:
    """Give the properties of the session."""
    return [(f"{_PREFIX}verdict", summary.verdict), (f"{_PREFIX}fingerprint", summary.fingerprint)]


def _codes(findings: Iterable[Finding]) -> str:
    return ",".join(sorted({finding.code for finding in findings}))
