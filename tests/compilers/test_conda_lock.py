"""`conda-lock.yml`: the real conda-lock, on copies; a script stands for the solver, which no index of packages has."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import pytest
import toolshed
from indexes import Index
from natives import Native, changed, made

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from projects import Project

pytestmark = pytest.mark.requires_integration("network", "compilers", "conda")

# Solves for what stands in a file beside it, as `conda create --dry-run --json` does.
_SOLVER = """#!{python}
import json, os, pathlib, sys
there = os.environ.get("CONDA_SUBDIR", "linux-64")
if "--version" in sys.argv:
    print("conda 24.1.0")
    sys.exit()
place = "https://conda.example/conda-forge"
known, waiting = {{}}, [word.split()[0] for word in sys.argv[1:]]
for line in pathlib.Path(__file__).with_name("packages.txt").read_text().splitlines():
    name, version, *needs = line.split()
    file = f"{{name}}-{{version}}-0.conda"
    known[name] = dict(
        name=name, version=version, build="0", build_string="0", build_number=0, channel=place, base_url=place, fn=file,
        subdir=there, platform=there, url=f"{{place}}/{{there}}/{{file}}", md5=f"{{len(file):032}}", size=1,
        sha256=f"{{len(file):064}}", depends=needs, constrains=[], dist_name=file, timestamp=0,
    )
found = []
while waiting:
    each = known.pop(waiting.pop(), None)
    if each:
        found.append(each)
        waiting += each["depends"]
print(json.dumps(dict(success=True, dry_run=True, prefix="/", actions=dict(LINK=found, FETCH=found, PREFIX="/"))))
"""
_THERE = 'sys_platform == "linux" and platform_machine == "x86_64"'  # What a pin of that platform says.
_PACKAGES = "flask 3.0 werkzeug\nwerkzeug 3.0 markupsafe\nmarkupsafe 2.0\nhttpx 1.0 anyio\nanyio 4.0\n"


@pytest.fixture
def native(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Native]:
    """Give a project that conda-lock has locked, and a solver on PATH."""
    index = Index(tmp_path / "index")
    with toolshed.served(index) as variables:
        native = made("conda-lock", project, index, variables, monkeypatch, tmp_path / "home")
        solver = tmp_path / "solver" / "conda"
        solver.parent.mkdir()
        solver.write_text(_SOLVER.format(python=sys.executable))
        solver.chmod(0o755)
        publish(native, _PACKAGES)
        words = ("lock", "--lockfile", "conda-lock.yml", "-f", "environment.yml", "--conda", str(solver))
        native.compile(*words)
        monkeypatch.setenv("PATH", os.pathsep.join([os.environ["PATH"], str(solver.parent)]))
        yield native


def publish(native: Native, packages: str) -> None:
    """Have the solver find these."""
    native.home.with_name("solver").joinpath("packages.txt").write_text(packages)


def test_unchanged(native: Native) -> None:
    """A lock with the hash of its input is left by conda-lock, whatever stands in it: that is all that is said.

    Nothing of the user's is written.
    """
    publish(native, _PACKAGES.replace("markupsafe 2.0", "markupsafe 3.0"))
    before = native.snapshot()

    result = native.project.run("--env-recompile", "-v")

    told = r"3 pins; conda-lock 4\.0\.3 \(with .+\) compares the hash of the inputs alone, and finds it true"
    result.stdout.re_match_lines([rf"conda-lock\.yml +recompile +clean +{told}, .*"])
    assert native.snapshot() == before
    assert not native.home.joinpath(".local").exists()


def test_one_platform_of_two(native: Native) -> None:
    """Where the hash of one platform holds, conda-lock compiles the other one alone, and that is said."""
    native.edit("environment.yml", "  - linux-64\n", "  - linux-64\n  - osx-64\n")
    solver = native.home.with_name("solver") / "conda"
    native.compile("lock", "--lockfile", "conda-lock.yml", "-f", "environment.yml", "--conda", str(solver))
    native.lock.write_text(re.sub(r"(?m)^    linux-64: \w{64}$", f"    linux-64: {'f' * 64}", native.lock.read_text()))

    result = native.project.run("--env-recompile", "-v")

    assert result.ret == 0
    told = r"6 pins, as conda-lock 4\.0\.3 \(with .+\) compiles them"
    but = "but for osx-64, where it compares the hash of the inputs alone"
    result.stdout.re_match_lines([rf"conda-lock\.yml +recompile +clean +{told}, {but}, .*"])


def test_solver_of_the_project(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver below the project is named where it is: no environment is copied."""
    solver = native.project.path / ".venv" / "bin" / "conda"
    names = {
        ".venv/bin/conda": "#!/bin/sh\n",
        ".venv/pyvenv.cfg": "",
        "bin/conda-lock": "#!/bin/sh\necho $* >&2; exit 1\n",
    }
    native.project.write(names)
    for name in names:
        (native.project.path / name).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(native.project.path / "bin"), str(solver.parent), os.defpath]))

    words = "lock --check-input-hash --lockfile conda-lock.yml -f environment.yml -p linux-64"
    assert native.judge()["reason"] == f"the conda-lock on PATH has failed: {words} --conda {solver}"


