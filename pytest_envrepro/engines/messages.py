"""What engines write while they work: messages out of a stream of JSON, and the words of a registry that says no. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_envrepro.engine import EngineError, ImageNotFoundError
from pytest_envrepro.enginevalues import Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LOGIN = ("docker login", "no basic auth", "unauthorized", "authentication required", "denied", "forbidden")
_NO_SUCH = ("manifest unknown", "not found: manifest", "name unknown", "repository name not known", "manifest for")
_NOT_REACHED = (
    *("no such host", "connection refused", "i/o timeout", "client.timeout", "network is unreachable", "dial tcp"),
    *("no route to host", "server misbehaving", "tls handshake", "deadline exceeded"),
)
_CERTIFICATE = ("x509", "certificate")
_OTHER_PLATFORM = ("no matching manifest", "does not match the specified platform", "no match for platform")
_TOO_MANY = ("toomanyrequests", "rate limit")
_FULL = ("no space left", "disk quota")


def messages(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Give the messages of a stream, one a line.

    Raises:
        EngineError: one is no JSON: the stream was cut, or something else answers.
    """
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from map(_message, filter(bytes.strip, lines))
    if rest.strip():
        yield _message(rest)


def _message(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        shown = line[:200].decode("utf-8", "replace").strip()
        raise EngineError(f"the engine has sent something that is no message of its protocol: {shown!r}")
    return found


def fault(message: Mapping[str, Any]) -> str | None:
    """Give the words of a message that is an error."""
    detail = message.get("errorDetail")
    words = message.get("error") or (detail.get("message") if isinstance(detail, dict) else None)
    return one_line(words) if words else None


def words_of(answer: Any) -> str:
    """Give the words of an answer that is an error."""
    try:
        return one_line(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"it answers {answer.status_code} {answer.reason}"


def one_line(words: object) -> str:
    """Give what somebody says, on one line; nothing where nothing is said."""
    return " ".join(str(words or "").split())


class Layers:
    """How far a download is.

    Args:
        reference: of the image.
    """

    def __init__(self, reference: str) -> None:
        self._reference = reference
        self._states: dict[str, str] = {}
        self._told = ""

    def take(self, message: Mapping[str, Any]) -> str | None:
        """Take a message; give a line for people where there is something new to say."""
        layer, state = message.get("id"), str(message.get("status", ""))
        if layer and not state.startswith("Pulling from"):
            self._states[str(layer)] = state
        done = sum(state in {"Pull complete", "Already exists"} for state in self._states.values())
        line = f"pull {self._reference}" + (f": {done} of {len(self._states)} layers" if self._states else "")
        if line == self._told:
            return None
        self._told = line
        return line


def not_pulled(reference: str, said: str, platform: str | None = None) -> EngineError:
    """Say why an image was not had from its registry, and what to do."""
    begin = f"the image {reference} is not here and cannot be pulled"
    why = f": {said}" if said else ""
    if any(each in said.lower() for each in _FULL):
        return EngineError(f"{begin}: the disk of the engine is full{why}")
    text = why_not_pulled(reference, said, platform) or "see what the engine says"
    return ImageNotFoundError(f"{begin}: {text}{why}", said)


def why_not_pulled(reference: str, said: str, platform: str | None = None) -> str:
    """Say why an image cannot be had, and what to do, by what was said about it; empty where that is not known."""
    lower = said.lower()
    host = reference.partition("/")[0] if "/" in reference else ""
    registry = host if {".", ":"} & set(host) or host == "localhost" else "docker.io"

    def holds(words: Iterable[str]) -> bool:
        return any(each in lower for each in words)

    text = ""
    if holds(_TOO_MANY):
        text = f"the registry {registry} has had too many questions: run docker login {registry}, or wait"
    elif holds(_OTHER_PLATFORM):
        text = (
            f"it is not there for {platform or 'the platform of this engine'}: set another platform, or another image"
        )
    elif holds(_CERTIFICATE):
        text = f"the certificate of the registry {registry} is not trusted: give it to the engine (not to pip)"
    elif holds(_NOT_REACHED):
        text = (
            f"the registry {registry} does not answer from where the engine runs: load the image (docker load, "
            "docker import), name one that is here, or give the engine a proxy or a mirror"
        )
    elif holds(_NO_SUCH):
        text = f"the registry {registry} has no such image or tag: is it spelled right?"
    elif holds(_LOGIN):
        text = f"it does not exist, or is not public: is it spelled right? Else run docker login {registry}"
    return text


def image_of(found: Mapping[str, Any]) -> Image:
    """Read what the engine says about an image (Engine API 1.41, ImageInspect)."""
    config = found.get("Config") or {}
    variables = dict(each.partition("=")[::2] for each in config.get("Env") or ())
    parts = (found.get("Os"), found.get("Architecture"), found.get("Variant"))
    return Image(
        id=str(found["Id"]),
        digests=tuple(found.get("RepoDigests") or ()),
        labels=dict(config.get("Labels") or {}),
        platform="/".join(str(part) for part in parts if part),
        environment=variables,
        tags=tuple(found.get("RepoTags") or ()),
        user=str(config.get("User") or ""),
        workdir=str(config.get("WorkingDir") or ""),
    )
