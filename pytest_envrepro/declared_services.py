"""Services as settings declare them: the Compose file, and what decides what is brought up."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.hiding import Hiding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_envrepro.settings import Settings

SESSION, WORKER = "session", "worker"
_TIMEOUT = 60.0  # Seconds until services are ready.
_MOST = 4 << 20  # Bytes of a Compose file: people write none that is larger.


class Declared(NamedTuple):
    """Services, as settings declare them.

    Attributes:
        file: the Compose file, relative to the root.
        scope: `session`: one for all workers of pytest-xdist; `worker`: one for each.
        timeout: until they are ready, in seconds, once their images are there.
        variables: what the file may name as `${NAME}`: by name, each as it is, and as it may be shown.
    """

    file: str
    scope: str
    timeout: float
    variables: Mapping[str, tuple[str, str]]

    def hide(self, text: str) -> str:
        """Take the values out of a text that may not be shown."""
        return Hiding.of_shown(self.variables.values()).hide(text)


def declared(settings: Settings) -> Declared | None:
    """Give the services that settings declare, or None."""
    found: Mapping[str, Any] = settings.compose
    if not found:
        return None
    return Declared(
        found["file"], found.get("scope", SESSION), float(found.get("timeout", _TIMEOUT)), settings.shown_variables()
    )


def content_of(file: Path, shown: str) -> bytes:
    """Read a Compose file.

    Raises:
        SettingsError: it cannot be read, or is none.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(_MOST + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise SettingsError(f"compose: '{shown}' cannot be read: {why}; it is a path below the root") from error
    if len(content) > _MOST:
        raise SettingsError(f"compose: '{shown}' is larger than {_MOST >> 20} MiB: is it a Compose file?")
    return content


def digest_of(file: Path, content: bytes, wanted: Declared) -> str:
    """Digest what decides what is brought up; two settings that agree in it share it."""
    found = hashlib.sha256()
    named = [part for name, (value, _) in sorted(wanted.variables.items()) for part in (name, value)]
    for part in (os.fsencode(file), content, *(each.encode(errors="surrogateescape") for each in named)):
        found.update(f"{len(part)}:".encode())
        found.update(part)
    return found.hexdigest()
