"""What is installed in an environment, for tests: packages by name, which compare and explain themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envrepro.envs.recordtext import place_of, read_record
from pytest_envrepro.envs.sources import origin, same_source, same_version
from pytest_envrepro.errors import EnvReproError
from pytest_envrepro.outcome import counted
from pytest_envrepro.values import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_envrepro.inventory import Distribution, Inventory, Source

# What a virtualenv may be made with, whatever it is for.
SEEDS = frozenset({"pip", "setuptools", "wheel"})
NOTHING = "-"  # In the place of what is not there.
_MOST_ROWS = 50
_MOST_NAMED = 5


class File(NamedTuple):
    """A file of a package, as its RECORD lists it (PEP 376); bytecode is not among them.

    Attributes:
        path: relative to site-packages, or to the environment (`bin/flask`), with forward slashes; else absolute.
        place: where it is on this machine.
        hash: what RECORD tells, `sha256=...`, or None.
        size: in bytes, by RECORD, or None.
    """

    path: str
    place: str
    hash: str | None = None
    size: int | None = None


def _no_files() -> tuple[File, ...]:
    return ()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Package:
    """An installed distribution; two are equal where name, version and source are.

    Attributes:
        name: the canonical name.
        version: in its normal form (PEP 440), or as it is written where it is not valid; empty where a lock pins a URL,
            and does not tell it: then the source alone is compared.
        source: where it came from; None for an index.
        listed: gives the files.
    """

    name: str
    version: str
    source: Source | None = None
    listed: Callable[[], tuple[File, ...]] = field(default=_no_files, repr=False)

    @property
    def files(self) -> tuple[File, ...]:
        """What RECORD lists, sorted, read when it is first asked for; nothing where there is no RECORD.

        Raises:
            EnvReproError: it is no RECORD.
        """
        return self.listed()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Package):
            return NotImplemented
        is_same = self.name == other.name and same_version(self.version, other.version)
        return is_same and same_source(self.source, other.source)

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        """Write the version, and where it came from where that is no index."""
        return f"{self.version}{origin(self.source)}".lstrip()


class Change(NamedTuple):
    """A package that is not the same in two environments; None where it is not there."""

    name: str
    left: Package | None
    right: Package | None


class Packages(Mapping[str, Package]):
    """What is installed in one environment, by name; any spelling of a name finds it (PEP 503).

    Two are equal where the same packages have the same versions and come from the same places. pip, setuptools and wheel
    count only where a lock names them.

    Args:
        title: of the environment, for people, in a word or two.
        named: the names that the environment's lock names.
    """

    __hash__ = None  # type: ignore[assignment]  # As of every mapping: they are compared by what is in them.

    def __init__(self, title: str, packages: Mapping[str, Package], *, named: frozenset[str] = frozenset()) -> None:
        self.title = title
        self.named = named
        self._packages = dict(sorted(packages.items()))

    def __getitem__(self, name: str) -> Package:
        __tracebackhide__ = True
        try:
            return self._packages[canonicalize_name(name)]
        except KeyError:
            near = did_you_mean(name, self._packages)
            hint = near if "did you mean" in near else ""
            raise KeyError(f"{name} is not in {self.title}{hint}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._packages)

    def __len__(self) -> int:
        return len(self._packages)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and canonicalize_name(name) in self._packages

    def __eq__(self, other: object) -> bool:
        return not self.changes(other) if isinstance(other, Packages) else NotImplemented

    def __repr__(self) -> str:
        shown = [f"{each.name} {each}" for each in list(self._packages.values())[:_MOST_NAMED]]
        more = len(self) - len(shown)
        listed = ", ".join([*shown, *([f"and {more} more"] if more else [])]) or "nothing"
        return f"<packages of {self.title}: {listed}>"

    def titled(self, title: str) -> Packages:
        """Give the same packages under another title."""
        return Packages(title, self._packages, named=self.named)

    def counted_with(self, other: Packages) -> list[str]:
        """Give the names that count in a comparison, sorted."""
        uncounted = SEEDS - self.named - other.named
        return sorted((self._packages.keys() | other._packages.keys()) - uncounted)

    def changes(self, other: Packages) -> tuple[Change, ...]:
        """Give the packages that are not the same in another environment."""
        both = ((name, self._packages.get(name), other._packages.get(name)) for name in self.counted_with(other))
        return tuple(Change(name, left, right) for name, left, right in both if left != right)

    def explain(self, other: Packages) -> list[str]:
        """Say package by package what differs; nothing where nothing does. The first line is about all of it."""
        changes = self.changes(other)
        if not changes:
            return []
        total = len(self.counted_with(other))
        return [
            f"packages of {self.title} == packages of {other.title}",
            *table(changes, *titles(self.title, other.title)),
            f"{len(changes)} of {counted(total, 'package')} {'differs' if len(changes) == 1 else 'differ'}",
        ]


def titles(left: str, right: str) -> tuple[str, str]:
    """Give headings for two environments, also where they are called the same."""
    return (left, right) if left != right else (f"{left} (left)", f"{right} (right)")


def table(changes: Sequence[Change], left: str, right: str) -> list[str]:
    """Set changes in columns, under the titles of the two environments."""
    rows = [("package", left, right)]
    rows += [(each.name, shown(each.left), shown(each.right)) for each in changes[:_MOST_ROWS]]
    more = len(changes) - _MOST_ROWS
    return [*columns(rows), *([f"and {more} more"] if more > 0 else [])]


def shown(package: Package | None) -> str:
    """Write a package, or that it is not there."""
    return NOTHING if package is None else str(package)


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Set rows in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def read_packages(
    title: str,
    inventory: Inventory,
    paths: Sequence[str],
    prefix: str,
    *,
    named: frozenset[str] = frozenset(),
    root: str = "",
) -> Packages:
    """Turn what was read of an environment into packages: they stay as they are when it changes, but for their files.

    Args:
        paths: the folders that were read, in their order.
        prefix: the environment's own folder.
        root: the folder that stands for `/`, of what is a copy of another machine's.
    """
    packages = {}
    for name, found in inventory.distributions.items():
        folder = next((path for path in paths if found.label and os.path.isdir(f"{path}/{found.label}")), None)
        listed = _lister(folder, found.label, prefix, root) if folder else _no_files
        version = _version(found, inventory.versions.get(name, ""))
        packages[name] = Package(name=name, version=version, source=found.source, listed=listed)
    return Packages(title, packages, named=named)


def _version(found: Distribution, written: str) -> str:
    if found.version is not None:
        return str(found.version)
    try:
        return str(Version(written))
    except InvalidVersion:
        return written


def _lister(folder: str, label: str, prefix: str, root: str) -> Callable[[], tuple[File, ...]]:
    @cache
    def listed() -> tuple[File, ...]:
        try:
            with open(f"{folder}/{label}/RECORD", "rb") as file:
                rows, _ = read_record(file.read(), folder)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as error:
            why = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
            raise EnvReproError(f"{folder[len(root) :]}/{label}: its RECORD {why}") from None
        found = {}
        for row in rows:
            place = os.path.normpath(place_of(folder, row.path, root))
            path = relative(place, folder, prefix).removeprefix(root)
            found[path] = File(path, place, row.hash or None, int(row.size) if row.size else None)
        return tuple(found[path] for path in sorted(found))

    return listed


def relative(place: str, *folders: str) -> str:
    """Write a path relative to the first of some folders that it lies in, with forward slashes; else as it is."""
    for folder in folders:
        if place.startswith(os.path.join(folder, "")):
            return place[len(os.path.join(folder, "")) :].replace(os.sep, "/")
    return place.replace(os.sep, "/")
