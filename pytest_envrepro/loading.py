"""Finds the table `[tool.envrepro]`, or the file `envrepro.toml`, and has it read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_envrepro.config import Config, read_config
from pytest_envrepro.errors import LockError, SettingsError
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from pytest_envrepro.files import Files
    from pytest_envrepro.offered import Offered


def load_config(files: Files, codes: list[str], offered: Offered | None = None) -> Config:
    """Read `[tool.envrepro]` of `pyproject.toml`, or `envrepro.toml`.

    Raises:
        SettingsError: both exist, one cannot be read, or the table cannot be followed.
    """
    tables: list[tuple[str, str, Any]] = []
    try:
        if files.exists("pyproject.toml"):
            tool = load_toml("pyproject.toml", files.read("pyproject.toml")).get("tool", {})
            if "envrepro" in tool:
                tables.append(("pyproject.toml", "tool.envrepro.", tool["envrepro"]))
        if files.exists("envrepro.toml"):
            tables.append(("envrepro.toml", "", load_toml("envrepro.toml", files.read("envrepro.toml"))))
    except LockError as error:
        raise SettingsError(str(error)) from error
    if len(tables) > 1:
        message = "both envrepro.toml and [tool.envrepro] in pyproject.toml configure this project: keep one of them"
        raise SettingsError(message)
    if not tables:
        return Config()
    file, prefix, table = tables[0]
    if not isinstance(table, dict):
        message = f"{file} cannot be followed:\n  tool.envrepro: has to be a table"
        raise SettingsError(message)
    return read_config(table, file=file, prefix=prefix, codes=codes, offered=offered)
