"""Compares what a `uv.lock` says of how it was resolved with what `[tool.uv]` asks for, as `uv lock --check` does (0.13).

What a person may have said on a command line or in settings of a user is no difference: told is what the project itself
says, and the lock does not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.locks.paths import beside
from pytest_envrepro.locks.uv_origins import texts_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.locks.opening import Opened
    from pytest_envrepro.locks.uv_inputs import Told
    from pytest_envrepro.locks.uv_markers import Space

# A setting, the key in the lock, and what the lock does not write since it is usual.
_MODES = (
    ("resolution", "resolution-mode", "highest"),
    ("prerelease", "prerelease-mode", "if-necessary"),
    ("fork-strategy", "fork-strategy", "requires-python"),
)
_MARKERS = (("environments", "supported-markers"), ("required-environments", "required-markers"))


class Change(NamedTuple):
    """What differs: the key of the lock, in words, and where it stands."""

    key: str
    cause: str
    line: int | None


def changed_settings(opened: Opened, told: Told, space: Space) -> Iterator[Change]:
    """Give what the project asks for otherwise now."""
    options = opened.keys.table(opened.data, "options")
    line = opened.keys.line("options") if options else None
    file = told.files[0]
    other = beside(opened.path, "uv.toml")
    place = other if other in told.files else file
    for setting, key, usual in _MODES:
        wanted, kept = told.settings.get(setting), options.get(key, usual)
        # The usual one had another name before uv 0.13.
        if isinstance(wanted, str) and wanted.removesuffix("-or-explicit") != str(kept).removesuffix("-or-explicit"):
            yield Change(
                key, f"{place} asks for {setting} = '{wanted}', and {opened.path} was made with '{kept}'", line
            )
    newer = told.settings.get("exclude-newer")
    if isinstance(newer, str) and (
        _is_date(newer) is ("exclude-newer-span" in options) or "exclude-newer" not in options
    ):
        without = "another" if "exclude-newer" in options else "none"
        cause = f"{place} asks for exclude-newer = '{newer}', and {opened.path} was made with {without}"
        yield Change("exclude-newer", cause, line)
    for setting, key in _MARKERS:
        asked, copied = texts_at(told.table, setting), opened.keys.strings(opened.data, key)
        if bool(asked) is not bool(copied) or not _are_same(space, asked, copied):
            yield _changed(opened, file, setting, key)
    if told.conflicts is not bool(opened.data.get("conflicts")):
        yield _changed(opened, file, "conflicts", "conflicts")
    excluded = opened.keys.table(opened.data, "manifest").get("excludes", [])
    for package in opened.data.get("package", []):
        name = package.get("name") if isinstance(package, dict) else None
        if name in told.excluded and isinstance(excluded, list) and name not in excluded:
            yield Change(
                "excludes", f"{place} leaves {name} out (exclude-dependencies), and {opened.path} has it", line
            )


def _is_date(text: str) -> bool:
    """Tell whether something is a day or a moment, and no span of time (`7 days`, `P7D`)."""
    return re.match(r"\d{4}-\d", text) is not None


def _changed(opened: Opened, file: str, setting: str, key: str) -> Change:
    line = opened.keys.line(key) if key in opened.data else None
    return Change(key, f"{file} has other {setting} than {opened.path} was made for", line)


def _are_same(space: Space, asked: tuple[str, ...], copied: tuple[str, ...]) -> bool:
    """Tell whether two lists of markers are for the same environments, of all that the Pythons of the lock have."""
    together = [" or ".join(f"({each})" for each in markers) or None for markers in (asked, copied)]
    return space._replace(supported=()).equal(together[0], together[1])
