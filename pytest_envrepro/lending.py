"""Lends environments to the tests of a session that ask for some: what they declare, and what they are given."""

from __future__ import annotations

import contextlib
import os
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.books import open_books
from pytest_envrepro.declarations import check_kind, declares, marks, why_nothing
from pytest_envrepro.declaring import is_inside
from pytest_envrepro.demand import Demand
from pytest_envrepro.foreseeing import ENGINE
from pytest_envrepro.given import Environments
from pytest_envrepro.holders import Holding
from pytest_envrepro.options import session_word, tell_controller
from pytest_envrepro.plans import ContainerPlan
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.settingkeys import are_known
from pytest_envrepro.stopping import Skipping, explaining, lacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.books import Books
    from pytest_envrepro.depot import Depot
    from pytest_envrepro.envs.base import Environment
    from pytest_envrepro.envs.container import ContainerEnvironment
    from pytest_envrepro.envs.virtualenv import VirtualEnvironment
    from pytest_envrepro.given import Runner
    from pytest_envrepro.holdings import Holder
    from pytest_envrepro.markers import Markers
    from pytest_envrepro.plans import Plan
    from pytest_envrepro.reports import Foreseen
    from pytest_envrepro.settings import Layer, Settings

_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")
_LONGEST_NAME = 24  # Characters: a path that is too long is no first line of a script.


