"""Real virtualenvs with tiny packages, as handles."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import making
import pytest

from pytest_envrepro.asserting import Asserting
from pytest_envrepro.envs.virtualenv import VirtualEnvironment
from pytest_envrepro.pythons.probing import probe
from pytest_envrepro.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.interpreter import Python

_OLDEST = (3, 8)
PARENT = dict(os.environ)  # Before any test has planted something in it.
# Paths that are long or have spaces are given to the shell, as installers do it.
_BY_SHELL = "#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n"
_SCRIPT = "{first}import sys\nfrom {module} import main\nsys.exit(main())\n"
MAIN = "def main():\n    print('this is {name} {version}')\n"


def _pyenv() -> Iterator[Path]:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for path in sorted(root.glob("versions/*/bin/python")):
        parts = path.parts[-3].split(".")[:2]
        if all(map(str.isdecimal, parts)) and tuple(map(int, parts)) >= _OLDEST:
            yield path


TARGETS = [*_pyenv()] or [Path(sys.executable)]
every_target = pytest.mark.parametrize("target", TARGETS, ids=[path.parts[-3] for path in TARGETS])


@cache
def python_of(path: Path) -> Python:
    """Ask an interpreter what it is."""
    return probe(str(path), PARENT)


class Maker:
    """Makes virtualenvs below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "project"
        self.root.mkdir()

    def virtualenv(
        self, name: str | None = "client", *, target: Path = Path(sys.executable), **options: Any
    ) -> VirtualEnvironment:
        """Make an empty virtualenv; the options are those of its handle."""
        prefix = self.folder / f"env {name}"
        python = python_of(target)
        command = [sys.executable, "-m", "virtualenv", "--no-seed", "--no-periodic-update", "--quiet"]
        subprocess.run([*command, "--python", python.executable, str(prefix)], check=True, env=PARENT)
        given: dict[str, Any] = {"settings": None, "key": "0123456789abcdef", "judge": self.judge, **options}
        return VirtualEnvironment(
            name=name, prefix=prefix, python=python, scratch=self.folder / f"scratch {name}", **given
        )

    @property
    def judge(self) -> Asserting:
        """What judges: by the project's table."""
        return Asserting(Session(self.root, configured_by=None, environ={}))

    def write(self, files: Mapping[str, str]) -> None:
        """Write files of the project."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def site_of(environment: VirtualEnvironment) -> Path:
    """Give the site-packages folder."""
    return environment.prefix / environment.python.layout.purelib


def put(
    environment: VirtualEnvironment, name: str, version: str, requires: tuple[str, ...] = (), **options: Any
) -> Path:
    """Install a distribution with a module and a program of its name; give its metadata folder."""
    site = site_of(environment)
    module = name.replace("-", "_")
    files = {f"{module}.py": MAIN.format(name=name, version=version), **options.pop("files", {})}
    script = environment.scripts / name
    script.write_text(_SCRIPT.format(first=_BY_SHELL.format(python=environment.scripts / "python"), module=module))
    script.chmod(0o755)
    folder = making.install(site, name, version, requires, files=files, **options)
    listed = os.path.relpath(script, site).replace(os.sep, "/")
    text = script.read_text()
    with (folder / "RECORD").open("a") as record:
        record.write(f"{listed},{making.digest(text)},{len(text.encode())}\n")
    return folder
