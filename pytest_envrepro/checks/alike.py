"""What a pin of another kind may bring under another name (`torch` in `conda:pytorch`): its record decides, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.checks.closure import given_by, installed_as_pinned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_envrepro.checks.base import Facts
    from pytest_envrepro.model import Lock, Pin
    from pytest_envrepro.outcome import Finding


def without_brought(
    findings: Iterable[Finding], lock: Lock, pins: Mapping[str, list[Pin]], facts: Facts
) -> tuple[list[Finding], str | None]:
    """Leave out of what is missing what pins of another kind bring, or may bring; and say what is not known of it.

    Args:
        pins: those that apply, by canonical name.

    Returns:
        The findings that hold, and why others are neither wrong nor right, or None.
    """
    kept: list[Finding] = []
    unknown: str | None = None
    given: set[str] | None = None
    alike = dict(lock.alike)
    for finding in findings:
        name = finding.package or ""
        if not finding.code.startswith("missing-") or name in pins:
            kept.append(finding)
            continue
        given = given_by(pins, facts) if given is None else given
        if name in given:
            continue
        untold = [
            other
            for other in alike.get(name, ())
            if any(installed_as_pinned(pin, facts) is None for pin in pins.get(other, ()))
        ]
        if untold:
            unknown = (
                unknown
                or f"{name} is not pinned, and {untold[0]} may bring it: its record tells, where it is installed"
            )
        else:
            kept.append(finding)
    return kept, unknown
