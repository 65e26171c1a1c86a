"""Makes the images of container environments: the base, what Debian and pip add to it, and the key that all of it has."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro import __version__, images
from pytest_envrepro.builders import Job, Line, builder_for, foreign_images
from pytest_envrepro.cache import VerdictCache
from pytest_envrepro.digests import digest_of_file
from pytest_envrepro.engine import (
    OWN,
    CancelledError,
    EngineError,
    ExecutionTimeoutError,
    ImageNotFoundError,
    Order,
    ProgramNotFoundError,
)
from pytest_envrepro.errors import BuildError, InterpreterNotFound
from pytest_envrepro.imagebook import ImageBook
from pytest_envrepro.images import ENVIRONMENT, FILES, INSTALLING, WHEELS, Facts, Installation
from pytest_envrepro.owning import entry_of_file, read_own
from pytest_envrepro.pythons import is_probed, is_wanted, probe_image
from pytest_envrepro.settingtext import redacted
from pytest_envrepro.workspace import alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pytest_envrepro.engine import Container, Engine, Image
    from pytest_envrepro.images import Entry, Recipe
    from pytest_envrepro.installers.needs import Needs
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.settings import Settings

_ROOM = "images"  # In the user's cache folder: what the Pythons of images have answered.
_KEPT = 256
_PREFIX = "import sys; print(sys.prefix if sys.prefix != sys.base_prefix else '', end='')"
_PATIENCE = 60.0  # Seconds: under emulation an interpreter takes its time.


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
        since: what was built before this time is built again (seconds since the epoch); None to take all that is there.
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
        since: float | None = None,
        say: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._root = root
        self._cache = cache
        self._environ = environ
        self._connect_by_address = connect
        self._engines = [engine]  # And those elsewhere that build for it.
        self._working: set[Container] = set()
        self._is_cancelled = False
        self._offline = offline
        self._since = since
        self._say = say
        self._memory = VerdictCache(cache, room=_ROOM, kept=_KEPT)
        self.book = ImageBook(cache, engine)

    def _connect(self, address: str) -> Engine:
        engine = self._connect_by_address(address)
        self._engines.append(engine)
        if self._is_cancelled:
            engine.cancel()
        return engine

    @contextlib.contextmanager
    def working(self, order: Order) -> Iterator[Container]:
        """Give a container in which something is found out on the way to an image.

        Raises:
            EngineError: it cannot be had, or is cancelled.
        """
        container = self._engine.start(order)
        self._working.add(container)
        try:
            if self._is_cancelled:
                raise CancelledError("this session ends, so no image is made any more")
            yield container
        finally:
            self._working.discard(container)
            container.end()

    def cancel(self) -> None:
        """Cancel all that is on the way, in any thread."""
        self._is_cancelled = True
        for engine in tuple(self._engines):
            engine.cancel()
        for container in tuple(self._working):
            with contextlib.suppress(EngineError):
                container.end()

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
        if settings.own_dockerfile is not None:
            reference, identity, base = self._own(settings, anew=anew)
        else:
            base = self.base(settings, reference)
            identity = _identity(base)
        facts = Facts(base=reference, apt_packages=apt_packages, bundle=settings.ca_bundle != "none")
        recipe = images.system(settings, facts)
        if recipe is None:
            return Ground(reference, identity, base, base)
        key = images.key_of_stage(recipe, identity=identity, platform=base.platform, files={})
        wanted = Wanted(key, images.tag("system", key), recipe, tuple(self._certificates(settings)))
        image, _ = self.built(settings, wanted, title="system packages", anew=anew)
        return Ground(wanted.tag, key, image, base)

    def _own(self, settings: Settings, *, anew: bool) -> tuple[str, str, Image]:
        """Build one's own Dockerfile, or find what it has come to; give its name, its key and it.

        What it begins with is had as `pull` says: so it is known, and another one makes another key.
        """
        own = read_own(settings, self._root)
        begins = {f"FROM {each}": _identity(self.base(settings, each)) for each in foreign_images(own.lines)}
        arguments = settings.build_environment
        platform = settings.platform or ""
        key = images.key_of_own(own.text, arguments=arguments, platform=platform, files={**own.digests, **begins})
        name = images.tag("own", key)
        job = Job(
            title=settings.own_dockerfile or "",
            lines=tuple(line._replace(setting=_told("dockerfile", settings)) for line in own.lines),
            context=partial(images.archive, own.entries),
            dockerfile=own.place,
            arguments=arguments,
        )
        image, _ = self._kept(settings, key, name, job, anew=anew)
        return name, key, image

    def _certificates(self, settings: Settings) -> list[Entry]:
        data = self.bundle(settings)
        return [images.entry(images.BUNDLE, data)] if data is not None else []

    def python(self, settings: Settings, ground: Ground) -> Python | None:
        """Ask the image's own Python what it is; None where it has none.

        Raises:
            InterpreterNotFound: it is another one than the settings ask for.
        """
        order = Order(image=ground.image.id, title="python", network="none", platform=settings.platform, user="0")
        if is_probed(ground.image.id, self._memory):
            python = probe_image(None, ground.image.id, self._memory)
        else:
            with self.working(order) as container:
                python = probe_image(container, ground.image.id, self._memory)
        if python is not None and settings.python is not None and not is_wanted(python, settings.python):
            raise InterpreterNotFound(
                f"the image {ground.reference} has Python {python.interpreter.version}, and python = "
                f"{settings.python!r} asks for another one: name a base-image that has it"
            )
        return python

    def own_prefix(self, settings: Settings, ground: Ground) -> str | None:
        """Find the virtualenv that comes first on the `PATH` of an image that is used as it is; None where there is none."""
        key = f"prefix {ground.image.id} {settings.environment.get('PATH', '')}"
        known = self._memory.get(key)
        if known is None:
            order = Order(
                image=ground.image.id,
                title="python",
                environment=settings.environment,
                network="none",
                platform=settings.platform,
                user="0",
            )
            with self.working(order) as container:
                found = next(filter(None, (_prefix_of(container, name) for name in ("python3", "python"))), "")
            known = {"prefix": found}
            self._memory.put(key, known)
        return known["prefix"] or None

    def facts(self, ground: Ground, python: Python | None, needs: Needs | None, project: Path | None) -> Facts:
        """Put together what is known of an image beside its settings."""
        installation = None
        if needs is not None and (needs.commands or project is not None):
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
            inner = [entry_of_file(place, path) for place, path in files.items()]
            entries.append(images.packed(FILES, inner, below=ENVIRONMENT if facts.python else settings.workdir))
            keyed |= {f"{FILES}/{place}": _digest(path) for place, path in files.items()}
        if needs is not None:
            contents = {f"{INSTALLING}/{name}": content for name, content in needs.files.items()}
            entries += [_entry(place, content) for place, content in contents.items()]
            keyed |= {f"{INSTALLING}/{name}": _digest(needs.files[name]) for name in needs.keyed}
        if project is not None:
            entries.append(entry_of_file(f"{WHEELS}/{project.name}", project))
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
        lines = [Line(line.text, _told(line.setting, settings), line.title) for line in wanted.recipe.lines]
        whole = [*wanted.entries, images.entry("Dockerfile", wanted.recipe.text.encode())]
        job = Job(
            title=title,
            lines=tuple(lines),
            context=partial(images.archive, whole),
            arguments=needs.arguments if needs else {},
            secrets=needs.secrets if needs else (),
            trails=trails,
        )
        return self._kept(settings, wanted.key, wanted.tag, job, anew=anew)

    def _kept(self, settings: Settings, key: str, tag: str, job: Job, *, anew: bool) -> tuple[Image, bool]:
        """Find an image by its key, or have it built; and tell whether it was built."""
        with alone(self._cache, f"image-{key[:16]}"):
            is_old = self._since is not None and self.book.made(tag)[0] < self._since
            found = None if anew or is_old else self._engine.image(tag)
            if found is not None and found.labels.get(f"{OWN}key") == key:
                self.book.use(tag, key)
                return found, False
            started = time.perf_counter()
            whole = replace(
                job,
                tags=(tag,),
                labels={f"{OWN}managed": "1", f"{OWN}key": key},
                platform=settings.platform,
                network="none" if self._offline else None,
                no_cache=anew or is_old,
                secrets=(*job.secrets, *_hidden(settings)),
            )
            builder = builder_for(settings.builder, self._connect)
            identifier = builder.build(self._engine, whole, tell=self._say, say=lambda _: None)
            self.book.use(tag, key, took=time.perf_counter() - started)
        built = self._engine.image(identifier)
        if built is None:
            raise BuildError(
                f"the image of {job.title} has been built, and is gone: is somebody cleaning up the engine?"
            )
        return built, True


def _prefix_of(container: Container, program: str) -> str:
    """Ask a Python for its virtualenv; it is empty where there is none, or no such program."""
    try:
        done = container.run([program, "-I", "-c", _PREFIX], workdir="/", timeout=_PATIENCE)
    except (ProgramNotFoundError, ExecutionTimeoutError):
        return ""
    return done.stdout.decode("utf-8", "replace") if not done.returncode else ""


def _identity(image: Image) -> str:
    """Tell an image from every other one, wherever it is, as far as that can be."""
    return image.digests[0] if image.digests else image.id


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
    return images.entry(place, content) if isinstance(content, bytes) else entry_of_file(place, content)
