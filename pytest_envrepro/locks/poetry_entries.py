"""One entry of Poetry's own tables of dependencies, and where something comes from in its words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_envrepro.locks.poetry_words import all_of, platform_marker, python_marker, to_requirement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.requirement import Requirement

_SSH = re.compile(r"(?P<user>[\w.-]+@)?(?P<host>[\w.-]+):(?P<path>(?!//).+)")


def read_entry(name: str, item: Any, marker: str | None = None) -> tuple[Requirement, bool]:
    """Give what an entry asks for, and whether that is to be editable.

    Args:
        marker: one that has to hold besides.

    Raises:
        ValueError: it is no such entry.
    """
    entry = {"version": item} if isinstance(item, str) or item is None else item
    if not isinstance(entry, dict):
        raise ValueError(f"{item!r} is no constraint that Poetry reads")  # noqa: TRY004  # The user's file.
    extras = entry.get("extras") or []
    if not isinstance(extras, list) or not all(isinstance(extra, str) for extra in extras):
        raise ValueError("'extras' has to be a list of strings")
    markers = (
        _text(entry, "markers"),
        python_marker(_text(entry, "python") or "*"),
        platform_marker(_text(entry, "platform") or "*"),
        marker,
    )
    version, place = _text(entry, "version") or "*", _place_of(entry)
    requirement = to_requirement(name, version, extras=extras, marker=all_of(markers), url=place)
    return requirement, entry.get("develop") is True


def git_url(url: str, revision: str | None, folder: str | None) -> str:
    """Write the place of a checkout as pip does: `git+https://host/path@revision#subdirectory=folder`."""
    ssh = _SSH.fullmatch(url)
    if ssh is not None and "://" not in url:
        url = f"ssh://{ssh['user'] or ''}{ssh['host']}/{ssh['path'].lstrip('/')}"
    at = f"@{revision}" if revision else ""
    return f"git+{url}{at}" + (f"#subdirectory={folder}" if folder else "")


def _text(entry: Mapping[str, Any], key: str) -> str | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"'{key}' has to be a string, not {type(value).__name__}")
    return value


def _place_of(entry: Mapping[str, Any]) -> str | None:
    """Give the URL or the path that an entry names."""
    folder = _text(entry, "subdirectory")
    git = _text(entry, "git")
    if git is not None:
        return git_url(git, _text(entry, "rev") or _text(entry, "tag") or _text(entry, "branch"), folder)
    path = _text(entry, "path")
    if path is not None:
        return f"{path.rstrip('/')}/{folder}" if folder else path
    return _text(entry, "file") or _text(entry, "url")
