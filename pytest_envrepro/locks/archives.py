"""The files of a package that Poetry and pdm list in a lock, each with its hash: which are those of the pinned version."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# In the form that these tools write it in: any other is left to the parser.
_WORD = r"[!#-\[\]-~]*"
_FILE = re.compile(rf'^    \{{(?:file|url) = "({_WORD})", hash = "({_WORD})"\}},$', re.MULTILINE)
_ENDS = ("-", ".tar", ".tgz", ".zip", ".whl", ".egg", ".exe")  # What follows the version in a file's name.
_SUFFIX = re.compile(r"\.(?:tar\.(?:gz|bz2|xz|Z)|tgz|zip|whl|egg|exe)$")


def read_files(lines: str) -> list[Any] | None:
    """Read the files of a package with their hashes, of which nearly all lines of a lock are, as pairs; None for other lines."""
    found = _FILE.findall(lines)
    return found if found and len(found) == lines.count("\n") else None


def hashes_of(files: Sequence[Mapping[str, Any] | tuple[str, str]], version: Version) -> tuple[str, ...]:
    """Give the hashes of the files of a version: who changes a version by hand leaves those of another."""
    listed = [(place.rpartition("/")[2].partition("#")[0], digest) for place, digest in map(file_of, files)]
    said = f"-{version}"
    usual = [said + end for end in _ENDS]
    own = [each for name, each in listed if any(words in name for words in usual)]
    if not own:
        told = (([found.public for found in _versions_in(name)], each) for name, each in listed)
        own = [each for found, each in told if not found or version.public in found]
    return tuple(filter(None, own))


def file_of(entry: Mapping[str, Any] | tuple[str, str]) -> tuple[str, str]:
    """Give the name or the URL of a file, and its hash."""
    if isinstance(entry, tuple):
        return entry
    return str(entry.get("file") or entry.get("url") or ""), str(entry.get("hash") or "")


def _versions_in(file: str) -> Iterator[Version]:
    """Give the versions that a file's name may tell: an old archive's has hyphens in it (`functools32-3.2.3-2.tar.gz`)."""
    words = _SUFFIX.sub("", file).split("-")
    tails = words[1:2] if file.endswith(".whl") else ["-".join(words[place:]) for place in range(1, len(words))]
    for text in tails:
        with contextlib.suppress(InvalidVersion):
            yield Version(text.replace("_", "+", 1) if "+" not in text else text)
