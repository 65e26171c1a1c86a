"""The packages of images: chosen in a container for its own Python, and installed into one that a test may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

from pytest_envrepro.choosing import Choosing, Elsewhere
from pytest_envrepro.containerplanning import asks_for_packages
from pytest_envrepro.enginevalues import Order
from pytest_envrepro.errors import BuildError
from pytest_envrepro.gathering import gather
from pytest_envrepro.identities import identity_of_choice
from pytest_envrepro.imagerecipes import Packages
from pytest_envrepro.images import ENVIRONMENT
from pytest_envrepro.installers import absolute_words
from pytest_envrepro.installers.carrying import carry
from pytest_envrepro.installers.inside import install_inside, resolve_inside
from pytest_envrepro.installers.needs import needs_of
from pytest_envrepro.installers.taking import inside
from pytest_envrepro.planning import installer_of, refuse_resolution
from pytest_envrepro.plans import Plan
from pytest_envrepro.workspace import workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pytest_envrepro.engine import Container
    from pytest_envrepro.grounding import Ground, Grounds
    from pytest_envrepro.imagebuilding import ImageBuilding
    from pytest_envrepro.installers import Resolved
    from pytest_envrepro.installers.carrying import Carried
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.plans import ContainerPlan
    from pytest_envrepro.provenance import Option
    from pytest_envrepro.pythons import Finder
    from pytest_envrepro.session import Session
    from pytest_envrepro.settings import Settings

PYTHON = f"{ENVIRONMENT}/bin/python"


class ImagePackages:
    """What is installed into the images of a session.

    Args:
        building: gives containers to choose in.
        grounds: tells what is to be trusted.
        session: the project.
        finder: finds the Python that builds wheels of this machine's folders.
        cache: the user's cache folder.
    """

    def __init__(
        self, building: ImageBuilding, grounds: Grounds, session: Session, *, finder: Finder, cache: Path
    ) -> None:
        self._building = building
        self._grounds = grounds
        self._session = session
        self._policy = building.policy
        self._finder = finder
        self._cache = cache

    def packages(
        self, plan: ContainerPlan, ground: Ground, python: Python | None, folder: Path, cache: Path
    ) -> Packages:
        """Choose what is installed, and say what it takes to install it, and which wheel is this project's.

        Args:
            python: of the ground.
            folder: an empty one, for files on the way.
            cache: where versions that were chosen are remembered.

        Raises:
            BuildError: requirements contradict each other, or cannot be had, or there is no Python for them.
        """
        settings = plan.settings
        if python is None:
            if asks_for_packages(settings):
                raise BuildError(
                    f"{plan.title}: the image {plan.reference} has no Python to install for: name another base-image, or "
                    'add "python3" to apt-packages'
                )
            return Packages()
        builder = self._finder.find(None)
        installer = installer_of(settings, self._session, builder, "auto")
        sources = gather(settings, self._session, python, offline=self._policy.offline, tell=self._building.say)
        refuse_resolution(settings, sources)
        texts = [asked.text for asked in (*sources.requirements, *sources.constraints, *(sources.lock or ()))]
        carried = self._carried(settings, python, folder, texts, sources.options)

        def resolve(ready: Plan) -> Resolved:
            return self._resolved(ground, carried, ready)

        told = [(option.name, option.value) for option in sources.options]
        further = [ground.identity, ground.image.platform, settings.installer, told]
        root = self._session.root
        identity = identity_of_choice(settings, python, installer, sources, root=root, further=further)
        inner = Plan(settings, python, sources, installer, identity)
        choosing = Choosing(
            self._session,
            self._policy,
            cache=cache,
            tell=self._building.say,
            elsewhere=Elsewhere(resolve, builder),
        )
        ready, resolved = choosing.chosen(inner)
        project = choosing.project(inner) if settings.project else None
        if project is not None:
            _refuse_unfit(project, python, plan)
        left = {parse_wheel_filename(project.name)[0]} if project else set()
        needs = needs_of(resolved, carried, ready.sources, python=PYTHON, left=left)
        return Packages(resolved, needs, project, carried.places, sources.options)

    def _carried(
        self, settings: Settings, python: Python, folder: Path, texts: Iterable[str], options: Iterable[Option]
    ) -> Carried:
        """Read the user's configuration of pip and uv, for a container's Python, with what files of the settings say.

        Raises:
            SettingsError: they say what cannot be followed there.
        """
        return carry(
            self._session.tool_environ,
            python,
            folder,
            ca_bundle=self._grounds.bundle(settings),
            arguments=absolute_words(settings.installer_args, self._session.root),
            texts=texts,
            options=options,
            tool="uv" if settings.installer == "uv" else "pip",
        )

    def _resolved(self, ground: Ground, carried: Carried, ready: Plan) -> Resolved:
        """Choose versions in a container of the ground."""
        settings = ready.settings
        binds = {} if self._building.engine.is_remote else {str(place): inside(place) for place in carried.places}
        network = "none" if self._policy.offline else None
        order = Order(
            image=ground.image.id,
            title="choosing versions",
            user="0",
            network=network,
            platform=settings.platform,
            binds=binds,
        )
        with self._building.working(order) as container:
            return resolve_inside(
                ready.sources,
                ready.python,
                container,
                carried,
                tool=settings.installer,
                resolution=settings.resolution,
                offline=self._policy.offline,
                network=network,
                tell=self._building.say,
                timeout=self._policy.timeout,
            )

    def install(
        self,
        settings: Settings,
        python: Python,
        container: Container,
        requirements: Sequence[str],
        left: Callable[[str], object],
        *,
        options: Iterable[Option],
    ) -> None:
        """Install packages into the virtualenv of a container, over what is there.

        Args:
            options: what the installer of its image was told, by files and by the settings' command.
            left: is told why the user's configuration stays in it; an empty text where it does not.

        Raises:
            BuildError: that fails.
        """
        with workspace(self._cache) as folder:
            install_inside(
                requirements,
                python,
                container,
                self._carried(settings, python, folder, requirements, options),
                program=PYTHON,
                left=left,
                offline=self._policy.offline,
                network=settings.network,
                timeout=self._policy.timeout,
            )


def _refuse_unfit(project: Path, python: Python, plan: ContainerPlan) -> None:
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
