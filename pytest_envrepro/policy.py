"""What the table makes of findings: their severity, and the waivers that accept some of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_envrepro.outcome import Finding, Outcome, Result, Severity, Waived, with_findings
from pytest_envrepro.requirement import evaluate, parse

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_envrepro.config import Config, Waiver

STALE_WAIVER = "stale-waiver"


class Policy:
    """Applies severities and waivers to outcomes, and remembers which waivers were needed."""

    def __init__(self, config: Config, today: dt.date, environment: Mapping[str, str]) -> None:
        self.config = config
        self.today = today
        self.waivers = [
            waiver for waiver in config.waivers if waiver.marker is None or evaluate(waiver.marker, environment)
        ]
        self._used: set[int] = set()

    def apply(self, outcome: Outcome) -> Outcome:
        """Give the outcome with severities set, the ignored left out and the accepted marked."""
        return with_findings(outcome, self._decided(outcome.findings))

    def _decided(self, findings: Iterable[Finding]) -> Iterable[Finding]:
        for finding in findings:
            severity = self._severity(finding.code, finding.severity)
            waived = self._waived(finding)
            if severity != "ignore":
                yield replace(finding, severity=severity, waived=waived)

    def _severity(self, code: str, otherwise: Severity) -> Severity:
        return self.config.severity.get(code, otherwise)

    def _waived(self, finding: Finding) -> Waived | None:
        for index, waiver in enumerate(self.waivers):
            if _accepts(waiver, finding):
                self._used.add(index)
                if not self._is_over(waiver):
                    return Waived(reason=waiver.reason, until=str(waiver.until) if waiver.until else None)
        return None

    def _is_over(self, waiver: Waiver) -> bool:
        return waiver.until is not None and waiver.until < self.today

    def stale(self, results: Sequence[Result], owners: Mapping[str, str]) -> Iterable[tuple[str, Finding]]:
        """Give a finding for each waiver that is over or was not needed, with the check that owns its code.

        Args:
            results: what was judged; where a check that could have used a waiver was not judged, it is not stale.
            owners: the check that owns each code.
        """
        unjudged = {result.check for result in results if not result.outcome.judged}
        for index, waiver in enumerate(self.waivers):
            owner = owners[waiver.code]
            what = f"the waiver of {waiver.code}"
            if self._is_over(waiver):
                message, severity = (
                    f"{what} ended on {waiver.until}: renew or remove it",
                    self._severity(STALE_WAIVER, "error"),
                )
            elif index not in self._used and owner not in unjudged:
                message, severity = f"{what} matches nothing: remove it", self._severity(STALE_WAIVER, "warn")
            else:
                continue
            if severity != "ignore":
                yield (
                    owner,
                    Finding(
                        code=STALE_WAIVER,
                        severity=severity,
                        package=waiver.package,
                        file=self.config.file,
                        message=f"{message} ({waiver.place})",
                    ),
                )


def _accepts(waiver: Waiver, finding: Finding) -> bool:
    if waiver.code != finding.code or waiver.package != finding.package:
        return False
    if waiver.requires is None:
        return True
    try:
        return parse(finding.expected or "").name == waiver.requires
    except ValueError:
        return False
