"""Requirements as values: what pip can read on one line, parsed once and compared by meaning.

`packaging` is the judge of versions, specifiers and markers. What is ours is a short way past its general parser for
the plain forms (`name[extra]>=1,<2; marker`), which are nearly all that metadata and locks hold: the same result, in a
twentieth of the time (`tests/test_requirement.py` compares the two over generated text).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as PackagingRequirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.version import Version

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_CLAUSE = r"(?:~=|==|!=|<=|>=|<|>)\s*[A-Za-z0-9][A-Za-z0-9.*+!_-]*"
_CLAUSES = rf"{_CLAUSE}(?:\s*,\s*{_CLAUSE})*"
_PLAIN = re.compile(
    rf"\s*(?P<name>{_NAME})\s*"
    rf"(?:\[\s*(?P<extras>{_NAME}(?:\s*,\s*{_NAME})*)\s*\]\s*)?"
    rf"(?:(?P<bare>{_CLAUSES})|\(\s*(?P<wrapped>{_CLAUSES})\s*\))?\s*"
    r"(?:;\s*(?P<marker>.*\S)\s*)?"
)
_NAMED_URL = re.compile(rf"\s*{_NAME}\s*(?:\[[^\]]*\])?\s*@")
_URL_SCHEMES = ("http:", "https:", "ftp:", "file:", "git+", "hg+", "svn+", "bzr+")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar")
_PATH_EXTRAS = re.compile(r"(?P<path>.+?)\[(?P<extras>[^\]]*)\]")
_PLAIN_CLAUSE = r"(?:~=|==|!=|<=|>=|<|>)\s*\d+(?:\.\d+)*"
_PLAIN_TEST = (
    r"(?:extra|python_version|python_full_version|sys_platform|platform_system|platform_machine|os_name"
    r"|platform_python_implementation|implementation_name)\s*(?:==|!=|<=|>=|<|>)\s*(?:\"[^\"]*\"|'[^']*')"
)
_PLAINLY_VALID = re.compile(
    rf"{_NAME}\s*(?:\[{_NAME}(?:,\s*{_NAME})*\]\s*)?"
    rf"(?:{_PLAIN_CLAUSE}(?:\s*,\s*{_PLAIN_CLAUSE})*|\({_PLAIN_CLAUSE}(?:\s*,\s*{_PLAIN_CLAUSE})*\))?\s*"
    rf"(?:;\s*{_PLAIN_TEST}(?:\s+and\s+{_PLAIN_TEST})*\s*)?"
)
# A marker without "or" is a conjunction, and false where its `extra` is not among those asked for.
_ONE_EXTRA = re.compile(r"""\bextra\s*==\s*["']([^"']*)["']""")
_OR = re.compile(r"\bor\b")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s'\"]+(?=@)")
_SECRET_QUERY = re.compile(r"(?i)([?&][\w-]*(?:token|passw|secret|key|sig)[\w-]*=)(?!\$\{|\*)[^&\s#'\"]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One requirement: a name with versions, or something at a URL or a path.

    Attributes:
        name: the canonical name (PEP 503); None for a URL or a path that does not tell it.
        extras: the canonical names of the extras asked for.
        specifier: the versions admitted; empty admits all.
        written: the specifier as it was written, without spaces, for messages.
        url: the URL or the path, as written; None for a requirement that an index fulfils.
        marker: the environment marker's text (PEP 508), or None.
    """

    name: str | None
    extras: frozenset[str] = frozenset()
    specifier: SpecifierSet
    written: str = ""
    url: str | None = None
    marker: str | None = None

    def admits(self, version: Version) -> bool:
        """Tell whether the version is one of those asked for; a pre-release counts, as it does for `pip check`."""
        return self.specifier.contains(version, prereleases=True)

    def applies(self, environment: Mapping[str, str], extras: Iterable[str] = ()) -> bool:
        """Evaluate the marker in an environment (PEP 508 variables), without an extra and with each of the extras."""
        if self.marker is None:
            return True
        return any(evaluate(self.marker, environment, extra) for extra in ("", *extras))

    def __str__(self) -> str:
        """Write it without the marker: `flask[async]>=3`."""
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        if self.url is None:
            return f"{self.name}{extras}{self.written}"
        return redact(f"{self.name}{extras} @ {self.url}" if self.name else f"{self.url}{extras}")


@lru_cache(maxsize=8192)
def parse(text: str) -> Requirement:
    """Parse a dependency specifier (PEP 508).

    Raises:
        ValueError: the text is none, or its marker or specifier is not valid.
    """
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        found = _parse_plain(plain)
        if found is not None:
            return found
    try:
        parsed = PackagingRequirement(text)
    except InvalidRequirement as error:
        raise ValueError(redact(str(error).splitlines()[0])) from error
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
    except (InvalidSpecifier, InvalidMarker):
        return None  # The general parser has the better words for what is wrong.
    return Requirement(
        name=canonicalize_name(name),
        extras=_extras(extras),
        specifier=specifier,
        written=written,
        marker=marker,
    )


