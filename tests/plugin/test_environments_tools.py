"""Environments from the lock of each tool: they are what the tool's own `sync` installs, package by package."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import making
import pytest
import toolshed
from indexes import Index
from interpreters import need

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from borrowing import Suite

pytestmark = pytest.mark.requires_integration("network", "compilers")

PROJECT = """
[project]
name = "demo"
version = "1"
requires-python = ">=3.9"
dependencies = ["flask>=2", "fork<2; python_version<'3.11'", "fork>=2; python_version>='3.11'"]
[project.optional-dependencies]
pg = ["psy"]
[dependency-groups]
dev = ["six"]
docs = ["sphinx"]
"""
SOURCE = """
[[tool.poetry.source]]
name = "example"
url = "http://index.example/simple/"
priority = "primary"
"""
PIPFILE = """
[[source]]
name = "example"
url = "http://index.example/simple/"
verify_ssl = false
[packages]
flask = ">=2"
fork = {version = "==1.0", markers = "python_version >= '3.12'"}
[dev-packages]
six = "*"
[docs]
sphinx = "*"
"""
EXPORT = (
    "export",
    "--all-groups",
    "--all-extras",
    "--no-emit-project",
    "--format=pylock.toml",
    "--output-file=pylock.toml",
)
BACKEND = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
# Makes what settings declare, with both installers, and says where it is.
ASKING = """
import json
import pathlib

def test_it(environments):
    found = {}
    for settings in json.loads(pathlib.Path("settings.json").read_text()):
        for installer in ("uv", "pip"):
            environment = environments.get(installer=installer, **settings)
            found[json.dumps([settings, installer])] = str(environment.prefix)
            parts = {key: settings[key] for key in ("groups", "extras", "python") if key in settings}
            if "project" not in settings:
                assert environment.inventory() == environments.lock(settings["lock"], **parts).inventory()
            environment.assert_matches(settings["lock"])
            environment.assert_no_conflicts()
    pathlib.Path("found.json").write_text(json.dumps(found))
