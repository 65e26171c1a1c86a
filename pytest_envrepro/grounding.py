"""What images of ours begin with: a base or what one's own Dockerfile has come to, with the Debian packages that are added."""

from __future__ import annotations

import re
import threading
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.builders import Job, foreign_images
from pytest_envrepro.engine import ImageNotFoundError
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.imagebuilding import Wanted, stands_at
from pytest_envrepro.images import (
    BUNDLE,
    Facts,
    archive,
    candidates,
    chosen,
    entry,
    key_of_own,
    key_of_stage,
    system,
    tag,
)
from pytest_envrepro.owning import read_own

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_envrepro.builders import Foreign
    from pytest_envrepro.enginevalues import Image
    from pytest_envrepro.imagebuilding import ImageBuilding
    from pytest_envrepro.images import Entry
    from pytest_envrepro.owning import Own
    from pytest_envrepro.settings import Settings


_LONG = re.compile(
    r"\s*(?:RUN|COPY|ADD)\b", re.IGNORECASE
)  # Instructions that may take long: the others note something.


_Asked = tuple[str, "str | None"]  # An image, and for which platform.


class Ground(NamedTuple):
    """What an image of ours begins with.

    Attributes:
        reference: what `FROM` says.
        identity: tells it from every other one: its digest, else its id; of a stage of ours its key.
        image: what the engine has.
        base: what the stages begin with.
    """

    reference: str
    identity: str
    image: Image
    base: Image


class Grounds:
    """What the images of a session begin with.

    Args:
        building: has images built.
        root: the project's folder.
        environ: the variables of this process.
    """

    def __init__(self, building: ImageBuilding, *, root: Path, environ: Mapping[str, str]) -> None:
        self._building = building
        self._root = root
        self._environ = environ
        self._asked: set[_Asked] = set()
        self._guards: dict[_Asked, threading.Lock] = {}

    def is_due(self, settings: Settings, reference: str) -> bool:
        """Tell whether a registry is to be asked for what an environment begins with, and was not yet in this session.

        Raises:
            SettingsError: that cannot be known.
        """
        if settings.pull != "always" or self._building.policy.offline:
            return False
        names = [reference]
        if settings.own_dockerfile is not None:
            names = [each.image for each in _foreign(read_own(settings, self._root), settings)]
        return any((name, settings.platform) not in self._asked and not _is_id(name) for name in names)

    def ground(
        self, settings: Settings, reference: str, apt_packages: tuple[str, ...], *, title: str, anew: bool = False
    ) -> Ground:
        """Give the base with its Debian packages: built once for all environments that want the same of both.

        Args:
            title: of the environment, for people.
            anew: build it again, without a cache.

        Raises:
            ImageNotFoundError: there is no such base.
            BuildError: apt fails.
        """
        if settings.own_dockerfile is not None:
            reference, identity, base = self._own(settings, anew=anew)
        else:
            base = self._base(settings, reference, anew=anew)
            identity = _identity(base)
        facts = Facts(base=reference, apt_packages=apt_packages, bundle=settings.ca_bundle != "none")
        recipe = system(settings, facts)
        if recipe is None:
            return Ground(reference, identity, base, base)
        key = key_of_stage(recipe, identity=identity, platform=base.platform, files={})
        wanted = Wanted(key, tag("system", key), recipe, self.certificates(settings))
        image, _ = self._building.built(settings, wanted, title=title, anew=anew)
        return Ground(wanted.tag, key, image, base)

    def _base(self, settings: Settings, reference: str, *, anew: bool) -> Image:
        """Find the image that an environment begins with, or have it pulled as the settings say.

        Args:
            anew: ask for it though that was done in this session.

        Raises:
            ImageNotFoundError: it is not here, and is not to be pulled, or cannot be.
        """
        engine = self._building.engine
        asked = reference, settings.platform
        with self._guards.setdefault(asked, threading.Lock()):
            found = engine.image(reference)
            is_had = found is not None and fits(found, settings.platform) and asked in self._asked and not anew
            if not is_had and is_pulled(settings, reference, found, offline=self._building.policy.offline):
                found = self._pulled(settings, reference, found)
                self._asked.add(asked)
                return found
        if found is None or not fits(found, settings.platform):
            raise ImageNotFoundError(missing(settings, reference, found, where=f"on {engine.label}"))
        return found

    def _pulled(self, settings: Settings, reference: str, found: Image | None) -> Image:
        """Have an image pulled; where it cannot be had, say what there is in its place."""
        engine, say = self._building.engine, self._building.say
        say(f"pulling {reference}")
        try:
            return engine.pull(reference, platform=settings.platform, tell=say)
        except ImageNotFoundError as error:
            if found is None:
                raise
            said = f": {error.said}" if error.said else ""
            there = f"the image {reference} is on {engine.label}"
            if fits(found, settings.platform):
                why = 'and cannot be pulled again, as pull = "always" asks: write pull = "missing" to take it as it is'
                raise ImageNotFoundError(f"{there}, {why}{said}") from error
            raise ImageNotFoundError(
                f'{there} for {found.platform} alone, and the one for platform = "{settings.platform}" cannot be pulled: load '
                f"it (docker load), or set another platform{said}"
            ) from error

    def _own(self, settings: Settings, *, anew: bool) -> tuple[str, str, Image]:
        """Build one's own Dockerfile, or find what it has come to; give its name, its key and it.

        What it begins with, and what it copies from, is had as `pull` says: so it is known, and another one makes another
        key.
        """
        own = read_own(settings, self._root)
        begins = {
            f"{each.how}{each.image}": _identity(self._base(settings, each.image, anew=anew))
            for each in _foreign(own, settings)
        }
        arguments = settings.build_environment
        platform = settings.platform or ""
        key = key_of_own(own.text, arguments=arguments, platform=platform, files={**own.digests, **begins})
        name = tag("own", key)
        job = Job(
            title=settings.own_dockerfile or "",
            lines=tuple(
                line._replace(setting=stands_at("dockerfile", settings), is_quick=_LONG.match(line.text) is None)
                for line in own.lines
            ),
            context=partial(archive, own.entries),
            dockerfile=own.place,
            arguments=arguments,
        )
        image, _ = self._building.done(settings, key, name, job, anew=anew)
        return name, key, image

    def bundle(self, settings: Settings) -> bytes | None:
        """Give the certificates that a build is to trust, or None.

        Raises:
            SettingsError: there are none where the setting says.
        """
        texts = {}
        for path in candidates(settings.ca_bundle, self._environ):
            file = self._root / path
            if file.is_file():
                texts[path] = file.read_text(encoding="utf-8", errors="replace")
        try:
            return chosen(settings.ca_bundle, texts, self._environ)
        except SettingsError as error:
            raise SettingsError(f"{error} ({settings.origins['ca-bundle']})") from None

    def certificates(self, settings: Settings) -> tuple[Entry, ...]:
        """Give them as a context has them."""
        data = self.bundle(settings)
        return (entry(BUNDLE, data),) if data is not None else ()


