"""What the tests of a session ask for: the plans of the environments that their markers, calls and fixtures declare."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.declarations import (
    declared_layers,
    declares,
    fits,
    is_copied,
    is_given,
    is_shadowed,
    marks,
    why_nothing,
)
from pytest_envrepro.declaring import is_inside
from pytest_envrepro.errors import EnvReproError, SettingsError
from pytest_envrepro.foreseeing import ENGINE, foreseen
from pytest_envrepro.options import ENVIRONMENT, FIXTURES, borrowed
from pytest_envrepro.plans import ContainerPlan
from pytest_envrepro.settingkeys import CONTAINER
from pytest_envrepro.settings import Layer, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pytest

    from pytest_envrepro.depot import Depot
    from pytest_envrepro.plans import Plan
    from pytest_envrepro.reports import Foreseen
    from pytest_envrepro.settings import Settings

_SHARED = "environment"  # The fixture that gives what a test runs in.
_INSIDE = "inside=True"


class Wishes(NamedTuple):
    """What many tests ask for.

    Attributes:
        plans: each once, by its identity.
        copied: how many tests are given a copy of one, by its identity.
    """

    plans: Mapping[str, Plan | ContainerPlan]
    copied: Mapping[str, int]


class Demand:
    """Makes plans of what is declared; the same declaration is planned once.

    Args:
        depot: gives where environments come from, once there is a need for it.

    Attributes:
        notes: what there is to say at the end of what was declared, a line each.
        rots: what of it will mean another environment later, and the place that it comes from.
    """

    def __init__(self, depot: Callable[[], Depot]) -> None:
        self.notes: dict[str, None] = {}
        self.rots: dict[tuple[str, str], None] = {}
        self._depot = depot
        self._plans: dict[str, Plan | ContainerPlan] = {}

    def plan(self, settings: Callable[[Mapping[str, Layer]], Settings]) -> Plan | ContainerPlan:
        """Decide what an environment is made of.

        Args:
            settings: gives the settings, by the environments that the table declares.

        Raises:
            EnvReproError: they cannot be followed, or there is no such Python.
        """
        plan = self._planned(settings)
        self._note_rots(plan)
        return plan

    def _planned(self, settings: Callable[[Mapping[str, Layer]], Settings]) -> Plan | ContainerPlan:
        depot = self._depot()
        declared = settings(depot.session.config.environments)
        return depot.containers.plan(declared) if declared.kind == CONTAINER else depot.plan(declared)

    def _note_rots(self, plan: Plan | ContainerPlan) -> None:
        rots = plan.rots if isinstance(plan, ContainerPlan) else ()
        self.rots |= dict.fromkeys((f"{plan.title}: will rot: {each.told}", each.origin) for each in rots)

    def plan_of(self, item: pytest.Item) -> Plan | ContainerPlan:
        """Decide what the environment of a test is made of.

        Raises:
            EnvReproError: as `plan` does.
        """
        layers = declared_layers(item)
        key = repr(layers)
        if key not in self._plans:
            self._plans[key] = self._planned(lambda named: merge(layers, named))
        plan = self._plans[key]
        if fits(item, plan.settings.kind):  # Else it is refused, and none is made.
            self._note_rots(plan)
        return plan

    def check(self, item: pytest.Item) -> None:
        """Read what a test declares and has no use for.

        Raises:
            SettingsError: a marker cannot be followed.
        """
        merge(declared_layers(item), self._depot().session.config.environments)

    def of_all(self, items: Iterable[pytest.Item]) -> Wishes:
        """Give what can be made for tests before they run; what cannot be had is told by the test that wants it."""
        plans: dict[str, Plan | ContainerPlan] = {}
        copied: Counter[str] = Counter()
        for item in filter(declares, items):
            with contextlib.suppress(EnvReproError):
                if is_given(item):
                    plan = self.plan_of(item)
                    if not fits(item, plan.settings.kind) or (
                        isinstance(plan, ContainerPlan) and not self._has_engine()
                    ):
                        continue
                    plans.setdefault(plan.identity, plan)
                    copied.update([plan.identity] if is_copied(item) else [])
        return Wishes(plans, copied)

    def _has_engine(self) -> bool:
        return self._depot().session.catalogue.check(ENGINE).status == "met"

    def foresee(self, item: pytest.Item) -> tuple[Foreseen, ...]:
        """Say which environments a test would be given, and make none."""
        depot = self._depot()

        def settings(named: Mapping[str, Layer]) -> Settings:
            if not is_given(item):
                raise SettingsError(why_nothing(item))
            return merge(declared_layers(item), named)

        by = sorted(borrowed(item))
        told = [foreseen(each, settings, depot) for each in by]
        if _SHARED not in by and is_inside(marks(item)):
            told.insert(0, foreseen(_INSIDE, settings, depot)._replace(is_inside=True))
        return tuple(told)

    def note_shadowed(self, item: pytest.Item) -> None:
        """Note where a marker of ours is for a fixture that the suite has in the place of ours."""
        others = FIXTURES.intersection(getattr(item, "fixturenames", ())) - borrowed(item)
        if others and not is_shadowed(item.config) and item.get_closest_marker(ENVIRONMENT):
            shown = ", ".join(f"'{name}'" for name in sorted(others))
            self.notes[f"fixture {shown}: this suite has one of that name, so ours is not used"] = None
