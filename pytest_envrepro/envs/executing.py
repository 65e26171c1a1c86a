"""Runs the programs of a container, and reads and writes its files: also of one that has no Python."""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING, Any

from pytest_envrepro.containervalues import limit_text
from pytest_envrepro.engine import EngineError, ExecutionTimeoutError, ProgramNotFoundError
from pytest_envrepro.envs.asked import Command, LateError, Terms, variables_of
from pytest_envrepro.envs.lent import LentEnvironment
from pytest_envrepro.errors import RefusedError
from pytest_envrepro.process import completed_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_envrepro.engine import Container, Conversation
    from pytest_envrepro.envs.base import Identity
    from pytest_envrepro.process import Completed

# What a runtime says (runc, crun): `exec: "flask": executable file not found in $PATH`.
_RUNTIME = re.compile(r'.*\bexec(?:: ".*"| [^\s:]+): (?P<why>[^"]+?)(?:: unknown)?\s*', re.DOTALL)
_ABSENT = re.compile(r"not found|no such file", re.IGNORECASE)
# Of control groups 2 and 1, as they are seen in a container: how many programs were ended since memory was short.
_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
_KILLED = re.compile(rb"^oom_kill (\d+)$", re.MULTILINE)
_PATIENCE = 10.0  # Seconds.
_INSTALLERS = {"pip": "pip", "pip3": "pip", "uv": "uv"}


class RunningContainer(LentEnvironment):
    """A container that runs.

    Its programs are found on the `PATH` of the container, and have its variables, its user and its folder; paths are
    those of the container.

    Args:
        container: it ends with the process that has made it.
        program: its Python, by its path; empty where it has none.
        workdir: where its programs run, and what relative paths are relative to.
        is_private: whether it is one test's own, which may change it.
        user: whom its programs run as, and whose the files are that are written; None for root.

    Attributes:
        container: what the engine knows it by: `container.id`, `container.name`, `container.address(port)`.
        program: its Python, by its path in the container; empty where it has none.
        workdir: where its programs run.
    """

    kind = "container"
    fixture = "throwaway_container"
    separators = ("/",)

    def __init__(
        self,
        container: Container,
        *,
        program: str,
        workdir: str,
        is_private: bool,
        user: str | None,
        **identity: Unpack[Identity],
    ) -> None:
        super().__init__(**identity)
        self.container = container
        self.program = program
        self.workdir = workdir
        self.is_private = is_private
        self._user = user
        self._killed = 0  # Programs that were ended for want of memory.

    # What runs in it.

    def _python(self) -> str:
        __tracebackhide__ = True
        if not self.program:
            raise RefusedError(
                f"{self.label} has no Python: its image is used as it is; run() runs other programs of it"
            )
        return self.program

    @property
    def place(self) -> str:
        """What tells where it is from all others."""
        return self.container.id

    def terms(self) -> Terms:
        """Give how functions run in it: see `Environment.terms`."""
        return Terms(None, self.workdir, is_elsewhere=True)

    def converse(self, program: str) -> Conversation:
        """Start its Python with a program: see `Environment.converse`."""
        __tracebackhide__ = True
        python = self._python()
        try:
            return self.container.converse([python, "-c", program])
        except ProgramNotFoundError as error:
            raise RefusedError(self._not_run(python, error)) from None
        except EngineError as error:
            raise self._told(error) from None

    def _execute(self, command: Command) -> Completed:
        __tracebackhide__ = True
        order = self._order(command)
        try:
            executed = self.container.run([command.program, *command.words[1:]], timeout=command.timeout, **order)
        except ProgramNotFoundError as error:
            raise RefusedError(self._not_run(command.program, error)) from None
        except ExecutionTimeoutError as error:
            raise LateError(completed_of(command.words, error.executed)) from None
        except EngineError as error:
            raise self._told(error) from None
        return completed_of(command.words, executed)

    def _told(self, error: EngineError) -> EngineError:
        """Give an error as it is told to the one who asked: its message is all, with the environment's name.

        What has a kind of its own is about the engine, and names that.
        """
        return EngineError(f"{self.label}: {error}") if type(error) is EngineError else error.with_traceback(None)

    def _why(self, completed: Completed) -> str:  # noqa: ARG002  # The kernel does not tell which program it was.
        """Say of a program that has failed whether it had no more memory: the kernel counts whom it ends for that."""
        limit = self.settings.limits.get("memory") if self.settings else None
        if limit is None or self.settings is None:
            return ""
        try:
            told = self.container.run(["cat", *_COUNTERS], user="0", workdir="/", timeout=_PATIENCE).stdout
        except EngineError:
            return ""
        before, self._killed = self._killed, sum(int(each[1]) for each in _KILLED.finditer(told))
        if self._killed <= before:
            return ""
        origins = self.settings.origins
        origin = origins.get("limits.memory", origins["limits"])
        return f", as it had more than limits.memory = {limit_text('memory', limit)} ({origin})"

    def _order(self, command: Command) -> dict[str, Any]:
        """Give what a command is run with; refuse what would not arrive as it is."""
        __tracebackhide__ = True
        environ = dict(variables_of(command.env))
        for word in command.words:
            _refuse_unsendable(f"the word {word!r}", word)
        for name, value in environ.items():
            _refuse_unsendable(f"env: the name {name!r}", name)
            _refuse_unsendable(f"env: the value of {name}", value)
            if not name or "=" in name:
                raise RefusedError(f"env: {name!r} cannot be the name of a variable")
        return {
            "environ": environ,
            "workdir": None if command.cwd is None else self._path(command.cwd, "cwd"),
            "input": None if command.given is None else command.given.encode("utf-8", "surrogateescape"),
        }

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
        except EngineError as error:
            raise self._told(error) from None

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
        try:
            self.container.write(place, data, owner=self._user)
        except EngineError as error:
            raise self._told(error) from None

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
        """Give what programs have written to the streams of the container's first one (`/proc/1/fd/1`).

        That is one of ours, which waits and writes nothing: no `CMD` and no `ENTRYPOINT` is run.
        """
        __tracebackhide__ = True
        try:
            return self.container.logs()
        except EngineError as error:
            raise self._told(error) from None


def _refuse_unsendable(what: str, text: str) -> None:
    """Refuse what no engine passes on as it is."""
    __tracebackhide__ = True
    if "\0" in text:
        raise RefusedError(f"{what} holds a NUL, which nothing in a container can be given")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise RefusedError(f"{what} is not UTF-8, and an engine would change it on the way")
