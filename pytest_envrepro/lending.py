"""Lends environments to the tests of a session that ask for some: what they declare, and what they are given."""

from __future__ import annotations

import contextlib
import os
import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pytest_envrepro.boxes import Boxes, Crew
from pytest_envrepro.deciding import resolve_keep, resolve_offline
from pytest_envrepro.declarations import check_kind, declares, marks, why_nothing
from pytest_envrepro.demand import Demand
from pytest_envrepro.depot import Depot
from pytest_envrepro.envs.virtualenv import VirtualEnvironment
from pytest_envrepro.foreseeing import ENGINE
from pytest_envrepro.given import Environments
from pytest_envrepro.holders import Holding
from pytest_envrepro.holdings import Holder, Loan
from pytest_envrepro.loans import Loans
from pytest_envrepro.options import SERVICES, session_word, started, tell_controller, written
from pytest_envrepro.plans import ContainerPlan, Policy
from pytest_envrepro.preparing import Preparing
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.stopping import Skipping, explaining, lacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.envs.base import Environment
    from pytest_envrepro.envs.container import ContainerEnvironment
    from pytest_envrepro.markers import Markers
    from pytest_envrepro.plans import Plan
    from pytest_envrepro.reports import Foreseen
    from pytest_envrepro.settings import Layer, Settings

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
        demand: what its tests ask for.
        holding: knows who asks; a plugin of its own.
        over: the holders that are at their end, and have what they had until it is taken back.
    """

    def __init__(self, config: pytest.Config, markers: Markers) -> None:
        self.config = config
        self.item: pytest.Item | None = None
        self.opened: Books | None = None
        self.demand = Demand(self.depot)
        self.holding = Holding(self.end)
        self.is_worker = hasattr(config, "workerinput")
        self._markers = markers
        self._folders: pytest.TempPathFactory | None = None
        self.over: list[Holder] = []

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
            since = started(self.config)
            given: dict[str, Any] = getattr(self.config, "workerinput", {})
            policy = Policy(
                offline=resolve_offline(option.env_offline, os.environ),
                since=since if option.env_rebuild else None,
                keep=resolve_keep(option.env_keep, os.environ),
                written=written(self.config),
                run=given.get("testrunuid", ""),
                workers=given.get("workercount", 1),
            )
            quiet = self.config.get_verbosity() < 0
            session = self._markers.wanted().session
            depot = Depot(session, policy, scratch=self._scratch, tell=self._tell, quiet=quiet)
            depot.store.sweep()
            crew = Crew(
                given.get("envrepro-controller", os.getpid()),
                session_word(self.config),
                given.get("workerid"),
                partial(tell_controller, self.config, SERVICES) if self.is_worker else None,
            )
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
        self.take_back()
        self._begin_loans()
        self.demand.note_shadowed(item)
        if declares(item):
            with explaining(item, self._markers):
                plan = self.demand.plan_of(item)
            if isinstance(plan, ContainerPlan) or plan.settings.compose:
                self._markers.look(item, [pytest.mark.requires_integration(ENGINE).mark])

    def _begin_loans(self) -> None:
        """Note in the books which test is at work: when it begins, or when they are opened for it."""
        if self.opened is not None and self.item is not None:
            is_given = partial(self.holding.is_held_for, self.item)
            may_be_given = partial(self.holding.may_be_held_for, self.item)
            self.opened.loans.begin(self.item.nodeid, is_given, may_be_given)
            self.opened.boxes.begin(is_given)

    def prepare(self, items: Iterable[pytest.Item]) -> None:
        """Make all that the tests declare, side by side: before them, or beside them in a worker of pytest-xdist."""
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
        return Skipping(self._markers)

    def note_raised(self, item: pytest.Item, report: pytest.TestReport, error: BaseException) -> None:
        """Have a report tell what a call has found to be missing here, where that has skipped or failed the test."""
        answer = lacked(error, self._markers)
        if answer is not None:
            self._markers.tell_raised(item, report, answer)

    # What tests are given.

    def shared(self, item: pytest.Item) -> Iterator[Environment]:
        """Give what the test's marker declares; it is looked at when the test is over."""
        if not marks(item):
            pytest.fail(why_nothing(item), pytrace=False)
        with explaining(item, self._markers):
            environment = self.lend(self.demand.plan_of(item), is_private=False)
        yield environment

    def private(self, item: pytest.Item, fixture: str) -> Iterator[Environment]:
        """Give an environment of the test's own, of the kind that a fixture is for."""
        with explaining(item, self._markers):
            plan = self.demand.plan_of(item)
            check_kind(plan.settings, fixture)
            environment = self.lend(plan, is_private=True)
        yield environment

    def lend(self, plan: Plan | ContainerPlan, *, is_private: bool) -> VirtualEnvironment | ContainerEnvironment:
        """Make an environment, or take the one that is there, and note who has it.

        Raises:
            EnvReproError: it cannot be made.
        """
        depot, loans, boxes, preparing = self.books()
        if isinstance(plan, ContainerPlan):  # In another thread, so that a signal in this one can cancel it.
            preparing.start([plan], {})
        preparing.wait_for(plan)
        name = _IN_NAMES.sub("-", self.item.name if self.item else "session").strip("-")[:_LONGEST_NAME]
        if isinstance(plan, ContainerPlan):
            return boxes.lend(self.holding.holder(self.item), plan, is_private=is_private, name=name)
        made = depot.make(plan) if is_private else loans.sound(depot.make(plan))
        environment = depot.private(made, name) if is_private else depot.shared(made)
        loans.add(self.holding.holder(self.item), Loan(environment, made))
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
        """Take back one before its test has ended."""
        _, loans, boxes, _ = self.books()
        if isinstance(environment, VirtualEnvironment):
            loans.give_back(environment)
        else:
            boxes.give_back(environment)

    def take_down_services(self) -> None:
        """Take down all services of the session, as the process that it ends with.

        Raises:
            EnvReproError: there is no engine any more: the next session takes down what is left.
        """
        from pytest_envrepro.services import take_down  # noqa: PLC0415  # Brings what speaks with engines.

        session = self._markers.wanted().session
        if session.cache_folder is not None:
            take_down(
                *(os.getpid(), session_word(self.config)),
                environ=session.environ,
                cache=session.cache_folder.absolute(),
            )

    def end(self, holder: Holder) -> None:
        """Note that a holder is at its end: what it has is taken back once it is known, and told, whether that failed."""
        self.over.append(holder)
        if self.opened is not None:
            self.opened.loans.note_end()

    def take_back(self) -> None:
        """Take back all that those have who are at their end."""
        over, self.over = self.over, []
        for holder in over:
            if self.opened is not None:
                self.opened.loans.take_back(holder)
                self.opened.boxes.take_back(holder)
