"""One entry of a `Pipfile` or of its lock: what pipenv (2026.10) makes of a version, or of a table with more keys."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pytest_envrepro.locks.poetry_entries import git_url
from pytest_envrepro.requirement import NAME, Requirement, canonical_extras, parse, parse_marker_or_raise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VERSION_CONTROLS = ("git", "hg", "svn", "bzr")
_PLACES = ("path", "file")
_PLACED = frozenset((*_VERSION_CONTROLS, *_PLACES))
# The variables of PEP 508: each may be a key, with an operator and a string as its value (`sys_platform = "== 'win32'"`).
_VARIABLES = (
    *("os_name", "sys_platform", "platform_machine", "platform_python_implementation", "platform_release"),
    *("platform_system", "platform_version", "python_version", "python_full_version"),
    *("implementation_name", "implementation_version"),
)
_KEY = re.compile(rf"(?P<name>{NAME})\s*(?:\[(?P<extras>[^\]]*)\])?")
# What stood for a folder whose name pipenv did not look for: a digest (before 2023).
_NAMELESS = re.compile(r"[0-9a-f]{7}")
_OPERATOR = re.compile(r"[<>=!~]")
# Of what is for another platform, pipenv locks what the Pipfile says, behind an operator: `==*`, `==>=2`.
_DOUBLED = re.compile(r"==\s*(?=[<>!~*]|==)")
_QUOTED = 60  # Characters of a value, in a message.
_EXTRA = re.compile(r"\bextra\b")
# Where pipenv has read a `pylock.toml` (2026), each package is for its own section by its marker, too.
_MEMBER = re.compile(r"""["'][^"']*["']\s+in\s+(?:extras|dependency_groups)\b""")
_INNER_EXTRAS = re.compile(r"\[([^\[\]]*)\]")
_INNER_REVISION = re.compile(r"(?<=[^/:])@[^/@:]+$")
# Besides these and the variables, pipenv refuses a key.
_KEYS = frozenset(
    (
        *("version", "extras", "markers", "os_markers", "editable", "index", "hashes", "name", "no_binary", "pip_args"),
        *("ref", "subdirectory", "skip_resolver", *_VERSION_CONTROLS, *_PLACES, *_VARIABLES),
    )
)


class Placed(NamedTuple):
    """What an entry asks for or pins, and whether that is to be editable."""

    requirement: Requirement
    is_editable: bool


def read_entry(key: str, value: Any) -> Placed:
    """Read an entry.

    Raises:
        ValueError: it is none; the message does not repeat the key.
    """
    entry: Mapping[str, Any] = _table_of(value)
    named = _KEY.fullmatch(key.strip())
    if named is None:
        raise ValueError("is no name of a package")
    extras = canonical_extras(named["extras"]) | frozenset(map(canonicalize_name, strings(entry, "extras")))
    markers = list(_markers(entry))
    place, inner = _place_of(entry)
    if place is None:
        asked = _asked(named["name"], string(entry, "version") or "")
        markers += [asked.marker] if asked.marker else []
        requirement = replace(asked, extras=extras, marker=_all_of(markers))
        return Placed(requirement, is_editable=False)
    is_nameless = _NAMELESS.fullmatch(key) is not None and not any(each in entry for each in _VERSION_CONTROLS)
    requirement = Requirement(
        name=None if is_nameless else canonicalize_name(named["name"]),
        extras=extras | inner,
        specifier=SpecifierSet(),
        url=place,
        marker=_all_of(markers),
    )
    return Placed(requirement, is_editable=bool(entry.get("editable")))


def is_entry(key: str, value: Any) -> bool:
    """Tell whether something can be an entry at all: a Pipfile may hold tables of other tools, or settings."""
    if key in _VARIABLES:
        return False
    return isinstance(value, str) or (isinstance(value, dict) and value.keys() <= _KEYS)


def string(entry: Mapping[str, Any], key: str) -> str | None:
    """Give a string, or None where there is none.

    Raises:
        ValueError: it is none.
    """
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"'{key}' has to be a string, not {type(value).__name__}")
    return value


def strings(entry: Mapping[str, Any], key: str) -> list[str]:
    """Give a list of strings; an empty one where there is none.

    Raises:
        ValueError: it is none.
    """
    value = entry.get(key) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"'{key}' has to be a list of strings")
    return value


def _table_of(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        kind = next((each for each in _VERSION_CONTROLS if value.startswith(f"{each}+")), "version")
        return {kind: value}
    if not isinstance(value, dict):
        raise ValueError(f"has to be a version or a table, not {type(value).__name__}")  # noqa: TRY004  # The user's file.
    return value


def _asked(name: str, versions: str) -> Requirement:
    try:
        return parse(f"{name}{_versions(versions)}")
    except ValueError as error:
        shown = versions if len(versions) <= _QUOTED else f"{versions[: _QUOTED - 3]}..."
        raise ValueError(f"'{shown}' is no specifier of versions (PEP 440)") from error


def _versions(text: str) -> str:
    """Give a specifier: a version alone is the only one that is admitted, and `*` admits all."""
    versions = _DOUBLED.sub("", text.strip()).removeprefix("(").removesuffix(")").strip()
    if versions in ("", "*"):
        return ""
    return versions if _OPERATOR.match(versions) else f"=={versions}"


def _markers(entry: Mapping[str, Any]) -> Iterator[str]:
    """Give the markers, each once; pipenv leaves out one that names an extra."""
    found = [string(entry, "markers") or ""]
    found += [f"{key} {value}" for key in _VARIABLES if key in entry and (value := string(entry, key))]
    for marker in dict.fromkeys(_MEMBER.sub("python_version >= '0'", each) for each in found):
        if marker.strip() and not _EXTRA.search(marker):
            parse_marker_or_raise(marker)
            yield marker


def _all_of(markers: list[str]) -> str | None:
    return markers[0] if len(markers) == 1 else " and ".join(f"({each})" for each in markers) or None


def _place_of(entry: Mapping[str, Any]) -> tuple[str | None, frozenset[str]]:
    """Give the URL or the path that an entry names, and the extras that stand in it."""
    if _PLACED.isdisjoint(entry):
        return None, frozenset()
    for kind in _VERSION_CONTROLS:
        url = string(entry, kind)
        if url is None:
            continue
        revision, folder = string(entry, "ref"), string(entry, "subdirectory")
        extras = canonical_extras(",".join(_INNER_EXTRAS.findall(url)))
        url = _INNER_EXTRAS.sub("", url).partition("#")[0].removeprefix(f"{kind}+")
        if revision:
            url = _INNER_REVISION.sub("", url)
        if kind == "git":
            return git_url(url, revision, folder), extras
        fragment = f"#subdirectory={folder}" if folder else ""
        return f"{kind}+{url}" + (f"@{revision}" if revision else "") + fragment, extras
    return next((place for key in _PLACES if (place := string(entry, key))), None), frozenset()
