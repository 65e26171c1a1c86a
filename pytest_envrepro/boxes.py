"""The books of a session's containers: which test has which, when they end, and what there is to say of them."""

from __future__ import annotations

import itertools
import shlex
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.holdings import Ledger, titles_of
from pytest_envrepro.reports import Ended, EnvironmentRow, Kept, Lent
from pytest_envrepro.reports import environments as report
from pytest_envrepro.tidying import FAULTS, Tidying

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_envrepro.containers import Containers
    from pytest_envrepro.deciding import Keep
    from pytest_envrepro.envs.container import ContainerEnvironment
    from pytest_envrepro.holdings import Holder
    from pytest_envrepro.identities import Sharing
    from pytest_envrepro.imagemaking import MadeImage
    from pytest_envrepro.plans import ContainerPlan
    from pytest_envrepro.services import Projects
    from pytest_envrepro.serving import Services
    from pytest_envrepro.settings import Settings


class Crew(NamedTuple):
    """The processes that run a session.

    Attributes:
        controller: the pid of the one that it ends with.
        session: a word that no other session has, of this process neither.
        worker: the name of this one, where it is a worker of pytest-xdist.
        note_services: is called in a worker before it brings up services: the controller takes down what is for all.
    """

    controller: int
    session: str
    worker: str | None = None
    note_services: Callable[[], None] | None = None


