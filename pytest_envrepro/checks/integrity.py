"""Compares the installed files with RECORD: what was changed or removed since an installer wrote them."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from pytest_envrepro.outcome import Finding, Outcome, counted, sort_findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_envrepro.checks.base import Facts
    from pytest_envrepro.inventory import Inventory, Recorded

_MOST_FILES = 5  # Of one distribution and code that have a finding each; more have one together.
_MOST_NAMED = 3
# What is not compared, and why that is no fault: it is told beside the verdict.
_LEFT_OUT = {
    "no RECORD": "without a RECORD, so their files are not compared",
    "conda": "by conda, which changes files after their RECORD is written, so these are not compared",
    "Debian": "by Debian, which changes files after their RECORD is written, so these are not compared",
}


class IntegrityCheck:
    """The installed files are what was installed."""

    name = "integrity"
    codes: tuple[str, ...] = ("modified-file", "missing-file")

    def subjects(self, facts: Facts) -> tuple[str, ...]:
        """Give the file that checks of the whole environment are shown at, where the table asks."""
        return (facts.project.anchor,) if facts.integrity else ()

    def key(self, facts: Facts, subject: str) -> str | None:  # noqa: ARG002  # There is one environment.
        """Give the state of all files; None where each has to be read in every session."""
        state = None if facts.integrity == "full" else facts.inventory.files_state()
        return None if state is None else f"integrity {state}"

    def judge(self, facts: Facts, subject: str) -> Outcome:  # noqa: ARG002  # There is one environment.
        """Judge the files of every distribution that tells what they should be."""
        inventory = facts.inventory
        recorded = inventory.files(facts.integrity == "full")
        compared = [each for each in recorded if each.files]
        unknown = [f"{each.label}: {each.unknown}" for each in recorded if each.unknown]
        nothing = bool(recorded) and not compared and not unknown
        files = sum(each.files for each in compared)
        return Outcome(
            findings=sort_findings(finding for each in compared for finding in _findings(each, inventory)),
            reason="; ".join([*_some(unknown), *_left_out(recorded)]) or None,
            judged=not unknown and not nothing,
            detail=f"{counted(len(compared), 'distribution')}, {files:,} {'file' if files == 1 else 'files'}",
        )


def _left_out(recorded: Sequence[Recorded]) -> Iterator[str]:
    for why, words in _LEFT_OUT.items():
        names = [each.name for each in recorded if each.left_out == why]
        if names:
            yield f"{counted(len(names), 'distribution')} {words}: {', '.join(_some(names))}"


def _findings(recorded: Recorded, inventory: Inventory) -> Iterator[Finding]:
    modified = [fault for fault in recorded.faults if fault[2] is not None]
    missing = [fault for fault in recorded.faults if fault[2] is None]
    for code, word, faults in (("modified-file", "modified", modified), ("missing-file", "missing", missing)):
        if len(faults) > _MOST_FILES:
            named = ", ".join(_some([path for path, _, _ in faults]))
            yield _finding(code, recorded, inventory, f"{len(faults)} files are {word}: {named}", None, None)
            continue
        for path, expected, actual in faults:
            yield _finding(code, recorded, inventory, _message(path, expected, actual), expected, actual)


def _finding(
    code: str, recorded: Recorded, inventory: Inventory, message: str, expected: str | None, actual: str | None
) -> Finding:
    return Finding(
        code=code,
        package=recorded.name,
        expected=expected,
        actual=actual,
        message=message,
        fix=f"pip install --force-reinstall --no-deps {_argument(recorded.name, inventory)}",
    )


def _argument(name: str, inventory: Inventory) -> str:
    """Name a distribution for pip: the version, or where it came from."""
    source = inventory.distributions[name].source
    if source is None:
        return quote(f"{name}=={inventory.versions[name]}")
    if source.editable:
        return f"-e {quote(source.url)}"
    return quote(f"{name} @ {source.url}{f'@{source.commit}' if source.commit else ''}")


def _message(path: str, expected: str | None, actual: str | None) -> str:
    if actual is None:
        return f"{path} is missing"
    if "=" in actual:
        return f"{path} has another content than its RECORD says"
    if actual.endswith(" bytes"):
        return f"{path} has {actual}, its RECORD says {expected}"
    return f"{path} is {actual}"


def _some(names: Sequence[str]) -> list[str]:
    """Give the first of some names, and how many more there are."""
    more = len(names) - _MOST_NAMED
    return [*names[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])]
