"""Makes the environments of a session side by side, before the tests that need them."""

from __future__ import annotations

import contextlib
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from pytest_envrepro.engine import ImageNotFoundError
from pytest_envrepro.errors import BuildError
from pytest_envrepro.plans import ContainerPlan, Plan
from pytest_envrepro.programs import Programs, watch_signals
from pytest_envrepro.tidying import FAULTS, Tidying

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
        self._copied: dict[str, str] = {}  # What each copies, as it was when it was begun with.
        self._told: set[str] = set()  # Those of which somebody was told why they cannot be made.
        self._pool: ThreadPoolExecutor | None = None
        self._programs = Programs()
        self._unwatch: Callable[[], None] = _nothing

    def start(self, plans: Iterable[Plan | ContainerPlan], copied: Mapping[str, int]) -> None:
        """Begin with those that have not been begun with; it goes on in the background.

        Args:
            copied: how many tests take a private copy of one, by its identity.
        """
        every = tuple(plans)
        for plan in every:
            self._forget_mended(plan)
        new = {plan.identity: plan for plan in every if plan.identity not in self._futures}
        if new and self._pool is None:
            most = min(_MOST, max(2, os.cpu_count() or 1))
            self._pool = ThreadPoolExecutor(max_workers=most, thread_name_prefix="envrepro")
            self._unwatch = watch_signals(self._cancel_soon)
        for identity, plan in new.items():
            if self._pool is not None:
                self._futures[identity] = self._pool.submit(self._make, plan, copied.get(identity, 0))

    def _make(self, plan: Plan | ContainerPlan, copies: int) -> None:
        self._copied[plan.identity] = self._depot.copied(plan)
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
            EnvReproError: it cannot be made; the next who asks is told the same, unless what it copies has changed.
        """
        self._forget_mended(plan)
        future = self._futures.get(plan.identity)
        error = future.exception() if future is not None else None
        if isinstance(error, BuildError) and plan.identity in self._told:
            raise error.again() from None
        if error is not None:
            self._told.add(plan.identity)
            # Without what it has gathered on its way to the one who asked before.
            raise error.with_traceback(None) from None

    def _forget_mended(self, plan: Plan | ContainerPlan) -> None:
        """Forget that one could not be made, where what was wrong with it may have been mended since."""
        future = self._futures.get(plan.identity)
        if future is None or not future.done() or future.cancelled() or future.exception() is None:
            return
        is_there = (
            isinstance(plan, ContainerPlan)
            and isinstance(future.exception(), ImageNotFoundError)
            and self._depot.containers.has_base(plan)
        )
        if is_there or self._depot.copied(plan) != self._copied[plan.identity]:
            del self._futures[plan.identity]
            self._told.discard(plan.identity)

    def _cancel_soon(self) -> None:
        """Cancel what engines are doing, and wait until it is put away: who ends this process asks no second time."""
        thread = threading.Thread(target=self._cancel, daemon=True)  # The main one may hold what that takes.
        thread.start()
        thread.join(_PATIENCE)

    def _cancel(self) -> None:
        for future in self._futures.values():
            future.cancel()
        with contextlib.suppress(*FAULTS):  # This process ends, and the next session sweeps what is left.
            self._cancel_all()
        wait(self._futures.values())

    def stop(self, *, is_over: bool = False) -> None:
        """Leave what has not been begun, and end the programs of what has.

        Args:
            is_over: whether no test has a use for it: a worker of pytest-xdist may be given none. Nobody is told then.
        """
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            try:
                self._cancel_all(is_told=not is_over)
            finally:
                self._pool.shutdown()
                self._unwatch()

    def _cancel_all(self, *, is_told: bool = True) -> None:
        """Cancel what is being made, then tell: a terminal may take a line never, and is to hold up nothing but that.

        Raises:
            EnvReproError, OSError: not all of it could be cancelled.
        """
        is_at_work = not all(future.done() for future in self._futures.values())
        tidying = Tidying()
        with tidying.step():
            self._depot.cancel()
        with tidying.step():
            self._programs.end()
        if is_at_work and is_told:
            self._depot.tell("this session ends, and what is being made for it is cancelled")
        tidying.end()
