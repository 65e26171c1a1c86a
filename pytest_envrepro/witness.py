"""Who was at work when a shared environment was changed: tests of this process, and of others that use the same store."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pytest_envrepro.store import Change, Store

TICK = 0.02  # Seconds: the times of files are those of a clock that stands still for so long.
_TOLD = 20  # Tests that other processes are told of: the last, since what they ask about is a moment ago.
_NONE = ""  # In the place of a test's name: none is at work any more.


class Began(NamedTuple):
    """When a test began, in seconds since the epoch; it is at work until the next of its process begins."""

    when: float
    name: str


class Witness:
    """Tells which tests were at work at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tests: list[Began] = []

    def begin(self, name: str) -> None:
        """Note that a test begins, and tell the other processes."""
        self._tests.append(Began(time.time(), name))
        self._store.say(self._tests[-_TOLD:])

    def end(self) -> None:
        """Note that the last test is over: whatever changes from now on, none of this process was at work then."""
        if self._tests:
            self.begin(_NONE)

    @property
    def since(self) -> float:
        """When the test began that is at work, in seconds since the epoch."""
        return self._tests[-1].when if self._tests else 0.0

    def before(self, when: float) -> tuple[str, ...]:
        """Give the tests of this process that were at work at a time, and are over."""
        return tuple(name for name in _at_work(self._tests, when) if name != self._tests[-1].name)

    def beside(self, when: float) -> tuple[str, ...]:
        """Give the tests of other processes that were at work at a time."""
        names: dict[str, None] = {}
        for told in self._store.heard():
            with contextlib.suppress(TypeError, ValueError):  # Of another version of this plugin, perhaps.
                names |= dict.fromkeys(_at_work([Began(*each) for each in told], when))
        return tuple(names)


def _at_work(tests: Sequence[Began], when: float) -> Iterator[str]:
    for index, (began, name) in enumerate(tests):
        ended = tests[index + 1].when if index + 1 < len(tests) else float("inf")
        if name != _NONE and began <= when + TICK and ended >= when:
            yield name


def changed_at(prefix: Path, changes: Iterable[Change]) -> float:
    """Give when the latest of some changes was made, in seconds since the epoch; of what is gone, when its folder changed.

    It may have been up to a tick later.
    """
    latest = 0.0
    for change in changes:
        path = os.path.join(prefix, change.path)
        while not os.path.lexists(path) and len(path) > len(str(prefix)):
            path = os.path.dirname(path)
        with contextlib.suppress(OSError):
            latest = max(latest, os.lstat(path).st_ctime)
    return latest or time.time()
