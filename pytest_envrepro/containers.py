"""The container environments of a session: each is planned from its settings, its image made once, and containers made of it."""

from __future__ import annotations

import contextlib
import platform
import threading
import time
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.utils import parse_wheel_filename

from pytest_envrepro import images
from pytest_envrepro.choosing import Choosing, Elsewhere
from pytest_envrepro.digests import digest_of_file
from pytest_envrepro.drifting import Manifests, manifest_of
from pytest_envrepro.engine import EngineError, ImageNotFoundError, Order
from pytest_envrepro.engines import connect
from pytest_envrepro.envs.container import ContainerEnvironment
from pytest_envrepro.errors import BuildError, SettingsError
from pytest_envrepro.gathering import gather
from pytest_envrepro.imagebook import ImageBook
from pytest_envrepro.imaging import Imaging
from pytest_envrepro.installers import installer_for
from pytest_envrepro.installers.carrying import carry
from pytest_envrepro.installers.inside import install_inside, resolve_inside
from pytest_envrepro.installers.needs import needs_of
from pytest_envrepro.installers.taking import inside
from pytest_envrepro.outcome import counted
from pytest_envrepro.owning import check_own
from pytest_envrepro.plans import ContainerPlan, Plan, digest_of
from pytest_envrepro.rotting import rotting_in
from pytest_envrepro.services import Projects
from pytest_envrepro.settingkeys import KEYS
from pytest_envrepro.workspace import workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pytest_envrepro.asserting import Asserting
    from pytest_envrepro.engine import Container, Engine, Image
    from pytest_envrepro.engines.owners import Owner
    from pytest_envrepro.imaging import Ground
    from pytest_envrepro.installers import Resolved
    from pytest_envrepro.installers.needs import Needs
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.plans import Policy
    from pytest_envrepro.progress import Progress
    from pytest_envrepro.pythons import Finder
    from pytest_envrepro.session import Session
    from pytest_envrepro.settings import Settings

_PREFIX = images.ENVIRONMENT
_PYTHON = f"{_PREFIX}/bin/python"
_NOT_DECISIVE = frozenset({"pull", "builder", "environment"})
# What programs may write to in a container that tests share: it is in memory, and goes with the container.
_SCRATCH = ("/tmp", "/var/tmp", "/run")  # noqa: S108  # In a container.
_SHARED = {"HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"}  # noqa: S108  # The same.


class MadeImage(NamedTuple):
    """A container environment whose image is there.

    Attributes:
        python: the Python that packages are for; None where the image has none.
        resolved: what is installed; None where the image is used as it is.
        at_run_time: variables that no image can hold.
        cached: whether it was there.
        seconds: how long it took.
        places: folders of this machine that packages are found in.
        drift: what is not as it was when the same key was built before, a line each.
        built: when its image was built, in seconds since the epoch, and how long that took; 0 where that is not known.
        prefix: of an image that is used as it is, its own virtualenv.
    """

    plan: ContainerPlan
    image: Image
    key: str
    python: Python | None
    resolved: Resolved | None
    at_run_time: dict[str, str]
    cached: bool
    seconds: float
    places: tuple[Path, ...] = ()
    drift: tuple[str, ...] = ()
    built: tuple[float, float] = (0.0, 0.0)
    prefix: str | None = None


