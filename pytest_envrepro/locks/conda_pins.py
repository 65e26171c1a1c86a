"""What all locks of conda have: platforms, archives, and packages as pins."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envrepro.condaspecs import CondaVersion, exactly
from pytest_envrepro.credentials import redact
from pytest_envrepro.model import Pin
from pytest_envrepro.provenance import Target
from pytest_envrepro.requirement import CONDA, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

_SYSTEMS = {"linux": "linux", "osx": "darwin", "win": "win32"}
# Of other platforms the second word is the machine.
_MACHINES = {
    "linux-64": "x86_64",
    "linux-32": "i686",
    "osx-64": "x86_64",
    "win-64": "AMD64",
    "win-32": "x86",
    "win-arm64": "ARM64",
}
_ARCHIVE = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+)\.(?:conda|tar\.bz2)")
_MD5, _SHA256 = re.compile(r"(?:md5[:=])?([0-9a-f]{32})"), re.compile(r"(?:sha256[:=])?([0-9a-f]{64})")
NOARCH = "noarch"
_NOWHERE = "python_version < '0'"


def marker_of(platform: str) -> str:
    """Give the marker (PEP 508) that holds on a platform of conda's: `linux-64`, `osx-arm64`."""
    system, _, machine = re.sub(r"[^\w-]", "", platform).partition("-")
    machine = _MACHINES.get(platform, machine)
    return f"sys_platform == '{_SYSTEMS.get(system, system)}' and platform_machine == '{machine}'"


def any_of(platforms: Iterable[str]) -> str:
    """Give the marker that holds on any of some platforms."""
    return " or ".join(marker_of(platform) for platform in platforms) or _NOWHERE


def target_of(platforms: tuple[str, ...], pins: Iterable[Pin]) -> Target:
    """Give what a lock for some platforms was compiled for, by its pins of Python; no platform stands for all."""
    pythons = {_series(pin): pin for pin in pins if pin.name == f"{CONDA}python" and pin.version is not None}
    python, pin = next(iter(pythons.items())) if len(pythons) == 1 else (None, None)
    covers = any_of(platforms) if platforms else None
    return Target(python=python, line=pin.line if pin else None, platform=", ".join(platforms) or None, covers=covers)


def _series(pin: Pin) -> str:
    return ".".join(str(pin.version and pin.version.public).split(".")[:2])


class Archive(NamedTuple):
    """A file of a channel, by its URL.

    Attributes:
        channel: the URL of the channel, without the platform.
        subdir: `linux-64`, or `noarch`.
        hashes: of these the best alone, as `Pin.hashes` has them.
    """

    name: str
    version: str
    build: str
    channel: str
    subdir: str
    hashes: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str) -> Archive | None:
        """Read `URL#HASH`; None for a URL that is no archive of conda's."""
        url, _, fragment = text.partition("#")
        folder, _, file = url.partition("?")[0].rpartition("/")
        match = _ARCHIVE.fullmatch(unquote(file))
        if match is None:
            return None
        channel, _, subdir = folder.rpartition("/")
        return cls(match["name"].lower(), match["version"], match["build"], channel, subdir, hashes_of(fragment))

    def pinned(self, file: str, line: int | None, marker: str | None = None) -> Pin:
        """Give the pin.

        Raises:
            ValueError: the name or the version is none of conda's.
        """
        version = CondaVersion.read(self.name, self.version, self.build, channel=self.channel, subdir=self.subdir)
        return Pin(requirement=exactly(version, marker), version=version, hashes=self.hashes, file=file, line=line)


def hashes_of(*texts: str) -> tuple[str, ...]:
    """Give the best of some hashes: SHA-256, or else MD5."""
    found = [
        (kind, match[1])
        for kind, one in (("sha256", _SHA256), ("md5", _MD5))
        for text in texts
        if (match := one.fullmatch(text))
    ]
    return tuple(f"{kind}:{value}" for kind, value in found[:1])


def python_pin(name: str, version: str, place: tuple[str, int | None], marker: str | None = None) -> Pin:
    """Give the pin of one of Python's packages, without hashes.

    Raises:
        ValueError: the name or the version is none of Python's.
    """
    try:
        found = Version(version)
    except InvalidVersion as error:
        raise ValueError(f"'{version}' is no version of Python's packages") from error
    suffix = f"; {marker}" if marker else ""
    requirement = parse(f"{canonicalize_name(name)}=={version}{suffix}")
    return Pin(requirement=requirement, version=found, file=place[0], line=place[1])


def version_of_file(url: str) -> Version | None:
    """Give the version that the name of a wheel or a source archive tells."""
    file = posixpath.basename(unquote(url.partition("#")[0].partition("?")[0]))
    match = re.fullmatch(r"[^-]+-([^-]+)(?:-[^-]+)+\.whl|.+-([^-]+)\.(?:tar\.(?:gz|bz2|xz)|zip)", file)
    try:
        return Version(match[1] or match[2]) if match else None
    except InvalidVersion:
        return None


def places_of(pins: Iterable[tuple[str, int | None]]) -> list[tuple[str, int | None]]:
    """Give, for what may be told of a machine, each channel once, with its first line: `.../linux-64/x-1-0.conda`."""
    found: dict[str, int | None] = {}
    for url, line in pins:
        archive = Archive.read(url)
        found.setdefault(archive.channel if archive else url, line)
    return list(found.items())


def shown(text: str) -> str:
    """Give a line for a message: without secrets, and not too long."""
    hidden = redact(text)
    return hidden if len(hidden) <= 80 else f"{hidden[:77]}..."  # noqa: PLR2004  # A line of a message.
