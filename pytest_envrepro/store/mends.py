"""Remembers what was put right in an environment, and who was at work when it was changed: whoever had it then is told."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.store.manifest import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

_REMEMBERED = 20  # Of one environment: those who have it were given it a moment ago, as a rule.
_WRITTEN = 20  # Changes of each: people are shown ten.

Names = dict[str, tuple[str, ...]]  # Of tests, by the process they run in: see `Owners.name`.


class Mend(NamedTuple):
    """What was put right in an environment.

    Attributes:
        name: that of the environment's folder.
        number: they are counted, from 1 on, as long as the environment is there.
        when: when the latest of the changes was made, in seconds since the epoch.
        changes: the first of them.
        total: how many there were.
        at_work: who was at work then.
        title: what the environment is called, for people.
    """

    name: str
    number: int
    when: float
    changes: tuple[Change, ...]
    total: int
    at_work: Names
    title: str


class Mends:
    """What was put right in the environments of a store.

    Args:
        folder: has a file for each environment.

    Attributes:
        at_work: tells who was at work at a time.
        ours: what this session has put right.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.at_work: Callable[[float], Mapping[str, tuple[str, ...]]] = lambda _: {}
        self.ours: list[Mend] = []

    def of(self, name: str) -> tuple[Mend, ...]:
        """Give what was put right in an environment, the oldest first.

        Args:
            name: that of its folder.
        """
        try:
            told = json.loads(self._file(name).read_bytes())
            return tuple(_read(each) for each in told)
        except (OSError, ValueError, TypeError, KeyError):  # Of another version of this plugin, perhaps.
            return ()

    def note(self, prefix: Path, changes: Iterable[Change], title: str) -> None:
        """Note what is about to be put right, under the lock of its environment: whoever finds it whole can read that."""
        name = prefix.parent.name
        before = self.of(name)
        every = tuple(changes)
        when = changed_at(prefix, every)
        number = before[-1].number + 1 if before else 1
        mend = Mend(name, number, when, every[:_WRITTEN], len(every), dict(self.at_work(when)), title)
        self.ours.append(mend)
        new = self._file(name).with_suffix(f".{os.urandom(4).hex()}")
        with contextlib.suppress(OSError):  # On a full disk it is put right all the same.
            try:
                new.write_text(json.dumps([each._asdict() for each in (*before, mend)[-_REMEMBERED:]]))
                new.replace(self._file(name))
            finally:
                new.unlink(missing_ok=True)

    def names(self) -> set[str]:
        """Give the environments of which something is remembered."""
        return {name.partition(".")[0] for name in os.listdir(self._folder)}

    def forget(self, names: Collection[str]) -> None:
        """Forget what is remembered of some environments."""
        for path in self._folder.iterdir():
            if path.name.partition(".")[0] in names:
                path.unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _read(told: Mapping[str, object]) -> Mend:
    mend = Mend(**told)  # type: ignore[arg-type]  # Of what it is not, the next lines say so.
    changes = tuple(Change(*each) for each in mend.changes)
    return mend._replace(changes=changes, at_work={who: tuple(names) for who, names in mend.at_work.items()})


def changed_at(prefix: Path, changes: Iterable[Change]) -> float:
    """Give when the latest of some changes was made, in seconds since the epoch; of what is gone, when its folder changed.

    It may have been up to a tick later.
    """
    latest = 0.0
    for change in changes:
        path = os.path.join(prefix, change.path)
        while not os.path.lexists(path) and path != os.path.dirname(path):
            path = os.path.dirname(path)
        with contextlib.suppress(OSError):
            latest = max(latest, os.lstat(path).st_ctime)
    return latest or time.time()
