"""What is judged of an environment, who judges it, and what comes of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection

    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.settings import Settings


class Subject(NamedTuple):
    """An environment, as it is judged.

    Attributes:
        inventory: what is installed.
        tags: gives the tags of the wheels that its Python can use; None where that is the Python that runs this.
        lock: the lock that it is made from, relative to the root, where there is one.
        groups, extras: those that it is declared with: of a project's lock they choose parts.
        is_host: whether it is the one that runs this: then commands that mend it are told too.
    """

    inventory: Inventory
    tags: Callable[[], Collection[str]] | None = None
    lock: str | None = None
    is_host: bool = False
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()

    def declared(self, settings: Settings | None) -> Subject:
        """Give it with the lock and the parts of it that settings declare it with, where there are settings."""
        if settings is None:
            return self
        return self._replace(lock=settings.lock, groups=settings.groups, extras=settings.extras)


class Judged(NamedTuple):
    """What is wrong with an environment: all of it empty says that nothing is.

    Attributes:
        faults: a line for each.
        unknown: why not all could be looked at, or None: that is no pass either.
        fixes: the commands that mend it, where it can be mended.
    """

    faults: tuple[str, ...] = ()
    unknown: str | None = None
    fixes: tuple[str, ...] = ()


class Judge(Protocol):
    """Judges an environment by the checks."""

    def matches(self, subject: Subject, lock: str | os.PathLike[str]) -> Judged:
        """Compare what is installed with a lock.

        Raises:
            EnvReproError: there is no such lock, or it cannot be read.
        """

    def conflicts(self, subject: Subject) -> Judged:
        """Look for what conflicts among the packages."""

    def intact(self, subject: Subject) -> Judged:
        """Compare the files with RECORD."""


def assert_none(judged: Judged, title: str, question: str) -> None:
    """Raise an AssertionError where something is wrong, or where that is not known."""
    __tracebackhide__ = True
    unknown = f"{question} is not known{' in full' if judged.faults else ''}: {judged.unknown}"
    lines = [title, *(f"  {fault}" for fault in judged.faults)] if judged.faults else []
    lines += [unknown] if judged.unknown else []
    if lines:
        raise AssertionError("\n".join([*lines, *(f"  fix: {fix}" for fix in judged.fixes)]))
