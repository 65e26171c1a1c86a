"""What all compilers share: the port, what a compiler is given, and what it may not be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.model import Lock, Recipe


class RefusedError(Exception):
    """A lock is not compiled; the text says why, and what to do."""


class Tool(NamedTuple):
    """A program that compiles locks, as it is installed here.

    Attributes:
        name: `pip-tools`.
        label: its name and version, for people: `pip-tools 7.6.2 with pip 26.3`.
        argv: how it is started.
        identity: all that tells it from another version or build of it, found without starting it.
    """

    name: str
    label: str
    argv: tuple[str, ...]
    identity: str


class Compiler(Protocol):
    """One native tool.

    Attributes:
        name: as a lock's `tool` and `Recipe.tool` say it; None for commands of a project's own.
        settings: whose variables and files change what it finds: `pip`, `uv`.
    """

    name: str | None
    settings: tuple[str, ...]

    def find(self, recipe: Recipe, inventory: Inventory, environ: Mapping[str, str]) -> Tool:
        """Find it, without starting anything.

        Raises:
            RefusedError: it is not installed.
        """

    def check_target(self, lock: Lock, inventory: Inventory) -> None:
        """Tell whether it can compile this lock for what the lock was compiled for.

        Raises:
            RefusedError: it would be compiled for another Python or platform.
        """

    def arguments(self, recipe: Recipe, path: str, *, upgrade: bool) -> tuple[str, ...]:
        """Give what it is told.

        Args:
            path: the lock.
            upgrade: whether options that leave the old pins aside are passed; a header never has them.

        Raises:
            RefusedError: an option of a header that is not on the list of those that are run.
        """

    def variables(self) -> Mapping[str, str]:
        """Give the environment variables that it needs besides the user's."""

    def config_files(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Give the user's own settings files that it would read, whether they exist or not, as absolute paths."""
