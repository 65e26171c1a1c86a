"""What environments of all kinds share: the handle that tests hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_envrepro.envs.comparing import DEPTHS, compare
from pytest_envrepro.errors import RefusedError
from pytest_envrepro.values import did_you_mean

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Mapping

    from pytest_envrepro.envs.comparing import Depth, Diff
    from pytest_envrepro.envs.contents import Side
    from pytest_envrepro.envs.packages import Packages
    from pytest_envrepro.model import Interpreter, Inventory
    from pytest_envrepro.process import Completed
    from pytest_envrepro.settings import Settings

SHORT_KEY = 8  # Characters of a key that tell one environment from another, for people.


class Subject(NamedTuple):
    """An environment, as it is judged.

    Attributes:
        inventory: what is installed.
        tags: gives the tags of the wheels that its Python can use; None where that is the Python that runs this.
        lock: the lock that it is made from, relative to the root, where there is one.
        is_host: whether it is the one that runs this: then commands that mend it are told too.
    """

    inventory: Inventory
    tags: Callable[[], Collection[str]] | None = None
    lock: str | None = None
    is_host: bool = False


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


class Environment(ABC):
    """An environment: settings made real.

    Attributes:
        kind: `host`, `virtualenv`, `container` or `lock`.
        name: as it is declared, or None.
        settings: what it is made of; None where it is found, and not made.
        last: the last command that ran in it, with its output, or None.
        target: the Python that a lock is read for when the two are compared; None for the one that it was read for.
    """

    kind: str
    target: Interpreter | None = None

    def __init__(self, *, name: str | None, settings: Settings | None, key: str, judge: Judge) -> None:
        self.name = name
        self.settings = settings
        self._key = key
        self.last: Completed | None = None
        self._judge = judge
        self.services: Mapping[str, Any] | None = None

    @property
    def key(self) -> str:
        """What tells it from all others."""
        return self._key

    @property
    def title(self) -> str:
        """What it is called, for people: its name, or its kind and the beginning of its key."""
        named = self.settings.title if self.settings is not None else None
        return named or self.name or f"{self.kind} {self.key[:SHORT_KEY]}"

    @property
    def label(self) -> str:
        """What it is called, as part of a sentence."""
        return f"environment '{self.title}'" if self.name else f"the {self.title}"

    def __repr__(self) -> str:
        return f"<{self.label}>"

    @abstractmethod
    def run(
        self,
        *argv: str | os.PathLike[str],
        check: bool = True,
        timeout: float | None = 60,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002  # Is called so in `subprocess` too.
    ) -> Completed:
        """Run one of the environment's own programs.

        It is given none of this process's variables but language, time zone and what the system needs; `HOME` and
        `TMPDIR` are folders of the test's own.

        Args:
            argv: the name of a program that is installed in the environment, and its arguments.
            check: whether another exit status than 0 is an error.
            timeout: in seconds; the program is then ended with all that it has started. None for never.
            cwd: where it runs; an empty folder of the test's own unless given.
            env: further variables; they win over all others.
            input: what it reads from its standard input.

        Raises:
            CommandFailed: it ended with another status than 0.
            CommandTimeout: it took longer.
            EnvReproError: there is no such program in the environment, or it cannot be started.
        """

    @abstractmethod
    def run_python(
        self,
        *args: str | os.PathLike[str],
        check: bool = True,
        timeout: float | None = 60,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002  # As of `run`.
    ) -> Completed:
        """Run the environment's Python: with a script, with `-m` and a module, or with `-c` and some code; as `run`."""

    @abstractmethod
    def install(self, *requirements: str) -> None:
        """Install packages, into a throwaway environment alone.

        Raises:
            BuildError: that fails.
            EnvReproError: this environment is not to be changed.
        """

    @abstractmethod
    def inventory(self) -> Packages:
        """List what is installed, read from outside: no program is started, and nothing is changed."""

    def diff(self, other: Environment, depth: Depth = "packages") -> Diff:
        """Compare with another environment.

        Args:
            depth: `packages` by name, version and source; `files` also the content of the packages that both have, and
                files of no package; `system` also what is below: the Python, the platform, and what else is known of both.

        Raises:
            EnvReproError: there is no such depth, or one of the two has no files.
        """
        if depth not in DEPTHS:
            raise RefusedError(f"there is no depth '{depth}'{did_you_mean(depth, DEPTHS)}")
        left, right = self.beside(other), other.beside(self)
        return compare(left.side(depth), right.side(depth), depth)

    def beside(self, other: Environment) -> Environment:  # noqa: ARG002  # Of what another is, a lock depends alone.
        """Give itself as it is compared with another."""
        return self

    @abstractmethod
    def side(self, depth: Depth) -> Side:
        """Give all that is compared at a depth.

        Raises:
            EnvReproError: that cannot be known of this kind of environment.
        """

    @abstractmethod
    def subject(self) -> Subject:
        """Give what is judged; read anew."""

    def assert_matches(self, lock: str | os.PathLike[str]) -> None:
        """Assert that what is installed is what a lock pins for this environment's Python, and nothing else.

        Args:
            lock: relative to the project's root, or absolute.

        Raises:
            AssertionError: it is not; a line for each difference.
            EnvReproError: there is no such lock, or it cannot be read.
        """
        __tracebackhide__ = True
        judged = self._judge.matches(self.subject(), lock)
        _assert_none(judged, f"{self.label} is not {lock}", f"whether {self.label} is {lock}")

    def assert_no_conflicts(self) -> None:
        """Assert that the packages agree with each other, with the Python and with the platform.

        Raises:
            AssertionError: they do not; a line for each conflict.
        """
        __tracebackhide__ = True
        judged = self._judge.conflicts(self.subject())
        _assert_none(judged, f"{self.label} has conflicts", f"whether {self.label} has conflicts")

    def assert_intact(self) -> None:
        """Assert that the files of all packages are what their installer wrote (RECORD).

        Raises:
            AssertionError: they are not; a line for each file.
        """
        __tracebackhide__ = True
        judged = self._judge.intact(self.subject())
        changed = f"{self.label} was changed after it was installed"
        _assert_none(judged, changed, f"whether {changed}")


def _assert_none(judged: Judged, title: str, question: str) -> None:
    """Raise an AssertionError where something is wrong, or where that is not known."""
    __tracebackhide__ = True
    unknown = f"{question} is not known{' in full' if judged.faults else ''}: {judged.unknown}"
    lines = [title, *(f"  {fault}" for fault in judged.faults)] if judged.faults else []
    lines += [unknown] if judged.unknown else []
    if lines:
        raise AssertionError("\n".join([*lines, *(f"  fix: {fix}" for fix in judged.fixes)]))
