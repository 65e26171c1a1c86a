"""Projects that a tool of its own locks as a whole, by the real tool, from an index that it reaches through a proxy."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import toolshed
from locks import documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pytest
    from indexes import Index
    from projects import Project

_SESSION = '[tool.pytest.ini_options]\n[tool.envrepro.severity]\nextraneous = "ignore"\nnot-installed = "ignore"\n'
_PROJECT = f"""{_SESSION}
[project]
name = "demo"
version = "1"
requires-python = ">=3.9"
dependencies = [
    "flask>=2",
]

[dependency-groups]
dev = [
    "six",
]
"""
_SOURCE = f"""
[[tool.poetry.source]]
name = "example"
url = "{toolshed.INDEX}"
priority = "primary"
"""
_PIPFILE = f"""[[source]]
name = "example"
url = "{toolshed.INDEX}"
verify_ssl = false

[packages]
flask = ">=2"

[dev-packages]
six = "*"
"""
# Of the user, and of tests, which tools are to find as they are set by us.
_OURS = ("UV_PYTHON", "POETRY_VIRTUALENVS_CREATE", "PIPENV_VENV_IN_PROJECT")
_OF_TOOLS = ("UV_", "PIP_", "POETRY_", "PDM_", "PIPENV_", "VIRTUAL_ENV", "CONDA_")
_CACHES = (".cache", ".pytest_cache", "__pycache__", "site")


class Kind(NamedTuple):
    """A tool.

    Attributes:
        lock: its lock.
        files: a project of its kind.
        words: how it locks.
        check: how it looks whether its lock is up to date.
    """

    lock: str
    files: Mapping[str, str]
    words: tuple[str, ...]
    check: tuple[str, ...]


_CONDA = """channels:
  - conda-forge
platforms:
  - linux-64
dependencies:
  - flask >=2
"""

KINDS = {
    "uv": Kind("uv.lock", {"pyproject.toml": _PROJECT}, ("lock",), ("lock", "--check")),
    "poetry": Kind("poetry.lock", {"pyproject.toml": _PROJECT + _SOURCE}, ("lock",), ("check", "--lock")),
    "pdm": Kind("pdm.lock", {"pyproject.toml": _PROJECT}, ("lock",), ("lock", "--check")),
    "pipenv": Kind("Pipfile.lock", {"pyproject.toml": _SESSION, "Pipfile": _PIPFILE}, ("lock",), ("verify",)),
    "conda-lock": Kind("conda-lock.yml", {"pyproject.toml": _SESSION, "environment.yml": _CONDA}, ("lock",), ()),
}


class Native:
    """A project of one tool's, and what the session that looks at it is given."""

    def __init__(self, tool: str, project: Project, index: Index, home: Path, variables: Mapping[str, str]) -> None:
        self.tool = tool
        self.project = project
        self.index = index
        self.home = home
        self._variables = variables

    @property
    def kind(self) -> Kind:
        """The tool's ways."""
        return KINDS[self.tool]

    @property
    def lock(self) -> Path:
        """The lock."""
        return self.project.path / self.kind.lock

    def compile(self, *words: str) -> None:
        """Lock as a person would, with a home of its own."""
        environ = toolshed.environ(self.home.with_name("person"), self._variables)
        done = toolshed.run(self.tool, *(words or self.kind.words), cwd=self.project.path, environ=environ)
        assert done.returncode == 0, done.stdout + done.stderr
        for name in (".venv", ".pdm-python"):
            _remove(self.project.path / name)

    def is_up_to_date(self) -> bool:
        """Ask the tool itself."""
        environ = toolshed.environ(self.home.with_name("person"), self._variables)
        return not toolshed.run(self.tool, *self.kind.check, cwd=self.project.path, environ=environ).returncode

    def ask_for(self, name: str) -> None:
        """Add a requirement to the input."""
        if self.tool == "pipenv":
            self.edit("Pipfile", "[packages]\n", f'[packages]\n{name} = "*"\n')
        else:
            self.edit("pyproject.toml", "dependencies = [\n", f'dependencies = [\n    "{name}",\n')

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text in a file."""
        text = (self.project.path / path).read_text()
        assert old in text
        (self.project.path / path).write_text(text.replace(old, new))

    def judge(self, check: str = "recompile", *args: str) -> dict[str, Any]:
        """Run, and give what the report says of a check of the lock."""
        return self.project.judge(check, self.kind.lock, *(args or ("--env-recompile",)))

    def told(self, *args: str) -> list[str]:
        """Mend, and give what the terminal says of mended locks."""
        lines: list[str] = self.project.run("--env-fix", *args).stdout.lines
        return [line for line in lines if " mended: " in line or " left as it was: " in line]

    def snapshot(self) -> dict[str, bytes | None]:
        """Give the user's files and folders."""
        return {
            path.relative_to(self.project.path).as_posix(): path.read_bytes() if path.is_file() else None
            for path in self.project.path.rglob("*")
            if path.name != "report.json" and not set(_CACHES).intersection(path.relative_to(self.project.path).parts)
        }

    def versions(self) -> dict[str, str]:
        """Give the pins of the lock, by name."""
        text = self.lock.read_text()
        if self.tool == "pipenv":
            return dict(re.findall(r'"([\w-]+)": \{[^{}]*"version": "==([^"]+)"', text))
        return dict(re.findall(r'^name = "([\w-]+)"\nversion = "([^"]+)"$', text, re.MULTILINE))


def made(
    tool: str, project: Project, index: Index, variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> Native:
    """Write a project, and have the session find the tool and nothing of this machine's settings."""
    for name in list(os.environ):
        if name.startswith(_OF_TOOLS):
            monkeypatch.delenv(name)
    given = toolshed.environ(home, variables)
    given["PATH"] = os.pathsep.join([os.path.dirname(toolshed.program(tool)), given["PATH"]])
    for name, value in given.items():
        if name not in _OURS:
            monkeypatch.setenv(name, value)
    project.write(KINDS[tool].files)
    return Native(tool, project, index, home, variables)


def changed(check: Mapping[str, Any]) -> list[tuple[str, str | None, str | None]]:
    """Give the findings of a check as (package, actual, expected)."""
    assert {finding["code"] for finding in check["findings"]} <= {"recompiled-differs"}
    return [(finding["package"], finding["actual"], finding["expected"]) for finding in check["findings"]]


def without(text: str, name: str, edges: Iterable[str] = ()) -> str:
    """Cut a package out of a TOML lock, as a bad merge does, with the lines that name it as a need."""
    left = documents.without(text, name)
    for edge in edges:
        assert edge in left
        left = left.replace(edge, "")
    return left


def _remove(path: Path) -> None:
    if path.is_dir():
        for each in path.iterdir():
            _remove(each) if each.is_dir() and not each.is_symlink() else each.unlink()
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
