"""Opens the books of a session: where its environments come from, who has which, and which are being made."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.boxes import Boxes, Crew
from pytest_envrepro.deciding import resolve_keep, resolve_offline
from pytest_envrepro.depot import Depot
from pytest_envrepro.envs.virtualenv import VirtualEnvironment
from pytest_envrepro.holdings import Loan
from pytest_envrepro.loans import Loans
from pytest_envrepro.options import SERVICES, session_word, started, tell_controller, written
from pytest_envrepro.plans import ContainerPlan, Policy
from pytest_envrepro.preparing import Preparing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pytest

    from pytest_envrepro.envs.container import ContainerEnvironment
    from pytest_envrepro.holders import Holding
    from pytest_envrepro.holdings import Holder
    from pytest_envrepro.markers import Markers
    from pytest_envrepro.plans import Plan


class Books(NamedTuple):
    """Where a session's environments come from, who has which, and which are being made."""

    depot: Depot
    loans: Loans
    boxes: Boxes
    preparing: Preparing

    def begin(self, item: pytest.Item, holding: Holding) -> None:
        """Note which test is at work.

        Args:
            holding: knows which fixtures it is given.
        """
        is_given = partial(holding.is_held_for, item)
        self.loans.begin(item.nodeid, is_given, partial(holding.may_be_held_for, item))
        self.boxes.begin(is_given)

    def lend(
        self,
        plan: Plan | ContainerPlan,
        holder: Callable[[], Holder],
        *,
        is_private: bool,
        name: str,
        scratch: Path | None = None,
    ) -> VirtualEnvironment | ContainerEnvironment:
        """Make an environment, or take the one that is there, and note who has it.

        Args:
            holder: gives who that is; is called once there is something to have.
            name: what a private one is called, for people who look at paths and containers.
            scratch: an empty folder for what programs write in a shared virtualenv; a new one unless given.

        Raises:
            EnvReproError: it cannot be made.
        """
        if isinstance(plan, ContainerPlan):  # In another thread, so that a signal in this one can cancel it.
            self.preparing.start([plan], {})
        self.preparing.wait_for(plan)
        if isinstance(plan, ContainerPlan):
            return self.boxes.lend(holder(), plan, is_private=is_private, name=name)
        made = self.depot.make(plan) if is_private else self.loans.sound(self.depot.make(plan))
        environment = self.depot.private(made, name) if is_private else self.depot.shared(made, scratch)
        self.loans.add(holder(), Loan(environment, made))
        environment.services = self.boxes.services(plan.settings)
        return environment

    def give_back(self, environment: VirtualEnvironment | ContainerEnvironment) -> None:
        """Take back one before its test has ended."""
        if isinstance(environment, VirtualEnvironment):
            self.loans.give_back(environment)
        else:
            self.boxes.give_back(environment)

    def take_back(self, holder: Holder) -> None:
        """Take back all that a holder has."""
        self.loans.take_back(holder)
        self.boxes.take_back(holder)


def open_books(
    config: pytest.Config, markers: Markers, scratch: Callable[[], Path], tell: Callable[[str], None]
) -> Books:
    """Open the books of a session, and have what others have left behind swept away.

    Args:
        markers: knows the session's table, and the locks.
        scratch: makes an empty folder for what programs write.
        tell: tells people something while tests run.

    Raises:
        SettingsError: the configuration cannot be followed.
    """
    since = started(config)
    policy = _policy(config, since)
    quiet = config.get_verbosity() < 0
    depot = Depot(markers.wanted().session, policy, scratch=scratch, tell=tell, quiet=quiet)
    depot.store.sweep()
    boxes = Boxes(lambda: depot.containers, policy.keep, _crew(config), since=since)
    return Books(depot, Loans(depot, since=since), boxes, Preparing(depot))


def _policy(config: pytest.Config, since: float) -> Policy:
    option, given = config.option, _given(config)
    return Policy(
        offline=resolve_offline(option.env_offline, os.environ),
        since=since if option.env_rebuild else None,
        keep=resolve_keep(option.env_keep, os.environ),
        written=written(config),
        run=given.get("testrunuid", ""),
        workers=given.get("workercount", 1),
    )


def _crew(config: pytest.Config) -> Crew:
    given = _given(config)
    return Crew(
        given.get("envrepro-controller", os.getpid()),
        session_word(config),
        given.get("workerid"),
        partial(tell_controller, config, SERVICES) if hasattr(config, "workerinput") else None,
    )


def _given(config: pytest.Config) -> Mapping[str, Any]:
    """Give what a worker of pytest-xdist was told by its controller; nothing where there is none."""
    given: Mapping[str, Any] = getattr(config, "workerinput", {})
    return given
