"""The recipes for uv, Poetry, pipenv and pdm, and the hook for pre-commit: followed with the tools themselves."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import toolshed
from formats import FORMATS, drop
from indexes import Index
from packaging.utils import parse_wheel_filename
from test_docs import ROOT, blocks, read
from test_recipes import section

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.requires_integration("network", "compilers")

PROJECT = f"""\
[project]
name = "shop"
version = "1"
requires-python = ">={sys.version_info.major}.{sys.version_info.minor}"
dependencies = ["six"]

"""
SOURCE = f'\n[[tool.poetry.source]]\nname = "example"\nurl = "{toolshed.INDEX}"\n[tool.poetry]\npackage-mode = false\n'
PIPFILE = f'[[source]]\nname = "example"\nurl = "{toolshed.INDEX}"\nverify_ssl = false\n\n[packages]\nsix = "*"\n\n'
# What is needed on other platforms and Pythons, which locks for all of them hold: never installed here.
ELSEWHERE = (("colorama", "0.4.6"), ("pywin32", "311"), ("tomli", "2.4.0"), ("exceptiongroup", "1.3.0"))
TOOLS = {
    "uv": ("uv.lock", "pyproject.toml", PROJECT, ""),
    "Poetry": ("poetry.lock", "pyproject.toml", PROJECT, SOURCE),
    "pipenv": ("Pipfile.lock", "Pipfile", PIPFILE, ""),
    "pdm": ("pdm.lock", "pyproject.toml", PROJECT, ""),
}


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Serve this plugin, pytest and all that they need, as a package index has them."""
    folder = tmp_path_factory.mktemp("mirror")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--wheel-dir"]
    # What pip compiles and caches here is not to be seen by other tests, nor the other way round.
    subprocess.run([*pip, str(folder / "wheels"), str(ROOT), "six"], check=True, cwd=folder)
    index = Index(folder / "index", is_hashed=True)
    for wheel in sorted((folder / "wheels").iterdir()):
        project = parse_wheel_filename(wheel.name)[0]
        (index.path / project).mkdir(exist_ok=True)
        shutil.copy(wheel, index.path / project)
        index.write(project)
    for name, version in ELSEWHERE:
        if not (index.path / name).exists():
            index.add(name, version)
    with toolshed.served(index) as variables:
        yield variables


@pytest.mark.parametrize("title", TOOLS)
def test_recipe(title: str, variables: dict[str, str], tmp_path: Path) -> None:
    """Its lines install the lock and check it, in CI; a lock that has lost a package is broken, though the tool took it."""
    tool = title.lower()
    lock, name, text, more = TOOLS[title]
    toml, *tables = blocks(section(title), "toml")
    project = tmp_path / "shop"
    project.mkdir()
    (project / name).write_text(f"{text}{toml}{more}")
    for table in tables:
        (project / "envrepro.toml").write_text(table)
    (project / "test_it.py").write_text("def test_it():\n    import six\n")
    environ = toolshed.environ(tmp_path / "home", {**variables, "CI": "true", "PDM_USE_VENV": "1"})
    environ.pop("POETRY_VIRTUALENVS_CREATE")
    environ["POETRY_VIRTUALENVS_IN_PROJECT"] = "1"
    locked = toolshed.run(tool, "lock", cwd=project, environ=environ)
    assert locked.returncode == 0, locked.stdout + locked.stderr
    (lines,) = blocks(section(title), "sh")

    install, check = (shlex.split(line) for line in lines.splitlines())

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        return toolshed.run(*argv, cwd=project, environ=environ)

    installed = run(*install)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    done = run(*check)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(
        r"^environment reproducibility: clean, \d checks, 2\d of 2\d pins proven, ", done.stdout, re.MULTILINE
    )

    format_ = next(each for each in FORMATS if each.lock == lock)
    (project / lock).write_text(drop(format_, (project / lock).read_text(), "iniconfig", edges=True))
    checked = run(tool, *format_.check)
    done = run(*check)

    assert checked.returncode == 0, checked.stderr
    assert done.returncode == 1, done.stdout + done.stderr
    assert "missing-transitive  iniconfig" in done.stdout


@pytest.mark.requires_integration("git")
def test_hook(tmp_path: Path) -> None:
    """pre-commit runs the hook of this repository as a project names it: for the locks in `args`, when they change."""
    hooks, project = tmp_path / "hooks", tmp_path / "project"
    hooks.mkdir()
    project.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", hooks)
    home = tmp_path / "home"
    home.mkdir()
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "COVERAGE_"))},
        **{f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        "HOME": str(home),
        "PRE_COMMIT_HOME": str(home / "pre-commit"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
        "CI": "",
    }

    def git(folder: Path, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=folder, env=environ, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    for folder in (hooks, project):
        git(folder, "init", "--quiet")
    git(hooks, "add", ".")
    git(hooks, "commit", "--quiet", "-m", "hooks")
    config = blocks(section("pre-commit"), "yaml")[0]
    config = config.replace("URL", hooks.as_uri()).replace("VERSION", git(hooks, "rev-parse", "HEAD"))
    config = re.sub(r"args: .*", 'args: ["requirements.txt::lock"]', config)
    (project / ".pre-commit-config.yaml").write_text(config)
    (project / "requirements.in").write_text("six\n")
    (project / "requirements.txt").write_text("six==1.17.0\n    # via -r requirements.in\n")
    (project / "test_it.py").write_text("def test_it():\n    assert False\n")
    git(project, "add", ".")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return toolshed.run("pre-commit", "run", *words, cwd=project, environ=environ)

    done = run("--all-files", "--verbose")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "requirements.txt::lock PASSED" in done.stdout or "1 passed" in done.stdout

    (project / "requirements.in").write_text("six\nflask\n")
    git(project, "add", ".")
    done = run("--all-files")
    assert done.returncode == 1
    assert "missing-direct  flask  requirements.in:2" in done.stdout

    done = run("--files", "test_it.py")
    assert done.returncode == 0
    assert "(no files to check)" in done.stdout


@pytest.mark.requires_integration("yaml")
def test_files_of_the_hook() -> None:
    """It runs for whatever may be a lock or an input, in any folder, and not for code or texts."""
    import yaml  # noqa: PLC0415  # It says that it needs it.

    (hook,) = yaml.safe_load(read(".pre-commit-hooks.yaml"))
    names = ["requirements.txt", "a/requirements-dev.in", "pyproject.toml", "setup.cfg", "uv.lock", "b/poetry.lock"]
    names += ["pdm.lock", "Pipfile", "Pipfile.lock", "pylock.toml", "pylock.dev.toml", "conda-lock.yml"]
    names += ["environment.yml", "constraints.txt", "requirements/prod.in", "requirements/prod.txt", "dev.in"]
    names += ["conda-linux-64.lock", "envrepro.toml", ".python-version", "setup.py"]

    assert [name for name in names if not re.search(hook["files"], name)] == []
    assert [name for name in ("a.py", "README.md", "setup.pyc", "src/x.c") if re.search(hook["files"], name)] == []
