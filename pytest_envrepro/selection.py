"""Node ids: which checks a session judges (all of its plan, or those that the command line names), and of which test one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class CheckId(NamedTuple):
    """The name of a check on a subject; as text `requirements.txt::lock`."""

    subject: str
    check: str

    def __str__(self) -> str:
        """Write it as a node id."""
        return f"{self.subject}::{self.check}"


def names_checks(plan: tuple[CheckId, ...], named: Iterable[str]) -> bool:
    """Tell whether there are node ids among what the command line names, and every one of them is a check."""
    node_ids = {name for name in named if "::" in name}
    return bool(node_ids) and node_ids <= {str(each) for each in plan}


def select(plan: tuple[CheckId, ...], named: tuple[str, ...]) -> tuple[CheckId, ...]:
    """Give the checks to judge: where every node id that was given is a check, only what was named; else all.

    Args:
        named: files, folders and node ids of the command line, relative to the root.
    """
    if not names_checks(plan, named):
        return plan
    return tuple(each for each in plan if str(each) in named or each.subject in named)


def without_parameters(node_id: str) -> str:
    """Give a node id without the parameters of the test."""
    path, separator, name = node_id.partition("::")
    return f"{path}{separator}{name.partition('[')[0]}"
