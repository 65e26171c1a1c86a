"""Makes the images of container environments, each once in a session: its ground, its Python, its packages, and the rest."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.grounding import Grounds
from pytest_envrepro.identities import Copies
from pytest_envrepro.imagebuilding import ImageBuilding
from pytest_envrepro.imagepackages import ImagePackages
from pytest_envrepro.imagepythons import ImagePythons
from pytest_envrepro.imagerecipes import wanted_image
from pytest_envrepro.outcome import counted
from pytest_envrepro.owning import copied
from pytest_envrepro.workspace import needing_room, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_envrepro.engine import Container, Engine
    from pytest_envrepro.enginevalues import Image
    from pytest_envrepro.grounding import Ground
    from pytest_envrepro.imagerecipes import Packages
    from pytest_envrepro.installers import Resolved
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.plans import ContainerPlan, Policy
    from pytest_envrepro.progress import Progress
    from pytest_envrepro.provenance import Option
    from pytest_envrepro.pythons import Finder
    from pytest_envrepro.session import Session


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
        options: what files of the settings told the installer, and what their command printed.
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
    options: tuple[Option, ...] = ()

    @property
    def name(self) -> str:
        """What people and `docker run` call its image."""
        return self.image.tags[0] if self.image.tags else self.image.id

    @property
    def has_packages(self) -> bool:
        """Whether it has a virtualenv of ours."""
        return self.python is not None and not self.plan.settings.skip_build


class ImageMaking:
    """The images of one session.

    Args:
        engine: what has them.
        session: the project.
        policy: how they are made.
        cache: the user's cache folder.
        connect: gives another engine by its address.
        progress: is told what is being done.
        finder: finds the Python that builds wheels of this machine's folders.
        drift: compares an image that has just been built with what its key meant before; is given an empty folder.
    """

    def __init__(  # noqa: PLR0913  # Each is a fact of its own.
        self,
        engine: Engine,
        session: Session,
        policy: Policy,
        *,
        cache: Path,
        connect: Callable[[str], Engine],
        progress: Progress,
        finder: Finder,
        drift: Callable[[MadeImage, Path], tuple[str, ...]],
    ) -> None:
        self._session = session
        self._cache = cache
        self._progress = progress
        self._drift = drift
        self._building = ImageBuilding(engine, policy, cache=cache, connect=connect, say=progress.say)
        self._grounds = Grounds(self._building, root=session.root, environ=session.environ)
        self._pythons = ImagePythons(self._building, cache)
        self._packages = ImagePackages(self._building, self._grounds, session, finder=finder, cache=cache)
        self.book = self._building.book
        self._copies = Copies()
        self._made: dict[tuple[str, str], MadeImage] = {}
        self._guards: dict[tuple[str, str], threading.Lock] = {}

    def make(self, plan: ContainerPlan) -> MadeImage:
        """Make the image of an environment, or take the one that is there; from any thread.

        Raises:
            EngineError: there is no engine, or no such image.
            SettingsError: its Python is another one than is asked for; or what it copies is not there any more.
            BuildError: it cannot be made.
        """
        identity = plan.identity, copied(plan.settings, self._session.root, self._copies)
        with self._guards.setdefault(identity, threading.Lock()):
            made = self._made.get(identity)
            is_due = self._grounds.is_due(plan.settings, plan.reference)
            if made is None or is_due or self._building.engine.image(made.image.id) is None:
                with self._progress.of(plan.work), needing_room(self._cache):
                    made = self._made[identity] = self._make(plan)
            return made._replace(plan=plan)

    def anew(self, plan: ContainerPlan, cache: Path, title: str) -> MadeImage:
        """Make an image from nothing: it is built without a cache, with versions chosen anew.

        Args:
            cache: an empty folder, where these versions are remembered.
            title: of what is being done, for people.

        Raises:
            EngineError, SettingsError, BuildError: as `make`.
        """
        with self._progress.of(title), needing_room(self._cache):
            return self._make(plan, cache)

    def _make(self, plan: ContainerPlan, anew: Path | None = None) -> MadeImage:
        """Make an image.

        Args:
            anew: where versions are remembered that are chosen whatever was made before; None to take what is there.
        """
        started = time.perf_counter()
        settings = plan.settings
        is_anew = anew is not None
        ground = self._grounds.ground(settings, plan.reference, plan.apt_packages, title=plan.title, anew=is_anew)
        python = self._pythons.python(settings, ground)
        if settings.skip_build:
            return self._as_it_is(plan, ground, python, started)
        with workspace(self._cache) as folder:
            packages = self._packages.packages(plan, ground, python, folder, anew or self._cache)
            made, is_new = self._built(plan, ground, python, packages, anew=is_anew)
            if is_new and not is_anew:
                made = made._replace(drift=self._drift(made, folder / "manifest"))
        if is_new:
            self._tell_built(made)
        return made._replace(seconds=time.perf_counter() - started)

    def _as_it_is(self, plan: ContainerPlan, ground: Ground, python: Python | None, started: float) -> MadeImage:
        """Take an image that nothing is built from."""
        took = time.perf_counter() - started
        made = MadeImage(plan, ground.image, ground.identity, python, None, {}, True, took)  # By its place.
        return made._replace(prefix=self._pythons.own_prefix(plan.settings, ground) if python else None)

    def _built(
        self, plan: ContainerPlan, ground: Ground, python: Python | None, packages: Packages, *, anew: bool
    ) -> tuple[MadeImage, bool]:
        """Have an image built, unless it is there; and tell whether it was built."""
        settings, resolved = plan.settings, packages.resolved
        certificates = partial(self._grounds.certificates, settings)
        wanted = wanted_image(settings, ground, python, packages, root=self._session.root, certificates=certificates)
        trails = {pin.name: resolved.trail(pin.name) for pin in resolved.pins} if resolved else {}
        image, is_new = self._building.built(
            settings, wanted, title=plan.title, needs=packages.needs, trails=trails, anew=anew
        )
        at_run_time = dict(wanted.recipe.at_run_time)
        made = MadeImage(plan, image, wanted.key, python, resolved, at_run_time, not is_new, 0.0, packages.places)
        return made._replace(built=self.book.made(wanted.tag), options=packages.options), is_new

    def _tell_built(self, made: MadeImage) -> None:
        packages = counted(len(made.resolved.pins), "package") if made.resolved else "no packages"
        version = f", Python {made.python.interpreter.version}" if made.python else ""
        self._progress.done("built", f"{packages}{version}, {made.plan.reference}")

    def install(
        self, made: MadeImage, container: Container, left: Callable[[str], object], requirements: Sequence[str]
    ) -> None:
        """Install packages into a container of an image.

        Args:
            left: is told why the user's configuration stays in it; an empty text where it does not.

        Raises:
            BuildError: that fails.
        """
        if made.python is not None:
            with needing_room(self._cache):
                settings, options = made.plan.settings, made.options
                self._packages.install(settings, made.python, container, requirements, left, options=options)

    def cancel(self) -> None:
        """Cancel all that is on the way, in any thread."""
        self._building.cancel()
