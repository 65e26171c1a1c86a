"""Makes the environments of a session side by side, before the tests that need them."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from pytest_envrepro.errors import BuildError
from pytest_envrepro.plans import ContainerPlan, Plan
from pytest_envrepro.programs import Programs, watch_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_envrepro.depot import Depot

_PATIENCE = 10.0  # Seconds from a signal until this process ends, whatever is left; a second one ends it at once.
_MOST = 4  # At the same time. Most of it is waiting, for an index or for the disk; the rest is one processor each.


def _nothing() -> None:
    """Do nothing."""


class Preparing:
    """The environments that are being made."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot
        self._futures: dict[str, Future[None]] = {}
        self._told: set[str] = set()  # Those of which somebody was told why they cannot be made.
        self._pool: ThreadPoolExecutor | None = None
        self._programs = Programs()
        self._unwatch: Callable[[], None] = _nothing

    def start(self, plans: Iterable[Plan | ContainerPlan], copied: Mapping[str, int]) -> None:
        """Begin with those that have not been begun with; it goes on in the background.

        Args:
            copied: how many tests take a private copy of one, by its identity.
        """
        new = {plan.identity: plan for plan in plans if plan.identity not in self._futures}
        if new and self._pool is None:
            most = min(_MOST, max(2, os.cpu_count() or 1))
            self._pool = ThreadPoolExecutor(max_workers=most, thread_name_prefix="envrepro")
            self._unwatch = watch_signals(self._cancel_soon)
        for identity, plan in new.items():
            if self._pool is not None:
                self._futures[identity] = self._pool.submit(self._make, plan, copied.get(identity, 0))

    def _make(self, plan: Plan | ContainerPlan, copies: int) -> None:
        with self._programs.here():
            if isinstance(plan, ContainerPlan):
                self._depot.containers.make(plan)
                return
            made = self._depot.make(plan)
            if copies:
                self._depot.prepare(made, copies)

    def wait(self) -> None:
        """Wait until all of them are made, or have failed: that is told by the test that needs one."""
        wait(self._futures.values())

    def wait_for(self, plan: Plan | ContainerPlan) -> None:
        """Wait for one.

        Raises:
            EnvReproError: it cannot be made; the next who asks is told the same.
        """
        future = self._futures.get(plan.identity)
        error = future.exception() if future is not None else None
        if isinstance(error, BuildError) and plan.identity in self._told:
            raise error.again() from None
        if error is not None:
            self._told.add(plan.identity)
            # Without what it has gathered on its way to the one who asked before.
            raise error.with_traceback(None) from None

    def _cancel_soon(self) -> None:
        """Cancel what engines are doing, and wait until it is put away: who ends this process asks no second time."""
        thread = threading.Thread(target=self._cancel, daemon=True)  # The main one may hold what that takes.
        thread.start()
        thread.join(_PATIENCE)

    def _cancel(self) -> None:
        for future in self._futures.values():
            future.cancel()
        self._tell_cancelled()
        self._depot.cancel()
        self._programs.end()
        wait(self._futures.values())

    def stop(self) -> None:
        """Leave what has not been begun, and end the programs of what has."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._tell_cancelled()
            self._depot.cancel()
            self._programs.end()
            self._pool.shutdown()
            self._unwatch()

    def _tell_cancelled(self) -> None:
        if not all(future.done() for future in self._futures.values()):
            self._depot.tell("this session ends, and what is being made for it is cancelled")
