"""Poetry's own way to write versions (`^1.2`, `~1.2`, `1.*`, `1.2`, `<2 || >=3`), and what that is in the words of PEP 440.

The rules are those of Poetry's page "Dependency specification", in its version 2.5. A list of alternatives is no specifier of
PEP 440: it is put together to one with the gaps left out by `!=`, where those can say it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from packaging.version import Version

from pytest_envrepro.requirement import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ALTERNATIVES = re.compile(r"\|\|?")
_CLAUSE = re.compile(
    r"(?P<operator>\^|~=|~|===?|=|!=|<=|>=|<|>)?\s*"
    r"(?P<version>(?:v?\d+!)?[0-9A-Za-z](?:[0-9A-Za-z._+-]*[0-9A-Za-z])?|[*xX])(?P<wild>(?:\.\*)*)"
    r"(?:[\s,]+|$|(?=[<>=!~^]))"
)
_ANY = re.compile(r"v?[*xX](?:\.[*xX])*")
_NUMBERS = re.compile(r"v?(\d+(?:\.\d+)*)")
# What is written so in both, as nearly all of a lock's constraints are.
_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
_COMPARED = rf"(?:==|!=|<=|>=|<|>){_NUMBER}(?:\.{_NUMBER})*"
_PLAIN = re.compile(rf"{_COMPARED}(?:,{_COMPARED})*")
_MOST_HOLES = 40  # More of them say less than the range alone.


class Clause(NamedTuple):
    """One comparison of PEP 440: the operator, and the version as it stands there (`2.*`)."""

    operator: str
    version: str

    def __str__(self) -> str:
        """Write it as PEP 440 does."""
        return f"{self.operator}{self.version}"


Alternative = tuple[Clause, ...]  # Comparisons that hold together; none of them admits all.


@lru_cache(maxsize=4096)
def read_constraint(text: str) -> tuple[Alternative, ...]:
    """Read a constraint: what is admitted is what any of the alternatives admits.

    Raises:
        ValueError: Poetry does not read it.
    """
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters")
    text = text.strip()
    if text.startswith("(") and text.endswith(")"):  # As metadata writes it, and Poetry's users after that.
        text = text[1:-1]
    return tuple(tuple(_read_together(each.strip().rstrip(", "))) for each in ALTERNATIVES.split(text))


def _read_together(text: str) -> Iterable[Clause]:
    if _ANY.fullmatch(text):
        return
    position = 0
    while position < len(text) or not text:
        found = _CLAUSE.match(text, position)
        if found is None:
            raise ValueError(f"'{text}' is no constraint that Poetry reads")
        yield from _clauses(found["operator"] or "", found["version"], is_wild=bool(found["wild"]))
        position = found.end()


def _clauses(operator: str, written: str, *, is_wild: bool) -> Iterable[Clause]:
    if _ANY.fullmatch(written):
        if operator not in ("", "=", "=="):
            raise ValueError(f"'{operator}{written}' is no constraint that Poetry reads")
        return
    if is_wild and operator in ("", "=", "==", "!="):
        numbers = _NUMBERS.fullmatch(written)
        if numbers is None:
            raise ValueError(f"'{written}.*' is no constraint that Poetry reads")
        yield Clause("!=" if operator == "!=" else "==", f"{numbers[1]}.*")
        return
    if is_wild and operator in ("^", "~", "~="):
        raise ValueError(f"'{operator}{written}.*' is no constraint that Poetry reads")
    version = Version(written)
    if operator in ("^", "~", "~="):
        yield Clause(">=", version.public)
        yield Clause("<", _bumped(version, _place(operator, version)))
    elif operator in ("", "=", "==", "!=", "==="):
        yield Clause({"!=": "!=", "===": "==="}.get(operator, "=="), str(version))
    else:
        yield Clause(operator, version.public)


def _place(operator: str, version: Version) -> int:
    """Give the place of the number, counted from 0, that the next version which is not admitted has one more of.

    `^` keeps the first number that is not 0, as far as they are written; `~` the first two, or the only one.
    """
    numbers = version.release
    if operator == "^":
        return next((place for place, number in enumerate(numbers[:3]) if number), min(len(numbers), 3) - 1)
    if operator == "~":
        return 0 if len(numbers) == 1 else 1
    return max(len(numbers) - 2, 0)  # As in PEP 440: `~=1.2` is `>=1.2,<2`.


def _bumped(version: Version, place: int) -> str:
    numbers = (*version.release, 0, 0)[: place + 1]
    epoch = f"{version.epoch}!" if version.epoch else ""
    return epoch + ".".join(map(str, (*numbers[:-1], numbers[-1] + 1)))


@lru_cache(maxsize=4096)
def to_specifier(text: str) -> tuple[str, bool]:
    """Give a specifier of PEP 440 that admits what a constraint does, and whether it admits nothing else.

    Raises:
        ValueError: Poetry does not read it.
    """
    if _PLAIN.fullmatch(text) and len(text) <= LONGEST:
        return text, True
    alternatives = read_constraint(text)
    if len(alternatives) == 1:
        return joined(alternatives[0]), True
    return _union(alternatives) if all(alternatives) else "", not all(alternatives)


def joined(clauses: Alternative) -> str:
    """Write comparisons that hold together as one specifier of PEP 440."""
    return ",".join(map(str, clauses))


class _Range(NamedTuple):
    """The versions between two; None where there is no bound."""

    low: Version | None
    has_low: bool
    high: Version | None
    has_high: bool


def _union(alternatives: Sequence[Alternative]) -> str:
    """Put alternatives together: from the lowest bound to the highest, without the gaps that `!=` can name."""
    ranges = sorted(map(_range_of, alternatives), key=lambda each: (each.low is not None, each.low or Version("0")))
    clauses: list[str] = []
    whole = ranges[0]
    if whole.low is not None:
        clauses.append(f"{'>=' if whole.has_low else '>'}{whole.low}")
    for each in ranges[1:]:
        clauses += _holes(whole, each)
        whole = _higher(whole, each)
    if whole.high is not None:
        clauses.append(f"{'<=' if whole.has_high else '<'}{whole.high}")
    return ",".join(clauses)


def _range_of(clauses: Alternative) -> _Range:
    low: tuple[Version, bool] | None = None
    high: tuple[Version, bool] | None = None
    for operator, written in clauses:
        is_wild = written.endswith(".*")
        version = Version(written.removesuffix(".*"))
        if operator in (">=", ">", "==", "==="):
            # Pre-releases of 2.0 are among `==2.*`.
            least = (Version(f"{version}.dev0") if is_wild else version, operator == ">")
            low = least if low is None else max(low, least)
        if operator in ("<=", "<", "==", "==="):
            most = (
                (Version(_bumped(version, len(version.release) - 1)), False) if is_wild else (version, operator != "<")
            )
            high = most if high is None else min(high, most)
    least_of_all, is_above = low or (None, True)
    return _Range(least_of_all, not is_above, *(high or (None, False)))


def _higher(one: _Range, other: _Range) -> _Range:
    """Give a range that reaches as high as the higher of two."""
    if one.high is None or (other.high is not None and (other.high, other.has_high) <= (one.high, one.has_high)):
        return one
    return one._replace(high=other.high, has_high=other.has_high)


def _holes(one: _Range, other: _Range) -> list[str]:
    """Give the clauses that leave out what lies between two ranges; none where none can say it."""
    if one.high is None or other.low is None or other.low < one.high:
        return []
    if other.low == one.high:
        return [] if one.has_high or other.has_low else [f"!={one.high}"]
    return [] if one.has_high or not other.has_low else _series(one.high, other.low)


def _series(first: Version, last: Version) -> list[str]:
    """Name all versions from one up to another by `!=1.2.*`: as many as there are numbers between, where those end."""
    if any(each.public.removesuffix(".dev0") != ".".join(map(str, each.release)) for each in (first, last)):
        return []
    start, end = _shortest(first), _shortest(last)
    same = 0
    while same < min(len(start), len(end)) and start[same] == end[same]:
        same += 1
    start += (0,) * (same + 1 - len(start))
    # After 1.3.* come 1.4.*, 1.5.* and so on for ever, and not 2.
    if len(start) > same + 1 or end[same] - start[same] > _MOST_HOLES:
        return []
    found = [(*start[:same], number) for number in range(start[same], end[same])]
    for place in range(same + 1, len(end)):
        found += [(*end[:place], number) for number in range(min(end[place], _MOST_HOLES))]
    return [f"!={'.'.join(map(str, each))}.*" for each in found] if len(found) < _MOST_HOLES else []


def _shortest(version: Version) -> tuple[int, ...]:
    numbers = version.release
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers = numbers[:-1]
    return numbers


def lowest(constraint: str) -> str | None:
    """Give the lowest version that a constraint speaks of, or None where it has no lower bound.

    Raises:
        ValueError: Poetry does not read it.
    """
    lows = [_range_of(each).low for each in read_constraint(constraint)]
    known = [low for low in lows if low is not None]
    return min(known).base_version if len(known) == len(lows) else None
