"""What environments of all kinds share: the handle that tests hold.

Longer than other files: it is one public class, whose methods and their documentation are read together.
"""

from __future__ import annotations

import posixpath
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from pytest_envrepro.envs.asked import SEPARATORS, Command, LateError, check_terms, words_of
from pytest_envrepro.envs.comparing import DEPTHS, compare
from pytest_envrepro.envs.judged import assert_none
from pytest_envrepro.envs.unaccompanied import NoServices
from pytest_envrepro.errors import CommandFailed, CommandTimeout, EnvReproError, RefusedError
from pytest_envrepro.values import did_you_mean

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from typing_extensions import NotRequired, Unpack

    from pytest_envrepro.envs.asked import Terms
    from pytest_envrepro.envs.comparing import Depth, Diff
    from pytest_envrepro.envs.contents import Side
    from pytest_envrepro.envs.judged import Judge, Judged, Subject
    from pytest_envrepro.envs.packages import Packages
    from pytest_envrepro.inventory import Interpreter
    from pytest_envrepro.process import Completed
    from pytest_envrepro.settings import Settings

SHORT_KEY = 8  # Characters of a key that tell one environment from another, for people.


class Identity(TypedDict):
    """What every environment is told.

    Attributes:
        name, settings: as of an `Environment`.
        key: what tells it from all others.
        judge: judges it.
        note: is told of each command that has ended.
    """

    name: str | None
    settings: Settings | None
    key: str
    judge: Judge
    note: NotRequired[Callable[[Completed], None]]


class Caller(Protocol):
    """Runs functions in environments."""

    def __call__(
        self, environment: Environment, function: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any], /
    ) -> Any:
        """Run one, and give what it returns."""


def _quiet(_: Completed) -> None:
    """Do nothing with a command."""


