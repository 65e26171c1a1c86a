"""What all compilers share: the port, what a compiler is given, and what it may not be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.model import Lock
    from pytest_envrepro.process import Completed
    from pytest_envrepro.provenance import Recipe


# What a build reads first: it may tell requirements that no file states.
PROJECT_FILES = ("pyproject.toml", "setup.cfg", "setup.py")


class RefusedError(Exception):
    """A lock is not compiled; the text says why, and what to do."""


class Tool(NamedTuple):
    """A program that compiles locks, as it is installed here.

    Attributes:
        name: `pip-tools`.
        label: its name and version, for people: `pip-tools 7.6.2 with pip 26.3`.
        argv: how it is started.
        identity: all that tells it from another version or build of it, found without starting it; empty where nothing
            does: then nothing that it says is remembered.
        version: as its distribution has it; None where that is not known without starting it.
        options: what it is told behind its arguments, whatever these are.
    """

    name: str
    label: str
    argv: tuple[str, ...]
    identity: str
    version: str | None = None
    options: tuple[str, ...] = ()


class Upgrades(NamedTuple):
    """The options of a tool that let go of old pins.

    Attributes:
        flags: those without a value.
        valued: those with one, which may be joined to it.
    """

    flags: frozenset[str] = frozenset()
    valued: frozenset[str] = frozenset()

    def are_in(self, words: Iterable[str]) -> bool:
        """Tell whether a command has some."""
        return [*self.left_out(kept := list(words))] != kept

    def left_out(self, words: Iterable[str]) -> Iterator[str]:
        """Give a command without them."""
        rest = iter(words)
        for word in rest:
            option, equals, _ = word.partition("=")
            if option in self.valued and not equals:
                next(rest, None)
            elif option not in self.flags | self.valued and word[:2] not in self.valued:
                yield word


# Those of pip-tools and uv.
UPGRADES = Upgrades(frozenset({"-U", "--upgrade"}), frozenset({"-P", "--upgrade-package", "--upgrade-group"}))


class Compiler(Protocol):
    """One native tool; `Plain` has what most of them have in common.

    Attributes:
        name: as `Recipe.tool` says it; None for commands of a project's own.
        settings: whose variables and files change what it finds: `pip`, `uv`.
        leaves: whether it leaves a lock untouched that it would write again as it is.
        keeps: whether it keeps all pins that still fit, so that each change can be explained.
        upgrades: the options that it lets go of old pins by: for a second opinion, a command of the table is run without
            them.
        versioned: whether its version decides what it is told: where nothing else tells it, it is asked.
    """

    name: str | None
    settings: tuple[str, ...]
    leaves: bool
    keeps: bool
    upgrades: Upgrades
    versioned: bool

    def find(self, recipe: Recipe, inventory: Inventory, environ: Mapping[str, str]) -> Tool:
        """Find it, without starting anything.

        Raises:
            RefusedError: it is not installed.
        """

    def check_target(self, lock: Lock, inventory: Inventory, *, mending: bool) -> None:
        """Tell whether it can compile this lock for what the lock was compiled for.

        Raises:
            RefusedError: it would be compiled for another Python or platform.
        """

    def arguments(self, recipe: Recipe, path: str, *, mending: bool) -> tuple[str, ...]:
        """Give what it is told.

        Args:
            path: the lock.
            mending: whether the result is to take the lock's place.

        Raises:
            RefusedError: an option of a header that is not on the list of those that are run.
        """

    def for_version(self, said: str) -> tuple[str, ...]:
        """Give the options that a version of it is told behind its arguments.

        Args:
            said: the version, or what it says when it is asked (`--version`).

        Raises:
            RefusedError: that tells no version.
        """

    def paths(self, arguments: tuple[str, ...]) -> Iterator[str]:
        """Give all that may be a path in what it is told, from where it runs."""

    def builds(self, lock: Lock, text: Callable[[str], str]) -> bool:
        """Tell whether a build of the project may have a say in the lock: that reads any file of it.

        Args:
            text: gives what stands in a file of the project.
        """

    def given(self, text: str) -> str:
        """Give an old lock as the tool takes it for its preferences."""

    def verdict(self, done: Completed) -> bool | None:
        """Tell what it says of a lock that it has only looked at: whether it holds; None where it writes locks."""

    def left(self, done: Completed) -> str:
        """Name what of the lock it has only looked at, where it has written the rest; empty where that is nothing."""

    def variables(self) -> Mapping[str, str]:
        """Give the environment variables that it needs besides the user's."""

    def places(self) -> Mapping[str, str]:
        """Give the variables that name folders which it writes to, each with a folder's name in the workspace."""

    def config_files(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Give the user's own settings files that it would read, whether they exist or not, as absolute paths."""


class Plain:
    """A compiler that needs nothing but its arguments: what another one has more, it says itself."""

    leaves = False
    keeps = True
    upgrades = Upgrades()
    versioned = False

    def check_target(self, lock: Lock, inventory: Inventory, *, mending: bool) -> None:
        """Leave the target to the tool."""

    def for_version(self, said: str) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Tell all versions the same."""
        return ()

    def paths(self, arguments: tuple[str, ...]) -> Iterator[str]:  # noqa: ARG002  # As all.
        """Find none."""
        yield from ()

    def builds(self, lock: Lock, text: Callable[[str], str]) -> bool:  # noqa: ARG002  # As all.
        """Read what stands in files alone."""
        return False

    def given(self, text: str) -> str:
        """Take any lock."""
        return text

    def verdict(self, done: Completed) -> bool | None:  # noqa: ARG002  # As all.
        """Write locks."""
        return None

    def left(self, done: Completed) -> str:  # noqa: ARG002  # As all.
        """Write all of them."""
        return ""

    def variables(self) -> Mapping[str, str]:
        """Add nothing."""
        return {}

    def places(self) -> Mapping[str, str]:
        """Write nowhere else."""
        return {}

    def config_files(self, environ: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Know of none."""
        return ()


def refuse_other_python(name: str, lock: Lock, inventory: Inventory) -> None:
    """Refuse a lock for another Python, of a tool that compiles for the one that runs it.

    Raises:
        RefusedError: it is for another one.
    """
    here, there = inventory.interpreter.version, lock.target.python
    if there and here.split(".")[:2] != there.split(".")[:2]:
        raise RefusedError(
            f"it was compiled with Python {there}, this is {here}, and {name} compiles for the Python that "
            f"runs it: run this session with Python {there}"
        )
