"""Removes what earlier sessions have made and kept: environments, images, containers, and what they came from."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from typing import TYPE_CHECKING

from pytest_envrepro.cache import cache_folder, is_named
from pytest_envrepro.engine import SILENT, EngineError
from pytest_envrepro.engines import connect
from pytest_envrepro.errors import BuildError, SettingsError
from pytest_envrepro.imagebook import ImageBook
from pytest_envrepro.outcome import counted
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.store.store import Store
from pytest_envrepro.tidying import Tidying
from pytest_envrepro.workspace import is_unused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# What environments are made from, and what is remembered; all of it is to be had again. Nothing else is taken away: the
# folder may be one that somebody else uses too. (What is in an image, by its key, is no cache: it tells drift.)
_ROOMS = (
    *("resolved", "wheels", "sources", "virtualenv"),
    *("interpreters", "discovery", "images", "verdicts", "mending"),
)
_OWNER = "????????.lock"  # Of a session that uses the store: of the dead, none is left by now.
_MEBIBYTE = 1024 * 1024
_PATIENCE = 60.0  # Seconds for an engine: to remove an image takes it about one.


def clean(environ: Mapping[str, str]) -> int:
    """Remove it, say what went, and give the exit code; what a living session uses stays, also what it would build from.

    Raises:
        SettingsError: the cache cannot be used.
    """
    cache = cache_folder(environ)
    if cache is None:
        raise SettingsError("--env-clean: there is no cache folder: name one in PYTEST_ENVREPRO_CACHE")
    if os.path.lexists(cache) and not cache.is_dir():
        raise SettingsError(
            f"--env-clean: the cache folder {cache} is no folder: name another one in PYTEST_ENVREPRO_CACHE"
        )
    if not cache.is_dir():
        _say(f"there is nothing to remove: {cache} does not exist")
        _clean_engine(None, environ, is_free=True)
        return 0
    store = Store(cache / "envs", tell=_say, may_move=not is_named(environ))
    try:
        count, size = store.clean()
        store.close()
    except BuildError as error:
        raise SettingsError(f"--env-clean: {error}") from error
    what = f"{counted(count, 'environment')} ({size / _MEBIBYTE:.0f} MiB)" if count else "no environment"
    _say(f"removed {what} from {cache}")
    is_free = is_unused(cache) and not any((cache / "envs" / "owners").glob(_OWNER))
    # Before what is remembered goes, which is what tells our images.
    _clean_engine(cache, environ, is_free=is_free)
    rooms = [room for room in _ROOMS if (cache / room).is_dir()]
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


def _clean_engine(cache: Path | None, environ: Mapping[str, str], *, is_free: bool) -> None:
    """Remove what is on the engine; nobody waits longer than a minute for one that hangs."""
    told: list[str] = []

    def work() -> None:
        try:
            told.extend(_swept(cache, environ, is_free=is_free))
        except EngineError as error:
            told.append(f"containers and images stay, if there are any: {error}")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    for line in [*told] or [f"containers and images stay: the engine has not answered for {_PATIENCE:.0f} seconds"]:
        _say(line)


def _swept(cache: Path | None, environ: Mapping[str, str], *, is_free: bool) -> list[str]:
    """Remove containers, networks and volumes of sessions that are gone, then images; say what went, a line each.

    Raises:
        EngineError: no engine answers.
    """
    engine = connect(environ)
    try:
        told, swept, tidying = [], 0, Tidying()
        with tidying.step(SILENT):
            swept = engine.sweep(kept=True)
        what = f"not all containers, networks and volumes could be removed from {engine.label}"
        refused = [f"{what}: {error}" for error in tidying.told()]
        book = ImageBook(cache, engine) if cache is not None else None
        removed = book.clear() if book is not None and is_free else None
        if removed is not None:
            refused += [f"not all images could be removed from {engine.label}: {error}" for error in removed.faults]
        things = [f"{counted(swept, 'container')} (networks and volumes counted in)"] if swept else []
        things += [counted(removed.gone, "image")] if removed is not None and removed.gone else []
        if things or not refused:
            told.append(f"removed {' and '.join(things) or 'nothing'} from {engine.label}")
        told += refused
        if book is not None and removed is None and book.has_notes:
            told.append("images stay: a session that runs uses them")
        if removed is not None and removed.stay:
            told.append(f"{', '.join(removed.stay)} stay: containers use them")
        if book is not None and book.elsewhere():
            others = ", ".join(book.elsewhere())
            told.append(f"images on {others} stay: another engine is asked now (DOCKER_HOST=... names one)")
    finally:
        engine.close()
    return told


def _size(room: Path) -> int:
    """Give the bytes of all files of a folder."""
    return sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(room) for name in names)


def _say(text: str) -> None:
    sys.stdout.write(f"{printable(text)}\n")
