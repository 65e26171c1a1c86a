"""Another engine, by its address: it builds, and the image is brought to the engine that runs it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_envrepro.builders.base import not_noted
from pytest_envrepro.builders.classic import ClassicBuilder
from pytest_envrepro.builders.foreign import foreign_images
from pytest_envrepro.credentials import redact
from pytest_envrepro.engine import EngineError
from pytest_envrepro.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.builders.base import Connect, Job, Tell
    from pytest_envrepro.engine import Engine

_ADDRESS = re.compile(r"(?:ssh|tcp|unix|https?|npipe)://")


def is_address(word: str) -> bool:
    """Tell whether settings name an engine by its address."""
    return _ADDRESS.match(word) is not None


class RemoteBuilder:
    """Builds with an engine elsewhere.

    Args:
        address: `ssh://user@host`, `tcp://host:2376`, `unix:///path`.
        connect: gives an engine by its address.
    """

    def __init__(self, address: str, connect: Connect) -> None:
        self.name = address
        self._connect = connect

    def build(self, engine: Engine, job: Job, *, tell: Tell, say: Tell) -> str:
        """Build there, bring the image here, and give its id here.

        Raises:
            BuildError: it fails; the other engine cannot be reached.
        """
        shown = redact(self.name)
        try:
            there = self._connect(self.name)
            try:
                _ = there.label  # Asks it, so that one that does not answer is told as such.
                return self._built(engine, there, job, tell, say)
            finally:
                there.close()
        except EngineError as error:
            raise BuildError(f"the image of {job.title} cannot be built at {shown}: {error}") from error

    def _built(self, here: Engine, there: Engine, job: Job, tell: Tell, say: Tell) -> str:
        shown = redact(self.name)
        for reference in filter(None, (each.image for each in foreign_images(job.lines, job.arguments, job.platform))):
            if there.image(reference) is None and here.image(reference) is not None:
                tell(f"taking {reference} to {shown}")
                _bring(here, there, reference)
        # What stays there is not noted: the next session may not ask that engine.
        image = ClassicBuilder().build(there, replace(job, note=not_noted), tell=tell, say=say)
        tell(f"bringing the image from {shown}")
        # By a name, where it has one: an id may be another one in another engine, and the name comes along.
        reference = next(iter(job.tags), image)
        _bring(there, here, reference)
        found = here.image(reference)
        if found is None:
            raise BuildError(
                f"the image of {job.title} was built at {shown}, and {here.label} did not take {reference}"
            )
        for tag in job.tags:
            here.tag(found.id, tag)
        return found.id


def _bring(source: Engine, target: Engine, reference: str) -> None:
    archive: Iterator[bytes] = source.export(reference)
    try:
        target.load(archive)
    finally:
        close = getattr(archive, "close", None)
        if close is not None:
            close()
