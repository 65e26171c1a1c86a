"""What a distribution provides, by its metadata: the extras that it declares, and the names that it is imported by."""

from __future__ import annotations

import csv
from importlib.machinery import all_suffixes
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What some distributions install beside their packages by mistake, and nobody imports.
_BESIDES = frozenset({"test", "tests", "testing", "doc", "docs", "example", "examples", "benchmarks"})


def extras(path: str) -> frozenset[str]:
    """Give the canonical names of the extras that a metadata folder declares (`Provides-Extra`, PEP 685)."""
    try:
        declared = PathDistribution(Path(path)).metadata.get_all("Provides-Extra") or []
    except (OSError, TypeError, ValueError, AttributeError):  # The versions of Python differ in what they raise.
        return frozenset()
    return frozenset(map(canonicalize_name, declared))


def modules(path: str) -> tuple[str, ...]:
    """Give what can be imported of a distribution, sorted: `top_level.txt`, or by the files that RECORD lists.

    A folder without an `__init__` belongs to many (PEP 420): then it is the packages within it (`google.cloud.storage`).
    """
    distribution = PathDistribution(Path(path))
    try:
        listed = (distribution.read_text("top_level.txt") or "").split()
        record = distribution.read_text("RECORD") or ""
    except (OSError, ValueError):
        return ()
    names = set(listed) or _top_level(row[0] for row in csv.reader(record.splitlines()) if row)
    public = {name for name in names if not name.startswith("_")}
    return tuple(sorted(public - _BESIDES or public or names))


def _top_level(paths: Iterable[str]) -> set[str]:
    found = set(_importable(paths))
    return {name for name in found if not any(name.startswith(f"{other}.") for other in found)}


def _importable(paths: Iterable[str]) -> Iterator[str]:
    """Give the dotted name of each module that lies in the search path's folder or in a package."""
    suffixes = sorted(all_suffixes(), key=len, reverse=True)
    for path in paths:
        *folders, file = path.split("/")
        suffix = next((suffix for suffix in suffixes if file.endswith(suffix)), None)
        if suffix is None or not all(map(str.isidentifier, folders)):
            continue
        stem = file[: -len(suffix)]
        if stem == "__init__":
            yield ".".join(folders)
        elif stem.isidentifier() and not folders:
            yield stem
