"""BuildKit, through the engine's API without a session, so without secrets, SSH, and a client's own cache exports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_envrepro.builders.classic import ClassicBuilder
from pytest_envrepro.builders.foreign import frontend
from pytest_envrepro.builders.running import RefusedError, carry_out
from pytest_envrepro.builders.words import shortened
from pytest_envrepro.errors import BuildError

if TYPE_CHECKING:
    from pytest_envrepro.builders.base import Job, Tell
    from pytest_envrepro.engine import Engine

# What BuildKit says where it does build, and the Dockerfile is at fault.
_OWN = re.compile(r"failed to solve|parse error|no build stage|target stage")


class BuildKitBuilder:
    """The engine's BuildKit; where that is not there or refuses, its classic builder, with a word about it."""

    name = "buildkit"

    def build(self, engine: Engine, job: Job, *, tell: Tell, say: Tell) -> str:
        """Build there, and give the id.

        Raises:
            BuildError: it fails; or it takes an image to read the Dockerfile, and that would be fetched offline.
        """
        if job.secrets:
            # Its cache keeps every stage, and what lies in it cannot be removed by itself.
            tell("built by the classic builder: BuildKit's cache would keep the credentials of the package indexes")
        else:
            _refuse_frontend(engine, job)
            try:
                return carry_out(engine, job, version="2", tell=tell, say=say)
            except RefusedError as error:
                words = str(error)
                if _OWN.search(words) and "session" not in words:
                    raise error.story from error.__cause__
                said = shortened(job.unseen.hide(words))
                tell(f"built by the classic builder, as {engine.label} does not build with BuildKit: {said}")
        return ClassicBuilder().build(engine, job, tell=tell, say=say)


def _refuse_frontend(engine: Engine, job: Job) -> None:
    """Refuse a Dockerfile that is read by an image which would be fetched, where nothing may be.

    Raises:
        BuildError: it is.
    """
    image = frontend(job.lines)
    if image is not None and job.network == "none" and engine.image(image) is None:
        raise BuildError(
            f"the image of {job.title} cannot be built offline by BuildKit: '# syntax={image}' names an image that is not "
            "here: pull it before, or leave that line out"
        )
