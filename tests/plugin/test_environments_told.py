"""What is said of environments: by --env-explain before they are made, and by an assertion in full; calls are planned once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from borrowing import HERE

if TYPE_CHECKING:
    from borrowing import Suite

TABLE = """
[tool.envrepro.environments.client]
requirements = ["alpha==1.0"]

[tool.envrepro.environments.server]
requirements = ["alpha==2.0", "gamma", "tool"]
constraints = ["alpha>=1"]

[tool.envrepro.environments.copied]
replicate-local = ["COMMAND", "requires.py"]
"""
EXPLAINED = """
import pytest

@pytest.mark.environment("client")
def test_made(environment, environments): raise SystemError

@pytest.mark.environment(python="3.4")
def test_nowhere(throwaway_venv): raise SystemError

@pytest.mark.environment("copied")
def test_copied(environment): raise SystemError

def test_unmarked(environment): raise SystemError
"""


def explained(suite: Suite, *args: str) -> list[str]:
    """Give what --env-explain says."""
    result = suite.project.test("--env-explain=test_it.py", *args)
    return result.outlines[result.outlines.index("test_it.py::test_made") :]


def test_explain(fresh: Suite) -> None:
    """By fixture: the settings, the Python or why there is none, and whether it is made; no command runs, nothing is made."""
    fresh.write(EXPLAINED, TABLE.replace("COMMAND", sys.executable), requires="open('ran.txt', 'w')\n")

    first = explained(fresh)

    assert first[:6] == [
        "test_it.py::test_made",
        "  environment 'client', by 'environment'",
        f"    python    {HERE} (the Python that runs pytest)",
        '    settings  requirements = ["alpha==1.0"]  # tool.envrepro.environments.client in pyproject.toml',
        "    state     is not known before its versions are chosen",
        "  'environments'",
    ]
    assert first[6:8] == ["    state     is not known before the test calls it", "  runs here"]
    nowhere = first[first.index("test_it.py::test_nowhere") :]
    assert nowhere[1:4] == [
        "  an environment without a name, by 'throwaway_venv'",
        '    settings  python = "3.4"  # @pytest.mark.environment on test_nowhere',
        "    cannot be no Python here is '3.4'",
    ]
    assert nowhere[nowhere.index("test_it.py::test_copied") - 1] == "  is skipped here"
    assert "    state     is not known before the command of replicate-local has run" in first
    assert first[first.index("test_it.py::test_unmarked") + 2].startswith(
        "    cannot be the fixture 'environment' gives"
    )
    assert not (fresh.path / "ran.txt").exists()
    assert not list((fresh.cache / "envs" / "at").iterdir())

    fresh.write("def test_it(environments): environments.get('client')\n", TABLE)
    fresh.run().assert_outcomes(passed=1)
    fresh.write(EXPLAINED, TABLE)

    assert explained(fresh)[4].startswith(f"    state     is there: {fresh.cache}")
    assert explained(fresh, "--env-rebuild")[4] == "    state     is made anew, as --env-rebuild has it"
    assert explained(fresh, "--env-strict").count("  fails here") == 2


def test_differences(suite: Suite) -> None:
    """A plain assertion says package by package what differs, where pytest's own text is cut; and nothing twice."""
    suite.write(
        """
def test_diff(environments):
    assert not environments.get("client").diff(environments.get("server"))

def test_inventories(environments):
    assert environments.get("client").inventory() == environments.get("server").inventory()

def test_told(environments):
    difference = environments.get("client").diff(environments.get("server"))
    assert not difference, str(difference)
""",
        TABLE.replace('"gamma", ', ""),
    )

    result = suite.run("-rN", "--tb=short")

    table = ["package  client  server", "alpha    1.0     2.0", "beta     -       1.0", "tool     -       1.0"]
    at = [index for index, line in enumerate(result.outlines) if line.strip("- ") == "envrepro: what differs"]
    assert len(at) == 1
    assert [line.strip() for line in result.outlines[at[0] + 2 : at[0] + 6]] == table
    assert sum("tool     -       1.0" in line for line in result.outlines) == 3


@pytest.mark.parametrize("options", [(), ("--env-rebuild",)], ids=["", "rebuild"])
def test_planned_once(fresh: Suite, options: tuple[str, ...]) -> None:
    """The command of replicate-local runs once in a session, however often a call declares the same, and says where."""
    fresh.write(
        """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_it(environments, number):
    assert list(environments.get("copied").inventory()) == ["alpha"]
    with environments.throwaway("copied") as other:
        assert other.settings.explain() == environments.get("copied").settings.explain()
    assert environments.get(replicate_local=["COMMAND", "requires.py"]).name is None
""".replace("COMMAND", sys.executable),
        TABLE.replace("COMMAND", sys.executable),
        requires="open('ran.txt', 'a').write('x')\nprint('alpha==1.0')\n",
    )

    fresh.run(*options).assert_outcomes(passed=3)

    assert (fresh.path / "ran.txt").read_text() == "xx"  # Another name makes other settings.


def test_relative_cache(fresh: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative cache folder is one below where pytest was started, wherever a test or a conftest goes."""
    monkeypatch.setenv("PYTEST_ENVREPRO_CACHE", "here")
    (fresh.path / "tests").mkdir()
    fresh.write("def test_it(throwaway_venv): pass\n", conftest="import os\nos.chdir('tests')\n")

    fresh.run(subprocess=True).assert_outcomes(passed=1)

    assert (fresh.path / "here" / "envs").is_dir()
    assert not (fresh.path / "tests" / "here").exists()


def test_variables_of_a_command(suite: Suite) -> None:
    """What run(env=...) says wins over all, also PATH and PYTHONPATH; which program runs is not looked up in that PATH."""
    suite.write(
        """
import pathlib, sys

def test_it(throwaway_venv):
    pathlib.Path("extra").mkdir()
    pathlib.Path("extra/outside.py").write_text("")
    show = "import os, sys; print(sys.prefix, os.environ['PATH']); import outside"
    env = {"PATH": "/nowhere", "PYTHONPATH": str(pathlib.Path("extra").absolute())}
    assert throwaway_venv.run_python("-c", show, env=env).stdout.split() == [str(throwaway_venv.prefix), "/nowhere"]
"""
    )

    suite.run().assert_outcomes(passed=1)