"""


class Tool(NamedTuple):
    """How a tool is used.

    Attributes:
        files: of the project.
        locking: the commands that lock.
        lock: the lock that comes of it.
        sync: the command that installs it, with what it installs where it is not told otherwise.
        chosen: the same, with another choice of groups and extras.
        settings: that choice.
    """

    files: dict[str, str]
    locking: tuple[tuple[str, ...], ...]
    lock: str
    sync: tuple[str, ...]
    chosen: tuple[str, ...]
    settings: dict[str, list[str]]


CHOICE = {"groups": ["docs"], "extras": ["pg"]}
TOOLS = {
    "uv": Tool(
        files={"pyproject.toml": PROJECT},
        locking=(("lock",),),
        lock="uv.lock",
        sync=("sync", "--locked"),
        chosen=("sync", "--locked", "--no-default-groups", "--group=docs", "--extra=pg"),
        settings=CHOICE,
    ),
    "poetry": Tool(
        files={"pyproject.toml": PROJECT + SOURCE},
        locking=(("lock",),),
        lock="poetry.lock",
        sync=("sync", "--no-root"),
        chosen=("sync", "--no-root", "--without=dev", "--extras=pg"),
        settings=CHOICE,
    ),
    "pdm": Tool(
        files={"pyproject.toml": PROJECT},
        # pdm has two versions of one package only where it locks for each Python by itself.
        locking=(("lock", "-G:all", "--python=>=3.11"), ("lock", "-G:all", "--append", "--python=>=3.9,<3.11")),
        lock="pdm.lock",
        sync=("sync", "--no-self", "--clean"),
        chosen=("sync", "--no-self", "--clean", "--without=dev", "-Gdocs", "-Gpg"),
        settings=CHOICE,
    ),
    "pipenv": Tool(
        files={"Pipfile": PIPFILE},
        locking=(("lock",),),
        lock="Pipfile.lock",
        sync=("sync",),
        chosen=("sync", "--categories=packages docs"),
        settings={"groups": ["docs"]},
    ),
}


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """Give what is locked: a chain, a marker, a fork, and a newer version that nobody has locked."""
    found = Index(tmp_path / "index", is_hashed=True)
    found.add("flask", "3.0", ("werkzeug>=3", "click; sys_platform != 'win32'", "colorama; sys_platform == 'win32'"))
    found.add("werkzeug", "3.0", ("markupsafe",))
    for name, version in (("markupsafe", "2.0"), ("click", "8.0"), ("colorama", "0.4"), ("six", "1.16")):
        found.add(name, version)
    for name, version in (("psy", "1.0"), ("sphinx", "1.0"), ("fork", "1.0"), ("fork", "2.0")):
        found.add(name, version)
    return found


class Machine(NamedTuple):
    """Where tools run.

    Attributes:
        environ: all that they are told.
        path: an empty folder.
    """

    suite: Suite
    environ: Mapping[str, str]
    path: Path

    def lock(self, name: str) -> Tool:
        """Write a project, and lock it with its tool."""
        tool = TOOLS[name]
        self.suite.project.write(tool.files)
        for words in tool.locking:
            self.run(name, *words)
        return tool

    def run(self, name: str, *words: str, environ: Mapping[str, str] | None = None) -> None:
        """Run a tool in the project."""
        done = toolshed.run(name, *words, cwd=self.suite.path, environ={**self.environ, **(environ or {})})
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

    def synced(self, name: str, *words: str, python: str = sys.executable) -> Path:
        """Give a virtualenv that a tool has installed into."""
        venv = self.path / f"synced{len(list(self.path.glob('synced*')))}"
        subprocess.run([toolshed.program("uv"), "venv", "--quiet", "--python", python, venv], check=True)
        self.run(
            name,
            *words,
            environ={
                "VIRTUAL_ENV": str(venv),
                "PATH": f"{venv}/bin{os.pathsep}{self.environ['PATH']}",
                "UV_PROJECT_ENVIRONMENT": str(venv),
                "UV_PYTHON": python,
                "POETRY_VIRTUALENVS_CREATE": "1",
                "PIPENV_VENV_IN_PROJECT": "0",
                "PIPENV_VERBOSITY": "-1",
                "PDM_IGNORE_SAVED_PYTHON": "1",
            },
        )
        return venv

    def ours(self, *declared: Mapping[str, Any]) -> list[Path]:
        """Give what comes of settings: of each, an environment by uv and one by pip."""
        for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "UV_FIND_LINKS"):
            self.suite.unset(name)
        for name, value in self.environ.items():
            if name.upper().endswith("_PROXY") or name.startswith(("PIP_", "UV_")):
                self.suite.set(name, value)
        self.suite.project.write({"test_it.py": ASKING, "settings.json": json.dumps(declared)})
        self.suite.run().assert_outcomes(passed=1)
        return [Path(each) for each in json.loads((self.suite.path / "found.json").read_text()).values()]


@pytest.fixture
def machine(fresh: Suite, index: Index, tmp_path: Path) -> Iterator[Machine]:
    """Give a machine on which one index is in reach."""
    with toolshed.served(index) as variables:
        yield Machine(fresh, toolshed.environ(tmp_path / "home", variables), tmp_path)


def installed(prefix: Path) -> dict[str, tuple[str, str | None]]:
    """Read what is installed in a folder, with the version and where it comes from, if not from an index (PEP 610)."""
    site = next(prefix.glob("lib/python*/site-packages"))
    found = importlib.metadata.distributions(path=[str(site)])
    return {each.metadata["Name"]: (each.version, _place(each.read_text("direct_url.json"))) for each in found}


def _place(text: str | None) -> str | None:
    if text is None:
        return None
    found = json.loads(text)
    commit = found.get("vcs_info", {}).get("commit_id", "")
    editable = found.get("dir_info", {}).get("editable", False)
    url = found["url"].rstrip("/").lower()  # Poetry writes a host `None` into the URLs of files.
    return f"{url} {commit} {editable} {found.get('subdirectory', '')}"


def versions(prefix: Path) -> dict[str, str]:
    """Give the versions alone."""
    return {name: version for name, (version, _) in installed(prefix).items()}


@pytest.mark.parametrize("name", TOOLS)
def test_as_the_tool_does(machine: Machine, index: Index, name: str) -> None:
    """What is installed is what the tool's `sync` installs: as it does by itself, and with groups and extras chosen."""
    tool = machine.lock(name)
    index.add("flask", "9.0")
    usual, chosen = machine.synced(name, *tool.sync), machine.synced(name, *tool.chosen)

    by_uv, by_pip, chosen_by_uv, chosen_by_pip = machine.ours({"lock": tool.lock}, {"lock": tool.lock, **tool.settings})

    assert installed(by_uv) == installed(by_pip) == installed(usual)
    assert installed(chosen_by_uv) == installed(chosen_by_pip) == installed(chosen)
    assert versions(usual).items() >= {"flask": "3.0", "werkzeug": "3.0", "markupsafe": "2.0", "click": "8.0"}.items()
    assert "sphinx" in versions(chosen)
    assert "six" not in versions(chosen)
    assert ("psy" in versions(chosen)) is ("extras" in tool.settings)


