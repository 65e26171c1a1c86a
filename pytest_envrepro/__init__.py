"""Assert environment reproducibility from pytest: locks, the environment, and what conflicts in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_envrepro.afresh import assert_reproducible
    from pytest_envrepro.envs.base import Environment
    from pytest_envrepro.errors import (
        BuildError,
        CommandFailed,
        CommandTimeout,
        EnvReproError,
        InterpreterNotFound,
        LockError,
        RefusedError,
        SettingsError,
    )
    from pytest_envrepro.given import Environments
    from pytest_envrepro.matrices import matrix
    from pytest_envrepro.process import Completed
    from pytest_envrepro.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "BuildError",
    "CommandFailed",
    "CommandTimeout",
    "Completed",
    "EnvReproError",
    "Environment",
    "Environments",
    "InterpreterNotFound",
    "LockError",
    "RefusedError",
    "Settings",
    "SettingsError",
    "__version__",
    "assert_reproducible",
    "matrix",
]

# What the plugin itself has no use for is imported when somebody asks for it: every session imports this file.
_LATER = {
    "BuildError": "errors",
    "CommandFailed": "errors",
    "CommandTimeout": "errors",
    "Completed": "process",
    "EnvReproError": "errors",
    "Environment": "envs.base",
    "Environments": "given",
    "InterpreterNotFound": "errors",
    "LockError": "errors",
    "RefusedError": "errors",
    "Settings": "settings",
    "SettingsError": "errors",
    "assert_reproducible": "afresh",
    "matrix": "matrices",
}


def __getattr__(name: str) -> Any:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f"{__name__}.{module}"), name)
