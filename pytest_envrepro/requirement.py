"""Requirements as values: parsed once, and compared by meaning.

`packaging` is the judge of versions, specifiers and markers. What is ours is a short way past its general parser for
the plain forms (`name[extra]>=1,<2; marker`), which are nearly all that metadata and locks hold: the same result, in a
twentieth of the time (`tests/test_requirement.py` compares the two over generated text).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as PackagingRequirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from pytest_envrepro.credentials import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_OPERATOR = r"(?:~=|==|!=|<=|>=|<|>)"
_CLAUSE = rf"{_OPERATOR}[ \t]*[A-Za-z0-9][A-Za-z0-9.*+!_-]*"
_CLAUSES = rf"{_CLAUSE}(?:[ \t]*,[ \t]*{_CLAUSE})*"
_PLAIN = re.compile(
    rf"[ \t]*(?P<name>{NAME})[ \t]*"
    rf"(?:\[[ \t]*(?P<extras>{NAME}(?:[ \t]*,[ \t]*{NAME})*)[ \t]*\][ \t]*)?"
    # Each run of spaces belongs to one place of the pattern alone: to try them all would take the square of its length.
    rf"(?:(?:(?P<bare>{_CLAUSES})|\([ \t]*(?P<wrapped>{_CLAUSES})[ \t]*\))[ \t]*)?"
    r"(?:;[ \t]*(?P<marker>\S(?:.*\S)?)[ \t]*)?"
)
CONDA = "conda:"  # Before the name of a package of conda's.
LONGEST = 8 * 1024  # Characters of a requirement: the longest markers seen in public have some hundred.
_DIGITS = 640  # The least that Python's own limit on the length of a number can be set to.
_NUMBER = re.compile(rf"\d{{{_DIGITS + 1}}}")
_DEEPEST = 50  # Brackets within brackets.
_BRACKETS = re.compile(r"[()]")
_SET = re.compile(r"\b(?:extras|dependency_groups)\b")
_STRING = re.compile(r""" '[^']*' | "[^"]*" """, re.VERBOSE)
_QUOTED = 200  # Characters of a marker, in a message.


class AnyVersion(Protocol):
    """A version by the rules of one kind of packages (PEP 440, conda's), to be compared with others of that kind."""

    @property
    def public(self) -> str:
        """The version without what only one builder has added."""

    def __lt__(self, other: Any, /) -> bool: ...


class Rule(Protocol):
    """Which versions are admitted, where these are not of PEP 440; equal to another that says the same."""

    def admits(self, version: AnyVersion) -> bool:
        """Tell whether the version is one of those asked for; one of another kind is not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One requirement: a name with versions, or something at a URL or a path.

    Attributes:
        name: the canonical name (PEP 503); None for a URL or a path that does not tell it. A package that is not one of
            Python's has the kind before it (`conda:numpy`): two kinds may each have one of that name.
        extras: the canonical names of the extras asked for.
        specifier: the versions admitted; empty admits all.
        written: the specifier as it was written, without spaces, for messages.
        url: the URL or the path, as written, with its variables (`${TOKEN}`); None for a requirement that an index fulfils.
        marker: the environment marker's text (PEP 508), or None.
        alternatives: where these are not empty, one of them has to admit a version too: together they say what no single
            specifier does, and that is then the range of all.
        rule: of another kind than Python's, what admits versions in the place of the specifier.
    """

    name: str | None
    extras: frozenset[str] = frozenset()
    specifier: SpecifierSet
    written: str = ""
    url: str | None = None
    marker: str | None = None
    alternatives: tuple[SpecifierSet, ...] = ()
    rule: Rule | None = None

    @property
    def is_bound(self) -> bool:
        """Whether it asks for a version, and not for any."""
        return self.rule is not None or bool(self.specifier)

    def admits(self, version: AnyVersion) -> bool:
        """Tell whether the version is one of those asked for; a pre-release counts, as it does for `pip check`."""
        if self.rule is not None:
            return self.rule.admits(version)
        if not isinstance(version, Version):
            return False
        try:
            return self.specifier.contains(version, prereleases=True) and (
                not self.alternatives or any(each.contains(version, prereleases=True) for each in self.alternatives)
            )
        except ValueError:  # A number that Python refuses to read.
            return False

    def applies(self, environment: Mapping[str, str], extras: Iterable[str] = ()) -> bool:
        """Evaluate the marker in an environment (PEP 508 variables), without an extra and with each of the extras."""
        if self.marker is None:
            return True
        return any(evaluate(self.marker, environment, extra) for extra in ("", *extras))

    def __str__(self) -> str:
        """Write it without the marker: `flask[async]>=3`."""
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        if self.url is None:
            between = " " if self.rule is not None and self.written else ""
            return f"{self.name}{extras}{between}{self.written}"
        return redact(f"{self.name}{extras} @ {self.url}" if self.name else f"{self.url}{extras}")


