"""Runs the programs of a container, and reads and writes its files: also of one that has no Python."""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING, Any

from pytest_envrepro.engine import EngineError, ExecutionTimeoutError, ProgramNotFoundError
from pytest_envrepro.envs.asked import variables_of, words_of
from pytest_envrepro.envs.base import Environment
from pytest_envrepro.envs.running import quiet
from pytest_envrepro.errors import CommandFailed, CommandTimeout, RefusedError
from pytest_envrepro.process import Completed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self

    from pytest_envrepro.engine import Container, Executed
    from pytest_envrepro.envs.base import Judge
    from pytest_envrepro.settings import Settings

# What a runtime says (runc, crun): `exec: "flask": executable file not found in $PATH`.
_RUNTIME = re.compile(r'.*\bexec(?:: ".*"| [^\s:]+): (?P<why>[^"]+?)(?:: unknown)?\s*', re.DOTALL)
_ABSENT = re.compile(r"not found|no such file", re.IGNORECASE)
_INSTALLERS = {"pip": "pip", "pip3": "pip", "uv": "uv"}


def _nothing() -> None:
    """Leave a container as it is."""


class RunningContainer(Environment):
    """A container that runs.

    Its programs are found on the `PATH` of the container, and have its variables, its user and its folder; paths are
    those of the container.

    Args:
        container: it ends with the process that has made it.
        program: its Python, by its path; empty where it has none.
        workdir: where its programs run, and what relative paths are relative to.
        is_private: whether it is one test's own, which may change it.
        note: is told of each command that has ended.

    Attributes:
        container: what the engine knows it by: `container.id`, `container.name`, `container.address(port)`.
        program: its Python, by its path in the container; empty where it has none.
        workdir: where its programs run.
        is_private: whether it is one test's own.
    """

    kind = "container"

    def __init__(  # noqa: PLR0913  # Each is a fact of its own.
        self,
        *,
        name: str | None,
        settings: Settings | None,
        key: str,
        judge: Judge,
        container: Container,
        program: str,
        workdir: str = "/",
        is_private: bool = False,
        note: Callable[[Completed], None] = quiet,
    ) -> None:
        super().__init__(name=name, settings=settings, key=key, judge=judge)
        self.container = container
        self.workdir = workdir
        self.is_private = is_private
        self.program = program
        self._note = note
        self._end: Callable[[], None] = _nothing

    def on_exit(self, end: Callable[[], None]) -> None:
        """Call this when the block ends that is entered with this environment."""
        self._end = end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        # After an error it is left to the end of the test, which knows whether it has failed.
        if kind is None:
            self._end()

    # What runs in it.

    def run(
        self,
        *argv: str | os.PathLike[str],
        check: bool = True,
        timeout: float | None = 60,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002  # Is called so in `subprocess` too.
    ) -> Completed:
        """Run a program of the container: see `Environment.run`.

        Args:
            cwd: in the container; its own folder (`workdir`) unless given.
        """
        __tracebackhide__ = True
        words = words_of(argv, separators=("/",))
        return self._run(words, words[0], self._order(words, cwd, env, input), check=check, timeout=timeout)

    def run_python(
        self,
        *args: str | os.PathLike[str],
        check: bool = True,
        timeout: float | None = 60,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002  # As of `run`.
    ) -> Completed:
        """Run the environment's Python: see `Environment.run_python`; without a virtualenv, the image's own."""
        __tracebackhide__ = True
        if not self.program:
            raise RefusedError(
                f"{self.label} has no Python: its image is used as it is; run() runs other programs of it"
            )
        words = words_of((posixpath.basename(self.program), *args), separators=("/",))
        return self._run(words, self.program, self._order(words, cwd, env, input), check=check, timeout=timeout)

    def _order(
        self,
        words: tuple[str, ...],
        cwd: str | os.PathLike[str] | None,
        env: Mapping[str, str] | None,
        text: str | None,
    ) -> dict[str, Any]:
        """Give what a command is run with; refuse what would not arrive as it is."""
        __tracebackhide__ = True
        environ = dict(variables_of(env or {}))
        for word in words:
            _refuse_unsendable(f"the word {word!r}", word)
        for name, value in environ.items():
            _refuse_unsendable(f"env: the name {name!r}", name)
            _refuse_unsendable(f"env: the value of {name}", value)
            if not name or "=" in name:
                raise RefusedError(f"env: {name!r} cannot be the name of a variable")
        return {
            "environ": environ,
            "workdir": None if cwd is None else self._path(cwd, "cwd"),
            "input": None if text is None else text.encode("utf-8", "surrogateescape"),
        }

    def _run(
        self, words: tuple[str, ...], program: str, order: Mapping[str, Any], *, check: bool, timeout: float | None
    ) -> Completed:
        __tracebackhide__ = True
        try:
            executed = self.container.run([program, *words[1:]], timeout=timeout, **order)
        except ProgramNotFoundError as error:
            raise RefusedError(self._not_run(program, error)) from None
        except ExecutionTimeoutError as error:
            done = self._remember(words, error.executed)
            raise CommandTimeout(done, timeout or 0, self.label) from None
        except EngineError as error:  # To the one who asked, its message is all.
            raise error.with_traceback(None) from None
        done = self._remember(words, executed)
        if check and done.returncode:
            raise CommandFailed(done, self.label)
        return done

    def _remember(self, words: tuple[str, ...], executed: Executed) -> Completed:
        out, err = (
            each.decode("utf-8", "replace").replace("\r\n", "\n") for each in (executed.stdout, executed.stderr)
        )
        self.last = Completed(words, executed.returncode, out, err, executed.seconds)
        self._note(self.last)
        return self.last

    def _not_run(self, program: str, error: ProgramNotFoundError) -> str:
        """Say why a program cannot be run, and what to do."""
        match = _RUNTIME.fullmatch(str(error))
        why = match["why"] if match else str(error)
        if not _ABSENT.search(why):
            return f"{program} cannot be run in {self.label}: {why}"
        if "/" in program:
            return f"there is no program {program} in {self.label}, or its first line names one that is not there"
        if program in {"python", "python3"} and self.program:
            how = f"run_python() runs its Python, {self.program}"
        else:
            how = f"name {_INSTALLERS.get(program, 'the package that provides it')} in its requirements or apt-packages"
        return f"there is no program '{program}' in {self.label}: {how}"

    # Its files.

    def read(self, path: str | os.PathLike[str]) -> bytes:
        """Give the content of a file.

        Args:
            path: absolute, or relative to `workdir`.

        Raises:
            EnvReproError: there is none, or it is a folder.
        """
        __tracebackhide__ = True
        place = self._path(path, "path")
        try:
            return self.container.read(place)
        except EngineError as error:  # As of `run`.
            raise error.with_traceback(None) from None

    def write(self, path: str | os.PathLike[str], data: bytes | str) -> None:
        """Write a file of the container's user, into a container of the test's own; folders on its way are made.

        Args:
            path: absolute, or relative to `workdir`.
            data: a text is written as UTF-8.

        Raises:
            EnvReproError: it cannot be written, or this container is not to be changed.
        """
        __tracebackhide__ = True
        if not isinstance(data, (bytes, str)):
            raise TypeError(f"write() takes bytes or a string, not {data!r}")
        place = self._path(path, "path")
        if not self.is_private:
            named = f"environments.throwaway('{self.name}')" if self.name else "environments.throwaway(...)"
            raise RefusedError(
                f"{self.label} is shared with other tests and is not changed: name {place} in its files, or write into "
                f"one of the test's own, which throwaway_container and {named} give"
            )
        content = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        try:
            self.container.write(place, content, owner=self.settings.user if self.settings else None)
        except EngineError as error:  # As of `run`.
            raise error.with_traceback(None) from None

    def _path(self, path: object, what: str) -> str:
        """Give a path of the container, absolute."""
        text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
        if not isinstance(text, str):
            raise TypeError(f"{what} has to be a string or a path, not {path!r}")
        if not text:
            raise TypeError(f"{what} has to be a path in the container, not an empty string")
        _refuse_unsendable(f"{what}={text!r}", text)
        return posixpath.join(self.workdir, text)

    def logs(self) -> str:
        """Give what the container's first program has written: of an image that is used as it is, its log."""
        __tracebackhide__ = True
        try:
            return self.container.logs()
        except EngineError as error:  # As of `run`.
            raise error.with_traceback(None) from None


def _refuse_unsendable(what: str, text: str) -> None:
    """Refuse what no engine passes on as it is."""
    __tracebackhide__ = True
    if "\0" in text:
        raise RefusedError(f"{what} holds a NUL, which nothing in a container can be given")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise RefusedError(f"{what} is not UTF-8, and an engine would change it on the way")
