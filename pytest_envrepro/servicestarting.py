"""Starts services: has Compose make their containers, waits until all are ready, and tells why where one cannot be."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines.compose import SlowError, images_of
from pytest_envrepro.engines.messages import why_not_pulled
from pytest_envrepro.engines.reaching import first_closed
from pytest_envrepro.engines.readiness import readiness, told

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.declared_services import Declared
    from pytest_envrepro.engine import Engine
    from pytest_envrepro.engines.compose import Project
    from pytest_envrepro.enginevalues import Member

_PAUSES = (0.1, 0.5)  # Seconds between two looks, at first and in the end.
_STEADY = 0.4  # Seconds that what has no health check and no port has to run.


class Starting:
    """Starts the services of projects.

    Args:
        engine: where they run.
        offline: whether nothing may be pulled or built.
        is_over: is set when the session ends: from then on nothing is waited for.
    """

    def __init__(self, engine: Engine, *, offline: bool, is_over: threading.Event) -> None:
        self._engine = engine
        self._offline = offline
        self._is_over = is_over

    def make(self, project: Project, wanted: Declared) -> None:
        """Have the images and containers made, after what a worker may have left that was killed meanwhile.

        Raises:
            EngineError: the file is not followed, or an image cannot be had.
        """
        config = project.check()
        if self._offline:
            self._refuse_missing(images_of(config), wanted)
        self._engine.take_down(project.name)
        try:
            project.create(offline=self._offline)
        except SlowError:
            raise
        except EngineError as error:
            raise EngineError("\n".join([str(error), *self._not_had(images_of(config), str(error))])) from error
        if not self._engine.members(project.name):
            with contextlib.suppress(EngineError):
                project.stop()
            raise EngineError(
                f"{wanted.file}: nothing of it is at {self._engine.label}: it has no services, or the Compose tool asks "
                "another engine; set DOCKER_HOST for both"
            )

    def _not_had(self, images: Mapping[str, str | None], said: str) -> Iterator[str]:
        """Say which services are of images that could not be had, and what to do, where the tool's words tell why."""
        for service, image in sorted(images.items()):
            why = why_not_pulled(image, said) if image is not None else ""
            if image is not None and why and self._engine.image(image) is None:
                yield f"  {service} is of the image {image}, which is not here: {why}"

    def _refuse_missing(self, images: Mapping[str, str | None], wanted: Declared) -> None:
        """Refuse what would need the network.

        Raises:
            EngineError: an image is not there, or is to be built.
        """
        faults = []
        for service, image in sorted(images.items()):
            if image is None:
                faults.append(f"  {service} is built, which may use the network: build it before, and name its image")
            elif self._engine.image(image) is None:
                faults.append(f"  {service} is of the image {image}, which is not here: pull or build it before")
        if faults:
            raise EngineError("\n".join([f"{wanted.file} cannot be brought up offline:", *faults]))

    def start(self, project: Project, wanted: Declared, until: float) -> None:
        """Start what was made, and leave it to who waits next to tell what is not ready by then.

        Args:
            until: when the time is over, by the monotonic clock.

        Raises:
            EngineError: Compose refuses, or one that others wait for has failed.
        """
        try:
            project.start(max(1.0, until - time.monotonic()), offline=self._offline)
        except SlowError:
            return  # It waits for what one depends on.
        except EngineError as error:
            found = readiness(self._engine.members(project.name), lambda _: None)
            parts = self._told(found.failed or found.waiting, wanted)
            raise EngineError("\n".join(filter(None, [str(error), parts]))) from error

    def wait(self, name: str, wanted: Declared, until: float) -> None:
        """Wait until all services of a project are ready.

        Args:
            name: of the project; until: when the time is over, by the monotonic clock.

        Raises:
            EngineError: one has failed, or the time is over.
        """
        pause, since = _PAUSES[0], None
        while True:
            members = self._engine.members(name)
            if not members:
                raise EngineError(f"the services of {wanted.file} are gone: somebody has taken down the project {name}")
            found = readiness(members, lambda member: first_closed(member, is_remote=self._engine.is_remote))
            now = time.monotonic()
            since = (since or now) if not found.waiting else None
            if found.failed:
                raise EngineError(f"the services of {wanted.file} failed:\n{self._told(found.failed, wanted)}")
            if since is not None and (not found.loose or now - since >= _STEADY):
                return
            if now >= until:
                late = f"the services of {wanted.file} are not ready after {wanted.timeout:g} seconds"
                raise EngineError(f"{late} (compose.timeout):\n{self._told(found.waiting, wanted)}")
            if self._is_over.wait(pause):
                raise EngineError(f"the services of {wanted.file} are not waited for any more: this session ends")
            pause = min(pause * 1.3, _PAUSES[1])

    def _told(self, parts: tuple[tuple[Member, str], ...], wanted: Declared) -> str:
        return wanted.hide(told(parts, self._log))

    def _log(self, member: Member) -> str:
        try:
            return self._engine.member(member).logs()
        except EngineError as error:
            return f"(there is none: {error})"
