"""The built-in `docker-engine`: an engine that answers, Docker's or Podman's, where the docker command would look for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.endpoints import advice_for, candidates, tried_in_words
from pytest_envrepro.integrations.base import Integration, Need

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.integrations.base import Surroundings

_NEED = "a Docker engine"
_NAME = "docker-engine"


class DockerEngine:
    """One integration, whose need is asked of the engine itself."""

    prefix = ""
    built_in = (_NAME,)

    def names(self, around: Surroundings) -> Iterable[str]:  # noqa: ARG002  # It is there in every project.
        """Give the one name."""
        return self.built_in

    def get(self, name: str, around: Surroundings) -> Integration | None:  # noqa: ARG002  # The same.
        """Give the integration by that name."""
        return Integration(name=_NAME, declared_in="built in", asks=(_engine,)) if name == _NAME else None


def _engine(around: Surroundings) -> Need:
    """Ask each place in turn; the first engine that answers counts."""
    # Only where a test asks for an engine.
    from pytest_envrepro.ping import ping  # noqa: PLC0415

    tried = []
    asked = candidates(around.environ)
    for candidate in asked:
        version, why_not = ping(candidate.host, candidate.certificates)
        if version is not None:
            return Need(_NEED, version, met=True, why=f"is {version} at {candidate.told}")
        tried.append((candidate.told, why_not))
    why = f"is not reachable (tried {tried_in_words(tried)})"
    return Need(_NEED, None, met=False, why=why, fix=advice_for(asked))