class Boxes(Ledger):
    """Which containers are lent, and to whom.

    A shared one is started once in a process, and is read-only: no test finds it changed by another. A private one
    ends with its holder; where it is kept, its files stay as an image.

    Args:
        containers: gives where they come from, when one is wanted.
        keep: which private ones stay.
        crew: the processes that run the session.
        since: when the session began, in seconds since the epoch.
    """

    def __init__(self, containers: Callable[[], Containers], keep: Keep, crew: Crew, *, since: float) -> None:
        self._from = containers
        super().__init__(keep)
        self._crew = crew
        self._since = since
        self._projects: Projects | None = None
        self._shared: dict[Sharing, tuple[MadeImage, ContainerEnvironment]] = {}
        self._held: dict[Holder, list[tuple[MadeImage, ContainerEnvironment]]] = {}
        self._rows: dict[str, EnvironmentRow] = {}
        self._kept: list[Kept] = []
        self._notes: dict[str, None] = {}

    @cached_property
    def _containers(self) -> Containers:
        return self._from()

    def begin(self, is_given: Callable[[Holder], bool]) -> None:
        """Note that a test begins.

        Args:
            is_given: tells whether it is given what a fixture of a wider scope has.
        """
        self._is_given = is_given
        for _, environment in (*self._shared.values(), *itertools.chain.from_iterable(self._held.values())):
            environment.begin()

    def lend(self, holder: Holder, plan: ContainerPlan, *, is_private: bool, name: str) -> ContainerEnvironment:
        """Give a container, made if need be.

        Raises:
            EngineError: there is no engine, or no such image.
            BuildError: the image cannot be made.
        """
        services = self.services(plan.settings)
        network = services.network if services is not None else None
        made = self._containers.make(plan)
        environment = self._containers.private(made, name, network) if is_private else self._sharing(made, services)
        environment.services = services
        self._held.setdefault(holder, []).append((made, environment))
        built_at, building = made.built
        # Of several workers of pytest-xdist one builds it, and another may be the one that uses it.
        is_new = not made.cached or built_at >= self._since
        seconds = building if is_new and made.cached else made.seconds
        row = EnvironmentRow(environment.title, environment.kind, environment.key, not is_new, seconds)
        self._rows.setdefault(environment.key, row)
        if made.drift:
            moved = "; ".join(made.drift)
            self._notes[f"{environment.title}: has drifted since the same settings were built before: {moved}"] = None
        if made.resolved is not None and made.resolved.weak:
            reasons = "; ".join(made.resolved.reasons)
            self._notes[f"{environment.title}: another day could bring something else ({reasons})"] = None
        oldest = made.resolved.oldest if made.resolved is not None else ()
        self._notes |= dict.fromkeys(f"{environment.title}: {each}" for each in oldest)
        return environment

    def services(self, settings: Settings) -> Services | None:
        """Bring up the services that settings declare beside an environment; None where they declare none.

        Raises:
            EngineError: there is no engine, or no Compose tool, or they do not become ready.
        """
        if not settings.compose:
            return None
        if self._projects is None:
            from pytest_envrepro.engines.owners import of_process  # noqa: PLC0415  # Is needed for containers alone.

            if self._crew.note_services is not None:
                self._crew.note_services()
            owner = of_process(self._crew.controller, self._crew.session)
            self._projects = self._containers.projects(owner, self._crew.worker)
        return self._projects.services(settings)

    def _sharing(self, made: MadeImage, services: Services | None) -> ContainerEnvironment:
        sharing = self._containers.sharing(made, services)
        known = self._shared.get(sharing)
        if known is None or not known[1].container.is_running():
            network = services.network if services is not None else None
            known = self._shared[sharing] = made, self._containers.shared(made, network)
        return known[1]

    def details(self, holder: Holder) -> Iterator[tuple[str, str]]:
        """Say all there is to know of what a test has: titles and texts."""
        had = [pair for each in self._with_fixtures(holder) for pair in self._held.get(each, ())]
        once = {id(environment): (made, environment) for made, environment in had}
        titles = titles_of([environment for _, environment in once.values()])
        for title, (made, environment) in zip(titles, once.values(), strict=True):
            yield title, report.details(self._lent(made, environment))
            if environment.services:
                from pytest_envrepro.serving import last_logs  # noqa: PLC0415  # The same.

                yield from last_logs(environment.services, made.plan.settings.hiding)

    def _lent(self, made: MadeImage, environment: ContainerEnvironment) -> Lent:
        python = made.python
        reasons = made.resolved.reasons if made.resolved else ()
        notes = [f"{reason}: another day could bring something else" for reason in reasons]
        notes += made.resolved.oldest if made.resolved else ()
        notes += [f"will rot: {each}" for each in made.plan.rots]
        stays = self._stays(failed=True) and environment.is_private
        return Lent(
            path=f"container {environment.container.name} of {made.name}",
            key=_shown_key(made, environment),
            python=f"{python.interpreter.version} ({python.origin})" if python else "none",
            settings=made.plan.settings.explain(),
            notes=tuple(notes),
            last=environment.last_of_test,
            is_used=environment.last is not None,
            called=environment.called,
            installed=environment.installed,
            has_installed=environment.has_installed,
            enter=_entering(self._containers.kept_as(environment.container) if stays else made.name)
            if stays or not environment.is_private
            else None,
        )

    def take_back(self, holder: Holder) -> None:
        """Take back what a holder has; what is private is gone then, or kept."""
        for _, environment in self._held.pop(holder, ()):
            if environment.is_private:
                self._keep_if_asked(holder, environment)
                self._containers.end(environment.container)
        self._failed.discard(holder)  # A test that is run again may pass.

    def give_back(self, environment: ContainerEnvironment) -> None:
        """Take back one before its holder has ended."""
        for holder, held in self._held.items():
            for _, each in held:
                if each is environment:
                    self._held[holder] = [pair for pair in held if pair[1] is not environment]
                    if each.is_private:
                        self._keep_if_asked(holder, each)
                        each.container.end()
                    return

    def _keep_if_asked(self, holder: Holder, environment: ContainerEnvironment) -> None:
        if self._stays(failed=holder in self._failed):
            try:
                kept = self._containers.keep(environment.container)
            except FAULTS as error:  # The test has its verdict, and maybe ended the container itself.
                self._notes[f"{holder.shown}: {environment.title} is not kept: {error}"] = None
            else:
                self._kept.append(Kept(holder.shown, _entering(kept)))

    def close(self) -> None:
        """End all that is left: each part of it, whatever becomes of the others.

        Raises:
            EnvReproError, OSError: the first of what could not be done.
        """
        tidying = Tidying()
        for holder in list(self._held):
            with tidying.step():
                self.take_back(holder)
        if self._projects is not None:
            with tidying.step():
                self._projects.close()
        if "_containers" in self.__dict__:
            with tidying.step():
                self._containers.close()
        tidying.end()

    def ended(self) -> Ended:
        """Say what there is to say at the end."""
        rows = tuple(sorted(self._rows.values()))
        return Ended(rows=rows, kept=tuple(self._kept), notes=tuple(self._notes))


def _shown_key(made: MadeImage, environment: ContainerEnvironment) -> str:
    """Give the key, with that of the image beside it where that is another one."""
    if environment.key == made.key or made.plan.settings.skip_build:
        return environment.key
    return f"{environment.key} (with its network and limits; of the image: {made.key})"


def _entering(image: str) -> str:
    """Give the command that enters a container of an image."""
    return f"docker run --rm -it {shlex.quote(image)} sh"
