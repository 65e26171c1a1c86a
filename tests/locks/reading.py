"""Reads a lock from files that are given as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.errors import LockError
from pytest_envrepro.locks import Declaration, Tree
from pytest_envrepro.locks.requirements import RequirementsFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.model import Lock


def tree(files: Mapping[str, str], environ: Mapping[str, str] | None = None) -> Tree:
    """Give some files as a format sees them; reading any other is an error, as it is on a disk."""

    def read(path: str) -> str:
        if path not in files:
            raise LockError(path, None, "cannot be read: No such file or directory")
        return files[path]

    return Tree(read=read, exists=files.__contains__, changed=lambda _: 0.0, environ=environ or {})


def read(
    files: Mapping[str, str],
    path: str = "requirements.txt",
    *,
    inputs: tuple[str, ...] | None = None,
    command: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Lock:
    """Read one of some files as a lock; inputs and command are those of the table."""
    declaration = Declaration(inputs=inputs, command=command) if inputs is not None or command else None
    return RequirementsFormat().parse(path, tree(files, environ), declaration)


def why_not(files: Mapping[str, str], path: str = "requirements.txt") -> str | None:
    """Give the reason why one of some files is no lock, or None."""
    return RequirementsFormat().why_not(path, tree(files))


def pins(lock: Lock) -> dict[str, str]:
    """Give the pins as text: `{"flask": "==3.0"}`, with their markers."""
    return {
        pin.name: (pin.requirement.written or pin.requirement.url or "")
        + (f" ; {pin.requirement.marker}" if pin.requirement.marker else "")
        for pin in lock.pins
    }


def roots(lock: Lock) -> list[str]:
    """Give the roots as text: `requirements.in:1 flask>=3`."""
    return [f"{root.file}:{root.line} {root.requirement}" for root in lock.roots]


def faults(lock: Lock) -> list[str]:
    """Give the faults as text: `unreadable requirements.txt:3 message`."""
    return [f"{fault.code} {fault.file}:{fault.line} {fault.message}" for fault in lock.faults]