class Packages(NamedTuple):
    """What is to be installed into an image: None of it where nothing can be.

    Attributes:
        needs: what it takes to install what was chosen.
        project: this project's wheel.
        places: folders of this machine that packages are found in.
    """

    resolved: Resolved | None = None
    needs: Needs | None = None
    project: Path | None = None
    places: tuple[Path, ...] = ()


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
        self._finder = finder
        self._judge = judge
        self._made: dict[str, MadeImage] = {}
        self._guards: dict[str, threading.Lock] = {}
        self._manifests = Manifests(cache)

    @cached_property
    def engine(self) -> Engine:
        """What builds and runs them; what earlier sessions have left there is swept when it is first used."""
        engine = connect(self._session.environ)
        engine.sweep()
        return engine

    @cached_property
    def _imaging(self) -> Imaging:
        environ = self._session.environ
        return Imaging(
            self.engine,
            root=self._session.root,
            cache=self._cache,
            environ=environ,
            connect=lambda address: connect(environ, address=address),
            offline=self._policy.offline,
            since=self._policy.since,
            say=self._progress.say,
        )

    def plan(self, settings: Settings) -> ContainerPlan:
        """Decide what an environment is made of.

        Raises:
            SettingsError: the settings contradict each other, or name what does not exist.
        """
        if settings.project == "editable":
            raise SettingsError('project = "editable" would lie outside of a container: write project = "wheel"')
        root = self._session.root
        files = {place: root / path for place, path in settings.files.items()}
        missing = sorted(settings.files[place] for place, path in files.items() if not path.is_file())
        if missing:
            raise SettingsError(f"files: {', '.join(missing)} does not exist")
        catalogue = self._session.catalogue
        own = [
            package
            for name in settings.required_integrations
            for part in catalogue.parts(name)
            for package in part.apt_packages
        ]
        check_own(settings, root)
        reference = (
            settings.own_dockerfile
            or settings.base_image
            or images.default_base(settings.python, platform.python_version())
        )
        decisive: list[Any] = [
            [key, repr(getattr(settings, key.replace("-", "_")))] for key in KEYS if key not in _NOT_DECISIVE
        ]
        decisive += [str(root), {place: digest_of_file(path) for place, path in files.items()}]
        apt_packages = images.apt.words(settings.apt_packages, own)
        return ContainerPlan(
            settings, reference, apt_packages, digest_of(decisive), rotting_in(settings, self._session)
        )

    def foreseen(self, plan: ContainerPlan) -> Iterator[str]:
        """Say what is there of an environment, a line each; nothing is pulled, built or removed for it.

        Raises:
            EngineError: there is no engine, or no such image, and none is to be pulled.
        """
        settings = plan.settings
        if settings.own_dockerfile is None:
            engine = connect(self._session.environ)
            try:
                found = engine.image(plan.reference)
            finally:
                engine.close()
            if settings.pull == "always" and not self._policy.offline:
                yield 'the base is pulled again, as pull = "always" has it'
            elif found is not None:
                yield f"the base is there: {found.digests[0] if found.digests else found.id}"
            elif settings.pull == "never" or self._policy.offline:
                why = "--env-offline is given" if settings.pull != "never" else 'pull = "never"'
                raise ImageNotFoundError(f"the image {plan.reference} is not there, and {why}")
            else:
                yield "the base is not there yet, and is pulled"
        if self._policy.since is not None:
            yield "its image is made anew, as --env-rebuild has it"
        elif not settings.skip_build:
            chosen = "its versions are chosen" if _asks_for_packages(settings) else "somebody asks for it"
            yield f"its image is found by its key, or built, when {chosen}"

    def make(self, plan: ContainerPlan) -> MadeImage:
        """Make the image of an environment, or take the one that is there; from any thread.

        Raises:
            EngineError: there is no engine, or no such image.
            InterpreterNotFound: its Python is another one than is asked for.
            BuildError: it cannot be made.
        """
        with self._guards.setdefault(plan.identity, threading.Lock()):
            made = self._made.get(plan.identity)
            if made is None or self.engine.image(made.image.id) is None:
                with self._progress.of(plan.title):
                    made = self._made[plan.identity] = self._make(plan)
            return made._replace(plan=plan)

    def _make(self, plan: ContainerPlan, *, anew: bool = False, cache: Path | None = None) -> MadeImage:
        """Make an image.

        Args:
            anew: whatever was made before.
            cache: where versions that were chosen are remembered; the user's cache folder by default.
        """
        started = time.perf_counter()
        settings = plan.settings
        ground = self._imaging.ground(settings, plan.reference, plan.apt_packages, anew=anew)
        python = self._imaging.python(settings, ground)
        if settings.skip_build:
            took = time.perf_counter() - started
            made = MadeImage(plan, ground.image, ground.identity, python, None, {}, True, took)  # By its place.
            return made._replace(prefix=self._imaging.own_prefix(settings, ground) if python else None)
        with workspace(self._cache) as folder:
            resolved, needs, project, places = self._packages(plan, ground, python, folder, cache or self._cache)
            facts = self._imaging.facts(ground, python, needs, project)
            wanted = self._imaging.wanted(settings, ground, facts, needs, project)
            trails = {pin.name: resolved.trail(pin.name) for pin in resolved.pins} if resolved else {}
            image, is_new = self._imaging.built(
                settings, wanted, title=plan.title, needs=needs, trails=trails, anew=anew
            )
            at_run_time = dict(wanted.recipe.at_run_time)
            made = MadeImage(plan, image, wanted.key, python, resolved, at_run_time, not is_new, 0.0, places)
            if is_new and cache is None:
                made = made._replace(drift=self._drift(made, folder / "manifest"))
        if is_new:
            packages = counted(len(resolved.pins), "package") if resolved else "no packages"
            version = f", Python {python.interpreter.version}" if python else ""
            self._progress.done("built", f"{packages}{version}, {plan.reference}")
        return made._replace(seconds=time.perf_counter() - started, built=self._imaging.book.made(wanted.tag))

    def _drift(self, made: MadeImage, scratch: Path) -> tuple[str, ...]:
        """Compare an image that has just been built with what its key meant before."""
        if made.python is None:
            return ()
        environment = self._handle(made, scratch, is_private=False, name="manifest")
        try:
            return self._manifests.compared(made.key, manifest_of(environment.inventory()))
        finally:
            environment.container.end()

    def _packages(
        self, plan: ContainerPlan, ground: Ground, python: Python | None, folder: Path, cache: Path
    ) -> Packages:
        """Choose what is installed, and say what it takes to install it, and which wheel is this project's."""
        settings = plan.settings
        if python is None:
            if _asks_for_packages(settings):
                raise BuildError(
                    f"{plan.title}: the image {plan.reference} has no Python to install for: name another base-image, or "
                    'add "python3" to apt-packages'
                )
            return Packages()
        builder = self._finder.find(None)
        installer = installer_for("auto", builder, self._session.environ, settings.installer_args)
        sources = gather(settings, self._session, python, offline=self._policy.offline)
        bundle = self._imaging.bundle(settings)
        texts = [asked.text for asked in (*sources.requirements, *sources.constraints)]
        carried = carry(
            self._session.environ, python, folder, ca_bundle=bundle, arguments=settings.installer_args, texts=texts
        )

        def resolve(ready: Plan) -> Resolved:
            return self._in_container(ground, settings, carried, ready)

        identity = digest_of([plan.identity, ground.identity, python.identity])
        inner = Plan(settings, python, sources, installer, identity)
        choosing = Choosing(
            *(self._session, self._policy),
            cache=cache,
            tell=self._progress.say,
            elsewhere=Elsewhere(resolve, builder),
        )
        ready, resolved = choosing.chosen(inner)
        project = choosing.project(inner) if settings.project else None
        if project is not None:
            _fits(project, python, plan)
        left = {parse_wheel_filename(project.name)[0]} if project else set()
        needs = needs_of(resolved, carried, ready.sources, python=_PYTHON, left=left)
        return Packages(resolved, needs, project, carried.places)

    def _in_container(self, ground: Ground, settings: Settings, carried: Any, ready: Plan) -> Resolved:
        binds = {} if self.engine.is_remote else {str(place): inside(place) for place in carried.places}
        network = "none" if self._policy.offline else None
        order = Order(
            image=ground.image.id,
            title="choosing versions",
            user="0",
            network=network,
            platform=settings.platform,
            binds=binds,
        )
        with self._imaging.working(order) as container:
            return resolve_inside(
                ready.sources,
                ready.python,
                container,
                carried,
                tool=settings.installer,
                offline=self._policy.offline,
                network=network,
                tell=self._progress.say,
                timeout=self._policy.timeout,
            )

    def shared(self, made: MadeImage, network: str | None = None) -> ContainerEnvironment:
        """Give a container that tests share, and that none of them can change: it is read-only.

        Args:
            network: that it is on, where its settings name none.
        """
        return self._handle(made, self._scratch(), is_private=False, name=made.plan.title, network=network)

    def private(self, made: MadeImage, name: str, network: str | None = None) -> ContainerEnvironment:
        """Give a container of one test's own.

        Args:
            name: of the test, for people who look at the engine.
            network: that it is on, where its settings name none.
        """
        return self._handle(made, self._scratch(), is_private=True, name=name, network=network)

    def _handle(
        self, made: MadeImage, scratch: Path, *, is_private: bool, name: str, network: str | None = None
    ) -> ContainerEnvironment:
        settings = made.plan.settings
        limits = settings.limits
        given = {**({} if is_private else _SHARED), **made.at_run_time}
        if settings.skip_build:
            given |= settings.environment
        order = Order(
            image=made.image.id,
            title=name,
            environment=given,
            network=settings.network or network,
            memory=int(limits["memory"]) if "memory" in limits else None,
            cpus=limits.get("cpus"),
            pids=int(limits["pids"]) if "pids" in limits else None,
            platform=settings.platform,
            scratch=() if is_private else _SCRATCH,
            read_only=not is_private,
            user=settings.user if settings.skip_build else None,
        )
        has_packages = made.python is not None and not settings.skip_build
        if is_private and has_packages and not self.engine.is_remote:  # For `install`.
            order = replace(order, binds={str(place): inside(place) for place in made.places})
        container = self.engine.start(order)
        key = images.key_of_container(made.key, network=settings.network, limits=limits)
        return ContainerEnvironment(
            name=settings.name,
            settings=settings,
            key=key,
            judge=self._judge,
            container=container,
            python=made.python,
            prefix=_PREFIX if has_packages else made.prefix,
            workdir="/" if settings.skip_build else settings.workdir,
            scratch=scratch,
            is_private=is_private,
            install=partial(self._install, made, container) if is_private and has_packages else None,
            named=frozenset(pin.name for pin in made.resolved.pins) if made.resolved else frozenset(),
        )

    def _install(self, made: MadeImage, container: Container, requirements: Sequence[str]) -> None:
        settings = made.plan.settings
        if made.python is None:
            return
        with workspace(self._cache) as folder:
            carried = carry(
                self._session.environ,
                made.python,
                folder,
                ca_bundle=self._imaging.bundle(settings),
                arguments=settings.installer_args,
                texts=requirements,
            )
            install_inside(
                requirements,
                made.python,
                container,
                carried,
                program=_PYTHON,
                offline=self._policy.offline,
                network=settings.network,
                timeout=self._policy.timeout,
            )

    @contextlib.contextmanager
    def afresh(self, plan: ContainerPlan, times: int) -> Iterator[tuple[ContainerEnvironment, ...]]:
        """Make an environment several times from nothing: its image is built without a cache, with versions chosen anew.

        The containers are gone when the block ends; the last image stays, under its name.

        Raises:
            EngineError, InterpreterNotFound, BuildError: as `make`.
        """
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(workspace(self._cache))
            found = []
            for number in range(1, times + 1):
                with self._progress.of(f"{plan.title}, build {number} of {times}"):
                    made = self._make(plan, anew=True, cache=folder / f"cache-{number}")
                environment = self.private(made, f"build {number}")
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
            *(self.engine, owner),
            root=self._session.root,
            cache=self._cache,
            environ=self._session.environ,
            worker=worker,
            offline=self._policy.offline,
            tell=self._progress.tell,
        )

    def keep(self, container: Container) -> str:
        """Keep the files of a container as an image, which is gone after three days, and give its name.

        Raises:
            EngineError: it is gone, or there is no room.
        """
        reference = f"envrepro/kept:{container.name.removeprefix('envrepro-')}"
        container.save(reference)
        self._imaging.book.use(reference)
        return reference

    def cancel(self) -> None:
        """Cancel all that is being made, in any thread, and let nothing more begin; what tests have stays."""
        if "_imaging" in self.__dict__:
            self._imaging.cancel()

    def close(self) -> None:
        """End all containers of this session, and remove images that none has used for long."""
        if "engine" in self.__dict__:
            with contextlib.suppress(EngineError):  # It may be gone: the session has its verdict by now.
                ImageBook(self._cache, self.engine).prune()
            self.engine.close()


def _asks_for_packages(settings: Settings) -> bool:
    asks = (settings.lock, settings.requirements, settings.groups, settings.extras, settings.replicate_local)
    return any(asks) or bool(settings.required_integrations) or bool(settings.project)


def _fits(project: Path, python: Python, plan: ContainerPlan) -> None:
    """Refuse a wheel that is for another Python or platform than the image's.

    Raises:
        BuildError: it is.
    """
    tags = {str(tag) for tag in parse_wheel_filename(project.name)[3]}
    if python.tags and tags.isdisjoint(python.tags):
        raise BuildError(
            f"{plan.title}: this project's wheel, built here, is {project.name}, and the image's Python "
            f"{python.interpreter.version} cannot use it: a project with extension modules has to be built in the image, "
            "by run"
        )
