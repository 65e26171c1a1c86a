"""Has images built, each once for each key, whoever asks: threads, workers of pytest-xdist, other sessions."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.builders import Job, Line, builder_for, fetching
from pytest_envrepro.credentials import redact
from pytest_envrepro.engine import CancelledError, NoEngineError
from pytest_envrepro.enginevalues import OWN
from pytest_envrepro.errors import BuildError
from pytest_envrepro.imagebook import ImageBook, lock_of_image
from pytest_envrepro.images import archive, entry
from pytest_envrepro.installers.waiting import Waiting as WaitingForIndex
from pytest_envrepro.locking import Waiting
from pytest_envrepro.settingtext import redacted
from pytest_envrepro.tidying import FAULTS
from pytest_envrepro.workspace import alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pytest_envrepro.engine import Container, Engine
    from pytest_envrepro.enginevalues import Image, Order
    from pytest_envrepro.images import Entry, Recipe
    from pytest_envrepro.installers.needs import Needs
    from pytest_envrepro.plans import Policy
    from pytest_envrepro.settings import Settings


class Wanted(NamedTuple):
    """An image that is to be there.

    Attributes:
        entries: its context, but for the Dockerfile.
    """

    key: str
    tag: str
    recipe: Recipe
    entries: tuple[Entry, ...]


class ImageBuilding:
    """The images that a session has built, and the containers in which something is found out on the way to one.

    Args:
        engine: what builds, and what has them.
        policy: how environments are made.
        cache: the user's cache folder.
        connect: gives another engine by its address.
        say: is told what is being done.
    """

    def __init__(
        self,
        engine: Engine,
        policy: Policy,
        *,
        cache: Path,
        connect: Callable[[str], Engine],
        say: Callable[[str], None],
    ) -> None:
        self.engine = engine
        self.policy = policy
        self.book = ImageBook(cache, engine)
        self._cache = cache
        self._connect_by_address = connect
        self._engines = [engine]  # And those elsewhere that build for it.
        self._working: set[Container] = set()
        self._is_cancelled = False
        self.say = say

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
        container = self.engine.start(order)
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
            with contextlib.suppress(*FAULTS):
                container.end()

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
        lines = [
            Line(
                line.text,
                stands_at(line.setting, settings),
                line.title,
                is_quick=not line.title,
                shown=line.brief or line.shown,
            )
            for line in wanted.recipe.lines
        ]
        whole = [*wanted.entries, entry("Dockerfile", wanted.recipe.text.encode())]
        job = Job(
            title=title,
            lines=tuple(lines),
            context=partial(archive, whole),
            arguments=needs.arguments if needs else {},
            secrets=needs.secrets if needs else (),
            trails=trails,
        )
        return self.done(settings, wanted.key, wanted.tag, job, anew=anew)

    def done(self, settings: Settings, key: str, tag: str, job: Job, *, anew: bool) -> tuple[Image, bool]:
        """Find what comes of a job by its key, or have it done; and tell whether it was done.

        Args:
            anew: do it whatever is there, without a cache.

        Raises:
            BuildError: that fails.
        """
        with alone(self._cache, lock_of_image(key), Waiting(self.say, self.policy.run)):
            since = self.policy.since
            is_old = since is not None and self.book.made(tag)[0] < since
            found = None if anew or is_old else self.engine.image(tag)
            if found is not None and found.labels.get(f"{OWN}key") == key:
                self.book.use(tag, key)
                return found, False
            failure = None if anew else self.book.failure(key, self.policy.run)
            if failure is not None:
                raise failure
            if self.policy.offline:
                _refuse_fetching(job, settings)
            started = time.perf_counter()
            whole = replace(
                job,
                tags=(tag,),
                labels={f"{OWN}managed": "1", f"{OWN}key": key},
                platform=settings.platform,
                network="none" if self.policy.offline else None,
                no_cache=anew or is_old,
                secrets=(*job.secrets, *_hidden(settings)),
                hiding=settings.hiding,
                note=partial(self.book.note_layers, key),
            )
            builder = builder_for(settings.builder, self._connect)
            say = WaitingForIndex("installing the packages", self.say).take
            try:
                identifier = builder.build(self.engine, whole, tell=self.say, say=say)
            except BuildError as error:
                if self.policy.run and error.listing and not anew:  # Its Dockerfile has failed, and not the engine.
                    self.book.note_failure(key, self.policy.run, error)
                if isinstance(error.__cause__, NoEngineError):
                    told = f"{error.message}\n  the setting: {stands_at('builder', settings)}"
                    raise BuildError(told) from error.__cause__
                raise
            self.book.use(tag, key, took=time.perf_counter() - started)
        built = self.engine.image(identifier)
        if built is None:
            raise BuildError(
                f"the image of {job.title} has been built, and is gone: is somebody cleaning up the engine?"
            )
        return built, True


def _refuse_fetching(job: Job, settings: Settings) -> None:
    """Refuse what a build would fetch whatever network it is given: that is for the programs of `RUN` alone.

    Raises:
        BuildError: an `ADD` names what lies on another machine, or may do so by a variable.
    """
    found = fetching(job.lines, job.arguments)
    if found:
        raise BuildError(
            "\n".join(
                [
                    f"the image of {job.title} cannot be built offline, as it fetches what is not here: have it in the context",
                    *(f"  {settings.hiding.hide(redact(each))}" for each in found),
                ]
            )
        )


def stands_at(setting: str, settings: Settings) -> str:
    """Say where a line of a Dockerfile comes from: its setting, and where that stands."""
    if not setting:
        return ""
    key = setting.partition(".")[0].partition("[")[0]
    origin = settings.origins.get(setting, settings.origins.get(key, "default"))
    return f"{setting} ({origin})"


def _hidden(settings: Settings) -> list[str]:
    """Give the values of variables of the build that may not be shown."""
    shown = redacted("build-environment", settings.build_environment, settings.origins)
    return [value for name, value in settings.build_environment.items() if shown[name] != value]
