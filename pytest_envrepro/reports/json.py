"""The report for programs: JSON, schema 1 (docs/report.md), the same bytes for the same state but for the times."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_envrepro.outcome import Result
    from pytest_envrepro.reports.base import Integration, Summary, TestOutcome

SCHEMA = 1


class JsonReport:
    """Writes JSON."""

    name = "json"
    suffixes: tuple[str, ...] = (".json",)

    def render(self, summary: Summary) -> str:
        """Give the file's whole text."""
        data: dict[str, Any] = {
            "schema": SCHEMA,
            "verdict": summary.verdict,
            "python": {
                "implementation": summary.python.implementation,
                "version": summary.python.version,
                "platform": summary.python.platform,
            },
            "fingerprint": summary.fingerprint,
            "checks": [
                _check(result) for result in sorted(summary.results, key=lambda each: (each.subject, each.check))
            ],
            "integrations": [_integration(each) for each in summary.integrations],
            "tests": [_test(test) for test in summary.tests],
            "environments": [{**each._asdict(), "seconds": round(each.seconds, 6)} for each in summary.environments],
        }
        if summary.unfinished:
            data["unfinished"] = True
        text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
        # The same to a reader; but where a CI shows the file in its log, `##[...]` would be a command.
        return re.sub(r"#(?=#\w*\[)", r"\\u0023", text)


def _test(test: TestOutcome) -> dict[str, Any]:
    """Give a test; where it failed its word does not tell whether it ran, and one that is `xfailed` need not have run."""
    is_told = test.outcome == "failed" or (test.outcome == "xfailed" and not test.ran)
    told = {"ran": test.ran} if is_told else {}
    return {"nodeid": test.node_id, "outcome": test.outcome, **told, "needs": [*test.needs]}


def _integration(integration: Integration) -> dict[str, Any]:
    keys = ("requirement", "found", "met")
    needs = [dict(zip(keys, need, strict=True)) for need in integration.needs]
    return {"name": integration.name, "status": integration.status, "needs": needs}


def _check(result: Result) -> dict[str, Any]:
    outcome = result.outcome
    return {
        "check": result.check,
        "subject": result.subject,
        "outcome": outcome.status,
        "reason": outcome.reason,
        "proven": outcome.proven,
        "total": outcome.total,
        "seconds": round(result.seconds, 6),
        "findings": [asdict(finding) for finding in outcome.findings],
    }
