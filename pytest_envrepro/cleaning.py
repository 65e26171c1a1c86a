"""Removes what earlier sessions have made and kept: environments, the wheels and the choices of versions they came from."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from pytest_envrepro.cache import cache_folder
from pytest_envrepro.errors import BuildError, SettingsError
from pytest_envrepro.outcome import counted
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOMS = ("resolved", "wheels", "sources", "virtualenv")  # What an environment is made from, all of it to be had again.
_MEBIBYTE = 1024 * 1024


def clean(environ: Mapping[str, str]) -> int:
    """Remove it, say what went, and give the exit code; what a living session uses stays.

    Raises:
        SettingsError: the cache cannot be used.
    """
    cache = cache_folder(environ)
    if cache is None:
        raise SettingsError("--env-clean: there is no cache folder: name one in PYTEST_ENVREPRO_CACHE")
    if not cache.is_dir():
        _say(f"there is nothing to remove: {cache} does not exist")
        return 0
    store = Store(cache / "envs", tell=_say)
    try:
        count, size = store.clean()
        store.close()
    except BuildError as error:
        raise SettingsError(f"--env-clean: {error}") from error
    for room in _ROOMS:
        shutil.rmtree(cache / room, ignore_errors=True)
    _say(f"removed {counted(count, 'environment')} ({size / _MEBIBYTE:.0f} MiB) from {cache}")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{printable(text)}\n")
