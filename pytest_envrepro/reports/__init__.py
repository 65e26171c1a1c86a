"""The reports: a session to text. A new one for files is a file here and a line in `REPORTS`."""

from pytest_envrepro.kinds import added
from pytest_envrepro.reports.base import (
    Ended,
    EnvironmentRow,
    FileReport,
    Foreseen,
    Integration,
    IntegrationRows,
    Kept,
    Lacking,
    Lent,
    Mended,
    NeedRow,
    NeedsSummary,
    Summary,
    TestOutcome,
)
from pytest_envrepro.reports.json import JsonReport

REPORTS: tuple[FileReport, ...] = (JsonReport(),)


def report_for(path: str) -> FileReport:
    """Give the report that a file's name asks for; JSON where none does."""
    kinds: tuple[FileReport, ...] = (*REPORTS, *added("reports"))
    return next((kind for kind in kinds if path.endswith(kind.suffixes)), REPORTS[0])


__all__ = [
    "REPORTS",
    "Ended",
    "EnvironmentRow",
    "FileReport",
    "Foreseen",
    "Integration",
    "IntegrationRows",
    "Kept",
    "Lacking",
    "Lent",
    "Mended",
    "NeedRow",
    "NeedsSummary",
    "Summary",
    "TestOutcome",
    "report_for",
]
