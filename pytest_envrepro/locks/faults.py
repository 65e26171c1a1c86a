"""What can be wrong with a file: the findings, each at the file and the line that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.credentials import redact
from pytest_envrepro.outcome import Finding

if TYPE_CHECKING:
    from pytest_envrepro.requirement import Requirement

Place = tuple[str, int | None]  # A file, and a line in it.
_LONGEST_QUOTE = 60  # Characters of a line, in a message.


def unreadable(place: Place, message: str) -> Finding:
    """Give the finding of a line or a file that cannot be read."""
    return Finding(code="unreadable", file=place[0], line=place[1], message=message)


def missing(path: str, asked: Place) -> Finding:
    """Give the finding of a file that does not exist, at the place that names it."""
    message = f"{path} does not exist"
    return Finding(code="input-missing", expected=path, file=asked[0], line=asked[1], message=message)


def cycle(path: str, asked: Place, trail: tuple[str, ...]) -> Finding:
    """Give the finding of files that read each other, at the line that closes the cycle."""
    names = " -> ".join((*trail[trail.index(path) :], path))
    return unreadable(asked, f"these files read each other: {names}")


def unpinned(requirement: Requirement, place: Place, message: str) -> Finding:
    """Give the finding of a package that stands in a lock without one version, or one commit."""
    return Finding(
        code="unpinned",
        package=requirement.name,
        expected="a commit" if requirement.url else "==",
        actual=redact(requirement.url) if requirement.url else requirement.written or None,
        file=place[0],
        line=place[1],
        message=message,
    )


def merge_conflict(path: str, line: int) -> Finding:
    """Give the finding of a merge that is not finished."""
    return Finding(code="merge-conflict", file=path, line=line, message="a merge conflict begins here")


def quoted(raw: str) -> str:
    """Give a line for a message: without secrets, and not too long."""
    shown = redact(raw)
    return shown if len(shown) <= _LONGEST_QUOTE else f"{shown[: _LONGEST_QUOTE - 3]}..."


def not_a_requirement(raw: str, error: Exception) -> str:
    """Say that a line is none that pip would read."""
    return f"'{quoted(raw)}' is not a requirement" + (": a variable in it is not set" if "${" in raw else f": {error}")
