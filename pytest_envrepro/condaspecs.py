"""Conda's versions and match-specs as py-rattler has them: no rules of our own, but for what a channel is called."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from rattler import BuildString, MatchSpec, PackageRecord
from rattler.exceptions import (
    InvalidChannelError,
    InvalidMatchSpecError,
    InvalidPackageNameError,
    InvalidVersionError,
    InvalidVersionSpecError,
)

from pytest_envrepro.credentials import redact
from pytest_envrepro.places import taken_apart
from pytest_envrepro.requirement import CONDA, LONGEST, Requirement

if TYPE_CHECKING:
    from pytest_envrepro.requirement import AnyVersion

_REFUSED = (
    InvalidChannelError,
    InvalidMatchSpecError,
    InvalidPackageNameError,
    InvalidVersionError,
    InvalidVersionSpecError,
    TypeError,
)
_DEFAULTS = "/pkgs/"  # In the URLs of all channels that `defaults` stands for.
_EXTRAS = re.compile(r"\[[\w., -]*\]")
_ANY = SpecifierSet()


@dataclass(frozen=True, slots=True)
class CondaVersion:
    """A version and a build of one package.

    Attributes:
        public: the version as written.
        build: the build string; empty where it is not known.
        channel: the URL of the channel, without the platform; empty where it is not known.
        record: what py-rattler compares.
    """

    public: str
    build: str
    channel: str = field(compare=False, repr=False)  # It may hold a credential.
    record: PackageRecord = field(compare=False, repr=False)

    @classmethod
    def read(cls, name: str, version: str, build: str, *, channel: str = "", subdir: str = "noarch") -> CondaVersion:
        """Read what stands in a lock or in `conda-meta`.

        Raises:
            ValueError: the name or the version is none of conda's.
        """
        if len(version) > LONGEST:
            raise ValueError(f"the version is longer than {LONGEST} characters")
        try:
            record = PackageRecord(name, version, BuildString(build), 0, subdir)
        except _REFUSED as error:
            raise ValueError(_words(error)) from error
        return cls(version, build, channel, record)

    @property
    def name(self) -> str:
        """The package's name, with its kind."""
        return f"{CONDA}{self.record.name.normalized}"

    def __lt__(self, other: CondaVersion) -> bool:
        return bool(self.record.version < other.record.version)

    def __str__(self) -> str:
        """Write it as `conda list --export` does after the name."""
        return f"{self.public}={self.build}" if self.build else self.public


@dataclass(frozen=True, slots=True)
class _Match:
    """Admits what a match-spec matches, from the channel that it names."""

    text: str
    spec: MatchSpec = field(compare=False, repr=False)

    def admits(self, version: AnyVersion) -> bool:
        """Tell whether the version is one of those asked for."""
        if not isinstance(version, CondaVersion) or not self.spec.matches(version.record):
            return False
        channel = self.spec.channel
        if channel is None or not version.channel:
            return True
        parts = taken_apart(version.channel)
        path = parts.path if parts is not None else ""
        wanted = (channel.name or "").strip("/")
        return f"{path}/".endswith(f"/{wanted}/") or (wanted == "defaults" and _DEFAULTS in path)


@dataclass(frozen=True, slots=True)
class _Exactly:
    """Admits one version in one build."""

    version: CondaVersion

    def admits(self, version: AnyVersion) -> bool:
        """Tell whether the version is that one; of a pin without a build, in any."""
        if self.version.build or not isinstance(version, CondaVersion):
            return version == self.version
        return version.public == self.version.public


@lru_cache(maxsize=8192)
def parse_match(text: str) -> Requirement:
    """Parse a match-spec: `numpy >=1.21,<2`, `python 3.12.* *_cpython`, `conda-forge::gdal=3`.

    Raises:
        ValueError: the text is none.
    """
    stripped = text.strip()
    if len(stripped) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters")
    try:
        # conda reads no more than `key=value` in brackets; what people mean by `sqlalchemy[asyncio]` is nothing to it.
        spec = MatchSpec(_EXTRAS.sub("", stripped))
    except _REFUSED as error:
        raise ValueError(_words(error)) from error
    if spec.name is None:
        raise ValueError("it names no package")
    name: str = spec.name.normalized
    head, _, rest = stripped.partition(":" * 2) if spec.channel is not None else ("", "", stripped)
    written = rest[len(name) :].strip() if rest.lower().startswith(name) else stripped
    if head:
        written = f"{written} from {head}".strip()
    return Requirement(name=f"{CONDA}{name}", specifier=_ANY, written=written, rule=_Match(stripped, spec))


def exactly(version: CondaVersion, marker: str | None = None) -> Requirement:
    """Give the requirement that a pin is: this version in this build."""
    return Requirement(name=version.name, specifier=_ANY, written=f"={version}", marker=marker, rule=_Exactly(version))


def _words(error: Exception) -> str:
    """Give what py-rattler says, in a line."""
    return redact(str(error).splitlines()[0]) if str(error) else "it is none of conda's"
