"""Does what nobody waits for beside what goes on: the sweep at the start, the end of containers. At the end all of it is done."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from pytest_envrepro.tidying import Tidying

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_envrepro.errors import EnvReproError

_AT_ONCE = 2
_MOST = 8  # What is to be done or being done; then whoever has more waits, so that an engine is not flooded.


class Beside:
    """What is being done beside, in this process."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._pool: ThreadPoolExecutor | None = None
        self._futures: list[Future[None]] = []
        self._tidying = Tidying()

    def do(self, work: Callable[[], object]) -> None:
        """Have something done soon; what goes wrong is told by `finish`, and nothing else is left out for it."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="envrepro-beside")
        self._futures = [each for each in self._futures if not each.done()]
        if len(self._futures) >= _MOST:
            wait(self._futures, return_when=FIRST_COMPLETED)
        self._futures.append(self._pool.submit(self._done, work))

    def _done(self, work: Callable[[], object]) -> None:
        with self._tidying.step():
            work()

    def finish(self) -> tuple[EnvReproError | OSError, ...]:
        """Wait until all is done, and give what went wrong; a process that was forked from this one has nothing to do.

        Raises:
            Exception: as `Tidying.told`; all is done by then.
        """
        if self._pool is None or self._pid != os.getpid():
            return ()
        wait(self._futures)
        self._futures = []
        self._pool.shutdown()
        self._pool = None
        return self._tidying.told()
