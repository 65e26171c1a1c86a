"""What a check says: findings, and one of three outcomes. Could not look is never clean and never broken."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Severity = Literal["error", "warn", "ignore"]
Status = Literal["clean", "unchecked", "broken"]

SEVERITIES: tuple[Severity, ...] = ("error", "warn", "ignore")
_RANK: dict[Status, int] = {"clean": 0, "unchecked": 1, "broken": 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class Waived:
    """That a finding is accepted: the reason, and the last day on which it is (`2027-03-01`), or None."""

    reason: str
    until: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One fault: a stable code, where it is, what was expected and found, and the command that mends it.

    Attributes:
        package: the canonical name it is about; in `conflict` and `missing-dependency` the one that asks.
        expected: what should be there: a specifier, or a requirement in full.
        actual: what is there instead, or None.
        file: relative to the root; None for what lies in the environment.
        line: counted from 1.
        message: the cause, for people; without the package and the place, which are shown beside it.
        fix: a shell command, or None where no command mends it.
    """

    code: str
    severity: Severity = "error"
    package: str | None = None
    expected: str | None = None
    actual: str | None = None
    file: str | None = None
    line: int | None = None
    message: str
    fix: str | None = None
    waived: Waived | None = None

    @property
    def counts(self) -> bool:
        """Whether it makes an outcome broken: an error, and not waived."""
        return self.severity == "error" and self.waived is None

    def sort_key(self) -> tuple[object, ...]:
        """Order by file, line, code and package, null first, and then by all that tells two of them apart."""

        def null_first(value: str | int | None) -> tuple[bool, str | int]:
            return (value is not None, value if value is not None else 0)

        ordered = (self.file, self.line, self.code, self.package, self.expected, self.actual, self.message)
        return tuple(null_first(value) for value in ordered)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one check found.

    Attributes:
        findings: sorted.
        reason: why it could not be judged; with `judged`, what part of it was left out.
        judged: False where the answer is not known.
        detail: what was looked at, for people: `43 pins`.
        proven: for a lock, how many pins could be shown to be closed, else None.
        total: for a lock, how many pins it has, else None.
        unproven: for a lock, the names of the other pins.
    """

    findings: tuple[Finding, ...] = ()
    reason: str | None = None
    judged: bool = True
    detail: str = ""
    proven: int | None = None
    total: int | None = None
    unproven: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """`broken` where a finding counts, else `unchecked` where it could not be judged, else `clean`."""
        if any(finding.counts for finding in self.findings):
            return "broken"
        return "clean" if self.judged else "unchecked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The outcome of one check on one subject.

    Attributes:
        check: the check's name: `lock`, `installed`, ...
        subject: the file that it is shown at.
        seconds: the check's own wall time, reading included.
    """

    check: str
    subject: str
    outcome: Outcome
    seconds: float = 0.0

    @property
    def node_id(self) -> str:
        """The name under which pytest knows it: `requirements.txt::lock`."""
        return f"{self.subject}::{self.check}"

    def pack(self) -> dict[str, Any]:
        """Give plain types, for another process or another session: nothing is lost."""
        return asdict(self)

    @classmethod
    def unpack(cls, data: Mapping[str, Any]) -> Result:
        """Read what `pack` gave, also after it has been JSON.

        Raises:
            KeyError, TypeError: the data is something else.
        """
        outcome = data["outcome"]
        findings = tuple(_unpack_finding(finding) for finding in outcome["findings"])
        return cls(
            **{**data, "outcome": Outcome(**{**outcome, "findings": findings, "unproven": tuple(outcome["unproven"])})}
        )


def counted(number: int, word: str) -> str:
    """Write a number of things: `1 pin`, `2 pins`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of some outcomes; `unchecked` where there is none."""
    return max(statuses, key=_RANK.__getitem__, default="unchecked")


def verdict(results: Iterable[Result]) -> Status:
    """Give the worst of the outcomes; `unchecked` where nothing was judged."""
    return worst(result.outcome.status for result in results)


def fails(status: Status, *, strict: bool) -> bool:
    """Tell whether an outcome fails the session."""
    return status == "broken" or (strict and status == "unchecked")


def sort_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort by file, line, code and package, null first; the same finding twice is one."""
    return tuple(sorted(dict.fromkeys(findings), key=Finding.sort_key))


def with_findings(outcome: Outcome, findings: Iterable[Finding]) -> Outcome:
    """Give the same outcome with other findings."""
    return replace(outcome, findings=sort_findings(findings))


def _unpack_finding(data: Mapping[str, Any]) -> Finding:
    waived = data["waived"]
    return Finding(**{**data, "waived": Waived(**waived) if waived else None})
