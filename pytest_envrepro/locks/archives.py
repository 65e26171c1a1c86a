"""The files of a package that Poetry and pdm list in a lock, each with its hash: which are those of the pinned version."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# In the form that these tools write it in: any other is left to the parser.
_LINE = r"""    \{(?:file|url) = "([^"'\\\n\t]*)", hash = "([^"'\\\s]*)"\},\n"""
_FILE = re.compile(_LINE)
_FILES = re.compile(rf"^(?:{_LINE})+", re.MULTILINE)
_BETWEEN = "\t"  # Two files that were shortened to one string.
_SUFFIX = re.compile(r"\.(?:tar\.(?:gz|bz2|xz|Z)|tgz|zip|whl|egg|exe)$")


def shorten_files(text: str) -> str:
    """Write the files of a package with their hashes, of which nearly all lines of a lock are, as one string.

    The parser's time goes with the values that it has to make. No line goes.
    """
    return _FILES.sub(_together, text)


def _together(found: re.Match[str]) -> str:
    files = _FILE.findall(found[0])
    return f"    '{_BETWEEN.join(map(' '.join, files))}'," + "\n" * len(files)


def hashes_of(files: Sequence[Mapping[str, Any] | str], version: Version) -> tuple[str, ...]:
    """Give the hashes of the files of a version: who changes a version by hand leaves those of another."""
    single = [each for entry in files for each in (entry.split(_BETWEEN) if isinstance(entry, str) else [entry])]
    listed = [(place.rpartition("/")[2].partition("#")[0], digest) for place, digest in map(file_of, single)]
    usual = re.compile(rf"-{re.escape(str(version))}(?=-|\.(?:tar|tgz|zip|whl|egg|exe))")
    own = [each for name, each in listed if usual.search(name)]
    if not own:
        told = (([found.public for found in _versions_in(name)], each) for name, each in listed)
        own = [each for found, each in told if not found or version.public in found]
    return tuple(filter(None, own))


def file_of(entry: Mapping[str, Any] | str) -> tuple[str, str]:
    """Give the name or the URL of a file, and its hash, as they stand there, or of the first as they were shortened."""
    if isinstance(entry, str):
        place, _, digest = entry.partition(_BETWEEN)[0].rpartition(" ")
        return place, digest
    return str(entry.get("file") or entry.get("url") or ""), str(entry.get("hash") or "")


def _versions_in(file: str) -> Iterator[Version]:
    """Give the versions that a file's name may tell: an old archive's has hyphens in it (`functools32-3.2.3-2.tar.gz`)."""
    words = _SUFFIX.sub("", file).split("-")
    tails = words[1:2] if file.endswith(".whl") else ["-".join(words[place:]) for place in range(1, len(words))]
    for text in tails:
        with contextlib.suppress(InvalidVersion):
            yield Version(text.replace("_", "+", 1) if "+" not in text else text)
