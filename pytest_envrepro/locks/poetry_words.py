"""What an entry of Poetry's tables says (a name, a constraint, Pythons, platforms), in the words of PEP 508."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pytest_envrepro.locks.poetry_constraints import ALTERNATIVES, joined, read_constraint, to_specifier
from pytest_envrepro.requirement import NAME, Requirement, parse, parse_marker_or_raise, refuse_extremes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_envrepro.locks.poetry_constraints import Clause

_NAME = re.compile(NAME)
_NEVER = 'python_version < "0"'


def to_requirement(
    name: str, constraint: str, *, extras: Iterable[str] = (), marker: str | None = None, url: str | None = None
) -> Requirement:
    """Give what is asked for by a name and a constraint.

    Raises:
        ValueError: one of them is none, or the marker is none.
    """
    specifier, is_exact = to_specifier("*" if url else constraint)
    if marker:
        parse_marker_or_raise(marker)
    return Requirement(
        name=checked(name),
        extras=frozenset(map(canonicalize_name, extras)),
        specifier=SpecifierSet(specifier),
        written="" if not specifier else re.sub(r"\s*([,|<>=!~^]+)\s*", r"\1", constraint.strip()),
        url=url,
        marker=marker,
        alternatives=() if is_exact else tuple(SpecifierSet(joined(each)) for each in read_constraint(constraint)),
    )


def to_text(name: str, constraint: str, *, extras: Iterable[str] = (), marker: str | None = None) -> str:
    """Give the same as a line of metadata (PEP 508); of versions, it may admit some that lie in a gap between two ranges.

    Raises:
        ValueError: one of them is none, or the marker is none.
    """
    listed = ",".join(extras)
    text = checked(name) + (f"[{listed}]" if listed else "") + to_specifier(constraint)[0]
    refuse_extremes(text)
    if listed:  # All else is right by now.
        parse(text)
    if not marker:
        return text
    parse_marker_or_raise(marker)
    return f"{text} ; {marker}"


def checked(name: str) -> str:
    """Give the canonical name.

    Raises:
        ValueError: it is no name of a package.
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"'{name}' is no name of a package")
    return canonicalize_name(name)


def read_marker(text: Any) -> Any:
    """Give a marker of a lock, or whatever stands in its place: Poetry writes `<empty>` for one that never holds."""
    return _NEVER if text == "<empty>" else text


def python_marker(constraint: str) -> str | None:
    """Give a marker that holds for the Pythons of a constraint; None for all.

    Raises:
        ValueError: Poetry does not read it.
    """
    return _any_of([[_compared(clause) for clause in each] for each in read_constraint(constraint)])


def _compared(clause: Clause) -> str:
    is_short = clause.version.count(".") <= 1 and not clause.version.endswith("*")
    return f'python_{"" if is_short else "full_"}version {clause.operator} "{clause.version}"'


def platform_marker(platforms: str) -> str | None:
    """Give a marker for what stands under `platform`: `win32`, `!=darwin`, `linux || darwin`.

    Raises:
        ValueError: it names no platform.
    """
    alternatives = []
    for each in ALTERNATIVES.split(platforms):
        found = re.findall(r"(!=|==?)?\s*([\w.-]+)", each)
        if not found and each.strip() != "*":
            raise ValueError(f"'{platforms}' names no platform")
        alternatives.append([f'sys_platform {"!=" if sign == "!=" else "=="} "{name}"' for sign, name in found])
    return _any_of(alternatives)


def _any_of(alternatives: Sequence[Sequence[str]]) -> str | None:
    if not all(alternatives):
        return None
    return " or ".join(" and ".join(each) for each in alternatives)


def all_of(markers: Iterable[str | None]) -> str | None:
    """Give a marker that holds where all of some do."""
    several = [each for each in markers if each]
    return several[0] if len(several) == 1 else " and ".join(f"({each})" for each in several) or None