def parse_line(text: str) -> Requirement:
    """Parse what stands on a line of a requirements file: PEP 508, or a URL or a path without a name.

    The rules are those of pip 26 (`pip._internal.req.constructors`), but that no path is looked up on the disk.

    Raises:
        ValueError: the text is none of these.
    """
    if _NAMED_URL.match(text):
        return parse(text)
    is_url = text.lower().startswith(_URL_SCHEMES)
    if not is_url and not looks_like_path(text):
        return parse(text)
    # In a URL a semicolon is a marker's only after a space.
    location, _, marker = (part.strip() for part in text.partition("; " if is_url else ";"))
    if marker:
        parse_marker_or_raise(marker)
    extras = None if is_url else _PATH_EXTRAS.fullmatch(location)
    if extras is not None:
        location = extras["path"]
    named = _name_of(location)
    return Requirement(
        name=named.name,
        extras=named.extras | _extras(extras["extras"] if extras else None),
        specifier=named.specifier,
        written=named.written,
        url=location,
        marker=marker or None,
    )


def looks_like_path(text: str) -> bool:
    """Tell whether pip would take the text for a path: a separator, a leading dot, or an archive's name."""
    place = text.partition(";")[0].strip()
    return "/" in place or "\\" in place or place.startswith(".") or place.lower().endswith(_ARCHIVES)


def _name_of(location: str) -> Requirement:
    """Find the name of what lies at a URL or a path: in its `#egg=`, or in its wheel's file name."""
    parts = urlsplit(location)
    egg = parse_qs(parts.fragment).get("egg")
    if egg:
        return parse(egg[0])
    file_name = posixpath.basename(unquote(parts.path).replace("\\", "/"))
    try:
        name, version, _, _ = parse_wheel_filename(file_name)
    except InvalidWheelFilename:
        return Requirement(name=None, specifier=SpecifierSet())
    return Requirement(name=name, specifier=SpecifierSet(f"=={version}"), written=f"=={version}")


def _extras(listed: str | None) -> frozenset[str]:
    if not listed:
        return frozenset()
    return frozenset(canonicalize_name(extra.strip()) for extra in listed.split(",") if extra.strip())


@lru_cache(maxsize=4096)
def parse_marker(text: str) -> Marker:
    """Parse a marker once.

    Raises:
        packaging.markers.InvalidMarker: the text is none.
    """
    return Marker(text)


def parse_marker_or_raise(text: str) -> Marker:
    """Parse a marker; a fault is a ValueError of one line."""
    try:
        return parse_marker(text)
    except InvalidMarker as error:
        message = f"the marker '{text}' is not valid: {str(error).splitlines()[0]}"
        raise ValueError(message) from error


def evaluate(marker: str, environment: Mapping[str, str], extra: str = "") -> bool:
    """Evaluate a marker's text in an environment, with one extra or none."""
    return _evaluate(marker, tuple(environment.items()), extra)


@lru_cache(maxsize=8192)
def _evaluate(marker: str, environment: tuple[tuple[str, str], ...], extra: str) -> bool:
    return parse_marker(marker).evaluate({**dict(environment), "extra": extra})


def needs_other_extra(text: str, extras: frozenset[str]) -> bool:
    """Tell, without parsing it, that a dependency is only for an extra which is not among these (canonical names).

    True is certain; False only says that the marker has to be evaluated.
    """
    marker = text.partition(";")[2]
    if "extra" not in marker or _OR.search(marker):
        return False
    asked = _ONE_EXTRA.search(marker)
    return asked is not None and canonicalize_name(asked[1]) not in extras


def is_plainly_valid(text: str) -> bool:
    """Tell, without parsing it, that a dependency is valid; False only says that it has to be parsed to know."""
    return _PLAINLY_VALID.fullmatch(text) is not None


def redact(text: str) -> str:
    """Replace the credentials in every URL of a text by `****`; `${VARIABLES}` and the user of `git@` are none."""

    def hide(match: re.Match[str]) -> str:
        return match[0] if _is_harmless_user(match[0]) else "****"

    return _SECRET_QUERY.sub(r"\1****", _CREDENTIALS.sub(hide, text))


def has_credentials(text: str) -> bool:
    """Tell whether a text has a URL with credentials in it."""
    return redact(text) != text


def _is_harmless_user(user: str) -> bool:
    return user in {"git", "hg"} or re.fullmatch(r"(?:\$\{\w+\}|\*+)(?::(?:\$\{\w+\}|\*+))?", user) is not None
