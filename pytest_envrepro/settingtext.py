"""Settings in print: the lines that would stand in a table, each with where it came from, and without credentials."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pytest_envrepro.containervalues import limit_text
from pytest_envrepro.credentials import redact
from pytest_envrepro.hiding import HIDDEN
from pytest_envrepro.settingkeys import APPENDING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SECRET = re.compile(r"(?i)token|pass|pwd|secret|cred|key|auth|pin|cookie|dsn|sig")
# What stands in the project's table can be read there by whoever reads a report. What a marker or a call says may have
# come from a variable or a vault: of that, what can hardly be a secret is shown alone.
_TABLE = re.compile(r"(?:tool\.envrepro\.)?environments\.[\w.-]+ in .+")
_HARMLESS = re.compile(r"[A-Za-z]{0,10}|\d{1,5}")


def lines_of(key: str, value: Any, origins: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give the lines of a key, and the origin of each.

    Args:
        origins: of the key, and of its parts (`groups[1]`, `environment.PORT`) where they have several.
    """
    value, whole = redacted(key, value, origins), origins[key]
    if isinstance(value, dict) and value:
        for name, each in value.items():
            shown = name if _BARE.fullmatch(name) else _toml(name)
            yield f"{key}.{shown} = {_toml(each)}", origins.get(f"{key}.{name}", whole)
    elif f"{key}[0]" in origins:
        parts = [(origins[f"{key}[{index}]"], each) for index, each in enumerate(value)]
        for number, (origin, group) in enumerate(groupby(parts, key=lambda part: part[0])):
            yield f"{APPENDING if number else ''}{key} = {_toml([each for _, each in group])}", origin
    else:
        yield f"{key} = {_toml(value)}", whole


def as_in_a_table(key: str, value: Any, origins: Mapping[str, str]) -> Any:
    """Give a value in words that a table could have in its place.

    Args:
        origins: as of `lines_of`.
    """
    if key == "run":
        return tuple(map(shlex.join, value))
    if key == "limits":
        return {name: limit_text(name, each) for name, each in value.items()}
    if key == "build-environment":
        return redacted(key, value, origins)
    return redact(value) if key == "builder" else value


def redacted(key: str, value: Any, origins: Mapping[str, str]) -> Any:
    """Give a value without the credentials in it; a mapping as a plain dictionary.

    Args:
        origins: as of `lines_of`.
    """
    if isinstance(value, tuple):
        return tuple(map(redact, value))
    if isinstance(value, Mapping) and key in {"environment", "build-environment"}:
        of_parts = {name: origins.get(f"{key}.{name}", origins[key]) for name in value}
        return {name: shown_variable(name, each, of_parts[name]) for name, each in value.items()}
    if isinstance(value, Mapping):
        return {name: redact(each) if isinstance(each, str) else each for name, each in value.items()}
    return value


def is_of_table(origin: str) -> bool:
    """Tell whether a value comes from the project's table."""
    return _TABLE.fullmatch(origin) is not None


def shown_variable(name: str, value: str, origin: str) -> str:
    """Give the value of a variable as it may be shown, by its name and by where it came from."""
    is_known = is_of_table(origin) or _HARMLESS.fullmatch(value)
    return redact(value) if is_known and not _SECRET.search(name) else HIDDEN


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if value is not None else "(none)"