def kind_of(name: str) -> str:
    """Give the kind in a package's name (`conda:numpy`); the empty one is Python's."""
    return name.partition(":")[0] if name.startswith(CONDA) else ""


@lru_cache(maxsize=8192)
def parse(text: str) -> Requirement:
    """Parse a dependency specifier (PEP 508).

    Raises:
        ValueError: the text is none, or its marker or specifier is not valid.
    """
    refuse_extremes(text)
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        found = _parse_plain(plain)
        if found is not None:
            return found
    try:
        parsed = PackagingRequirement(text)
    except InvalidRequirement as error:
        _refuse_sets(text.partition(";")[2])  # Before packaging 26 it does not know of them.
        raise ValueError(redact(str(error).splitlines()[0])) from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    _refuse_sets(str(parsed.marker or ""))
    return Requirement(
        name=canonicalize_name(parsed.name),
        extras=frozenset(canonicalize_name(extra) for extra in parsed.extras),
        specifier=parsed.specifier,
        written=str(parsed.specifier),
        url=parsed.url,
        marker=str(parsed.marker) if parsed.marker else None,
    )


def _parse_plain(match: re.Match[str]) -> Requirement | None:
    name, extras, bare, wrapped, marker = match.groups()
    written = (bare or wrapped or "").replace(" ", "").replace("\t", "")
    try:
        specifier = SpecifierSet(written)
        if marker is not None:
            parse_marker(marker)
    except ValueError:
        return None  # The general parser has the better words for what is wrong.
    return Requirement(
        name=canonicalize_name(name),
        extras=canonical_extras(extras),
        specifier=specifier,
        written=written,
        marker=marker,
    )


def canonical_extras(listed: str | None) -> frozenset[str]:
    """Give the canonical names of extras that stand between commas."""
    if not listed:
        return frozenset()
    return frozenset(canonicalize_name(extra.strip()) for extra in listed.split(",") if extra.strip())


def parse_marker(text: str) -> Marker:
    """Parse a marker as it was read.

    Raises:
        ValueError: the text is none.
    """
    refuse_extremes(text)
    return parse_known_marker(text)


@lru_cache(maxsize=4096)
def parse_known_marker(text: str) -> Marker:
    """Parse a marker that was read before, or that is put together from such: it may be longer than any of these.

    Raises:
        ValueError: the text is none.
    """
    _refuse_sets(text)
    try:
        return Marker(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def refuse_extremes(text: str) -> None:
    """Raise a ValueError for a text that no person and no tool has written, before it costs a parser its stack or time."""
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters")
    if len(text) > _DIGITS and _NUMBER.search(text):
        raise ValueError(f"a number in it has more than {_DIGITS} digits")
    if text.count("(") > _DEEPEST:
        depth = 0
        for bracket in _BRACKETS.findall(text):
            depth = max(0, depth + (1 if bracket == "(" else -1))
            if depth > _DEEPEST:
                raise ValueError("it is nested too deeply")


def _refuse_sets(text: str) -> None:
    """Raise a ValueError for a marker that nothing can evaluate but for a `pylock.toml` (PEP 751)."""
    found = _SET.search(_STRING.sub("", text)) if _SET.search(text) else None
    if found is not None:
        raise ValueError(f"'{found[0]}' may stand after 'in' in a pylock.toml, and nowhere else")


def parse_marker_or_raise(text: str) -> Marker:
    """Parse a marker; a fault is a ValueError of one line."""
    try:
        return parse_marker(text)
    except ValueError as error:
        shown = text if len(text) <= _QUOTED else f"{text[: _QUOTED - 3]}..."
        message = f"the marker '{shown}' is not valid: {str(error).splitlines()[0]}"
        raise ValueError(message) from error


def evaluate(marker: str, environment: Mapping[str, str], extra: str = "") -> bool:
    """Evaluate a marker's text, which was read or put together before, in an environment, with one extra or none."""
    return _evaluate(marker, tuple(environment.items()), extra)


@lru_cache(maxsize=8192)
def _evaluate(marker: str, environment: tuple[tuple[str, str], ...], extra: str) -> bool:
    return parse_known_marker(marker).evaluate({**dict(environment), "extra": extra})
