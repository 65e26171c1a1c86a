"""Where an engine is: the first place that one answers at, and how that is written for people, programs and libraries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_envrepro.credentials import redact
from pytest_envrepro.endpoints import advice_for, tried_in_words
from pytest_envrepro.engine import NoEngineError
from pytest_envrepro.engines.wires import DEAF_PIPE, DEAF_TLS
from pytest_envrepro.ping import PORTS, ping

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_envrepro.endpoints import Candidate

_BY_LIBRARY = ("ssh", "npipe")  # Those that docker-py alone can speak.


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where an engine is.

    Attributes:
        place: as it was found.
    """

    place: Candidate

    @property
    def host(self) -> str:
        """As somebody has written it, which may be without a scheme."""
        return self.place.host

    @property
    def certificates(self) -> Path | None:
        """The folder of the certificates; None where there are none."""
        return self.place.certificates

    @property
    def url(self) -> str:
        """With its scheme."""
        return self.host if "://" in self.host else f"tcp://{self.host}"

    @property
    def is_for_library(self) -> bool:
        """Whether docker-py alone can speak to it."""
        return urlsplit(self.url).scheme in _BY_LIBRARY

    @property
    def deaf(self) -> str:
        """Why a program in a container cannot be given standard input, whose end has to be told; empty where it can."""
        scheme = urlsplit(self.url).scheme
        if scheme == "npipe":
            return DEAF_PIPE
        return DEAF_TLS if not self.is_for_library and (self.certificates is not None or scheme == "https") else ""

    @property
    def for_library(self) -> str:
        """As docker-py wants it: with a port."""
        parts = urlsplit(self.url)
        if parts.scheme in {"tcp", "http", "https"} and parts.port is None:
            return (
                f"{parts.scheme}://{parts.hostname}:{PORTS[self.certificates is not None or parts.scheme == 'https']}"
            )
        return parts.geturl()

    @property
    def is_remote(self) -> bool:
        """Whether the engine may run on another machine."""
        return urlsplit(self.url).scheme not in {"unix", "npipe"}

    @property
    def hostname(self) -> str:
        """The name of the engine's machine, as seen from here."""
        return (urlsplit(self.url).hostname if self.is_remote else None) or "127.0.0.1"

    @property
    def variables(self) -> dict[str, str]:
        """What a command for Docker is given, so that it asks the same engine."""
        folder = self.certificates
        tls = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)} if folder is not None else {}
        return {"DOCKER_HOST": self.url, **tls}

    @property
    def shown(self) -> str:
        """For people, without a password."""
        return redact(self.host)

    @property
    def told(self) -> str:
        """For people, with who has named it."""
        return self.place.told


def first_answering(places: Sequence[Candidate]) -> Address:
    """Ask each place in turn; one that docker-py alone can speak to is taken unasked.

    Raises:
        NoEngineError: none answers.
    """
    tried = []
    for address in (Address(place=place) for place in places):
        if address.is_for_library:
            return address
        version, why_not = ping(address.host, address.certificates)
        if version is not None:
            return address
        tried.append((address.told, why_not))
    raise NoEngineError(f"no container engine answers (tried {tried_in_words(tried)}): {advice_for(places)}")