def _foreign(own: Own, settings: Settings) -> tuple[Foreign, ...]:
    """Give the images that one's own Dockerfile needs.

    Raises:
        SettingsError: which one is meant cannot be known: an engine would take another one, unseen, another day.
    """
    found = foreign_images(own.lines, settings.build_environment, settings.platform)
    faults = [
        f"dockerfile: {settings.own_dockerfile}: {each.how}{each.written}: {each.why} ({settings.origins['dockerfile']})"
        for each in found
        if each.why
    ]
    if faults:
        raise SettingsError("\n".join(faults))
    return found


def is_pulled(settings: Settings, reference: str, found: Image | None, *, offline: bool) -> bool:
    """Tell whether an image is to be had from its registry; none has an id.

    Args:
        found: what the engine has by that name.
    """
    if offline or settings.pull == "never" or _is_id(reference):
        return False
    return settings.pull == "always" or found is None or not fits(found, settings.platform)


def missing(settings: Settings, reference: str, found: Image | None, *, where: str) -> str:
    """Say that an image is not there, or for another platform alone, and is not to be pulled; and what to do.

    Args:
        found: what there is by that name.
        where: `on Docker 20.10 at unix:///var/run/docker.sock`, `there`.
    """
    there = f"is not {where}"
    if found is not None:
        there = f'is {where} for {found.platform} alone; platform = "{settings.platform}" asks for another'
    if _is_id(reference):
        return f"the image {reference} {there}, and no registry knows an id: load it (docker load), or name another base-image"
    why = 'pull = "never"' if settings.pull == "never" else "--env-offline is given"
    return f"the image {reference} {there}, and {why}: pull it, or name another base-image"


def _is_id(reference: str) -> bool:
    return reference.startswith("sha256:")


def fits(image: Image, platform: str | None) -> bool:
    """Tell whether an image is for a platform, which need not name its variant."""
    return platform is None or f"{image.platform}/".startswith(f"{platform}/")


def _identity(image: Image) -> str:
    """Tell an image from every other one, wherever it is, as far as that can be."""
    return image.digests[0] if image.digests else image.id
