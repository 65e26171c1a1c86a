"""Does what nobody waits for beside what goes on: the sweep at the start, the end of containers. At the end all of it is done."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from pytest_envrepro.errors import EnvReproError

if TYPE_CHECKING:
    from collections.abc import Callable

_AT_ONCE = 2
_MOST = 8  # What is to be done or being done; then whoever has more waits, so that an engine is not flooded.


class Beside:
    """What is being done beside, in this process."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._pool: ThreadPoolExecutor | None = None
        self._futures: list[Future[object]] = []
        self._faults: list[EnvReproError] = []

    def do(self, work: Callable[[], object]) -> None:
        """Have something done soon; what goes wrong is told by `finish`."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="envrepro-beside")
        pending = [each for each in self._futures if not self._has_ended(each)]
        if len(pending) >= _MOST:
            wait(pending, return_when=FIRST_COMPLETED)
        self._futures = [*pending, self._pool.submit(work)]

    def _has_ended(self, future: Future[object]) -> bool:
        if not future.done():
            return False
        error = future.exception()
        if isinstance(error, EnvReproError):
            self._faults.append(error)
        elif error is not None:
            raise error
        return True

    def finish(self) -> tuple[EnvReproError, ...]:
        """Wait until all is done, and give what went wrong; a process that was forked from this one has nothing to do."""
        if self._pool is None or self._pid != os.getpid():
            return ()
        wait(self._futures)
        self._futures = [each for each in self._futures if not self._has_ended(each)]
        self._pool.shutdown()
        self._pool = None
        return tuple(self._faults)