class Lending:
    """Lends environments to tests.

    Args:
        load_runner: gives what runs functions in them, once there is a need for it.

    Attributes:
        item: the test that is at work.
        opened: the books, once there was a need for them.
        demand: what its tests ask for.
        markers: acts on the markers of tests.
        folders: makes folders for what programs write, once a fixture has asked for that.
        holding: knows who asks; a plugin of its own.
        over: the holders that are at their end, and have what they had until it is taken back.
        remarks: what there is to say of the test that is at work, should it fail: titles and texts.
    """

    def __init__(self, config: pytest.Config, markers: Markers, load_runner: Callable[[Lending], Runner]) -> None:
        self.config = config
        self.item: pytest.Item | None = None
        self.opened: Books | None = None
        self.demand = Demand(self.depot)
        self.holding = Holding(self.end)
        self._load_runner = load_runner
        self._runner: Runner | None = None
        self._called: list[Environment] = []  # Those of one test alone that a function was called in.
        self.is_worker = hasattr(config, "workerinput")
        self.markers = markers
        self.folders: pytest.TempPathFactory | None = None
        self.over: list[Holder] = []
        self.remarks: list[tuple[str, str]] = []

    def given(self, folders: pytest.TempPathFactory) -> Environments:
        """Give what the fixture `environments` gives; what programs write goes to those folders."""
        self.folders = folders
        return Environments(self)

    def books(self) -> Books:
        """Open the books. No property: pytest 8.0 reads those of each plugin when it is registered.

        Raises:
            SettingsError: the configuration cannot be followed.
        """
        if self.opened is None:
            self.opened = open_books(self.config, self.markers, self._scratch, self.tell)
            self._begin_loans()
        return self.opened

    def _scratch(self) -> Path:
        if self.folders is None:
            raise RuntimeError("environments are handed out by fixtures alone")
        return self.folders.mktemp("environment")

    def tell(self, text: str) -> None:
        """Tell people something while tests run."""
        plugins = self.config.pluginmanager
        reporter: Any = plugins.get_plugin("terminalreporter")
        if self.is_worker:  # Nobody sees its terminal.
            tell_controller(self.config, printable(text))
            return
        if reporter is None or self.config.get_verbosity() < -1:
            return
        capture: Any = plugins.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            reporter.write_line(f"envrepro: {printable(text)}")
            reporter.flush()  # Through a pipe too it is told while it takes its time, and not lost with a signal.

    # What tests declare.

    def begin(self, item: pytest.Item) -> None:
        """Note which test is at work, and skip or fail it where what its markers declare cannot be had."""
        self.item = item
        self.remarks = []
        self.take_back()
        self._begin_loans()
        self.demand.note_shadowed(item)
        if declares(item):
            with explaining(item, self.markers):
                plan = self.demand.plan_of(item)
                if is_inside(marks(item)):
                    self._inside().begin(item)
            if isinstance(plan, ContainerPlan) or plan.settings.compose:
                self.markers.look(item, [pytest.mark.requires_integration(ENGINE).mark])
        elif not are_known(name for mark in marks(item) for name in mark.kwargs):
            with explaining(item, self.markers):
                self.demand.check(item)

    def _begin_loans(self) -> None:
        """Note in the books which test is at work: when it begins, or when they are opened for it."""
        if self.opened is not None and self.item is not None:
            self.opened.begin(self.item, self.holding)

    def prepare(self, items: Iterable[pytest.Item]) -> None:
        """Make all that the tests declare, side by side: before them, or beside them in a worker of pytest-xdist."""
        items = [*items]
        for item in items:
            if is_inside(marks(item)):
                self._inside().foresee(item)
        wishes = self.demand.of_all(items)
        if wishes.plans:
            preparing = self.books().preparing
            preparing.start(wishes.plans.values(), wishes.copied)
            if not self.is_worker:
                preparing.wait()

    def foresee(self, item: pytest.Item) -> tuple[Foreseen, ...]:
        """Say which environments a test would be given, and make none."""
        return self.demand.foresee(item)

    def depot(self) -> Depot:
        """Give where environments come from."""
        return self.books().depot

    def plan(self, settings: Callable[[Mapping[str, Layer]], Settings]) -> Plan | ContainerPlan:
        """Decide what an environment is made of, as `Demand.plan` does."""
        return self.demand.plan(settings)

    def skipping(self) -> contextlib.AbstractContextManager[None]:
        """Skip the test that is at work where there is no such Python, or no engine, unless the session is strict."""
        return Skipping(self.markers)

    def note_raised(self, item: pytest.Item, report: pytest.TestReport, error: BaseException) -> None:
        """Have a report tell what a call has found to be missing here, where that has skipped or failed the test."""
        answer = lacked(error, self.markers)
        if answer is not None:
            self.markers.tell_raised(item, report, answer)

    # What tests are given.

    def shared(self, item: pytest.Item) -> Iterator[Environment]:
        """Give what the test's marker declares; it is looked at when the test is over."""
        if not marks(item):
            pytest.fail(why_nothing(item), pytrace=False)
        with explaining(item, self.markers):
            environment = self.lend(self.demand.plan_of(item), is_private=False)
        yield environment

    def private(self, item: pytest.Item, fixture: str) -> Iterator[Environment]:
        """Give an environment of the test's own, of the kind that a fixture is for."""
        with explaining(item, self.markers):
            plan = self.demand.plan_of(item)
            check_kind(plan.settings, fixture)
            environment = self.lend(plan, is_private=True)
        yield environment

    def lend(
        self, plan: Plan | ContainerPlan, *, is_private: bool, scratch: Path | None = None
    ) -> VirtualEnvironment | ContainerEnvironment:
        """Make an environment, or take the one that is there, and note who has it.

        Args:
            scratch: an empty folder for what programs write in a shared virtualenv; a new one unless given.

        Raises:
            EnvReproError: it cannot be made.
        """
        name = _IN_NAMES.sub("-", self.item.name if self.item else "session").strip("-")[:_LONGEST_NAME]
        holder = partial(self.holding.holder, self.item)
        environment = self.books().lend(plan, holder, is_private=is_private, name=name, scratch=scratch)
        environment.caller = self._call
        return environment

    def host(self) -> Environment:
        """Give the environment that runs pytest."""
        host = self.depot().host
        host.caller = self._call
        return host

    def _call(
        self, environment: Environment, function: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any]
    ) -> Any:
        __tracebackhide__ = True
        if getattr(environment, "is_private", False):
            self._called.append(environment)
        return self._inside().call(environment, function, args, named)

    def _inside(self) -> Runner:
        if self._runner is None:
            self._runner = self._load_runner(self)
        return self._runner

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
        """Take back one before its test has ended."""
        self.end_calls(environment)
        self.books().give_back(environment)

    def end_calls(self, *environments: Environment) -> None:
        """End what waits in environments for functions to call; in all where none is named."""
        if self._runner is not None:
            self._runner.end(*environments)

    def take_down_services(self) -> None:
        """Take down all services of the session, as the process that it ends with.

        Raises:
            EnvReproError: there is no engine any more: the next session takes down what is left.
        """
        from pytest_envrepro.services import take_down  # noqa: PLC0415  # Brings what speaks with engines.

        session = self.markers.wanted().session
        if session.cache_folder is not None:
            take_down(
                *(os.getpid(), session_word(self.config)),
                environ=session.environ,
                cache=session.cache_folder.absolute(),
            )

    def end(self, holder: Holder) -> None:
        """Note that a holder is at its end: what it has is taken back once it is known, and told, whether that failed."""
        self.over.append(holder)
        # Of a test nothing runs any more: it was looked at last when its own fixtures were over.
        if self.opened is not None and holder.definition is not None:
            self.opened.loans.note_end()

    def take_back(self) -> None:
        """Take back all that those have who are at their end."""
        over, self.over = self.over, []
        if over and self._called:  # Before they are looked at: a program in them would keep them from being lent again.
            self.end_calls(*self._called)
            self._called.clear()
        for holder in over:
            if self.opened is not None:
                self.opened.take_back(holder)
