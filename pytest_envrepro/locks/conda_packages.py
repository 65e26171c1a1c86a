"""The packages in `conda-lock.yml`: each entry with what it has to have, and as a pin."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pytest_envrepro.condaspecs import CondaVersion, exactly
from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.conda_inputs import part_of
from pytest_envrepro.locks.conda_pins import (
    Archive,
    hashes_of,
    marker_of,
    python_pin,
    version_of_file,
)
from pytest_envrepro.locks.conda_yaml import Table
from pytest_envrepro.locks.faults import unreadable
from pytest_envrepro.model import MAIN, Pin
from pytest_envrepro.outcome import Finding
from pytest_envrepro.places import VCS
from pytest_envrepro.requirement import CONDA, Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.version import Version

    from pytest_envrepro.locks.conda_names import Supplied

_ANY = SpecifierSet()
_KEYS = ("name", "version", "manager", "platform", "url")
_VIRTUAL = "__"  # Begins the names of what the machine is, and nobody pins: `__glibc`.


class Package(NamedTuple):
    """One entry, with what it has to have."""

    name: str
    version: str
    manager: str
    platform: str
    url: str
    needs: Mapping[str, str]
    table: Mapping[str, Any]
    line: int

    @classmethod
    def read(cls, path: str, table: Any) -> Package:
        """Read an entry.

        Raises:
            LockError: a value is missing, or has a wrong type.
        """
        if not isinstance(table, Table):
            raise LockError(path, None, "a package has to be a table")
        line = table.line
        name = table.get("name")
        who = f"the package {name}" if isinstance(name, str) and name else "a package"
        for key in _KEYS:
            if not isinstance(table.get(key), str) or not table[key]:
                raise LockError(path, line, f"{who} has no '{key}'")
        if table["manager"] not in ("conda", "pip"):
            raise LockError(path, line, f"{who} has the manager '{table['manager']}': it may be conda or pip")
        needs = table.get("dependencies") or {}
        if not isinstance(needs, dict) or not all(isinstance(each, str) for each in needs.values()):
            raise LockError(path, line, f"'dependencies' of {who} has to be a table of texts")
        name, version, manager, platform, url = (str(table[key]) for key in _KEYS)
        return cls(name, version, manager, platform, url, needs, table, line)

    @property
    def key(self) -> tuple[str, ...]:
        """What it is, whatever it is for: a package that is in two categories stands there twice."""
        return (self.manager, self.name, self.platform, self.version, self.url)

    @property
    def hashes(self) -> tuple[str, ...]:
        """The best of its hashes."""
        table = self.table.get("hash")
        return hashes_of(*(each for each in table.values() if isinstance(each, str))) if isinstance(table, dict) else ()

    @property
    def part(self) -> str:
        """The part of the project that it is for."""
        category = self.table.get("category")
        return part_of(category) if isinstance(category, str) and category else MAIN


def pins_of(path: str, packages: list[Package], supplied: Supplied) -> tuple[list[Pin], list[Finding]]:
    """Give the pins, one for each package of a platform, and what is wrong with them."""
    parts: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for package in packages:
        parts[package.key].add(package.part)
    in_pip: dict[str, set[str]] = defaultdict(set)
    for package in packages:
        if package.manager == "pip":
            in_pip[package.platform].add(canonicalize_name(package.name))
    pins: list[Pin] = []
    faults: list[Finding] = []
    for package in packages:
        chosen = parts.pop(package.key, None)
        if chosen is None:
            continue
        try:
            pin, built = _of_conda(path, package) if package.manager == "conda" else _of_python(path, package)
        except ValueError as error:
            faults.append(unreadable((path, package.line), f"the package {redact(package.name)}: {error}"))
            continue
        needs = (
            _needs(package) if package.manager == "conda" else supplied.needs(package.needs, in_pip[package.platform])
        )
        pins.append(replace(pin, requires=tuple(needs), hashes=package.hashes, parts=frozenset(chosen)))
        if built is not None and str(built) != package.version and built != pin.version:
            faults.append(_contradiction(pin, str(built), package.url))
    return pins, faults


def _of_conda(path: str, package: Package) -> tuple[Pin, str | None]:
    """Give a pin, and the version that its URL tells."""
    archive = Archive.read(package.url)
    told = package.table.get("build")
    build = told if isinstance(told, str) and told else archive.build if archive else ""
    channel, subdir = (archive.channel, archive.subdir) if archive else ("", package.platform)
    version = CondaVersion.read(package.name, package.version, build, channel=channel, subdir=subdir)
    requirement = exactly(version, marker_of(package.platform))
    pin = Pin(requirement=requirement, version=version, file=path, line=package.line)
    return pin, archive.version if archive else None


def _of_python(path: str, package: Package) -> tuple[Pin, Version | None]:
    """The same, of a package that pip installs."""
    pin = python_pin(package.name, package.version, (path, package.line), marker_of(package.platform))
    if not isinstance(package.table.get("source"), dict) and not package.url.startswith(VCS):
        return pin, version_of_file(package.url)
    requirement = Requirement(name=pin.requirement.name, specifier=_ANY, url=package.url, marker=pin.requirement.marker)
    return replace(pin, requirement=requirement, version=None), None


def _needs(package: Package) -> Iterator[str]:
    """Give what a package of conda's needs, but for what the machine has to be."""
    for name, spec in package.needs.items():
        if not name.startswith(_VIRTUAL):
            yield f"{CONDA}{name} {spec}".rstrip()


def _contradiction(pin: Pin, built: str, url: str) -> Finding:
    return Finding(
        code="ambiguous-pin",
        package=pin.requirement.name,
        expected=f"=={pin.version.public}" if pin.version else None,
        actual=built,
        file=pin.file,
        line=pin.line,
        message=f"its 'version' is {pin.version.public if pin.version else ''}, and its 'url' is of {built}: {redact(url)}",
    )