class Environment(ABC):
    """An environment: settings made real.

    Attributes:
        kind: `host`, `virtualenv`, `container` or `lock`.
        name: as it is declared, or None.
        settings: what it is made of; None where it is found, and not made.
        last: the last command that ran in it, with its output, or None.
        called: the function that ran in it last, for people; None where the test at work has called none.
        target: the Python that a lock is read for when the two are compared; None for the one that it was read for.
        separators: what tells a path in it from the name of a program.
    """

    kind: str
    target: Interpreter | None = None
    separators: Sequence[str] = SEPARATORS

    def __init__(self, **identity: Unpack[Identity]) -> None:
        self.name = identity["name"]
        self.settings = identity["settings"]
        self._key = identity["key"]
        self._judge = identity["judge"]
        self._note = identity.get("note", _quiet)
        self.last: Completed | None = None
        self.called: str | None = None
        self._earlier: Completed | None = None
        self._services: Mapping[str, Any] | None = None
        self.caller: Caller | None = None

    @property
    def key(self) -> str:
        """What tells it from all others."""
        return self._key

    def begin(self) -> None:
        """Note that another test begins: what ran until now was not run by it."""
        self._earlier = self.last
        self.called = None

    @property
    def last_of_test(self) -> Completed | None:
        """The last command that the test at work, or a fixture that was set up for it, ran in it; None for none."""
        return None if self.last is self._earlier else self.last

    @property
    def services(self) -> Mapping[str, Any]:
        """The services beside it, by name; none where it declares none."""
        return NoServices(self.label) if self._services is None else self._services

    @services.setter
    def services(self, services: Mapping[str, Any] | None) -> None:
        self._services = services

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
        __tracebackhide__ = True
        words = words_of(argv, separators=self.separators)
        return self._run(Command(words, words[0], cwd, env or {}, input, timeout), check=check)

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
        __tracebackhide__ = True
        python = self._python()
        words = words_of((posixpath.basename(python), *args), separators=self.separators)
        return self._run(Command(words, python, cwd, env or {}, input, timeout), check=check)

    def _run(self, command: Command, *, check: bool) -> Completed:
        __tracebackhide__ = True
        check_terms(command.given, command.timeout)
        try:
            self.last = self._execute(command)
        except LateError as error:
            self.last = error.completed
            self._note(self.last)
            raise CommandTimeout(self.last, command.timeout or 0, self.label) from None
        self._note(self.last)
        if check and self.last.returncode:
            raise CommandFailed(self.last, self.label, self._why(self.last))
        return self.last

    def _why(self, completed: Completed) -> str:  # noqa: ARG002  # Of what it depends on, others know more.
        """Say what is known about why a program has failed, to follow on how it has ended; empty for nothing."""
        return ""

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function in the environment's Python, and give what it returns.

        One of the test module, or of a module beside it, travels as source, with what of its module it uses; another one is
        imported there by its name. Each call has a process of its own. What it writes is written here, and what it raises is
        raised here, with its traceback.

        Args:
            args, kwargs: plain data and paths, as what it returns.

        Raises:
            EnvReproError: something cannot travel, or the function ends its Python.
        """
        __tracebackhide__ = True
        if self.caller is None:
            raise RefusedError(f"call() works for environments that a test is given, and {self.label} is none of these")
        return self.caller(self, function, args, kwargs)

    @property
    @abstractmethod
    def place(self) -> str:
        """What tells where it is from all others: a folder, or a container."""

    @abstractmethod
    def terms(self) -> Terms:
        """Give how functions run in it."""

    @abstractmethod
    def converse(self, program: str) -> Any:
        """Start its Python with a program (`-c`), and give what it is talked with by.

        Raises:
            EnvReproError: it cannot be started.
        """

    @abstractmethod
    def _python(self) -> str:
        """Give the program that is the environment's Python.

        Raises:
            EnvReproError: it has none.
        """

    @abstractmethod
    def _execute(self, command: Command) -> Completed:
        """Run a command to its end.

        Raises:
            LateError: it took too long.
            EnvReproError: there is no such program in the environment, or it cannot be started.
        """

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
        __tracebackhide__ = True
        _refuse_others(other)
        if depth not in DEPTHS:
            raise RefusedError(f"there is no depth {depth!r}{did_you_mean(str(depth), DEPTHS)}")
        try:
            left, right = self.beside(other), other.beside(self)
            return compare(left.side(depth), right.side(depth), depth)
        except EnvReproError as error:  # To the one who asked, its message is all.
            raise error.with_traceback(None) from None

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
        judged = self._judged(lambda subject: self._judge.matches(subject, lock))
        assert_none(judged, f"{self.label} is not {lock}", f"whether {self.label} is {lock}")

    def assert_no_conflicts(self) -> None:
        """Assert that the packages agree with each other, with the Python and with the platform.

        Raises:
            AssertionError: they do not; a line for each conflict.
        """
        __tracebackhide__ = True
        judged = self._judged(self._judge.conflicts)
        assert_none(judged, f"{self.label} has conflicts", f"whether {self.label} has conflicts")

    def assert_intact(self) -> None:
        """Assert that the files of all packages are what their installer wrote (RECORD).

        Raises:
            AssertionError: they are not; a line for each file.
        """
        __tracebackhide__ = True
        judged = self._judged(self._intact)
        changed = f"{self.label} was changed after it was installed"
        assert_none(judged, changed, f"whether {changed}")

    def _intact(self, subject: Subject) -> Judged:
        """Judge the files; what else is known of them than RECORD, others know."""
        return self._judge.intact(subject)

    def _judged(self, judge: Callable[[Subject], Judged]) -> Judged:
        """Judge what is there now.

        Raises:
            EnvReproError: that cannot be known.
        """
        __tracebackhide__ = True
        try:
            return judge(self.subject())
        except EnvReproError as error:  # As of `diff`.
            raise error.with_traceback(None) from None


def _refuse_others(other: object) -> None:
    """Refuse to compare with what is no environment.

    Raises:
        TypeError: it is none.
    """
    __tracebackhide__ = True
    if not isinstance(other, Environment):
        hint = f": environments.get({other!r}) gives one" if isinstance(other, str) else ""
        raise TypeError(f"diff() compares with another environment, not with {other!r}{hint}")
