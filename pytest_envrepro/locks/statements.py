"""What a requirements file consists of: requirements, other files that it reads, options, and comments."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A requirement as it stands: the text without its options, the options' values, the comments after it.

    Attributes:
        text: the requirement, variables expanded; but those of a URL, which may be secrets, are left.
        raw: the same, as written.
    """

    line: int
    text: str
    raw: str
    editable: bool = False
    hashes: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()


class Include(NamedTuple):
    """`-r PATH` or `-c PATH`, variables expanded but in a URL; the path is relative to the file that it stands in, and may be a URL."""

    line: int
    path: str
    constraint: bool


class Setting(NamedTuple):
    """An option that concerns all that is installed (`--index-url URL`, `--pre`), or says how one requirement is built.

    Attributes:
        option: its long name.
        value: variables expanded; empty of a flag.
        raw: the value as written.
    """

    line: int
    option: str
    value: str
    raw: str


class Fault(NamedTuple):
    """A line that cannot be read, with the reason."""

    line: int
    message: str


Statement = Entry | Include | Setting | Fault


class Comment(NamedTuple):
    """A comment line: its number, and its text after the `#`."""

    line: int
    text: str


class Document(NamedTuple):
    """A requirements file, statement by statement.

    Attributes:
        header: the comment lines before the first statement.
        loose: the comment lines after it that belong to no requirement.
        conflicts: the lines on which a merge conflict begins.
    """

    entries: tuple[Entry, ...] = ()
    includes: tuple[Include, ...] = ()
    settings: tuple[Setting, ...] = ()
    faults: tuple[Fault, ...] = ()
    header: tuple[Comment, ...] = ()
    loose: tuple[Comment, ...] = ()
    conflicts: tuple[int, ...] = ()
