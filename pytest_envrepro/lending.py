"""Lends environments to the tests of a session that ask for some: what they declare, and what they are given."""

from __future__ import annotations

import contextlib
import os
import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pytest_envrepro import declarations, holders, options
from pytest_envrepro.asking import Ask, without_python
from pytest_envrepro.boxes import Boxes, Crew
from pytest_envrepro.deciding import resolve_keep, resolve_offline
from pytest_envrepro.depot import Depot
from pytest_envrepro.engine import NoEngineError
from pytest_envrepro.envs.virtualenv import VirtualEnvironment
from pytest_envrepro.errors import EnvReproError, InterpreterNotFound, SettingsError
from pytest_envrepro.foreseeing import ENGINE, foreseen
from pytest_envrepro.given import Environments
from pytest_envrepro.loans import SESSION, Holder, Loan, Loans
from pytest_envrepro.markers import printable_lines
from pytest_envrepro.plans import ContainerPlan, Policy
from pytest_envrepro.preparing import Preparing
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.settingkeys import CONTAINER
from pytest_envrepro.settings import Layer, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.envs.base import Environment
    from pytest_envrepro.envs.container import ContainerEnvironment
    from pytest_envrepro.markers import Markers
    from pytest_envrepro.plans import Plan
    from pytest_envrepro.reports import Foreseen
    from pytest_envrepro.settings import Settings

_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")
_LONGEST_NAME = 24  # Characters: a path that is too long is no first line of a script.


class Books(NamedTuple):
    """Where a session's environments come from, who has which, and which are being made."""

    depot: Depot
    loans: Loans
    boxes: Boxes
    preparing: Preparing


