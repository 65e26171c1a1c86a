"""Where an engine of containers may be: what the docker command would ask, in its order. Asks nothing itself."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.credentials import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


class Candidate(NamedTuple):
    """A place where an engine may be.

    Attributes:
        host: `unix:///var/run/docker.sock`, `tcp://host:2375`.
        said_by: who names it, for people; empty for a default.
        certificates: the folder of `ca.pem`, `cert.pem` and `key.pem` for TLS, or None.
        is_given: whether it was given by itself, and no variable or context names it.
    """

    host: str
    said_by: str = ""
    certificates: Path | None = None
    is_given: bool = False

    @property
    def told(self) -> str:
        """The place with who names it, for people, without a password."""
        shown = redact(self.host)
        return f"{shown} ({self.said_by})" if shown and self.said_by else shown or self.said_by


def tried_in_words(tried: Iterable[tuple[str, str]]) -> str:
    """Say why no engine answered at some places.

    Args:
        tried: each place, as people are told it, with why it does not.
    """
    places: dict[str, list[str]] = {}
    for place, why_not in tried:
        places.setdefault(why_not, []).append(place)
    return "; ".join(f"{', '.join(each)}: {why_not}" for why_not, each in places.items())


def advice_for(places: Sequence[Candidate]) -> str:
    """Say what to do where no engine answers at some places: whoever names one has to name another, or start it."""
    if any(each.is_given for each in places):
        return "start the engine there or correct its address"
    named = next((each.said_by for each in places if each.said_by), "")
    if not named:
        return "start Docker or Podman, or set DOCKER_HOST"
    if named == "DOCKER_HOST":
        return "start the engine there or correct DOCKER_HOST (without it the usual sockets are asked)"
    return "start the engine there or choose another context (docker context ls lists them)"


def candidates(environ: Mapping[str, str]) -> tuple[Candidate, ...]:
    """Give the places to look at: what DOCKER_HOST or the current context says, and only then the default sockets.

    As the docker command does: whoever names an engine means no other.
    https://docs.docker.com/reference/cli/docker/#environment-variables
    """
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    configuration = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    host = environ.get("DOCKER_HOST", "").strip()
    if host:
        given = environ.get("DOCKER_CERT_PATH")
        tls = Path(given) if given else configuration
        return (Candidate(host, "DOCKER_HOST", tls if environ.get("DOCKER_TLS_VERIFY") else None),)
    context = environ.get("DOCKER_CONTEXT", "").strip() or _current_context(configuration)
    if context and context != "default":
        return (_of_context(context, configuration),)
    return tuple(Candidate(f"unix://{path}") for path in dict.fromkeys(_sockets(environ, home)))


def _current_context(configuration: Path) -> str:
    found = _load(configuration / "config.json").get("currentContext")
    return found if isinstance(found, str) else ""


def _of_context(name: str, configuration: Path) -> Candidate:
    """Read the endpoint of a context, which the docker command keeps under the SHA-256 of its name."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    folder = configuration / "contexts"
    endpoint = _load(folder / "meta" / digest / "meta.json").get("Endpoints", {})
    docker = endpoint.get("docker", {}) if isinstance(endpoint, dict) else {}
    host = docker.get("Host") if isinstance(docker, dict) else None
    certificates = folder / "tls" / digest / "docker"
    shown = f"the context '{name}'"
    if not (folder / "meta" / digest).is_dir():
        shown += f", which is not in {folder}"
    return Candidate(host if isinstance(host, str) else "", shown, certificates if certificates.is_dir() else None)


def _sockets(environ: Mapping[str, str], home: Path) -> Iterator[str]:
    """Give the default sockets: Docker's, that of its rootless mode and of Docker Desktop, and Podman's."""
    own = environ.get("XDG_RUNTIME_DIR") or (f"/run/user/{os.getuid()}" if hasattr(os, "getuid") else "")
    yield "/var/run/docker.sock"
    if own:
        yield f"{own}/docker.sock"
    yield f"{home}/.docker/run/docker.sock"
    yield f"{home}/.docker/desktop/docker.sock"
    if own:
        yield f"{own}/podman/podman.sock"
    yield "/run/podman/podman.sock"


def _load(path: Path) -> dict[str, object]:
    """Read a table of JSON; an empty one where there is none."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
