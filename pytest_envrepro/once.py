"""Does things once, whoever asks for them, and from whichever thread; who comes later is told the same."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from pytest_envrepro.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Result = TypeVar("Result")


class Once(Generic[Result]):
    """What has come of things, by what tells them from each other."""

    def __init__(self) -> None:
        self._guards: dict[Hashable, threading.Lock] = {}
        self._results: dict[Hashable, Result] = {}
        self._failed: dict[Hashable, BuildError] = {}

    def of(self, key: Hashable, do: Callable[[], Result]) -> Result:
        """Give what has come of one, or do it; that it has failed is remembered too.

        Raises:
            BuildError: it has failed, now or before.
        """
        with self._guards.setdefault(key, threading.Lock()):
            if key in self._failed:
                raise self._failed[key].again()
            if key not in self._results:
                try:
                    self._results[key] = do()
                except BuildError as error:
                    self._failed[key] = error
                    raise
            return self._results[key]
