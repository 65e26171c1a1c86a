"""The built-in `docker-engine`: an engine that answers, Docker's or Podman's, where the docker command would look for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.endpoints import candidates
from pytest_envrepro.integrations.base import Integration, Need
from pytest_envrepro.requirement import redact

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

    tried: dict[str, list[str]] = {}
    for candidate in candidates(around.environ):
        version, why_not = ping(candidate.host, candidate.certificates)
        shown = redact(candidate.host) + (f" ({candidate.said_by})" if candidate.said_by else "")
        if version is not None:
            return Need(_NEED, version, met=True, why=f"is {version} at {shown}")
        tried.setdefault(why_not, []).append(shown)
    words = "; ".join(f"{', '.join(places)}: {why_not}" for why_not, places in tried.items())
    fix = "start Docker or Podman, or set DOCKER_HOST"
    return Need(_NEED, None, met=False, why=f"is not reachable (tried {words})", fix=fix)
