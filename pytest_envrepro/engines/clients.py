"""docker-py's client for an engine at an address, and what its errors say: loaded where something is asked, and not before."""

from __future__ import annotations

from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import TYPE_CHECKING, Any

from pytest_envrepro.engine import EngineError
from pytest_envrepro.engines.messages import one_line
from pytest_envrepro.ping import lacking_for

if TYPE_CHECKING:
    from pytest_envrepro.engines.addresses import Address

# What comes of a connection that the other side has closed: urllib3's own words for it are about the bytes of an answer.
_CLOSED = (IncompleteRead, RemoteDisconnected, ConnectionResetError, BrokenPipeError)
STEP = 120  # Seconds until an answer to an ordinary question; a busy engine takes long to start a container.


def client_at(address: Address) -> Any:
    """Give a client that speaks the version of the API that the engine speaks.

    Raises:
        EngineError: docker-py is not installed, or the engine cannot be asked.
    """
    try:
        import docker  # noqa: PLC0415  # Takes 0.2 s: is needed for containers alone, and may be absent.
        from docker.errors import DockerException  # noqa: PLC0415  # The same.
        from docker.tls import TLSConfig  # noqa: PLC0415  # The same.
    except ImportError as error:
        raise EngineError(
            f"containers need docker-py, which is not installed ({error}): run pip install 'docker>=7.1'"
        ) from None
    lacking = lacking_for(address.url)
    if lacking:
        raise EngineError(f"the container engine at {address.told} cannot be asked: {lacking}")
    tls: Any = False
    try:
        if address.certificates is not None:
            folder = address.certificates
            pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
            tls = TLSConfig(client_cert=pair, ca_cert=str(folder / "ca.pem"), verify=True)
        client = docker.APIClient(address.for_library, version="auto", timeout=STEP, tls=tls)
    except Exception as error:
        # By ssh, what paramiko raises is none of these.
        if not isinstance(error, (DockerException, OSError, HTTPException, ValueError)) and not address.is_for_library:
            raise
        raise EngineError(f"the container engine at {address.told} cannot be asked: {reason(error)}") from error
    client.trust_env = False  # An engine is not asked by way of a proxy for web pages.
    return client


def reason(error: BaseException) -> str:
    """Give the cause at the bottom, which says more than what libraries have wrapped it in."""
    seen = error
    while (deeper := _below(seen)) is not None and not isinstance(seen, _CLOSED):
        seen = deeper
    if isinstance(seen, _CLOSED):
        return "it has closed the connection"
    text = (seen.strerror if isinstance(seen, OSError) else None) or one_line(seen) or type(seen).__name__
    return text[:1].lower() + text[1:]


def _below(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)
