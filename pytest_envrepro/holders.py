"""Tells who has an environment: a test, or a fixture that outlives it, by its definition and the node of its scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.holdings import SESSION, Holder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator


class Holding:
    """Knows who asks at this moment: the test, or a fixture of a class, a module or the session, which outlives it.

    Args:
        end: is called with a holder that is at its end.
    """

    def __init__(self, end: Callable[[Holder], object]) -> None:
        self._end = end
        # Those that are being set up, the innermost last.
        self._fixtures: list[tuple[pytest.FixtureDef[Any], pytest.FixtureRequest]] = []
        # What a fixture that outlives a test has asked for by `getfixturevalue`: the next test is given that with it.
        self._asked: dict[object, set[object]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Note which fixture is being set up, and what it asks for meanwhile."""
        before = _asked_for(request)
        self._fixtures.append((fixturedef, request))
        try:
            return (yield)
        finally:
            self._fixtures.pop()
            if request.scope != "function":
                self._asked.setdefault(fixturedef, set()).update(_asked_for(request) - before)

    def holder(self, item: pytest.Item | None) -> Holder:
        """Give the one who asks.

        Args:
            item: the test that is at work, if one is.
        """
        definition, request = self._fixtures[-1] if self._fixtures else (None, None)
        if definition is None or request is None or request.scope == "function":
            return of_test(item) if item else SESSION
        holder = of_fixture(definition, request)
        for outer in _outside(request):  # Whose set-up may have begun before this class was there to see it.
            self._asked.setdefault(outer, set()).add(definition)
        # Runs after the fixture's own end, which may still use it.
        request.addfinalizer(lambda: self._end(holder))
        return holder

    def is_held_for(self, item: pytest.Item, holder: Holder) -> bool:
        """Tell whether a test is given a fixture, which has what the holder has; or has asked for it by now."""
        return _may_reach(item, holder) and holder.definition in self._given(item)

    def may_be_held_for(self, item: pytest.Item, holder: Holder) -> bool:
        """Tell whether a test is given a fixture, or could ask for it while it runs (`request.getfixturevalue`)."""
        asks = "request" in getattr(item, "fixturenames", ())
        return _may_reach(item, holder) and (asks or holder.definition in self._given(item))

    def _given(self, item: pytest.Item) -> set[object]:
        """Give the definitions of the fixtures that a test is given or has asked for, itself or by others."""
        found = {*_definitions(item), *_asked_for(getattr(item, "_request", None))}
        more = [*found]
        while more:
            new = self._asked.get(more.pop(), set()) - found
            found |= new
            more += new
        return found


def of_test(item: pytest.Item) -> Holder:
    """Give the holder of what a test has, itself or by fixtures of its own."""
    return Holder(item.nodeid)


def of_fixture(definition: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Holder:
    """Give the holder of what a fixture of a class, a module or the session has."""
    return Holder(f"fixture '{definition.argname}'", definition, request.node, request)


def _may_reach(item: pytest.Item, holder: Holder) -> bool:
    return holder.definition is not None and holder.node in item.listchain()


def _outside(request: object) -> Iterator[object]:
    """Give the definitions of the fixtures that are being set up, and have asked for what this request is for."""
    outer = getattr(request, "_parent_request", None)
    while outer is not None:
        if (definition := getattr(outer, "_fixturedef", None)) is not None:
            yield definition
        outer = getattr(outer, "_parent_request", None)


def _asked_for(request: object) -> set[object]:
    """Give the definitions of all that a test was given so far; pytest has one book of them for each of its runs."""
    known: dict[str, object] = getattr(request, "_fixture_defs", {})
    return {*known.values()}


def _definitions(item: pytest.Item) -> Iterator[object]:
    """Give the definitions of all fixtures of a test; one that others stand in the place of, where those ask for it."""
    known: Any = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    for name, definitions in known.items():
        for definition in reversed(definitions):
            yield definition
            if name not in definition.argnames:
                break
