"""A package index in a folder, and the real compilers on it: nothing of the network, nothing of this machine's settings."""

from __future__ import annotations

import hashlib
import html
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import making

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest
    from projects import Project

# Nobody listens there: a connection is refused at once.
DOWN = "http://127.0.0.1:9/simple/"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


class Index:
    """A folder with a page for each project (PEP 503), which pip and uv take as an index.

    Args:
        is_hashed: whether the pages tell the hashes of the files, as those of public indexes do.
    """

    def __init__(self, path: Path, *, is_hashed: bool = False) -> None:
        self.path = path
        self._is_hashed = is_hashed
        path.mkdir()
        self._yanked: set[str] = set()

    @property
    def url(self) -> str:
        """The address of the index."""
        return self.path.as_uri()

    def add(self, name: str, version: str, requires: tuple[str, ...] = ()) -> None:
        """Upload a release."""
        making.wheel(self.path / name, name, version, requires)
        self.write(name)

    def delete(self, name: str, version: str) -> None:
        """Take a release away."""
        self._file(name, version).unlink()
        self.write(name)

    def yank(self, name: str, version: str) -> None:
        """Mark a release as not to be chosen (PEP 592)."""
        self._yanked.add(self._file(name, version).name)
        self.write(name)

    def _hash(self, path: Path) -> str:
        return f"#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}" if self._is_hashed else ""

    def _file(self, name: str, version: str) -> Path:
        return self.path / name / f"{name}-{version}-py3-none-any.whl"

    def write(self, name: str) -> None:
        """Write the page of a project, with all of its wheels that lie there."""
        links = [
            f'<a href="{path.name}{self._hash(path)}"'
            f"{' data-yanked=' + chr(34) + 'broken' + chr(34) if path.name in self._yanked else ''}>"
            f"{html.escape(path.name)}</a>"
            for path in sorted((self.path / name).glob("*.whl"))
        ]
        (self.path / name / "index.html").write_text(
            "<!DOCTYPE html><html><body>" + "\n".join(links) + "</body></html>"
        )


def settings(index: str, caches: Path) -> dict[str, str]:
    """Give the variables that make pip and uv use this index alone, and give up on one that is down at once."""
    return {
        "PIP_INDEX_URL": index,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_RETRIES": "1",
        "PIP_DEFAULT_TIMEOUT": "5",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_CACHE_DIR": str(caches / "pip"),
        "PIP_TOOLS_CACHE_DIR": str(caches / "pip-tools"),
        "UV_DEFAULT_INDEX": index,
        "UV_HTTP_RETRIES": "0",
        "UV_HTTP_TIMEOUT": "5",
        "UV_CACHE_DIR": str(caches / "uv"),
    }


def use(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make an index the only one that pip and uv know."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    for name, value in settings(index.url, index.path.with_name("caches")).items():
        monkeypatch.setenv(name, value)


PIP_COMPILE = "pip-compile --generate-hashes --no-emit-index-url --output-file=requirements.txt requirements.in"
UV_COMPILE = "uv pip compile --generate-hashes --output-file=requirements.txt requirements.in"
COMMANDS = {"pip-compile": PIP_COMPILE, "uv": UV_COMPILE}


def uv_program() -> str:
    """Give uv's program; the core is tested without the distribution."""
    try:
        from uv import find_uv_bin  # noqa: PLC0415
    except ImportError:
        return "uv"
    program: str = find_uv_bin()
    return program


def compile_lock(project: Project, command: str, environ: Mapping[str, str] | None = None) -> None:
    """Run a compile command as a person would, in the project."""
    program, *words = command.split()
    argv = {"pip-compile": [sys.executable, "-m", "piptools", "compile"], "uv": [uv_program()]}[program]
    # None of our code runs in a compiler.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [*argv, *words],
        cwd=project.path,
        env={**inherited, "UV_PYTHON": sys.executable, **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def write(project: Project, files: Mapping[str, str]) -> None:
    """Write files, beside a configuration that leaves out what is no matter here."""
    project.write({"pyproject.toml": '[tool.pytest.ini_options]\n[tool.envrepro]\nexclude = ["caches/*"]\n', **files})
