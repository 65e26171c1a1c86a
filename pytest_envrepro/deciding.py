"""Decides what the command line, the environment variables and the table leave open, in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pytest_envrepro.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.config import Strict

Keep = Literal["failed", "all", "none"]
KEEPS: tuple[Keep, ...] = ("failed", "all", "none")

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_CI_VARIABLES = ("CI", "BUILD_NUMBER")


def resolve_strict(typed: bool | None, environ: Mapping[str, str], configured: Strict) -> tuple[bool, bool]:  # noqa: FBT001  # What an option gave.
    """Decide whether this session is strict: by the command line, the environment, then the table.

    Returns:
        whether it is strict, and whether that was decided by looking for a CI (`auto`).

    Raises:
        SettingsError: the environment variable has a value that is none.
    """
    if typed is not None:
        return typed, False
    value: Strict = configured
    if environ.get("PYTEST_ENVREPRO_STRICT", "").strip().lower() == "auto":
        value = "auto"
    elif (said := flag_of("PYTEST_ENVREPRO_STRICT", environ, "true, false or auto")) is not None:
        value = said
    if value != "auto":
        return value, False
    return any(environ.get(name, "").strip().lower() not in {"", "0", "false"} for name in _CI_VARIABLES), True


def flag_of(name: str, environ: Mapping[str, str], known: str = "true or false") -> bool | None:
    """Give what a variable says, or None where it says nothing.

    Raises:
        SettingsError: it has a value that is none.
    """
    said = environ.get(name, "").strip().lower()
    if said and said not in _TRUE | _FALSE:
        raise SettingsError(f"{name}: has to be {known}, not '{said}'")
    return said in _TRUE if said else None


def resolve_offline(typed: bool, environ: Mapping[str, str]) -> bool:  # noqa: FBT001  # What an option gave.
    """Decide whether the network is left alone: by the command line, or by `PYTEST_ENVREPRO_OFFLINE`.

    Raises:
        SettingsError: the variable has a value that is none.
    """
    return typed or flag_of("PYTEST_ENVREPRO_OFFLINE", environ) or False


def resolve_keep(typed: Keep | None, environ: Mapping[str, str]) -> Keep:
    """Decide which private environments survive: by the command line, or by `PYTEST_ENVREPRO_KEEP`.

    Raises:
        SettingsError: the variable has a value that is none.
    """
    said = environ.get("PYTEST_ENVREPRO_KEEP", "").strip().lower()
    chosen = typed or next((each for each in KEEPS if each == said), None)
    if chosen is None and said:
        raise SettingsError(f"PYTEST_ENVREPRO_KEEP: has to be {', '.join(KEEPS[:-1])} or {KEEPS[-1]}, not '{said}'")
    return chosen or "failed"
