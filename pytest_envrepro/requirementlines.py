"""What may stand on one line of a requirements file, or in a list: a requirement, a URL, a path, or what follows `-e`."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from packaging.specifiers import SpecifierSet
from packaging.utils import parse_wheel_filename

from pytest_envrepro.requirement import NAME, Requirement, canonical_extras, parse, parse_marker_or_raise

_NAMED_URL = re.compile(rf"\s*{NAME}\s*(?:\[[^\]]*\]\s*)?@")
_URL = re.compile(r"(?i)(?:https?|ftp|file|ssh|git|hg|bzr|sftp|svn|(?:git|hg|svn|bzr)\+[a-z-]+):")
_VCS = re.compile(r"(?i)(?:git|hg|svn|bzr)\+")
_BARE_VCS = re.compile(r"(?i)(?:git|hg|svn|bzr):")
_ARCHIVES = (
    *(".zip", ".whl", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz"),
    *(".tar.lz", ".tlz", ".tar.lzma"),
)
_PATH_EXTRAS = re.compile(r"(?P<path>.+)\[(?P<extras>[^\[\]]+)\]")
_EGG = re.compile(r"[#&]egg=([^&]*)")
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s+|=)")


class Placed(NamedTuple):
    """A requirement, and whether it is installed as editable."""

    requirement: Requirement
    is_editable: bool = False


def parse_listed(text: str) -> Placed:
    """Parse what may stand in a list: PEP 508, or a folder or an archive of this machine by its path, perhaps after `-e`.

    A URL has a name, as PEP 508 has it; a path needs none, and may have spaces in it.

    Raises:
        ValueError: the text is none of these.
    """
    editable = _EDITABLE.match(text)
    if editable is not None:
        return Placed(parse_editable(text[editable.end() :].strip()), is_editable=True)
    named = _NAMED_URL.match(text)
    place = text[named.end() if named else 0 :].strip()
    if _URL.match(place) or not looks_like_path(place):
        return Placed(parse(text))
    if named is None:
        return Placed(parse_line(place))
    found = parse(text[: named.end()].rstrip().removesuffix("@"))
    location, _, marker = (part.strip() for part in place.partition(";"))
    if marker:
        parse_marker_or_raise(marker)
    return Placed(replace(found, url=location, marker=marker or None))


def parse_line(text: str) -> Requirement:
    """Parse what stands on a line of a requirements file: PEP 508, or a URL or a path without a name.

    The rules are those of pip 26 (`pip._internal.req.constructors`), but that no path is looked up on the disk.

    Raises:
        ValueError: the text is none of these.
    """
    is_url = _URL.match(text) is not None
    is_named = not is_url and _NAMED_URL.match(text) is not None
    if not is_url and not is_named and not looks_like_path(text):
        return parse(text)
    # Only in a URL without a name may a semicolon stand: there, a marker's is the one before a space.
    location, _, marker = (part.strip() for part in text.partition("; " if is_url else ";"))
    if marker:
        parse_marker_or_raise(marker)
    if is_named:
        named = parse(location)
        _egg_of(named.url or "")
        return replace(named, marker=marker or None)
    extras = None if is_url else _PATH_EXTRAS.fullmatch(location)
    if extras is not None:
        location = extras["path"]
    return _located(location, extras["extras"] if extras else None, marker or None)


def parse_editable(text: str) -> Requirement:
    """Parse the value of `-e`: a folder, a VCS URL with `#egg=NAME`, or `NAME @ URL`.

    The rules are those of pip 26 (`pip._internal.req.constructors.parse_editable`); a folder is not looked up.

    Raises:
        ValueError: it is none of these, or a VCS URL that does not name its package.
    """
    if _NAMED_URL.match(text):
        named = parse(text)
        if not _VCS.match(named.url or "") and not (named.url or "").lower().startswith("file:"):
            raise ValueError("only a folder or a VCS URL can be editable")
        return named
    extras = _PATH_EXTRAS.fullmatch(text)
    location = f"{text.partition(':')[0].lower()}+{text}" if _BARE_VCS.match(text) else text
    if _VCS.match(location):
        found = _located(location, None, None)
        if found.name is None:
            raise ValueError("the URL does not tell a name: write NAME @ URL")
        return found
    if extras is not None:
        location = extras["path"]
    if _URL.match(location) and not location.lower().startswith("file:"):
        raise ValueError("only a folder or a VCS URL can be editable")
    return _located(location, extras["extras"] if extras else None, None)


def is_place(text: str) -> bool:
    """Tell whether a text is a URL or a path, with a name or without one, and no requirement that an index fulfils."""
    return bool(_URL.match(text) or _NAMED_URL.match(text)) or looks_like_path(text)


def looks_like_path(text: str) -> bool:
    """Tell whether pip would take the text for a path: a separator, a leading dot, or an archive's name."""
    place = text.partition(";")[0].strip()
    return "/" in place or "\\" in place or place.startswith(".") or place.lower().endswith(_ARCHIVES)


def _located(location: str, extras: str | None, marker: str | None) -> Requirement:
    """Make the requirement of what lies at a URL or a path; its `#egg=` or its wheel's file name may tell the name.

    Raises:
        ValueError: the name is none, or a wheel's file name is none.
    """
    named = _egg_of(location) or Requirement(name=None, specifier=SpecifierSet())
    file_name = posixpath.basename(unquote(urlsplit(location).path).replace("\\", "/"))
    if file_name.lower().endswith(".whl"):
        try:
            name, version, _, _ = parse_wheel_filename(file_name)
        except ValueError as error:  # Also of a number that Python refuses to read.
            raise ValueError(f"'{file_name}' is not the name of a wheel") from error
        named = Requirement(name=name, specifier=SpecifierSet(f"=={version}"), written=f"=={version}")
    return Requirement(
        name=named.name,
        extras=named.extras | canonical_extras(extras),
        specifier=named.specifier,
        written=named.written,
        url=location,
        marker=marker,
    )


def _egg_of(location: str) -> Requirement | None:
    """Give what a URL's `#egg=` names, with extras or a version as pip read it up to 25; None where it names nothing.

    Raises:
        ValueError: what stands there is no name.
    """
    egg = _EGG.search(location)
    if egg is None or not egg[1]:
        return None
    named = parse(egg[1])
    if named.url or named.marker or (named.written and not named.written.startswith("==")):
        raise ValueError(f"'{egg[1]}' after #egg= is not a name")
    return named
