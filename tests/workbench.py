"""A bench for making environments offline: tiny wheels in a folder, the real tools, every Python of pyenv from 3.8 on."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import making
import pytest

from pytest_envrepro.installers.building import build
from pytest_envrepro.installers.installing import installer_for
from pytest_envrepro.installers.resolving import Asked, Resolved, Sources, resolve
from pytest_envrepro.pythons import check_built, probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_envrepro.installers.installing import ReadyInstaller
    from pytest_envrepro.interpreter import Python

OLDEST = (3, 8)
_VERSIONS = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"


def _found() -> dict[str, str]:
    """Give the newest of each minor version that pyenv has, and this one where it has none."""
    pythons = {f"{sys.version_info.major}.{sys.version_info.minor}": os.path.realpath(sys.executable)}
    for folder in sorted(_VERSIONS.glob("3.*")) if _VERSIONS.is_dir() else ():
        major, minor, *_ = folder.name.split(".")
        if minor.isdecimal() and (int(major), int(minor)) >= OLDEST and (folder / "bin" / "python").exists():
            pythons[f"{major}.{minor}"] = str((folder / "bin" / "python").resolve())
    return pythons


PYTHONS = _found()
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER = next((version for version in PYTHONS if version != HERE), None)
EVERY = [
    pytest.param(version, marks=() if version in PYTHONS else pytest.mark.skip(reason=f"pyenv has no Python {version}"))
    for version in dict.fromkeys([*(f"3.{minor}" for minor in range(8, 14)), HERE])
]


@cache
def python_of(version: str = HERE) -> Python:
    """Give a Python of this machine; a test that needs one that is not there is skipped."""
    if version not in PYTHONS:
        pytest.skip(f"pyenv has no Python {version}")
    return probe(PYTHONS[version], {"PATH": os.defpath})


def another() -> Python:
    """Give a Python of another version than this one."""
    if OTHER is None:
        pytest.skip("there is no other Python here")
    return python_of(OTHER)


@dataclass
class Bench:
    """A folder of wheels, and what tools see of it."""

    path: Path
    variables: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    @property
    def wheels(self) -> Path:
        """The folder of wheels."""
        return self.path / "wheels"

    @property
    def environ(self) -> dict[str, str]:
        """The variables of a user who has this folder and no index, and nothing of this machine's settings."""
        home = self.path / "home"
        home.mkdir(exist_ok=True)
        self.wheels.mkdir(exist_ok=True)
        index = self.path / "index"
        index.mkdir(exist_ok=True)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PIP_FIND_LINKS": self.wheels.as_uri(),
            "PIP_NO_INDEX": "1",
            "PIP_CACHE_DIR": str(self.path / "pip-cache"),
            "UV_FIND_LINKS": self.wheels.as_uri(),
            "UV_CACHE_DIR": str(self.path / "uv-cache"),
            "UV_DEFAULT_INDEX": index.as_uri(),  # Empty: uv has no variable that says that there is none.
            "PIP_TOOLS_CACHE_DIR": str(self.path / "pip-tools-cache"),
            **self.variables,
        }

    def folder(self) -> Path:
        """Give a new empty folder."""
        self._count += 1
        folder = self.path / f"folder{self._count}"
        folder.mkdir()
        return folder

    def wheel(self, name: str, version: str, requires: Iterable[str] = (), **options: Any) -> Path:
        """Add a wheel."""
        return making.wheel(self.wheels, name, version, requires, **options)

    def resolve(self, *asked: str | tuple[str, str], python: Python | None = None, **options: Any) -> Resolved:
        """Resolve requirements, each with its source."""
        requirements = tuple(
            Asked(*each) if isinstance(each, tuple) else Asked(each, "requirements.in:1") for each in asked
        )
        constraints = tuple(Asked(*each) for each in options.pop("constraints", ()))
        lock = options.pop("lock", None)
        sources = Sources(requirements, constraints, None if lock is None else (Asked(lock, ""),))
        chosen = {"environ": self.environ, "workspace": self.folder(), "timeout": 120, **options}
        return resolve(sources, python or python_of(), **chosen)

    def installer(self, name: Any, python: Python | None = None, arguments: Iterable[str] = ()) -> ReadyInstaller:
        """Find an installer."""
        return installer_for(name, python or python_of(), self.environ, tuple(arguments))

    def build(self, resolved: Resolved, installer: str = "uv", python: Python | None = None, **options: Any) -> Path:
        """Build an environment, and give its folder."""
        target = python or python_of()
        folder = self.folder() / "environment"
        ready = self.installer(installer, target, options.pop("arguments", ()))
        chosen = {"environ": self.environ, "workspace": self.folder(), "timeout": 120, **options}
        build(folder, target, resolved, ready, prove=proof(target), **chosen)
        return folder


def packages(folder: Path, python: Python | None = None) -> dict[str, str]:
    """Give the versions of what is installed in an environment, by its metadata folders."""
    site = folder / (python or python_of()).layout.purelib
    infos = (entry.name.removesuffix(".dist-info").split("-") for entry in site.glob("*.dist-info"))
    return dict(sorted((name, version) for name, version in infos))


def ask(folder: Path, code: str, python: Python | None = None) -> str:
    """Run some code in an environment, and give what it prints."""
    layout = (python or python_of()).layout
    program = folder / layout.scripts / layout.python
    done = subprocess.run([program, "-I", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def proof(python: Python) -> Callable[[Path], None]:
    """Give what asks an environment whether it is of a Python."""
    return lambda folder: check_built(folder, python, os.environ)
