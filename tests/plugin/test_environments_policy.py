"""`--env-offline`, `--env-rebuild` and `--env-clean`: what decides how environments are made, and not which."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from borrowing import Suite, headed, lines, started_pid
from indexes import DOWN
from workbench import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from projects import Project

BOTH = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])
NEWEST = """
import pytest

@pytest.mark.parametrize("number", range(4))
@pytest.mark.environment(requirements=["alpha"])
def test_it(environment, number):
    print("it is", environment.inventory()["alpha"].version)
"""


@pytest.fixture
def growing(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Give a project with a folder of wheels of its own, that has `alpha` 1.0 today."""
    (tmp_path / "growing").mkdir()
    bench = Bench(tmp_path / "growing")
    bench.wheel("alpha", "1.0")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")  # What is on the engine is not for these tests.
    return Suite(project, bench, tmp_path / "fresh", monkeypatch)


@BOTH
def test_rebuild(growing: Suite, workers: tuple[str, ...]) -> None:
    """A new version is chosen when somebody asks for it, not before; and what was made is made anew once."""
    growing.write(NEWEST)
    growing.run("-rP").stdout.fnmatch_lines(["it is 1.0"])
    growing.bench.wheel("alpha", "2.0")
    growing.run("-rP", *workers).stdout.fnmatch_lines(["it is 1.0"])
    started = growing.watched()

    growing.run("-rP", "--env-rebuild", *workers, subprocess=True).stdout.fnmatch_lines(["it is 2.0"])

    programs = started.read_text().splitlines()
    assert len([line for line in programs if " pip compile " in line]) == 1
    assert len([line for line in programs if " pip install " in line or " pip sync " in line]) == 1
    assert [row["cached"] for row in growing.rows()] == [False]
    growing.run("-rP").stdout.fnmatch_lines(["it is 2.0"])


def test_rebuild_the_same(growing: Suite) -> None:
    """What comes to the same versions is made anew all the same."""
    growing.write(NEWEST)
    growing.run()
    (first,) = growing.rows()

    growing.run("--env-rebuild")

    (second,) = growing.rows()
    assert (first["key"], second["cached"]) == (second["key"], False)


@pytest.mark.parametrize("how", ["option", "variable"])
def test_offline(growing: Suite, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline, no index is asked: what is there is enough, and what is not is an error that says why."""
    growing.write(
        """
import pytest

@pytest.mark.environment(requirements=["alpha"], environment={"DEFAULT": "1"})
def test_here(environment): pass

@pytest.mark.environment(requirements=["elsewhere"])
def test_elsewhere(environment): pass

def test_install(throwaway_venv):
    throwaway_venv.install("elsewhere")
"""
    )
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("UV_DEFAULT_INDEX", DOWN)
    monkeypatch.setenv("PIP_INDEX_URL", DOWN)
    if how == "variable":
        monkeypatch.setenv("PYTEST_ENVREPRO_OFFLINE", "1")

    result = growing.run(*(["--env-offline"] if how == "option" else []))

    result.assert_outcomes(passed=1, failed=1, errors=1)
    told = "\n".join(headed(result, "ERROR at setup of test_elsewhere"))
    assert "elsewhere" in told
    assert "offline" in told
    assert "127.0.0.1" not in told


def test_wrong_offline(growing: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is none ends the session with 4, whatever its tests need."""
    growing.write("def test_it(): pass\n")
    monkeypatch.setenv("PYTEST_ENVREPRO_OFFLINE", "maybe")

    result = growing.run(subprocess=True)

    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: PYTEST_ENVREPRO_OFFLINE: has to be true or false, not 'maybe'"])


def test_clean(growing: Suite) -> None:
    """--env-clean answers before any conftest, removes what there is, and says so."""
    growing.write(NEWEST)
    growing.run()
    (growing.path / "conftest.py").write_text("raise SystemExit('is not to be imported')\n")

    result = growing.project.pytester.runpytest_subprocess("--env-clean")
    again = growing.project.pytester.runpytest_subprocess("--env-clean")

    assert result.ret == again.ret == 0
    result.stdout.fnmatch_lines([f"removed 1 environment (* MiB) from {growing.cache}"])
    assert result.outlines[2].startswith("removed what they were made from, and what was remembered: resolved, ")
    no_engine = (
        "containers and images stay, if there are any: no container engine answers (tried unix:///nowhere (DOCKER_HOST): no "
        "such file or directory): start the engine there or correct DOCKER_HOST (without it the usual sockets are asked)"
    )
    assert result.outlines[1] == no_engine
    assert again.outlines == [f"removed no environment from {growing.cache}", no_engine]
    # What holds locks, which others may be waiting for, stays, and is empty.
    assert {path.name for path in growing.cache.iterdir()} <= {"envs", "work"}
    assert {path.name for path in (growing.cache / "work").iterdir()} <= {"sweep.lock"}
    assert not [path for path in (growing.cache / "envs" / "at").iterdir() if (path / "env").exists()]


def test_clean_beside_a_session(growing: Suite) -> None:
    """What a living session uses stays, and it goes on as if nothing was."""
    growing.write(
        """
import os
import pathlib
import time
import pytest

@pytest.mark.environment(requirements=["alpha"])
def test_it(environment):
    pathlib.Path("running.txt").write_text(str(os.getpid()))
    while not pathlib.Path("cleaned.txt").exists():
        time.sleep(0.05)
    environment.run_python("-c", "import alpha")
"""
    )
    session = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"], cwd=growing.path, stdout=subprocess.PIPE, text=True
    )
    started_pid(growing.path / "running.txt", session)

    result = growing.project.pytester.runpytest_subprocess("--env-clean")
    rooms = {path.name for path in growing.cache.iterdir()}
    (growing.path / "cleaned.txt").touch()
    assert {"resolved", "virtualenv", "interpreters"} <= rooms
    assert any(line.endswith(" in it stay: a session that runs uses them") for line in result.outlines)

    output = session.communicate(timeout=60)[0]
    assert session.returncode == 0, output
    assert lines(result, "virtualenv of alpha stays") == ["virtualenv of alpha stays: a session that runs uses it"]
    result.stdout.fnmatch_lines([f"removed no environment from {growing.cache}"])
