"""What the kind of an environment makes of its other settings: what it has no use for, and what cannot stand together."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_envrepro.containervalues import is_unicode
from pytest_envrepro.settingkeys import CONTAINER, HIGHEST, KEYS, VIRTUALENV
from pytest_envrepro.settingvalues import WITHIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# All that has to be put into an image, and cannot be where nothing is built.
_BUILT = (
    *("apt-packages", "lock", "requirements", "groups", "extras", "required-integrations", "project"),
    *("replicate-local", "files", "run", "build-environment"),
)
# What an engine puts into each container itself, or keeps empty there.
_OF_THE_ENGINE = ("/dev", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/proc", "/sys", "/tmp")  # noqa: S108


def without_containers(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what means something in containers alone.

    Args:
        values: by key, as they were read.
    """
    kept = {key: value for key, value in values.items() if not KEYS[key].in_containers}
    if "files" in kept:
        inner = {place: path for place, path in kept["files"].items() if not place.startswith("/")}
        kept["files"] = MappingProxyType(inner)
    return kept


def disagreeing(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what is wrong with settings as a whole: the key, and the fault.

    Args:
        values: by key, as they were read: what was given alone.
    """
    if values.get("compose") and "file" not in values["compose"]:
        yield "compose", "names no Compose file: write compose = { file = 'compose.yaml', ... }"
    if values.get("resolution", HIGHEST) != HIGHEST:
        yield from _unchoosable(values)
    if values.get("kind", VIRTUALENV) == CONTAINER:
        yield from _of_container(values)
        return
    for key in values:
        if KEYS[key].in_containers:
            yield key, f'is for containers, and this is a virtualenv: write kind = "{CONTAINER}", or leave it out'
    for place in values.get("files", ()):
        if place.startswith("/"):
            yield "files", f"{place!r} {WITHIN}"


def _unchoosable(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give why other versions than the newest cannot be chosen: uv does that alone (0.13), by its `--resolution`."""
    word, installer = values["resolution"], values.get("installer", "auto")
    if installer == "pip":
        yield "resolution", f"'{word}' is what uv can choose, and pip cannot: write installer = \"uv\""
    elif installer != "uv" and values.get("kind") == CONTAINER:
        told = "in a container pip chooses versions unless it is told otherwise"
        yield "resolution", f"'{word}' is what uv can choose, and {told}: write installer = \"uv\" beside it"
    if any(each.partition("=")[0] == "--resolution" for each in values.get("installer-args", ())):
        yield "resolution", "stands in installer-args too, as '--resolution': say it once"


def _of_container(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if values.get("project") == "editable":
        yield "project", "'editable' needs the source beside it, which a container has not: write \"wheel\""
    for place in values.get("files", ()):
        if any(place == own or place.startswith(f"{own}/") for own in _OF_THE_ENGINE):
            yield "files", f"{place!r} is the engine's own in each container: nothing of an image is seen there"
    yield from _unwritable(values)
    if values.get("dockerfile") is None:
        if values.get("context") is not None:
            yield "context", "is what the Dockerfile of 'dockerfile' copies from, and there is none"
    elif values.get("base-image") is not None:
        yield "base-image", "stands beside 'dockerfile', whose own FROM says what it begins with"
    if values.get("skip-build"):
        if values.get("base-image") is None and values.get("dockerfile") is None:
            yield "skip-build", "takes an image as it is, and none is named: write base-image or dockerfile"
        for key in _BUILT:
            if values.get(key):
                yield "skip-build", f"takes the image as it is, and '{key}' would have to be put into it"


def _unwritable(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what no engine can be given."""
    for name, text in values.get("environment", {}).items():
        if not is_unicode(f"{name}{text}"):
            yield "environment", f"{name!r} is no Unicode text, and no engine can be given it"
    for word in values.get("installer-args", ()):
        if "\0" in word or not is_unicode(word):
            yield "installer-args", f"{word!r} has a NUL in it, or what is no Unicode text"
