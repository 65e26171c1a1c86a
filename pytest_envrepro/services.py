"""The services of a session: brought up by Compose once for all who share them, and taken down with all that they made."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING

from pytest_envrepro.declared_services import WORKER, content_of, declared, digest_of
from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines import connect
from pytest_envrepro.engines.compose import Project, environ_of, find_tool
from pytest_envrepro.engines.owners import host, lives, of_process
from pytest_envrepro.engines.projects import name_of, network_of, owner_of, prefix_of
from pytest_envrepro.locking import Waiting
from pytest_envrepro.programs import Programs
from pytest_envrepro.servicenotes import Notes, names_in
from pytest_envrepro.servicestarting import Starting
from pytest_envrepro.serving import Services
from pytest_envrepro.tidying import FAULTS, Tidying

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pytest_envrepro.declared_services import Declared
    from pytest_envrepro.engine import Engine
    from pytest_envrepro.engines.compose import Tool
    from pytest_envrepro.engines.owners import Owner
    from pytest_envrepro.settings import Settings

_NOTES = "compose"  # The folder of them, in the cache.
_GRACE = 1  # Seconds that services are given to end by themselves.


class Projects:
    """The services of one session, as one process of it has them: its own, or a worker of pytest-xdist.

    Nothing is asked of the engine, and no Compose tool is looked for, before services are wanted.

    Args:
        engine: where they run.
        owner: the process that the session ends with: this one, or the controller of pytest-xdist.
        root: what paths are relative to.
        cache: the user's cache folder.
        environ: the variables of this process.
        worker: its name, in a worker of pytest-xdist.
        offline: whether nothing may be pulled or built.
        tell: tells people what takes long.
    """

    def __init__(  # noqa: PLR0913  # Each is a fact of its own.
        self,
        engine: Engine,
        owner: Owner,
        *,
        root: Path,
        cache: Path,
        environ: Mapping[str, str],
        worker: str | None = None,
        offline: bool = False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._owner = owner
        self._root = root
        # Those of one session wait for each other alone, of which one tells what it does.
        self._notes = Notes(cache / _NOTES, Waiting(tell, owner.session))
        self._environ = environ
        self._worker = worker
        self._tell = tell
        self._pid = os.getpid()
        self._guard = threading.Lock()
        self._is_over = threading.Event()
        self._starting = Starting(engine, offline=offline, is_over=self._is_over)
        self._programs = Programs()
        self._given: dict[str, Services] = {}
        self._ours: dict[str, Project | None] = {}  # Those that this process ends.
        self._tools: dict[tuple[tuple[str, str], ...], Tool] = {}

    def services(self, settings: Settings) -> Services | None:
        """Give the services that settings declare, ready; None where they declare none.

        Raises:
            SettingsError: the Compose file cannot be read.
            EngineError: no Compose tool answers, or it refuses the file, or a service does not become ready: with the end
                of its log, and what its health check says. What had been brought up is down again.
        """
        wanted = declared(settings)
        if wanted is None:
            return None
        file = self._root / wanted.file
        worker = self._worker if wanted.scope == WORKER else None
        name = name_of(self._owner, digest_of(file, content_of(file, wanted.file), wanted), worker)
        with self._guard:
            if self._is_over.is_set():
                raise EngineError(f"the services of {wanted.file} are not brought up: this session ends")
            if name not in self._given:
                with self._programs.here(), self._notes.alone(name, wanted.file):
                    self._bring_up(name, file, wanted)
                self._given[name] = Services(self._engine, name, wanted.file, network_of(self._engine.members(name)))
            return self._given[name]

    def close(self) -> None:
        """Take down what ends with this process; where that is the one that the session ends with, all of the session.

        Raises:
            EnvReproError, OSError: the first of what could not be taken down: the next session does it.
        """
        if self._pid != os.getpid():
            return
        # Another thread may be at it.
        self._is_over.set()
        self._programs.end()
        with self._guard:
            tidying = Tidying()
            ours, self._ours = self._ours, {}
            for name, project in ours.items():
                with tidying.step():
                    self._end(name, project)
            self._given.clear()
            if self._worker is None:
                for name in self._notes.names(prefix_of(self._owner)):
                    with tidying.step():
                        self._end(name, None)
        tidying.end()

    # Bringing them up.

    def _bring_up(self, name: str, file: Path, wanted: Declared) -> None:
        """Bring a project up, unless another worker has; nobody else does so meanwhile.

        Raises:
            EngineError: as of `services`; also where another worker was told so.
        """
        note = self._notes.read(name)
        if "failed" in note:
            raise EngineError(note["failed"])
        until = time.monotonic() + wanted.timeout
        if "up" in note:
            self._starting.wait(name, wanted, until)
            return
        self._sweep()
        environ = environ_of(
            self._environ,
            declared={each: value for each, (value, _) in wanted.variables.items()},
            engine=self._engine.variables,
        )
        project = Project(
            self._tool(environ, file.parent), name, file, environ=environ, shown=wanted.file, hide=wanted.hide
        )
        self._tell(f"{wanted.file}: bringing up its services")
        if self._worker is None or wanted.scope == WORKER:
            self._ours[name] = project
        try:
            self._starting.make(project, wanted)
            until = time.monotonic() + wanted.timeout
            self._starting.start(project, wanted, until)
            self._starting.wait(name, wanted, until)
        except BaseException as error:
            # Nobody waits for a tool then; whatever comes now, the cause is what is told.
            with contextlib.suppress(*FAULTS):
                self._engine.take_down(name)
                self._ours.pop(name, None)
            if isinstance(error, EngineError) and not self._is_over.is_set():
                self._notes.write(name, {"failed": str(error)})
            raise
        self._notes.write(name, {"up": True})

    def _tool(self, environ: Mapping[str, str], folder: Path) -> Tool:
        key = tuple(sorted(environ.items()))
        if key not in self._tools:
            self._tools[key] = find_tool(environ, folder)
        return self._tools[key]

    # Taking them down.

    def _end(self, name: str, project: Project | None) -> None:
        with self._notes.alone(name):
            if project is not None:
                with contextlib.suppress(*FAULTS):  # What it leaves is removed without it.
                    project.stop()
            self._engine.take_down(name, grace=_GRACE)
            self._notes.forget(name)

    def _sweep(self) -> None:
        """Take down what sessions have left that are gone, and forget their notes."""
        with contextlib.suppress(*FAULTS):  # If the engine is gone, that is told by what comes next.
            self._engine.sweep()
        here = host()
        for name in self._notes.names():
            owner = owner_of(name)
            if owner is not None and here.startswith(owner.host) and not lives(owner.pid, owner.started):
                self._notes.forget(name)


def take_down(pid: int, session: str, *, environ: Mapping[str, str], cache: Path) -> None:
    """Take down what workers of pytest-xdist have brought up for all, or have left; where that is nothing, ask no engine.

    Args:
        pid: of the process that their session ends with.
        session: the word for it.
        environ: the variables that name the engine.
        cache: the user's cache folder.

    Raises:
        EngineError: the engine is gone: the next session takes down what is left.
    """
    owner = of_process(pid, session)
    if names_in(cache / _NOTES, prefix_of(owner)):
        engine = connect(environ)
        try:
            Projects(engine, owner, root=cache, cache=cache, environ=environ).close()
        finally:
            engine.close()
