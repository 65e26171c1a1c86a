"""The kinds of a family that other distributions add through an entry point."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from pytest_envrepro.errors import SettingsError


def added(family: str) -> tuple[Any, ...]:
    """Load the kinds that stand under the entry-point group `pytest_envrepro.FAMILY`, by name.

    An entry point names a class or a function that gives a kind when it is called without arguments.

    Raises:
        SettingsError: one cannot be loaded or made, with its name and its distribution.
    """
    kinds: list[Any] = []
    for point in sorted(entry_points(group=f"pytest_envrepro.{family}"), key=lambda point: point.name):
        try:
            kinds.append(point.load()())
        except Exception as error:
            owner = point.dist.name if point.dist else "an unknown distribution"
            message = f"the entry point '{point.name}' of {owner} ({point.value}) does not load: {error!r}"
            raise SettingsError(message) from error
    return tuple(kinds)
