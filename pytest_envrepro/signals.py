"""Signals that would end this process: what has to be done before, and where they are kept back for a moment."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

DEADLY = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Ending:
    """Has something done before a signal ends this process as it would have done without.

    A handler of somebody's own stays, and so does a signal that is ignored.

    Args:
        patiently: is called first; a second signal ends it.
        at_once: is called last.
    """

    def __init__(self, patiently: Callable[[], object], at_once: Callable[[], object]) -> None:
        self._patiently = patiently
        self._at_once = at_once
        self._handlers = (self._end, self._end_at_once)

    def watch(self) -> Callable[[], None]:
        """Begin with it, and give what ends it; in another thread than the main one nothing is done."""
        end, _ = self._handlers
        changed = []
        if threading.current_thread() is threading.main_thread():
            changed = [number for number in DEADLY if signal.getsignal(number) is signal.SIG_DFL]
        for number in changed:
            signal.signal(number, end)

        def stop() -> None:
            for number in changed:
                if signal.getsignal(number) is end:
                    signal.signal(number, signal.SIG_DFL)

        return stop

    def _end(self, number: int, frame: FrameType | None) -> None:
        for each in {number, *DEADLY}:
            signal.signal(each, self._handlers[1])
        try:
            self._patiently()
        finally:
            self._end_at_once(number, frame)

    def _end_at_once(self, number: int, _: FrameType | None) -> None:
        self._at_once()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Keep back what would interrupt the main thread, until the block is left; in another thread nothing does."""
    came: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, *DEADLY):
            if callable(handler := signal.getsignal(number)):
                before[number] = handler
                signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)


@contextlib.contextmanager
def ignored(number: int) -> Iterator[None]:
    """Ignore a signal until the block is left; in another thread than the main one nothing is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Not SIG_IGN, which programs that are started meanwhile would keep.
    before = signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(number, before)