@pytest.mark.parametrize(
    "command", ["conda-lock -f environment.yml -p linux-64 --conda {}", "conda-lock lock -f environment.yml --conda {}"]
)
def test_command_of_the_table(native: Native, command: str) -> None:
    """A command of the table is run word for word, also where conda-lock takes it for one that it does not name."""
    solver = native.home.with_name("solver") / "conda"
    native.project.write(
        {
            "envrepro.toml": '[[locks]]\npath = "conda-lock.yml"\ninputs = ["environment.yml"]\n'
            f'command = "{command.format(solver)}"\n[severity]\nextraneous = "ignore"\nnot-installed = "ignore"\n',
            "pyproject.toml": "[tool.pytest.ini_options]\n",
        }
    )
    native.edit("environment.yml", "  - flask >=2\n", "  - flask >=2\n  - httpx\n")

    assert [name for name, _, _ in changed(native.judge())] == ["conda:anyio", "conda:httpx"]


def test_drifted(native: Native) -> None:
    """An input has changed: what it asks for, and what that needs."""
    native.edit("environment.yml", "  - flask >=2\n", "  - flask >=2\n  - httpx\n")
    before = native.lock.read_bytes()

    assert changed(native.judge()) == [
        ("conda:anyio", None, f"4.0=0; {_THERE}"),
        ("conda:httpx", None, f"1.0=0; {_THERE}"),
    ]
    assert native.lock.read_bytes() == before


def test_newer_releases(native: Native) -> None:
    """conda-lock solves afresh: what nothing explains is told, and is no verdict."""
    publish(native, _PACKAGES.replace("flask 3.0", "flask 4.0").replace("httpx 1.0 anyio", "httpx 1.0"))
    native.edit("environment.yml", "  - flask >=2\n", "  - flask >=2\n  - httpx\n")

    check = native.judge()

    assert (check["outcome"], changed(check)) == ("broken", [("conda:httpx", None, f"1.0=0; {_THERE}")])
    assert f"conda:flask 3.0=0; {_THERE} -> 4.0=0; {_THERE}: nothing in the inputs explains it" in check["reason"]


def test_mended(native: Native) -> None:
    """A broken lock is mended in place; what conda-lock takes a later version of is told."""
    publish(native, _PACKAGES.replace("markupsafe 2.0", "markupsafe 3.0"))
    native.edit("environment.yml", "  - flask >=2\n", "  - flask >=2\n  - httpx\n")

    (line,) = native.told()

    assert line.replace(f"; {_THERE}", "") == (
        "conda-lock.yml mended: conda:anyio 4.0=0 is added, conda:httpx 1.0=0 is added, conda:markupsafe 2.0=0 -> 3.0=0"
    )
    assert native.judge("lock")["outcome"] == "clean"
    assert native.judge()["outcome"] == "clean"


def test_no_solver(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a solver conda-lock would fetch one and keep it: it is not started."""
    monkeypatch.setenv("PATH", os.path.dirname(toolshed.program("conda-lock")))

    check = native.judge()

    assert (check["outcome"], check["reason"]) == (
        "unchecked",
        "conda-lock solves by micromamba, mamba or conda, and none of them is on PATH",
    )


def test_solver_fails(native: Native) -> None:
    """Where the solver finds nothing, the last words of conda-lock are told."""
    native.edit("environment.yml", "  - flask >=2\n", "  - flask >=2\n  - httpx\n")
    native.home.with_name("solver").joinpath("packages.txt").unlink()

    check = native.judge()

    assert check["outcome"] == "unchecked"
    assert re.match(r"conda-lock 4\.0\.3 has failed: .", check["reason"])


def test_tool_absent(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that is not installed is named, with the command that installs it."""
    monkeypatch.setenv("PATH", "")

    assert native.judge()["reason"] == "conda-lock is not installed here, nor on PATH: pip install conda-lock"
