"""The builder that every engine has: a container for each step, each kept as a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.builders.running import RefusedError, carry_out

if TYPE_CHECKING:
    from pytest_envrepro.builders.base import Job, Tell
    from pytest_envrepro.engine import Engine


class ClassicBuilder:
    """The engine itself, as it has always built."""

    name = "engine"

    def build(self, engine: Engine, job: Job, *, tell: Tell, say: Tell) -> str:
        """Build there, and give the id.

        Raises:
            BuildError: it fails.
        """
        try:
            return carry_out(engine, job, version="1", tell=tell, say=say)
        except RefusedError as error:
            raise error.story from error.__cause__
