"""Reads a RECORD, the list of files that an installer leaves (PEP 376, PEP 627), and finds the places that it names."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import posixpath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_SIZE = 18  # Digits.
_QUOTED = 60  # Characters of a line, in a message.
_ALGORITHMS = frozenset(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake"))
_NOT_ON_A_DISK = ("/dev/", "/proc/", "/sys/")  # What is there may have no end.


class Row(NamedTuple):
    """A line of a RECORD: the path as it is written there; hash and size are empty where it does not tell them."""

    path: str
    hash: str
    size: str


def read_record(content: bytes, folder: str) -> tuple[list[Row], str | None]:
    """Read a RECORD.

    Args:
        content: the file's.
        folder: what its paths are relative to.

    Returns:
        its rows without bytecode, which Python writes, removes and changes as it likes; and what of it cannot be
        compared, to follow "its RECORD", or None.

    Raises:
        ValueError: it is no RECORD, with the line.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    rows: list[Row] = []
    unknown = None
    for number, cells in _cells(text):
        if len(cells) != 3:  # noqa: PLR2004  # PATH,HASH,SIZE.
            if not any(cells):
                continue
            raise ValueError(f"is not valid in line {number}: {quoted(','.join(cells))}")
        path, written, size = cells
        if path.endswith(".pyc") and (not written or "__pycache__/" in path):
            continue
        if not _is_valid(path, size, folder):
            raise ValueError(f"is not valid in line {number}: {quoted(','.join(cells))}")
        if written[:7] != "sha256=" and written:
            algorithm, separator, _ = written.partition("=")
            if not separator or algorithm not in _ALGORITHMS:
                unknown = unknown or f"has a hash in line {number} that cannot be compared: {quoted(written)}"
                written = ""
        rows.append(Row(path, written, size))
    if not rows:
        raise ValueError("lists no file")
    return rows, unknown


def _cells(text: str) -> Iterator[tuple[int, list[str]]]:
    """Give the cells of each line, with its number: plain lines in a fifth of the time that `csv` takes."""
    if '"' not in text:
        for number, line in enumerate(text.split("\n"), 1):
            yield number, line.rstrip("\r").split(",")
        return
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in lines:
            yield lines.line_num, cells
    except csv.Error as error:
        raise ValueError(f"is not valid in line {lines.line_num}: {error}") from None


def _is_valid(path: str, size: str, folder: str) -> bool:
    """Tell whether a row's path can be one of a file on a disk, and its size a number."""
    if not path or "\0" in path or (size and not (size.isdecimal() and len(size) <= _LONGEST_SIZE)):
        return False
    stays = path[0] != "/" and ".." not in path
    return stays or not os.path.normpath(place_of(folder, path)).startswith(_NOT_ON_A_DISK)


def place_of(folder: str, path: str, root: str = "") -> str:
    """Give the place of a file that a RECORD lists; `os.path.join` does the same in three times the time.

    Args:
        folder: what the path is relative to.
        root: the folder that stands for `/`, of what is a copy of another machine's: no path leads out of it.
    """
    if root and (path[0] in "/\\" or ".." in path):
        return root + posixpath.normpath(posixpath.join("/", folder[len(root) :], path))
    return path if path[0] in "/\\" or path[1:2] == ":" else f"{folder}/{path}"


def quoted(text: str) -> str:
    """Give what a line says, as much of it as a message has room for."""
    return text if len(text) <= _QUOTED else f"{text[: _QUOTED - 3]}..."