class Lending:
    """Lends environments to tests.

    Attributes:
        item: the test that is at work.
        opened: the books, once there was a need for them.
        notes: what there is to say at the end of what was declared, a line each.
    """

    def __init__(self, config: pytest.Config, markers: Markers) -> None:
        self.config = config
        self.item: pytest.Item | None = None
        self.opened: Books | None = None
        self.notes: dict[str, None] = {}
        self.is_worker = hasattr(config, "workerinput")
        self._markers = markers
        self._plans: dict[str, Plan | ContainerPlan] = {}
        self._folders: pytest.TempPathFactory | None = None
        # Those that are being set up, the innermost last.
        self._fixtures: list[tuple[pytest.FixtureDef[Any], pytest.FixtureRequest]] = []
        self._over: list[Holder] = []

    def given(self, folders: pytest.TempPathFactory) -> Environments:
        """Give what the fixture `environments` gives; what programs write goes to those folders."""
        self._folders = folders
        return Environments(self)

    def books(self) -> Books:
        """Open the books. No property: pytest 8.0 reads those of each plugin when it is registered.

        Raises:
            SettingsError: the configuration cannot be followed.
        """
        if self.opened is None:
            option = self.config.option
            since = options.started(self.config)
            policy = Policy(
                offline=resolve_offline(option.env_offline, os.environ),
                since=since if option.env_rebuild else None,
                keep=resolve_keep(option.env_keep, os.environ),
                written=options.written(self.config),
            )
            depot = Depot(self._markers.wanted().session, policy, scratch=self._scratch, tell=self._tell)
            depot.store.sweep()
            given: dict[str, Any] = getattr(self.config, "workerinput", {})
            crew = Crew(given.get("envrepro-controller", os.getpid()), given.get("workerid"))
            boxes = Boxes(lambda: depot.containers, policy.keep, crew, since=since)
            self.opened = Books(depot, Loans(depot, since=since), boxes, Preparing(depot))
            self._begin_loans()
        return self.opened

    def _scratch(self) -> Path:
        if self._folders is None:
            raise RuntimeError("environments are handed out by fixtures alone")
        return self._folders.mktemp("environment")

    def _tell(self, text: str) -> None:
        plugins = self.config.pluginmanager
        reporter: Any = plugins.get_plugin("terminalreporter")
        if self.is_worker:  # Nobody sees its terminal.
            options.tell_controller(self.config, printable(text))
            return
        if reporter is None or self.config.get_verbosity() < 0:
            return
        capture: Any = plugins.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            reporter.write_line(f"envrepro: {printable(text)}")

    # What tests declare.

    def begin(self, item: pytest.Item) -> None:
        """Note which test is at work, and skip or fail it where what its markers declare cannot be had."""
        self.item = item
        self.take_back()
        self._begin_loans()
        others = options.FIXTURES.intersection(getattr(item, "fixturenames", ())) - options.borrowed(item)
        if others and not declarations.is_shadowed(self.config) and item.get_closest_marker(options.ENVIRONMENT):
            shown = ", ".join(f"'{name}'" for name in sorted(others))
            self.notes[f"fixture {shown}: this suite has one of that name, so ours is not used"] = None
        if declarations.declares(item):
            with self.explaining(item):
                plan = self._plan_of(item)
            if isinstance(plan, ContainerPlan) or plan.settings.compose:
                self._markers.look(item, [pytest.mark.requires_integration(ENGINE).mark])

    def _begin_loans(self) -> None:
        """Note in the books which test is at work: when it begins, or when they are opened for it."""
        if self.opened is not None and self.item is not None:
            self.opened.loans.begin(self.item.nodeid, partial(holders.is_given, self.item))
            self.opened.boxes.begin(partial(holders.is_given, self.item))

    def prepare(self, items: Iterable[pytest.Item]) -> None:
        """Make all that the tests declare, side by side: before them, or beside them in a worker of pytest-xdist."""
        plans: dict[str, Plan | ContainerPlan] = {}
        copied: set[str] = set()
        for item in filter(declarations.declares, items):
            with contextlib.suppress(EnvReproError):  # Is told by the test.
                if declarations.is_given(item):
                    plan = self._plan_of(item)
                    if not declarations.fits(item, plan.settings.kind) or (
                        isinstance(plan, ContainerPlan) and not self._has_engine()
                    ):
                        continue
                    plans.setdefault(plan.identity, plan)
                    copied.update([plan.identity] if declarations.is_copied(item) else [])
        if plans:
            preparing = self.books().preparing
            preparing.start(plans.values(), copied)
            if not self.is_worker:
                preparing.wait()

    def _has_engine(self) -> bool:
        return self.depot().session.catalogue.check(ENGINE).status == "met"

    def foresee(self, item: pytest.Item) -> tuple[Foreseen, ...]:
        """Say which environments a test would be given, and make none."""
        depot = self.books().depot

        def settings(named: Mapping[str, Layer]) -> Settings:
            if not declarations.is_given(item):
                raise SettingsError(declarations.why_nothing(item))
            return merge(declarations.layers(item), named)

        return tuple(foreseen(fixture, settings, depot) for fixture in sorted(options.borrowed(item)))

    def _plan_of(self, item: pytest.Item) -> Plan | ContainerPlan:
        layers = declarations.layers(item)
        key = repr(layers)
        if key not in self._plans:
            self._plans[key] = self.plan(lambda named: merge(layers, named))
        return self._plans[key]

    def depot(self) -> Depot:
        """Give where environments come from."""
        return self.books().depot

    def plan(self, settings: Callable[[Mapping[str, Layer]], Settings]) -> Plan | ContainerPlan:
        """Decide what an environment is made of.

        Args:
            settings: gives the settings, by the environments that the table declares.

        Raises:
            EnvReproError: they cannot be followed, or there is no such Python.
        """
        depot = self.books().depot
        declared = settings(depot.session.config.environments)
        if declared.kind != CONTAINER:
            return depot.plan(declared)
        plan = depot.containers.plan(declared)
        self.notes |= dict.fromkeys(f"{plan.title}: will rot: {each}" for each in plan.rots)
        return plan

    @contextlib.contextmanager
    def explaining(self, item: pytest.Item) -> Iterator[None]:
        """Skip or fail a test without a traceback of ours, where its environment cannot be had."""
        try:
            yield
        except InterpreterNotFound as error:
            try:
                self._markers.stop(item, without_python(error, strict=self._markers.wanted().strict))
            except pytest.fail.Exception as failed:
                raise failed from None
        except EnvReproError as error:
            raise pytest.fail.Exception(printable_lines(str(error)), pytrace=False) from None

    @contextlib.contextmanager
    def skipping(self) -> Iterator[None]:
        """Skip the test that is at work where there is no such Python, or no engine, unless the session is strict."""
        __tracebackhide__ = True
        try:
            yield
        except InterpreterNotFound as error:
            if self._markers.wanted().strict:
                raise
            raise pytest.skip.Exception(printable_lines(without_python(error, strict=False).reason)) from None
        except NoEngineError:
            answer = self._markers.wanted().answer([Ask("requires_integration", (ENGINE,))])
            if answer.fails or not answer.reason:
                raise
            raise pytest.skip.Exception(printable_lines(answer.reason)) from None

    # What tests are given.

    def shared(self, item: pytest.Item) -> Iterator[Environment]:
        """Give what the test's marker declares; it is looked at when the test is over."""
        if not declarations.marks(item):
            pytest.fail(declarations.why_nothing(item), pytrace=False)
        with self.explaining(item):
            environment = self.lend(self._plan_of(item), is_private=False)
        yield environment

    def private(self, item: pytest.Item, fixture: str) -> Iterator[Environment]:
        """Give an environment of the test's own, of the kind that a fixture is for."""
        with self.explaining(item):
            plan = self._plan_of(item)
            declarations.check_kind(plan.settings, fixture)
            environment = self.lend(plan, is_private=True)
        yield environment

    def lend(self, plan: Plan | ContainerPlan, *, is_private: bool) -> VirtualEnvironment | ContainerEnvironment:
        """Make an environment, or take the one that is there, and note who has it.

        Raises:
            EnvReproError: it cannot be made.
        """
        depot, loans, boxes, preparing = self.books()
        preparing.wait_for(plan)
        name = _IN_NAMES.sub("-", self.item.name if self.item else "session").strip("-")[:_LONGEST_NAME]
        if isinstance(plan, ContainerPlan):
            return boxes.lend(self._holder(), plan, is_private=is_private, name=name)
        made = depot.make(plan) if is_private else loans.sound(depot.make(plan))
        environment = depot.private(made, name) if is_private else depot.shared(made)
        loans.add(self._holder(), Loan(environment, made))
        environment.services = boxes.services(plan.settings)
        return environment

    def afresh(
        self, plan: Plan | ContainerPlan, times: int
    ) -> contextlib.AbstractContextManager[Sequence[VirtualEnvironment | ContainerEnvironment]]:
        """Make an environment several times from nothing; they are gone when the block ends.

        Raises:
            EnvReproError: it cannot be made.
        """
        depot = self.depot()
        if isinstance(plan, ContainerPlan):
            return depot.containers.afresh(plan, times)
        return depot.afresh(plan, times)

    def give_back(self, environment: VirtualEnvironment | ContainerEnvironment) -> None:
        """Take back a private one before its test has ended."""
        _, loans, boxes, _ = self.books()
        if isinstance(environment, VirtualEnvironment):
            loans.give_back(environment)
        else:
            boxes.give_back(environment)

    def end(self, holder: Holder) -> None:
        """Note that a holder is at its end: what it has is taken back once it is known, and told, whether that failed."""
        self._over.append(holder)

    def take_back(self) -> None:
        """Take back all that those have who are at their end."""
        over, self._over = self._over, []
        for holder in over:
            if self.opened is not None:
                self.opened.loans.take_back(holder)
                self.opened.boxes.take_back(holder)

    # Who has it: the test, or a fixture of a class, a module or the session, which outlives the test.

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Note which fixture is being set up."""
        self._fixtures.append((fixturedef, request))
        try:
            return (yield)
        finally:
            self._fixtures.pop()

    def _holder(self) -> Holder:
        definition, request = self._fixtures[-1] if self._fixtures else (None, None)
        if definition is None or request is None or request.scope == "function":
            return holders.of_test(self.item) if self.item else SESSION
        holder = holders.of_fixture(definition, request)
        # Runs after the fixture's own end, which may still use it.
        request.addfinalizer(lambda: self.end(holder))
        return holder
