"""Does work beside what goes on, in a thread that can be interrupted: at the end of a session, and where a process forks."""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_EXISTING: weakref.WeakSet[Background] = weakref.WeakSet()


class Interrupted(Exception):  # noqa: N818  # Is no error.
    """The work is to end here."""


class Background:
    """At most one thread, which does one work at a time; the work looks at the event that it is given.

    It is a daemon: a session that ends is not held up.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        _hold_at_forks()
        _EXISTING.add(self)

    def start(self, work: Callable[[threading.Event], None]) -> None:
        """Begin with a work, unless one is being done."""
        with self._guard:
            if self._thread is None or not self._thread.is_alive():
                self._stop.clear()
                self._thread = threading.Thread(target=work, args=(self._stop,), name=self._name, daemon=True)
                self._thread.start()

    def stop(self, seconds: float) -> None:
        """Let the thread end, and wait so long for what it still has to do; then interrupt it."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
            self.hold()

    def hold(self) -> None:
        """Interrupt the work, and return when it has ended; `start` begins anew."""
        with self._guard:
            if self._thread is not None:
                self._stop.set()
                self._thread.join()
                self._thread = None


class Pace:
    """Leaves half of the time to others: a work that calls this between its steps rests as long as each of them took."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._since = time.perf_counter()

    def __call__(self) -> None:
        """Rest.

        Raises:
            Interrupted: the work is to end.
        """
        if self._stop.wait(time.perf_counter() - self._since):
            raise Interrupted
        self._since = time.perf_counter()


_hooked = threading.Event()


def _hold_at_forks() -> None:
    """Have no thread where a process is forked: Python warns of that since 3.12, and a test may make it an error."""
    if not _hooked.is_set() and hasattr(os, "register_at_fork"):
        _hooked.set()
        os.register_at_fork(before=_hold_all)


def _hold_all() -> None:
    for each in list(_EXISTING):
        each.hold()
