"""Reads TOML, with the place in the error."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from pytest_envrepro.errors import LockError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable

_LONG_NUMBER = re.compile(r"(?i)0[xob][0-9a-f_]{600}")  # What no limit of Python's keeps from being read, but shown.

_DEEPEST = 64  # Tables and lists within one another; those of locks and projects have less than ten.


def loads(text: str) -> dict[str, Any]:
    """Read TOML.

    Raises:
        ValueError: it is none (`TOMLDecodeError`), or holds a number that Python does not read or does not show.
    """
    loaded: dict[str, Any] = tomllib.loads(text)
    if _LONG_NUMBER.search(text) and _has_long_number(loaded):
        raise ValueError("a number is too long")
    return loaded


def load_toml(path: str, text: str, read: Callable[[str], dict[str, Any]] = loads) -> dict[str, Any]:
    """Read a TOML file.

    Args:
        read: the parser, or what gives and raises the same.

    Raises:
        LockError: it is not TOML, with the line where the parser tells it.
    """
    try:
        loaded = read(text)
    except RecursionError as error:
        raise LockError(path, None, "is not valid TOML: it is nested too deeply") from error
    except tomllib.TOMLDecodeError as error:
        # `lineno` came with Python 3.14; the words have it in all versions.
        words = str(error).rpartition("at line ")[2].partition(",")[0]
        at_end = text.rstrip().count("\n") + 1 if str(error).endswith("(at end of document)") else None
        line = int(words) if words.isdigit() else at_end
        raise LockError(path, line, f"is not valid TOML: {error}") from error
    except ValueError as error:
        raise LockError(path, None, "is not valid TOML: a number in it is too long") from error
    if _is_too_deep(loaded):
        raise LockError(path, None, "is not valid TOML: it is nested too deeply")
    return loaded


def _is_too_deep(loaded: dict[str, Any]) -> bool:
    """Tell whether what was read is too deep to be followed: dotted keys (`a.a.a = 1`) cost the parser no stack."""
    level: list[Any] = [loaded]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _has_long_number(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_long_number, value.values()))
    if isinstance(value, list):
        return any(map(_has_long_number, value))
    return isinstance(value, int) and value.bit_length() > 64  # noqa: PLR2004  # TOML promises no more.
