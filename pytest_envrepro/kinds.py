"""The kinds of a family that other distributions add through an entry point."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

_PREFIX = "pytest_envrepro."


class Added(NamedTuple):
    """What stands under one entry point.

    Attributes:
        name: of the entry point.
        words: the entry point and its distribution, for people.
        kind: what it gives; None where it gives nothing.
        fault: why it gives nothing.
    """

    name: str
    words: str
    kind: Any = None
    fault: str = ""


def added(family: str) -> tuple[Any, ...]:
    """Load the kinds that stand under the entry-point group `pytest_envrepro.FAMILY`, by name.

    An entry point names a class or a function that gives a kind when it is called without arguments.

    Raises:
        SettingsError: one cannot be loaded or made, with its name and its distribution.
    """
    loaded = each_added(family)
    for each in loaded:
        if each.fault:
            raise SettingsError(each.fault)
    return tuple(each.kind for each in loaded)


def each_added(family: str) -> tuple[Added, ...]:
    """Load the same kinds, and tell of each that cannot be loaded or made why not: the others are there all the same."""
    found: list[Added] = []
    for point, owner in _declared(_search_path()):
        if point.group == f"{_PREFIX}{family}":
            words = f"the entry point '{point.name}' of {owner} ({point.value})"
            try:
                found.append(Added(point.name, words, kind=point.load()()))
            except (Exception, SystemExit) as error:  # noqa: BLE001  # Another's code, which may raise anything: it is told.
                found.append(Added(point.name, words, fault=f"{words} does not load: {error!r}"))
    return tuple(found)


def _search_path() -> tuple[tuple[str, int], ...]:
    """Give the folders of `sys.path` with the times of their last change, which tell when to look again."""
    found: dict[str, int] = {}
    for path in sys.path:
        try:
            found[path or os.curdir] = os.stat(path or os.curdir).st_mtime_ns
        except OSError:
            continue
    return tuple(found.items())


@lru_cache(maxsize=8)
def _declared(search_path: tuple[tuple[str, int], ...]) -> tuple[tuple[EntryPoint, str], ...]:
    """Give all entry points of ours, by name, each with the name of its distribution.

    `importlib.metadata.entry_points` parses the file of every distribution, which takes 10 ms for 200 of them; nearly
    none has a word of ours in it.
    """
    folders = (folder for path, _ in search_path for folder in _folders_with_ours(path))
    distributions = [PathDistribution(Path(folder)) for folder in folders]
    found = {
        (point.group, point.name): (point, str(distribution.metadata["Name"]))
        for distribution in reversed(distributions)  # The first on the path counts.
        for point in distribution.entry_points
        if point.group.startswith(_PREFIX)
    }
    return tuple(found[key] for key in sorted(found))


def _folders_with_ours(path: str) -> Iterator[str]:
    try:
        names = os.listdir(path)
    except OSError:
        return
    for name in sorted(names):
        if name.endswith((".dist-info", ".egg-info")):
            try:
                descriptor = os.open(f"{path}/{name}/entry_points.txt", os.O_RDONLY)
            except OSError:
                continue
            with os.fdopen(descriptor, "rb", buffering=0) as file:
                if _PREFIX.encode() in file.read():
                    yield f"{path}/{name}"
