"""Removes what earlier sessions have made and kept: environments, the wheels and the choices of versions they came from."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from pytest_envrepro.cache import cache_folder
from pytest_envrepro.errors import BuildError, SettingsError
from pytest_envrepro.outcome import counted
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.store import Store
from pytest_envrepro.workspace import is_unused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# What environments are made from, and what is remembered; all of it is to be had again. Nothing else is taken away: the
# folder may be one that somebody else uses too.
_ROOMS = (
    *("resolved", "wheels", "sources", "virtualenv"),
    *("interpreters", "discovery", "verdicts", "mending"),
)
_OWNER = "????????.lock"  # Of a session that uses the store: of the dead, none is left by now.
_MEBIBYTE = 1024 * 1024


def clean(environ: Mapping[str, str]) -> int:
    """Remove it, say what went, and give the exit code; what a living session uses stays, also what it would build from.

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
    _say(f"removed {counted(count, 'environment')} ({size / _MEBIBYTE:.0f} MiB) from {cache}")
    rooms = [room for room in _ROOMS if (cache / room).is_dir()]
    is_free = is_unused(cache) and not any((cache / "envs" / "owners").glob(_OWNER))
    if rooms and not is_free:
        _say(f"{', '.join(rooms)} in it stay: a session that runs uses them")
    elif rooms:
        total = sum(_size(cache / room) for room in rooms)
        for room in rooms:
            shutil.rmtree(cache / room, ignore_errors=True)
        _say(
            f"removed what they were made from, and what was remembered: {', '.join(rooms)} ({total / _MEBIBYTE:.0f} MiB)"
        )
    return 0


def _size(room: Path) -> int:
    """Give the bytes of all files of a folder."""
    return sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(room) for name in names)


def _say(text: str) -> None:
    sys.stdout.write(f"{printable(text)}\n")
