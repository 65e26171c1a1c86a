"""What tests hold of the services beside an environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pytest_envrepro.engine import EngineError, ExecutionTimeoutError, UnknownServiceError
from pytest_envrepro.engines.reaching import address_of
from pytest_envrepro.engines.readiness import service_of
from pytest_envrepro.errors import CommandFailed, CommandTimeout
from pytest_envrepro.process import completed_of
from pytest_envrepro.values import did_you_mean

if TYPE_CHECKING:
    from pytest_envrepro.engine import Container, Engine
    from pytest_envrepro.enginevalues import Member
    from pytest_envrepro.hiding import Hiding
    from pytest_envrepro.process import Completed


_MOST_LINES = 40


class Service:
    """A service that runs.

    Args:
        engine: where it runs.
        project: that it is of.
        name: as in the Compose file.

    Attributes:
        name: as in the Compose file.
    """

    def __init__(self, engine: Engine, project: str, name: str) -> None:
        self.name = name
        self._engine = engine
        self._project = project

    def __repr__(self) -> str:
        return f"<service '{self.name}' of {self._project}>"

    def address(self, port: int) -> tuple[str, int]:
        """Give where a port (TCP) of it is reached from this machine: a name or an address, and a port.

        Where it is published, that is said; else, where the engine runs on this machine, the container's own address.

        Args:
            port: as the service itself has it.

        Raises:
            EngineError: it cannot be reached: publish it in the Compose file.
        """
        __tracebackhide__ = True
        return address_of(self._members()[0], port, is_remote=self._engine.is_remote)

    def logs(self) -> str:
        """Give what it has written so far; of several containers, one after the other."""
        __tracebackhide__ = True
        return "".join(self._engine.member(each).logs() for each in self._members())

    def run(
        self,
        *argv: str,
        check: bool = True,
        timeout: float | None = 60,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        input: str | None = None,  # noqa: A002  # Is called so in `subprocess` too.
    ) -> Completed:
        """Run a program in its (first) container, as `Environment.run` does in an environment.

        Args:
            argv: the words as they are; no shell sees them.
            check: whether another exit status than 0 is an error.
            timeout: in seconds; the program is then ended with all that it has started. None for never.
            cwd: a folder of the container, absolute.
            env: further variables.
            input: what it reads from its standard input.

        Raises:
            CommandFailed: it ended with another status than 0.
            CommandTimeout: it took longer.
            EngineError: there is no such program, or the service is gone.
        """
        __tracebackhide__ = True
        where = f"service '{self.name}'"
        try:
            executed = self.container.run(
                argv,
                environ=env or {},
                workdir=cwd,
                timeout=timeout,
                input=None if input is None else input.encode("utf-8", "surrogateescape"),
            )
        except ExecutionTimeoutError as error:
            raise CommandTimeout(completed_of(argv, error.executed), timeout or 0, where) from None
        done = completed_of(argv, executed)
        if check and done.returncode:
            raise CommandFailed(done, where)
        return done

    @property
    def container(self) -> Container:
        """Its (first) container, as the engine knows it: `container.id`, `.read(path)`, `.write(path, data)`.

        Raises:
            EngineError: it is gone.
        """
        return self._engine.member(self._members()[0])

    def _members(self) -> tuple[Member, ...]:
        __tracebackhide__ = True
        found = tuple(each for each in self._engine.members(self._project) if service_of(each) == self.name)
        if not found:
            raise EngineError(f"the service '{self.name}' is gone: the project {self._project} is down")
        return found


class Services(Mapping[str, Service]):
    """The services beside an environment, by name.

    Args:
        engine: where they run.
        project: the name of the Compose project.
        file: the Compose file, for people.
        network: as the attribute.

    Attributes:
        project: the name of the Compose project: `docker-compose -p PROJECT logs`.
        network: the one that they are on, for containers that are to reach them by their names; None where there is none.
    """

    def __init__(self, engine: Engine, project: str, file: str, network: str | None) -> None:
        self.project = project
        self.network = network
        self._file = file
        names = dict.fromkeys(service_of(each) for each in engine.members(project))
        self._services = {name: Service(engine, project, name) for name in names}

    def __repr__(self) -> str:
        return f"<services of {self._file}: {', '.join(self)}>"

    def __getitem__(self, name: str) -> Service:
        __tracebackhide__ = True
        try:
            return self._services[name]
        except KeyError:
            hint = did_you_mean(str(name), self._services)
            raise UnknownServiceError(f"{self._file} has no service '{name}'{hint}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._services)

    def __len__(self) -> int:
        return len(self._services)


def last_logs(services: Mapping[str, Any] | None, hiding: Hiding) -> Iterator[tuple[str, str]]:
    """Give the end of what each service has written, for a failing test: titles and texts.

    Args:
        hiding: what is never shown.
    """
    for name in services or ():
        try:
            # Before it is cut: half of a secret is none that could be found.
            lines = hiding.hide(services[name].logs()).rstrip().splitlines() if services else []
        except EngineError as error:
            lines = [str(error)]
        more = f", the last {_MOST_LINES} lines of {len(lines)}" if len(lines) > _MOST_LINES else ""
        yield f"envrepro: service '{name}'{more}", "\n".join(lines[-_MOST_LINES:]) or "has written nothing"
