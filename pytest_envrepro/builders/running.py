"""Has an engine build an image, from its first message to its last, and removes what a failed build leaves."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.builders.dockerfile import instructions
from pytest_envrepro.builders.failing import failure, interrupted
from pytest_envrepro.builders.reading import Reading
from pytest_envrepro.engine import CancelledError, EngineError
from pytest_envrepro.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.builders.base import Job, Tell
    from pytest_envrepro.engine import Engine

_CANCELLING = 8.0  # Seconds that an engine may take to end a step that is cancelled; a second Ctrl-C does not wait.
_PAUSE = 0.1  # Seconds between two tries.


class RefusedError(Exception):
    """The engine does not build in this way at all: no step has begun; the text is its own.

    Attributes:
        story: the same, as it is told to people.
    """

    def __init__(self, words: str, story: BuildError) -> None:
        super().__init__(words)
        self.story = story


def parameters(job: Job, *, version: str) -> dict[str, str]:
    """Give the parameters of `POST /build` (Engine API 1.41).

    It names no tag: one is given when all of the image is there.

    Args:
        version: `1` for the classic builder, `2` for BuildKit.
    """
    wanted = {
        "version": version,
        "dockerfile": job.dockerfile,
        "rm": "1",
        "forcerm": "1",
        "nocache": "1" if job.no_cache else "",
        "target": job.target,
        "platform": job.platform or "",
        "networkmode": job.network or "",
        "buildargs": json.dumps(dict(sorted(job.arguments.items()))) if job.arguments else "",
        "labels": json.dumps(dict(sorted(job.labels.items()))) if job.labels else "",
    }
    return {name: value for name, value in wanted.items() if value}


def carry_out(engine: Engine, job: Job, *, version: str, tell: Tell, say: Tell) -> str:
    """Build, give the image its names, and give its id.

    Raises:
        RefusedError: the engine refuses before any step has begun.
        BuildError: a step fails, or the engine does.
    """
    reading = Reading(job, tell, say)
    try:
        image = _followed(engine, job, reading, version)
        for tag in job.tags:
            engine.tag(image, tag)
    except EngineError as error:
        is_cancelled = isinstance(error, CancelledError)
        _clear(engine, job, reading, patience=_CANCELLING if is_cancelled else 0.0)
        if not reading.has_begun:
            reading.error = str(error)
            raise RefusedError(reading.error, failure(job, reading)) from error
        raise BuildError(interrupted(job, reading, str(error))) from error
    except BuildError:
        _clear(engine, job, reading)
        raise
    except BaseException:
        _clear(engine, job, reading, patience=_CANCELLING)
        raise
    left = _remove(engine, _of_earlier_stages(job, reading)).left if job.secrets else []
    if reading.layers:
        job.note(left)
    return image


def _clear(engine: Engine, job: Job, reading: Reading, *, patience: float = 0.0) -> None:
    """Remove what a build has left that has failed, and note what cannot be removed."""
    if reading.layers:
        job.note(_remove(engine, (layer for layer, _ in reading.layers), patience=patience).left)


def _followed(engine: Engine, job: Job, reading: Reading, version: str) -> str:
    """Take all messages, and give the image; whatever ends this, cancels the build.

    Raises:
        RefusedError, BuildError: as above.
        EngineError: the engine refuses, or goes away.
    """
    context = job.context()
    # A list would be taken for something else than a stream on its way to the engine.
    sent = context if isinstance(context, bytes) else iter(context)
    stream = iter(engine.build(parameters(job, version=version), sent))
    try:
        noted = 0
        for message in stream:
            reading.feed(message)
            if len(reading.layers) > noted:
                noted = len(reading.layers)
                job.note([layer for layer, _ in reading.layers])
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            close()
    if reading.error:
        if not reading.has_begun:
            raise RefusedError(reading.error, failure(job, reading))
        raise failure(job, reading)
    if not reading.image:
        raise BuildError(interrupted(job, reading, f"{engine.label} has ended the build and gives no image"))
    return reading.image


def _of_earlier_stages(job: Job, reading: Reading) -> Iterable[str]:
    steps = instructions(job.lines, job.target)
    last = steps[-1].stage if steps else 0
    return (layer for layer, number in reading.layers if steps[number - 1].stage < last)


class Removal(NamedTuple):
    """What came of taking layers away.

    Attributes:
        gone: how many there were, and are not any more.
        left: those that the engine was not to be asked about, as it has gone away, in their order.
    """

    gone: int
    left: list[str]


def _remove(engine: Engine, layers: Iterable[str], *, patience: float = 0.0) -> Removal:
    """Remove layers, the last first, as each is made of the one before; one that another build uses by now stays.

    What a program writes may look like the engine's own words: so nothing that has a name is removed, whatever was said.

    Args:
        patience: how long to try again, in seconds: the container of a step that is cancelled still holds the last one.
    """
    end = time.monotonic() + patience
    gone, left = 0, []
    for layer in reversed(list(layers)):
        try:
            found = engine.image(layer)
            if found is None or found.digests or found.tags:
                continue
            while not (is_gone := engine.remove_image(found.id)) and time.monotonic() < end:
                time.sleep(_PAUSE)
            gone += is_gone
        except EngineError:
            left.append(layer)
    return Removal(gone, left[::-1])


def remove_layers(engine: Engine, layers: Iterable[str]) -> Removal:
    """Remove what another session's build has left."""
    return _remove(engine, layers)
