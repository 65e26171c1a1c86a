"""What is being done for the environments of a session: told where it takes long, and when it is done."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_QUIET = 2.0  # Seconds: what is made by then is told in one line, when it is made.
_LONG = 10.0  # Seconds: where people want to be told little, what has not taken so long is not told at all.
_AGAIN = 15.0  # Seconds between two lines that tell the same, for whom would think that it hangs.


class _Work(NamedTuple):
    """One environment that is being made: what is being done, since when, and when that is told (of a steady clock)."""

    title: str
    began: float
    what: str
    since: float
    due: float
    is_told: bool = False


class _Done(NamedTuple):
    """A line about one that is made, and when it was begun (of a steady clock)."""

    began: float
    line: str


class Progress:
    """Tells what takes its time; each thread is at work on one environment.

    What is done is told in the order in which it was begun, unless one that takes long would hold up others.

    Args:
        tell: is given a line for people; is called from any thread, never from two at once.
        quiet: whether nothing is told but what takes ten seconds.
    """

    def __init__(self, tell: Callable[[str], None], *, quiet: bool = False) -> None:
        self._write = tell
        self._is_quiet = quiet
        self._patience = _LONG if quiet else _QUIET
        self._guard = threading.Lock()
        self._works: dict[int, _Work] = {}
        self._done: list[_Done] = []
        self._idle = threading.Event()  # Ends the thread that looks; each has its own.
        self._idle.set()

    def tell(self, text: str) -> None:
        """Tell something at once."""
        with self._guard:
            if not self._is_quiet:
                self._write(text)

    @contextlib.contextmanager
    def of(self, title: str) -> Iterator[None]:
        """Say that this thread is at work on an environment."""
        now = time.monotonic()
        me = threading.get_ident()
        with self._guard:
            outer = self._works.get(me)
            self._works[me] = _Work(title, now, "", now, now + self._patience)
            self._start()
        try:
            yield
        finally:
            with self._guard:
                if outer is not None:
                    self._works[me] = outer
                else:
                    del self._works[me]
                self._tell_done()
                if not self._works:
                    self._idle.set()

    def say(self, what: str) -> None:
        """Say what this thread is doing now: it is told where the environment has taken long already, or comes to."""
        now = time.monotonic()
        with self._guard:
            work = self._works.get(threading.get_ident())
            if work is None:
                return
            due = max(work.began + self._patience, work.due if self._is_quiet and work.is_told else now)
            self._works[threading.get_ident()] = work._replace(what=what, since=now, due=due)
        self._tell_due()

    def done(self, what: str, more: str) -> None:
        """Tell what has come of it, with the time that it took."""
        with self._guard:
            work = self._works.get(threading.get_ident())
            if work is not None and (work.is_told or not self._is_quiet):
                took = time.monotonic() - work.began
                self._done.append(_Done(work.began, f"{work.title}: {what} in {took:.1f} s ({more})"))
                self._tell_done()

    def _tell_done(self) -> None:
        """Tell what is done, and was begun before all that has just been begun and is not done."""
        since = time.monotonic() - _QUIET
        first = min((work.began for work in self._works.values() if work.began > since), default=float("inf"))
        told = sorted(each for each in self._done if each.began <= first)
        self._done = [each for each in self._done if each.began > first]
        for each in told:
            self._write(each.line)

    def _start(self) -> None:
        if self._idle.is_set():
            self._idle = threading.Event()
            threading.Thread(target=self._look, args=(self._idle,), name="envrepro-progress", daemon=True).start()

    def _look(self, idle: threading.Event) -> None:
        while not idle.wait(_QUIET / 4):
            self._tell_due()

    def _tell_due(self) -> None:
        now = time.monotonic()
        with self._guard:
            self._tell_done()
            for me, work in self._works.items():
                if work.what and now >= work.due:
                    took = now - work.since
                    self._write(f"{work.title}: {work.what} ...{f' ({took:.0f} s)' if took >= 1 else ''}")
                    self._works[me] = work._replace(due=now + _AGAIN, is_told=True)