@pytest.mark.requires_integration("pyenv")
# pipenv and pdm have a pip of their own, which may be too new for older ones.
@pytest.mark.parametrize(("name", "version"), [("uv", "3.9"), ("poetry", "3.9"), ("pdm", "3.10"), ("pipenv", "3.12")])
def test_another_python(machine: Machine, name: str, version: str) -> None:
    """Markers are those of the environment's Python, and not of the one that runs the tests."""
    tool = machine.lock(name)
    python = need(version, machine.path / "pythons").executable
    synced = machine.synced(name, *tool.sync, python=python)

    by_uv, by_pip = machine.ours({"lock": tool.lock, "python": version})

    assert installed(by_uv) == installed(by_pip) == installed(synced)
    assert versions(synced)["fork"] == "1.0"


@pytest.mark.requires_packages("packaging>=26", "pip>=26.1")
def test_pylock(machine: Machine) -> None:
    """Of a `pylock.toml` it is what pip installs."""
    machine.lock("uv")
    machine.run("uv", *EXPORT)
    venv = machine.path / "piped"
    subprocess.run([toolshed.program("uv"), "venv", "--quiet", "--python", sys.executable, venv], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python"), "install", "-r", "pylock.toml"]
    subprocess.run(pip, cwd=machine.suite.path, env=dict(machine.environ), check=True, capture_output=True)

    by_uv, by_pip = machine.ours({"lock": "pylock.toml"})

    assert installed(by_uv) == installed(by_pip) == installed(venv)
    assert {"flask", "psy", "six", "sphinx"} <= versions(venv).keys()


@pytest.mark.parametrize("kind", ["wheel", "editable"])
def test_the_project_too(machine: Machine, kind: str) -> None:
    """This project is not installed where the settings do not say so; with them it is what `uv sync` installs."""
    machine.suite.project.write({"backend.py": making.backend("demo", "1")})
    machine.suite.project.write({"pyproject.toml": PROJECT + BACKEND})
    machine.run("uv", "lock")
    words = ("sync", "--locked", *(("--no-editable",) if kind == "wheel" else ()))
    synced = machine.synced("uv", *words)

    by_uv, by_pip, without, _ = machine.ours({"lock": "uv.lock", "project": kind}, {"lock": "uv.lock"})

    assert versions(by_uv) == versions(by_pip) == versions(synced)
    assert versions(synced) == {**versions(without), "demo": "1"}


PLACES = {
    "uv": """
[project]
name = "demo"
version = "1"
requires-python = ">=3.9"
dependencies = ["archived", "cloned", "folder", "linked"]
[tool.uv.sources]
archived = {{ path = "{wheel}" }}
cloned = {{ git = "{git}" }}
folder = {{ path = "folder" }}
linked = {{ path = "linked", editable = true }}
""",
    "poetry": """
[tool.poetry]
package-mode = false
[tool.poetry.dependencies]
python = ">=3.9"
archived = {{ path = "{wheel}" }}
cloned = {{ git = "{git}", branch = "main" }}
folder = {{ path = "folder" }}
linked = {{ path = "linked", develop = true }}
""",
    "pdm": """
[project]
name = "demo"
version = "1"
requires-python = ">=3.10"
dependencies = ["archived @ {url}", "folder @ file:///${{PROJECT_ROOT}}/folder"]
""",
}


@pytest.mark.parametrize("name", PLACES)
def test_places(machine: Machine, name: str) -> None:
    """What comes from an archive, a checkout or a folder is what the tool installs from there."""
    suite = machine.suite
    wheel = making.wheel(machine.path / "wheels", "archived", "1.0")
    for each in ("folder", "linked", "cloned"):
        suite.project.write(
            {
                f"{each}/backend.py": making.backend(each, "1.0"),
                f"{each}/pyproject.toml": f'[project]\nname = "{each}"\nversion = "1.0"\n{BACKEND}',
            }
        )
    cloned = machine.path / "cloned"
    (suite.path / "cloned").rename(cloned)
    for words in ("init -q -b main", "add .", "-c user.name=a -c user.email=a@b commit -qm x"):
        subprocess.run(["git", *words.split()], cwd=cloned, check=True)
    table = PLACES[name].format(wheel=wheel, url=wheel.as_uri(), git=cloned.as_uri())
    suite.project.write({"pyproject.toml": table})
    machine.run(name, "lock")
    sync = {"uv": ("sync", "--locked"), "poetry": ("sync",), "pdm": ("sync", "--no-self", "--clean")}[name]
    synced = machine.synced(name, *sync)

    by_uv, by_pip = machine.ours({"lock": f"{name}.lock"})

    assert versions(by_uv) == versions(by_pip) == versions(synced)
    assert {"archived", "folder"} <= versions(synced).keys()
    for place in ("cloned", "linked"):
        assert installed(by_uv).get(place) == installed(by_pip).get(place) == installed(synced).get(place)
