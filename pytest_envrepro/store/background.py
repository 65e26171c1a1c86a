"""Does work beside what goes on, in a thread that can be interrupted: at the end of a session, and where a process forks."""

from __future__ import annotations

import contextlib
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
    """A thread while there is something to do, one work after the other; each looks at the event that it is given.

    It is a daemon: a session that ends is not held up.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._next: Callable[[threading.Event], None] | None = None
        _hold_at_forks()
        _EXISTING.add(self)

    def start(self, work: Callable[[threading.Event], None]) -> None:
        """Begin with a work; where one is being done, this comes after it, in the place of another that waits."""
        with self._guard:
            if self._thread is not None and not self._stop.is_set():
                self._next = work
                return
            # Its own event: a thread that was told to end is not to take it back.
            self._stop, self._next = threading.Event(), None
            self._thread = threading.Thread(target=self._do, args=(work, self._stop), name=self._name, daemon=True)
            self._thread.start()

    def _do(self, work: Callable[[threading.Event], None], stop: threading.Event) -> None:
        while True:
            try:
                work(stop)
            except BaseException:
                with self._guard:
                    self._thread = None
                raise
            with self._guard:
                # Under the guard: what is asked for meanwhile is either done here or begun anew.
                if self._next is None or stop.is_set():
                    if self._thread is threading.current_thread():
                        self._thread = None
                    return
                work, self._next = self._next, None

    def stop(self, seconds: float) -> None:
        """Let the thread end, and wait so long for what it still has to do; then interrupt it."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
            self.hold()

    def hold(self) -> None:
        """Interrupt the work, and return when it has ended; `start` begins anew."""
        with self._guard:
            thread = self._thread
            self._stop.set()
        if thread is not None:
            thread.join()


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
    """Have no thread where a process is forked: Python warns of that since 3.12, and a test may make it an error.

    filelock (since 4.2) lets no thread release a lock while a process forks. What was registered last is called first:
    so it has to be there before, or a thread that holds a lock would be waited for that waits for the fork.
    """
    if not _hooked.is_set() and hasattr(os, "register_at_fork"):
        _hooked.set()
        with contextlib.suppress(ImportError):
            import filelock  # noqa: F401, PLC0415  # Is needed for environments alone, and may be absent.
        os.register_at_fork(before=_hold_all)


def _hold_all() -> None:
    for each in list(_EXISTING):
        each.hold()
