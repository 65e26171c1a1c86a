"""Who was at work when a shared environment was changed: tests of this process, and of others that use the same store."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_envrepro.store.store import Store

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

    def at_work(self, when: float) -> dict[str, tuple[str, ...]]:
        """Give the tests that were at work at a time, by the process: see `Store.name`."""
        others: dict[str, tuple[str, ...]] = {}
        for told in self._store.heard():
            with contextlib.suppress(TypeError, ValueError):  # Of another version of this plugin, perhaps.
                tests = [Began(*each) for each in told.what]
                if (
                    told.ended is not None
                ):  # Of a process that was killed, the last test is over too: a file's time says when.
                    tests.append(Began(told.ended + TICK, _NONE))
                others[told.owner] = tuple(_at_work(tests, when))
        # Whoever asks is at work, and may have begun a tick later: that is no reason to name it.
        mine = _at_work(self._tests, when) if when >= self.since else self.before(when)
        return {self._store.name: tuple(mine), **others}

    def before(self, when: float) -> tuple[str, ...]:
        """Give the tests of this process that were at work at a time, and are over."""
        return tuple(name for name in _at_work(self._tests, when) if name != self._tests[-1].name)

    def beside(self, when: float) -> tuple[str, ...]:
        """Give the tests of other processes that were at work at a time."""
        return self.of_others(self.at_work(when))

    def of_others(self, names: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        """Give those of other processes among names, each once."""
        return tuple(
            dict.fromkeys(name for who, several in names.items() if who != self._store.name for name in several)
        )


def _at_work(tests: Sequence[Began], when: float) -> Iterator[str]:
    for index, (began, name) in enumerate(tests):
        ended = tests[index + 1].when if index + 1 < len(tests) else float("inf")
        if name != _NONE and began <= when + TICK and ended >= when:
            yield name
