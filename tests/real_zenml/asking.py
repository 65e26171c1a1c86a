"""The ZenML that is installed: what its command and its registry say, each in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ROW = re.compile(r"\s*(?P<mark>[✅❌])\s+(?P<name>\S+)\s*(?P<packages>.*?)\s*", re.DOTALL)
_WIDE = "1000"  # Columns: no row is broken.
_REGISTRY = """
import json, sys
from zenml.integrations.registry import integration_registry as registry
found = {
    name: {"requirements": each.get_requirements(), "apt": each.APT_PACKAGES}
    for name, each in registry.integrations.items()
}
print(json.dumps(found))
"""
# `is_installed` is what `zenml integration list` prints and what `zenml integration install` goes by.
_JUDGE = """
import json, sys
from zenml.integrations.registry import integration_registry as registry
said = []
for name, folder in json.load(sys.stdin):
    sys.path.insert(0, folder)
    said.append(registry.is_installed(name))
    del sys.path[0]
print(json.dumps(said))
"""
# ZenML as it is installed, and integrations beside its own: its registry looks at the folders that lie beside it.
_INTEGRATION = """
from zenml.integrations.integration import Integration

class Made(Integration):
    NAME = {name!r}
    REQUIREMENTS = {requirements!r}
    APT_PACKAGES = {apt!r}
"""
# All that ZenML's rules look at, from when it loads a module of its own: before, it loads what is built for where this
# really runs.
_PRETENDING = """
import platform, sys
from collections import namedtuple

class Pretending:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            {statement}

sys.meta_path.insert(0, Pretending())
"""
_PLATFORM = "sys.platform, platform.system, platform.machine = {0!r}, lambda: {1!r}, lambda: {2!r}"
_PYTHON = "sys.version_info = namedtuple('Version', 'major minor micro releaselevel serial')(3, {0}, 0, 'final', 0)"


class Listed(NamedTuple):
    """What `zenml integration list` says.

    Attributes:
        code: its exit code.
        installed: whether it calls each integration installed, by name; empty where it fails.
        packages: what it prints of the requirements of each.
    """

    code: int
    installed: dict[str, bool]
    packages: dict[str, str]


class ZenML:
    """The command and the registry, with settings of their own, which send no statistics.

    Args:
        folder: where the settings are put.
        paths: folders that come first on the search path.
    """

    def __init__(self, folder: Path, *paths: Path) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self._folder = folder
        self._environ = {
            **kept,
            "HOME": str(folder),
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "PYTHONUTF8": "1",
            "ZENML_CONFIG_PATH": str(folder / "zenml"),
            "ZENML_ANALYTICS_OPT_IN": "false",
            "COLUMNS": _WIDE,
            "NO_COLOR": "1",
        }

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `zenml`."""
        return self._run(str(Path(sys.executable).with_name("zenml")), *words)

    def listed(self) -> Listed:
        """Run `zenml integration list`, and read its table."""
        done = self.command("integration", "list")
        rows = list(filter(None, map(_ROW.fullmatch, (done.stdout + done.stderr).splitlines())))
        return Listed(
            done.returncode,
            {row["name"]: row["mark"] == "✅" for row in rows},
            {row["name"]: row["packages"] for row in rows},
        )

    def registry(self) -> dict[str, Any]:
        """Give the requirements and the Debian packages that the registry has, by integration."""
        found: dict[str, Any] = json.loads(self._run(sys.executable, "-c", _REGISTRY).stdout)
        return found

    def judge(self, asked: Iterable[tuple[str, Path]]) -> list[bool]:
        """Ask the registry whether integrations are installed, each with a folder first on the search path."""
        words = json.dumps([(name, str(folder)) for name, folder in asked])
        found: list[bool] = json.loads(self._run(sys.executable, "-c", _JUDGE, given=words).stdout)
        return found

    def _run(self, *argv: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=self._folder,
            env=self._environ,
            input=given,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=300,
        )


def extend(folder: Path, integrations: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]) -> None:
    """Put a ZenML into a folder that is the installed one, by links, and has further integrations.

    Args:
        integrations: the requirements and the Debian packages of each, by name.
    """
    origin = Path(str(distribution("zenml").locate_file("zenml")))
    for inner in ("", "integrations"):
        (folder / "zenml" / inner).mkdir(parents=True)
        for path in (origin / inner).iterdir():
            if path.name != "integrations":
                (folder / "zenml" / inner / path.name).symlink_to(path)
    for name, (requirements, apt) in integrations.items():
        (folder / "zenml" / "integrations" / name).mkdir()
        text = _INTEGRATION.format(name=name, requirements=list(requirements), apt=list(apt))
        (folder / "zenml" / "integrations" / name / "__init__.py").write_text(text)


def pretend(folder: Path, platform: str, machine: str) -> None:
    """Make the rules of ZenML's integrations see another platform, where the folder is on the search path."""
    statement = _PLATFORM.format(platform, platform.capitalize(), machine)
    text = _PRETENDING.format(module="zenml.integrations.mlx", statement=statement)
    (folder / "sitecustomize.py").write_text(text)


def pretend_python(folder: Path, minor: int) -> None:
    """Make the rules of ZenML's command see another Python 3."""
    text = _PRETENDING.format(module="zenml.integrations.registry", statement=_PYTHON.format(minor))
    (folder / "sitecustomize.py").write_text(text)
