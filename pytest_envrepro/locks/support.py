"""Writes down where a lock may be installed, as its own words have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from pytest_envrepro.provenance import Support

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.specifiers import SpecifierSet


def marker_of(specifiers: SpecifierSet) -> str:
    """Give the marker (PEP 508) that holds on some Pythons; an empty one for all."""
    listed = sorted(specifiers, key=str)
    return " and ".join(f'python_full_version {each.operator} "{each.version}"' for each in listed)


def lowest(specifiers: SpecifierSet | None) -> str | None:
    """Give the lowest Python that is meant: the highest of the lower bounds; None where there is none that can be read."""
    bounds = [each.version.removesuffix(".*") for each in specifiers or () if each.operator in (">=", "==", "~=")]
    try:
        return max(bounds, key=Version, default=None)
    except ValueError:  # Also of a number that Python refuses to read.
        return None


def of_pythons(specifiers: SpecifierSet | None, line: int | None) -> Iterator[Support]:
    """Give the Pythons that a lock is for; nothing where it is for all.

    Args:
        specifiers: its `requires-python` (PEP 440).
    """
    if specifiers:
        yield Support(marker_of(specifiers), f"requires-python {','.join(sorted(map(str, specifiers)))}", line)


def of_markers(markers: Iterable[str], line: int | None) -> Iterator[Support]:
    """Give the environments that a lock is for, any of which will do; nothing where it is for all.

    Args:
        markers: one for each (PEP 508).
    """
    alternatives = tuple(markers)
    if alternatives:
        yield Support(" or ".join(f"({each})" for each in alternatives), " or ".join(alternatives), line)
