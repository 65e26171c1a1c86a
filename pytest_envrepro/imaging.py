"""Makes the images of container environments: the base, what Debian and pip add to it, and the key that all of it has."""

from __future__ import annotations

import hashlib
import os
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro import __version__, images
from pytest_envrepro.builders import Job, Line, builder_for
from pytest_envrepro.cache import VerdictCache
from pytest_envrepro.digests import digest_of_file
from pytest_envrepro.engine import OWN, ImageNotFoundError, Order
from pytest_envrepro.errors import BuildError, InterpreterNotFound
from pytest_envrepro.images import ENVIRONMENT, FILES, INSTALLING, WHEELS, Entry, Facts, Installation
from pytest_envrepro.pythons import is_wanted, probe_image
from pytest_envrepro.settingtext import redacted
from pytest_envrepro.workspace import alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pytest_envrepro.engine import Engine, Image
    from pytest_envrepro.images import Recipe
    from pytest_envrepro.installers.needs import Needs
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.settings import Settings

_CHUNK = 1 << 20
_ROOM = "images"  # In the user's cache folder: what the Pythons of images have answered.
_KEPT = 256


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


class Wanted(NamedTuple):
    """An image that is to be there.

    Attributes:
        entries: its context, but for the Dockerfile.
    """

    key: str
    tag: str
    recipe: Recipe
    entries: tuple[Entry, ...]


