"""Assert environment reproducibility from pytest: locks, the environment, and what conflicts in it."""

from pytest_envrepro.errors import EnvReproError, LockError, SettingsError

__version__ = "0.1.0"

__all__ = ["EnvReproError", "LockError", "SettingsError", "__version__"]
