"""The engines of containers: an address to what can be asked there. All that speaks as Docker does is one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.endpoints import Candidate, candidates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.engine import Engine


def connect(environ: Mapping[str, str], *, session: str | None = None, address: str | None = None) -> Engine:
    """Give the engine that the docker command would ask; it is looked for at the first use, and not before.

    Args:
        environ: the variables that name it: `DOCKER_HOST`, `DOCKER_CONTEXT` and the others of the docker command.
        session: what its containers are labelled with; by default a word that no other session has.
        address: of one engine, in the place of all that the variables say: `ssh://`, `tcp://`, `unix://`.

    Raises:
        EngineError: at its first use: no engine answers, or docker-py is not installed.
    """
    from pytest_envrepro.engines.docker import DockerEngine  # noqa: PLC0415  # A session without containers is spared it.

    places = candidates(environ) if address is None else (_named(address, environ),)
    return DockerEngine(places, session=session)


def _named(address: str, environ: Mapping[str, str]) -> Candidate:
    """Take an address with the certificates that the variables name, as the docker command does for one by `--host`."""
    return candidates({**environ, "DOCKER_HOST": address})[0]._replace(said_by="", is_given=True)


__all__ = ["connect"]