class Imaging:
    """Has images built, each once for each key, whoever asks: threads, workers of pytest-xdist, other sessions.

    Args:
        engine: what builds, and what has them.
        root: the project's folder.
        cache: the user's cache folder.
        environ: the variables of this process.
        connect: gives another engine by its address.
        offline: whether nothing is pulled, and builds have no network.
        say: is told what is being done.
    """

    def __init__(  # noqa: PLR0913  # Each is a fact of its own.
        self,
        engine: Engine,
        *,
        root: Path,
        cache: Path,
        environ: Mapping[str, str],
        connect: Callable[[str], Engine],
        offline: bool,
        say: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._root = root
        self._cache = cache
        self._environ = environ
        self._connect = connect
        self._offline = offline
        self._say = say
        self._memory = VerdictCache(cache, room=_ROOM, kept=_KEPT)

    def bundle(self, settings: Settings) -> bytes | None:
        """Give the certificates that a build is to trust, or None.

        Raises:
            SettingsError: there are none where the setting says.
        """
        texts = {}
        for path in images.candidates(settings.ca_bundle, self._environ):
            file = self._root / path
            if file.is_file():
                texts[path] = file.read_text(encoding="utf-8", errors="replace")
        return images.chosen(settings.ca_bundle, texts, self._environ)

    def base(self, settings: Settings, reference: str) -> Image:
        """Find the image that an environment begins with, or have it pulled as the settings say.

        Raises:
            ImageNotFoundError: it is not here, and is not to be pulled, or cannot be.
        """
        found = self._engine.image(reference)
        if settings.pull == "never" or self._offline or (found is not None and settings.pull == "missing"):
            if found is None:
                why = "--env-offline is given" if settings.pull != "never" else 'pull = "never"'
                raise ImageNotFoundError(
                    f"the image {reference} is not on {self._engine.label}, and {why}: pull it, or name another base-image"
                )
            return found
        self._say(f"pulling {reference}")
        return self._engine.pull(reference, platform=settings.platform, tell=self._say)

    def ground(
        self, settings: Settings, reference: str, apt_packages: tuple[str, ...], *, anew: bool = False
    ) -> Ground:
        """Give the base with its Debian packages: built once for all environments that want the same of both.

        Args:
            anew: build it again, without a cache.

        Raises:
            ImageNotFoundError: there is no such base.
            BuildError: apt fails.
        """
        base = self.base(settings, reference)
        identity = base.digests[0] if base.digests else base.id
        facts = Facts(base=reference, apt_packages=apt_packages, bundle=settings.ca_bundle != "none")
        recipe = images.system(settings, facts)
        if recipe is None:
            return Ground(reference, identity, base, base)
        key = images.key_of_stage(recipe, identity=identity, platform=base.platform, files={})
        wanted = Wanted(key, images.tag("system", key), recipe, tuple(self._certificates(settings)))
        image, _ = self.built(settings, wanted, title="system packages", anew=anew)
        return Ground(wanted.tag, key, image, base)

    def _certificates(self, settings: Settings) -> list[Entry]:
        data = self.bundle(settings)
        return [images.entry(images.BUNDLE, data)] if data is not None else []

    def python(self, settings: Settings, ground: Ground) -> Python | None:
        """Ask the image's own Python what it is; None where it has none.

        Raises:
            InterpreterNotFound: it is another one than the settings ask for.
        """
        order = Order(image=ground.image.id, title="python", network="none", platform=settings.platform, user="0")
        container = self._engine.start(order)
        try:
            python = probe_image(container, ground.image.id, self._memory)
        finally:
            container.end()
        if python is not None and settings.python is not None and not is_wanted(python, settings.python):
            raise InterpreterNotFound(
                f"the image {ground.reference} has Python {python.interpreter.version}, and python = "
                f"{settings.python!r} asks for another one: name a base-image that has it"
            )
        return python

    def facts(self, ground: Ground, python: Python | None, needs: Needs | None, project: Path | None) -> Facts:
        """Put together what is known of an image beside its settings."""
        installation = None
        if needs is not None:
            installation = Installation(needs.pip, needs.commands, needs.variables, tuple(sorted(needs.arguments)))
        return Facts(
            base=ground.reference,
            python=python.executable if python else None,
            path=ground.base.environment.get("PATH", ""),
            user=ground.base.user,
            installation=installation,
            project=project.name if project else None,
            bundle=False,
            created_by=f"pytest-envrepro {__version__}",
        )

    def wanted(
        self, settings: Settings, ground: Ground, facts: Facts, needs: Needs | None, project: Path | None
    ) -> Wanted:
        """Decide what an image is built from, and what its key is.

        Raises:
            SettingsError: a Dockerfile cannot hold a setting.
        """
        facts = facts._replace(bundle=settings.ca_bundle != "none" and bool(settings.run))
        entries = self._certificates(settings) if facts.bundle else []
        keyed: dict[str, str] = {}
        files = {place: self._root / path for place, path in settings.files.items()}
        if files:
            inner = [_of_file(place, path) for place, path in files.items()]
            entries.append(images.packed(FILES, inner, below=ENVIRONMENT if facts.python else settings.workdir))
            keyed |= {f"{FILES}/{place}": _digest(path) for place, path in files.items()}
        if needs is not None:
            contents = {f"{INSTALLING}/{name}": content for name, content in needs.files.items()}
            entries += [_entry(place, content) for place, content in contents.items()]
            keyed |= {f"{INSTALLING}/{name}": _digest(needs.files[name]) for name in needs.keyed}
        if project is not None:
            entries.append(_of_file(f"{WHEELS}/{project.name}", project))
            keyed[f"{WHEELS}/{project.name}"] = _digest(project)
        recipe = images.image(settings, facts, onto=ground.reference)
        key = images.key_of_stage(recipe, identity=ground.identity, platform=ground.image.platform, files=keyed)
        recipe = images.image(settings, facts._replace(key=key), onto=ground.reference)
        return Wanted(key, images.tag(settings.name or "", key), recipe, tuple(entries))

    def built(
        self,
        settings: Settings,
        wanted: Wanted,
        *,
        title: str,
        needs: Needs | None = None,
        trails: Mapping[str, str] = MappingProxyType({}),
        anew: bool = False,
    ) -> tuple[Image, bool]:
        """Find an image by its key, or have it built; and tell whether it was built.

        Args:
            title: of the environment, for people.
            trails: who asks for a package, by canonical names.
            anew: build it whatever is there, without a cache.

        Raises:
            BuildError: that fails.
        """
        with alone(self._cache, f"image-{wanted.key[:16]}"):
            found = None if anew else self._engine.image(wanted.tag)
            if found is not None and found.labels.get(f"{OWN}key") == wanted.key:
                return found, False
            lines = [Line(line.text, _told(line.setting, settings), line.title) for line in wanted.recipe.lines]
            whole = [*wanted.entries, images.entry("Dockerfile", wanted.recipe.text.encode())]
            job = Job(
                title=title,
                lines=tuple(lines),
                context=partial(images.archive, whole),
                tags=(wanted.tag,),
                labels={f"{OWN}managed": "1", f"{OWN}key": wanted.key},
                arguments=needs.arguments if needs else {},
                platform=settings.platform,
                network="none" if self._offline else None,
                no_cache=anew,
                secrets=(*(needs.secrets if needs else ()), *_hidden(settings)),
                trails=trails,
            )
            builder = builder_for(settings.builder, self._connect)
            identifier = builder.build(self._engine, job, tell=self._say, say=lambda _: None)
        built = self._engine.image(identifier)
        if built is None:
            raise BuildError(f"the image of {title} has been built, and is gone: is somebody cleaning up the engine?")
        return built, True


def _hidden(settings: Settings) -> list[str]:
    """Give the values of variables of the build that may not be shown."""
    shown = redacted("build-environment", settings.build_environment, settings.origins)
    return [value for name, value in settings.build_environment.items() if shown[name] != value]


def _told(setting: str, settings: Settings) -> str:
    """Say where a line of a Dockerfile comes from."""
    if not setting:
        return ""
    key = setting.partition(".")[0].partition("[")[0]
    origin = settings.origins.get(setting, settings.origins.get(key, "default"))
    return f"{setting} ({origin})"


def _digest(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    return f"{digest_of_file(content)} {os.access(content, os.X_OK)}"


def _entry(place: str, content: bytes | Path) -> Entry:
    return images.entry(place, content) if isinstance(content, bytes) else _of_file(place, content)


def _of_file(place: str, path: Path) -> Entry:
    def chunks() -> Iterator[bytes]:
        with path.open("rb") as file:
            while data := file.read(_CHUNK):
                yield data

    return Entry(place, path.stat().st_size, chunks, os.access(path, os.X_OK))
