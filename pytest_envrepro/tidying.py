"""How things are put away: all of it is tried, whatever becomes of a part, and what went wrong is told once, at the end."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pytest_envrepro.errors import EnvReproError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What people are told in a line: an engine or a program that does not do it, and a disk, a lock or a folder that cannot
# be used. Any other error is a fault in this package, and is raised.
FAULTS = (EnvReproError, OSError)


class Tidying:
    """Steps that are all taken, whatever becomes of those before them; from any thread.

    Example:
        tidying = Tidying()
        for each in things:
            with tidying.step():
                each.end()
        tidying.end()
    """

    def __init__(self) -> None:
        self._faults: list[EnvReproError | OSError] = []
        self._others: list[Exception] = []

    @contextlib.contextmanager
    def step(self, at_once: tuple[type[Exception], ...] = ()) -> Iterator[None]:
        """Take a step; an error ends it, and is kept.

        Args:
            at_once: what is raised at once, since nothing could be done after it.
        """
        try:
            yield
        except at_once:
            raise
        except Exception as error:  # noqa: BLE001  # None is lost: each is told, or raised in the end.
            self.note(error)

    def note(self, error: Exception) -> None:
        """Note what a step has ended with."""
        if isinstance(error, FAULTS):
            self._faults.append(error)
        else:
            self._others.append(error)

    def told(self) -> tuple[EnvReproError | OSError, ...]:
        """Give what went wrong since it was told last.

        Raises:
            Exception: an error of another kind, which is nobody's but ours; once.
        """
        if self._others:
            others, self._others = self._others, []
            raise others[0]
        faults, self._faults = self._faults, []
        return tuple(faults)

    def end(self) -> None:
        """Raise the first of what went wrong, if anything did.

        Raises:
            EnvReproError, OSError: of that kind.
            Exception: as `told`.
        """
        for error in self.told():
            raise error
