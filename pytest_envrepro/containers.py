"""The container environments of a session: each is planned from its settings, its image made once, and containers made of it."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from pytest_envrepro.blaming import blaming
from pytest_envrepro.containerplanning import container_plan, foreseen
from pytest_envrepro.drifting import Manifests, manifest_of
from pytest_envrepro.engine import EngineError
from pytest_envrepro.engineuse import EngineUse
from pytest_envrepro.envs.container import ContainerEnvironment
from pytest_envrepro.grounding import fits
from pytest_envrepro.identities import Copies, Sharing
from pytest_envrepro.images import ENVIRONMENT
from pytest_envrepro.ordering import key_of, order_of
from pytest_envrepro.owning import copied
from pytest_envrepro.services import Projects
from pytest_envrepro.workspace import workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_envrepro.asserting import Asserting
    from pytest_envrepro.engine import Container
    from pytest_envrepro.engines.owners import Owner
    from pytest_envrepro.imagemaking import MadeImage
    from pytest_envrepro.plans import ContainerPlan, Policy
    from pytest_envrepro.progress import Progress
    from pytest_envrepro.pythons import Finder
    from pytest_envrepro.serving import Services
    from pytest_envrepro.session import Session
    from pytest_envrepro.settings import Settings


class Containers:
    """The container environments of one session.

    Args:
        session: the project.
        policy: how they are made.
        cache: the user's cache folder.
        scratch: makes an empty folder for what is seen of a container.
        finder: finds the Python that builds wheels of this machine's folders.
        judge: judges environments.
    """

    def __init__(  # noqa: PLR0913  # Each is a fact of its own.
        self,
        session: Session,
        policy: Policy,
        *,
        cache: Path,
        scratch: Callable[[], Path],
        progress: Progress,
        finder: Finder,
        judge: Asserting,
    ) -> None:
        self._session = session
        self._policy = policy
        self._cache = cache
        self._scratch = scratch
        self._progress = progress
        self._judge = judge
        self._manifests = Manifests(cache)
        self._copies = Copies()
        self._use = EngineUse(*(session, policy), cache=cache, progress=progress, finder=finder, drift=self._drift)
        self._left: dict[str, str] = {}  # By the id of a container, why what `install` has lent it is still there.

    def plan(self, settings: Settings) -> ContainerPlan:
        """Decide what an environment is made of.

        Raises:
            SettingsError: the settings contradict each other, or name what does not exist.
        """
        return container_plan(settings, self._session)

    def copied(self, plan: ContainerPlan) -> str:
        """Digest what the image of an environment copies, as it is now.

        Raises:
            SettingsError: it is not there, or cannot be read.
        """
        return copied(plan.settings, self._session.root, self._copies)

    def has_base(self, plan: ContainerPlan) -> bool:
        """Tell whether the image is there that an environment begins with, as far as the engine answers."""
        try:
            found = self._use.engine.image(plan.reference)
        except EngineError:
            return False
        return found is not None and fits(found, plan.settings.platform)

    def foreseen(self, plan: ContainerPlan) -> Iterator[str]:
        """Say what is there of an environment, a line each; nothing is pulled, built or removed for it.

        Raises:
            EngineError: there is no engine, or no such image, and none is to be pulled.
        """
        return foreseen(plan, self._policy, self._session.environ)

    def make(self, plan: ContainerPlan) -> MadeImage:
        """Make the image of an environment, or take the one that is there; from any thread.

        Raises:
            EngineError: there is no engine, or no such image.
            SettingsError: its Python is another one than is asked for.
            BuildError: it cannot be made.
        """
        with blaming(plan, "dockerfile" if plan.settings.own_dockerfile else "base-image"):
            return self._use.images.make(plan)

    def _drift(self, made: MadeImage, scratch: Path) -> tuple[str, ...]:
        """Compare an image that has just been built with what its key meant before."""
        if made.python is None:
            return ()
        environment = self._handle(made, scratch, is_private=False, name="manifest")
        try:
            return self._manifests.compared(made.key, manifest_of(environment.inventory()))
        finally:
            environment.container.end()

    def sharing(self, made: MadeImage, services: Services | None) -> Sharing:
        """Say who shares a container of an image.

        Args:
            services: beside it; None where there are none.
        """
        settings = made.plan.settings
        network = services.network if services is not None else None
        order = order_of(made, made.plan.title, network=network, is_private=False, is_remote=self._use.engine.is_remote)
        project = services.project if services is not None else None
        return Sharing(order, made.plan.identity, settings.name, made.key, project)

    def shared(self, made: MadeImage, network: str | None = None) -> ContainerEnvironment:
        """Give a container that tests share, and that none of them can change: it is read-only.

        Args:
            network: that it is on, where its settings name none.
        """
        with blaming(made.plan):
            return self._handle(made, self._scratch(), is_private=False, name=made.plan.title, network=network)

    def private(self, made: MadeImage, name: str, network: str | None = None) -> ContainerEnvironment:
        """Give a container of one test's own.

        Args:
            name: of the test, for people who look at the engine.
            network: that it is on, where its settings name none.
        """
        with blaming(made.plan):
            return self._handle(made, self._scratch(), is_private=True, name=name, network=network)

    def _handle(
        self, made: MadeImage, scratch: Path, *, is_private: bool, name: str, network: str | None = None
    ) -> ContainerEnvironment:
        settings = made.plan.settings
        is_remote = self._use.engine.is_remote
        order = order_of(made, name, network=network, is_private=is_private, is_remote=is_remote)
        container = self._use.engine.start(order)
        return ContainerEnvironment(
            name=settings.name,
            settings=settings,
            key=key_of(made),
            judge=self._judge,
            container=container,
            python=made.python,
            prefix=ENVIRONMENT if made.has_packages else made.prefix,
            workdir=order.workdir or made.image.workdir or ("/" if settings.skip_build else settings.workdir),
            scratch=scratch,
            is_private=is_private,
            user=order.user or made.image.user or None,
            install=partial(self._use.images.install, made, container, partial(self._left.__setitem__, container.id))
            if is_private and made.has_packages
            else None,
            named=frozenset(pin.name for pin in made.resolved.pins) if made.resolved else frozenset(),
        )

    @contextlib.contextmanager
    def afresh(self, plan: ContainerPlan, times: int) -> Iterator[tuple[ContainerEnvironment, ...]]:
        """Make an environment several times from nothing: its image is built without a cache, with versions chosen anew.

        The containers are gone when the block ends; the last image stays, under its name.

        Raises:
            EngineError, SettingsError, BuildError: as `make`.
        """
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(workspace(self._cache))
            found = []
            for number in range(1, times + 1):
                title = f"{plan.title}, build {number} of {times}"
                # In a folder of its own: a call need not have a fixture, which has those of the others made.
                scratch = folder / f"scratch-{number}"
                with blaming(plan, "dockerfile" if plan.settings.own_dockerfile else "base-image"):
                    made = self._use.images.anew(plan, folder / f"cache-{number}", title)
                    environment = self._handle(made, scratch, is_private=True, name=f"build {number}")
                stack.callback(environment.container.end)
                found.append(environment)
            yield tuple(found)

    def projects(self, owner: Owner, worker: str | None) -> Projects:
        """Give what brings up services.

        Args:
            owner: the process that the session ends with.
            worker: the name of this process, where it is a worker of pytest-xdist.
        """
        return Projects(
            *(self._use.engine, owner),
            root=self._session.root,
            cache=self._cache,
            environ=self._session.environ,
            worker=worker,
            offline=self._policy.offline,
            tell=self._progress.tell,
        )

    @staticmethod
    def kept_as(container: Container) -> str:
        """Give the name of the image that the files of a container are kept as, where they are."""
        return f"envrepro/kept:{container.name.removeprefix('envrepro-')}"

    def keep(self, container: Container) -> str:
        """Keep the files of a container as an image, which is gone after three days, and give its name.

        Raises:
            EngineError: it is gone, or there is no room; or it may have the user's credentials in it.
        """
        why = self._left.get(container.id)
        if why:
            raise EngineError(
                "what install() has lent it is still there, the settings of pip and uv with their credentials, and could "
                f"not be removed: {why}"
            )
        reference = self.kept_as(container)
        container.save(reference)
        self._use.images.book.use(reference)
        return reference

    def end(self, container: Container) -> None:
        """End a container that nobody waits for; it is gone when `close` has come back."""
        self._use.later(container.end)

    def cancel(self) -> None:
        """Cancel all that is being made, in any thread, and let nothing more begin; what tests have stays."""
        self._use.cancel()

    def close(self) -> None:
        """End all containers of this session, and remove images that none has used for long.

        Raises:
            EngineError: not all of that could be done.
        """
        self._use.close()
