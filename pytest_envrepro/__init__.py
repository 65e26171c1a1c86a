"""Assert environment reproducibility from pytest: locks, the environment, and what conflicts in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_envrepro.afresh import assert_reproducible
    from pytest_envrepro.engine import EngineError, UnknownServiceError
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
    from pytest_envrepro.version import VERSION as __version__  # noqa: N811  # As everybody calls it.

__all__ = [
    "BuildError",
    "CommandFailed",
    "CommandTimeout",
    "Completed",
    "EngineError",
    "EnvReproError",
    "Environment",
    "Environments",
    "InterpreterNotFound",
    "LockError",
    "RefusedError",
    "Settings",
    "SettingsError",
    "UnknownServiceError",
    "__version__",
    "assert_reproducible",
    "matrix",
]

# What the plugin itself has no use for is imported when somebody asks for it: every session imports this file.
_LATER = {
    "BuildError": "errors.BuildError",
    "CommandFailed": "errors.CommandFailed",
    "CommandTimeout": "errors.CommandTimeout",
    "Completed": "process.Completed",
    "EngineError": "engine.EngineError",
    "EnvReproError": "errors.EnvReproError",
    "Environment": "envs.base.Environment",
    "Environments": "given.Environments",
    "InterpreterNotFound": "errors.InterpreterNotFound",
    "LockError": "errors.LockError",
    "RefusedError": "errors.RefusedError",
    "Settings": "settings.Settings",
    "SettingsError": "errors.SettingsError",
    "UnknownServiceError": "engine.UnknownServiceError",
    "__version__": "version.VERSION",
    "assert_reproducible": "afresh.assert_reproducible",
    "matrix": "matrices.matrix",
}


def __getattr__(name: str) -> Any:
    place = _LATER.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    module, _, attribute = place.rpartition(".")
    return getattr(import_module(f"{__name__}.{module}"), attribute)
