"""The requirement on a line of a requirements file, and the options that stand on lines of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.provenance import Option
from pytest_envrepro.requirementlines import parse_editable, parse_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.locks.statements import Document, Entry
    from pytest_envrepro.requirement import Requirement


def read_entry(entry: Entry) -> Requirement:
    """Parse the requirement on a line.

    Raises:
        ValueError: there is none.
    """
    return parse_editable(entry.text) if entry.editable else parse_line(entry.text)


def options_of(path: str, document: Document) -> Iterator[Option]:
    """Give what a file tells an installer, with the lines."""
    for each in document.settings:
        yield Option(each.option, each.value, each.raw, path, each.line)
