"""Tells who has an environment: a test, or a fixture that outlives it, by its definition and the node of its scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_envrepro.loans import Holder

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


def of_test(item: pytest.Item) -> Holder:
    """Give the holder of what a test has, itself or by fixtures of its own."""
    return Holder(item.nodeid)


def of_fixture(definition: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Holder:
    """Give the holder of what a fixture of a class, a module or the session has."""
    return Holder(f"fixture '{definition.argname}'", definition, request.node, request)


def is_given(item: pytest.Item, holder: Holder) -> bool:
    """Tell whether a test is given a fixture, which has what the holder has; where pytest does not tell, by name."""
    if holder.definition is None or holder.node not in item.listchain():
        return False
    return any(definition is holder.definition for definition in _definitions(item))


def _definitions(item: pytest.Item) -> Iterator[object]:
    """Give the definitions of all fixtures of a test; one that others stand in the place of, where those ask for it."""
    known: Any = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    for name, definitions in known.items():
        for definition in reversed(definitions):
            yield definition
            if name not in definition.argnames:
                break
