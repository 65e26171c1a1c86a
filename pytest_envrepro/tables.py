"""Reads TOML, with the place in the error."""

from __future__ import annotations

import sys
from typing import Any

from pytest_envrepro.errors import LockError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def load_toml(path: str, text: str) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        LockError: it is not TOML, with the line where the parser tells it.
    """
    try:
        loaded: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # `lineno` came with Python 3.14; the words have it in all versions.
        words = str(error).rpartition("at line ")[2].partition(",")[0]
        line = int(words) if words.isdigit() else None
        raise LockError(path, line, f"is not valid TOML: {error}") from error
    return loaded
