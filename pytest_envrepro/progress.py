"""What is being done for the environments of a session: told where it takes long, and when it is done."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_QUIET = 2.0  # Seconds: what is made by then is told in one line, when it is made.
_AGAIN = 15.0  # Seconds between two lines that tell the same, for whom would think that it hangs.


class _Work(NamedTuple):
    """One environment that is being made: what is being done, since when, and when that is told (of a steady clock)."""

    title: str
    began: float
    what: str
    since: float
    due: float


class Progress:
    """Tells what takes its time; each thread is at work on one environment.

    Args:
        tell: is given a line for people; is called from any thread, never from two at once.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._write = tell
        self._guard = threading.Lock()
        self._works: dict[int, _Work] = {}
        self._watch: threading.Thread | None = None
        self._idle = threading.Event()

    def tell(self, text: str) -> None:
        """Tell something at once."""
        with self._guard:
            self._write(text)

    @contextlib.contextmanager
    def of(self, title: str) -> Iterator[None]:
        """Say that this thread is at work on an environment."""
        now = time.monotonic()
        me = threading.get_ident()
        with self._guard:
            outer = self._works.get(me)
            self._works[me] = _Work(title, now, "", now, now + _QUIET)
            self._start()
        try:
            yield
        finally:
            with self._guard:
                if outer is not None:
                    self._works[me] = outer
                else:
                    del self._works[me]
                if not self._works:
                    self._idle.set()

    def say(self, what: str) -> None:
        """Say what this thread is doing now: it is told where the environment has taken long already, or comes to."""
        now = time.monotonic()
        with self._guard:
            work = self._works.get(threading.get_ident())
            if work is None:
                return
            due = max(work.began + _QUIET, now)
            self._works[threading.get_ident()] = work._replace(what=what, since=now, due=due)
        self._tell_due()

    def done(self, what: str, more: str) -> None:
        """Tell what has come of it, with the time that it took."""
        with self._guard:
            work = self._works.get(threading.get_ident())
            if work is not None:
                self._write(f"{work.title}: {what} in {time.monotonic() - work.began:.1f} s ({more})")

    def _start(self) -> None:
        self._idle.clear()
        if self._watch is None or not self._watch.is_alive():
            self._watch = threading.Thread(target=self._look, name="envrepro-progress", daemon=True)
            self._watch.start()

    def _look(self) -> None:
        while not self._idle.wait(_QUIET / 4):
            self._tell_due()

    def _tell_due(self) -> None:
        now = time.monotonic()
        with self._guard:
            for me, work in self._works.items():
                if work.what and now >= work.due:
                    took = now - work.since
                    self._write(f"{work.title}: {work.what} ...{f' ({took:.0f} s)' if took >= 1 else ''}")
                    self._works[me] = work._replace(due=now + _AGAIN)
