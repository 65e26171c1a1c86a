"""Programs that are ended together, whichever threads run them: by whoever has them, by a signal, or when this process ends."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import weakref
from typing import TYPE_CHECKING, TypeVar

from pytest_envrepro.signals import Ending
from pytest_envrepro.terminating import ask, end, kill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_envrepro.terminating import Program

    Started = TypeVar("Started", bound=Program)

NOT_WAITED_FOR = "what another session is at is not waited for: this session ends"  # See `may_wait`.


class Programs:
    """Programs that are ended together.

    Attributes:
        is_over: whether none may be started any more.
        refused: whether one was to be started, or to be waited for, when these had ended.
    """

    def __init__(self) -> None:
        self._guard = threading.RLock()  # A signal may come while it is held, and its handler takes it too.
        self._running: set[Program] = set()
        self.is_over = False
        self.refused = False
        _ALL.add(self)

    @contextlib.contextmanager
    def here(self) -> Iterator[None]:
        """Have all programs among these that this thread runs within the block."""
        before = programs_of_thread()
        _HERE.programs = self
        try:
            yield
        finally:
            _HERE.programs = before

    def start(self, start: Callable[[], Started]) -> Started | None:
        """Have one started, and note it; None where these have been ended."""
        with self._guard:
            if self.is_over:
                self.refused = True
                return None
            program = start()
            self._running.add(program)
        return program

    def forget(self, program: Program | None) -> None:
        """Forget one that has ended; not where all are being ended, as what it has left behind is still to be."""
        with self._guard:
            if program is not None and program.returncode is not None and not self.is_over:
                self._running.discard(program)

    def end(self) -> None:
        """End all that run, and let none be started any more."""
        programs = self.close()
        end(programs)
        with self._guard:  # They were waited for, and the system may give their numbers to others.
            self._running.difference_update(programs)

    def close(self) -> tuple[Program, ...]:
        """Let none be started any more, and give those that run."""
        with self._guard:
            self.is_over = True
            return tuple(self._running)

    def disown(self) -> None:
        """Forget all: in a process that was forked, they are another's."""
        self._guard = threading.RLock()
        self._running = set()


_ALL: weakref.WeakSet[Programs] = weakref.WeakSet()
_HERE = threading.local()
_OTHERS = Programs()  # Those that belong to no others.


def programs_of_thread() -> Programs:
    """Give those that this thread runs its programs among."""
    programs: Programs = getattr(_HERE, "programs", _OTHERS)
    return programs


def may_wait() -> bool:
    """Tell whether another session is worth waiting for: not where the programs of this thread have been ended."""
    mine = programs_of_thread()
    mine.refused |= mine.is_over
    return not mine.is_over


def watch_signals(first: Callable[[], object] | None = None) -> Callable[[], None]:
    """Have a signal that ends this process end all programs too, whichever threads run them; call what is given to stop.

    Args:
        first: is called before; what it waits for is nothing that this thread may hold, or not for long.
    """
    if first is None:
        return _SIGNALS.watch()

    def patiently() -> None:
        first()
        ask(_all())

    return Ending(patiently, lambda: kill(_all())).watch()


def _all() -> list[Program]:
    return [program for programs in tuple(_ALL) for program in programs.close()]


def _disown_all() -> None:
    for programs in tuple(_ALL):
        programs.disown()


# Nobody is waited for in a handler: what it has interrupted may hold what that takes.
_SIGNALS = Ending(lambda: ask(_all()), lambda: kill(_all()))
# For what was started, and whose end was interrupted.
atexit.register(lambda: end(_all()))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown_all)
