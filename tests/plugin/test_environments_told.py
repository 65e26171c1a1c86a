"""What is said of environments: by --env-explain before they are made, and by an assertion in full; calls are planned once."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import making
import pytest
from borrowing import HERE, headed

from pytest_envrepro import Settings
from pytest_envrepro.errors import SettingsError

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
        "    cannot be: no Python here is '3.4'",
    ]
    assert nowhere[nowhere.index("test_it.py::test_copied") - 1] == "  is skipped here"
    assert "    state     is not known before the command of replicate-local has run" in first
    assert first[first.index("test_it.py::test_unmarked") + 2].startswith(
        "    cannot be: the fixture 'environment' gives"
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


# What a test gets wrong, and what it is told.
WRONG = {
    'throwaway_venv.install(["six"])': "TypeError: install() takes requirements: install('flask>=3', 'click')",
    'throwaway_venv.install("--pre")': (
        "pytest_envrepro.errors.RefusedError: install() takes requirements, and no options: '--pre'"
    ),
    'throwaway_venv.run("python -V")': (
        "TypeError: run() takes each word by itself, and uses no shell: run('python', '-V')"
    ),
    'throwaway_venv.run_python("-c", 7)': "TypeError: run() takes strings and paths, not 7",
    'throwaway_venv.run_python("-V", env={"A": 7})': "TypeError: env: the value of A has to be a string, not 7",
    'throwaway_venv.assert_matches("pin.txt")': (
        "pytest_envrepro.errors.LockError: pin.txt: there is no such file (did you mean 'pins.txt'?)"
    ),
    'throwaway_venv.diff(throwaway_venv, depth="all")': (
        "pytest_envrepro.errors.RefusedError: there is no depth 'all' (known: files, packages, system)"
    ),
    'environments.host.diff("client")': (
        "TypeError: diff() compares with another environment, not with 'client': environments.get('client') gives one"
    ),
    'environments.host.install("six")': (
        "pytest_envrepro.errors.RefusedError: the environment that runs pytest is not changed: install six into one of "
        "the test's own, which throwaway_venv and environments.throwaway(...) give"
    ),
    'environments.lock("pins.txt").run("a")': (
        "pytest_envrepro.errors.RefusedError: the lock pins.txt is only read, and holds no program: a has to run in an "
        "environment of it"
    ),
    'environments.lock("pins.txt").run_python("a")': (
        "pytest_envrepro.errors.RefusedError: the lock pins.txt is only read, and holds no program: python a has to run "
        "in an environment of it"
    ),
    'environments.lock("pins.txt").diff(throwaway_venv, depth="files")': (
        "pytest_envrepro.errors.RefusedError: the lock pins.txt has no files and no system to compare: leave "
        "depth='packages'"
    ),
    'Settings(pyhton="3")': "pytest_envrepro.errors.SettingsError: the settings of an environment cannot be followed:",
}


def test_plainly(suite: Suite) -> None:
    """What a test gets wrong is told at its own line, and none of our source is shown."""
    tests = "".join(
        f"\ndef test_{index}(environments, throwaway_venv):\n    {call}\n" for index, call in enumerate(WRONG)
    )
    suite.write(f"from pytest_envrepro import Settings\n{tests}")
    suite.project.write({"pins.txt": making.pip_compiled("alpha==1.0\n")})

    result = suite.run("-rN", "--env-keep=none")

    result.assert_outcomes(failed=len(WRONG))
    for index, (call, told) in enumerate(WRONG.items()):
        shown = headed(result, f"test_{index}")
        assert f">       {call}"[8:] in "\n".join(shown)
        assert next(line for line in shown if line.startswith("E  ")) == f"E       {told}"
        assert shown[-1].startswith("test_it.py:")
    assert "pytest_envrepro/" not in result.stdout.str()


def test_repr_of_settings() -> None:
    """Settings that could not be made can be shown all the same, as a debugger does."""
    wrong: dict[str, Any] = {"pyhton": "3"}
    with pytest.raises(SettingsError) as caught:
        Settings(**wrong)

    shown = [entry.frame.f_locals["self"] for entry in caught.traceback if "self" in entry.frame.f_locals]
    assert list(map(repr, shown)) == ["Settings(...)"]


def test_after_its_block(suite: Suite) -> None:
    """A throwaway environment that is used after its `with` block says what has ended it."""
    suite.write(
        """
import pytest
from pytest_envrepro import RefusedError

def test_it(environments):
    with environments.throwaway() as private:
        pass
    with pytest.raises(RefusedError) as caught:
        private.run_python("-V")
    assert str(caught.value) == f"{private.label} is gone: it ended with its 'with' block ({private.prefix})"
"""
    )

    suite.run().assert_outcomes(passed=1)


def test_asked_after_its_block(suite: Suite) -> None:
    """Whatever is asked of it then is refused in the same words: of a folder that is gone, nothing is clean."""
    suite.write(
        """
import pytest
from pytest_envrepro import RefusedError

@pytest.mark.parametrize("ask", [
    lambda gone, there: gone.run_python("-V"),
    lambda gone, there: gone.run("python"),
    lambda gone, there: gone.install("beta"),
    lambda gone, there: gone.inventory(),
    lambda gone, there: gone.diff(there),
    lambda gone, there: there.diff(gone),
    lambda gone, there: there.diff(gone, depth="files"),
    lambda gone, there: gone.assert_no_conflicts(),
    lambda gone, there: gone.assert_intact(),
    lambda gone, there: gone.assert_matches("requirements.txt"),
])
def test_it(environments, ask):
    with environments.throwaway(requirements=["alpha"]) as private:
        private.assert_intact()
    with pytest.raises(RefusedError) as caught:
        ask(private, environments.host)
    assert str(caught.value) == f"{private.label} is gone: it ended with its 'with' block ({private.prefix})"
"""
    )
    (suite.path / "requirements.txt").write_text("alpha==1.0\n")

    suite.run().assert_outcomes(passed=10)


def test_editable_is_no_news(suite: Suite) -> None:
    """That something is editable is no note in each session; a repository is, and a failing test is told of both."""
    suite.write(
        """
import pytest

@pytest.mark.environment(requirements=["-e ./lib"])
def test_editable(environment): pass

@pytest.mark.environment("cloned")
def test_cloned(environment): assert False

@pytest.mark.environment(requirements=["-e ./lib"])
def test_failing(environment): assert False
""",
        f"[tool.envrepro.environments.cloned]\nrequirements = ['lib @ git+{(suite.path / 'lib').as_uri()}']\n",
    )
    build = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    suite.project.write({"lib/pyproject.toml": build, "lib/backend.py": making.backend("lib", "1")})
    author = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    for words in (("init", "--quiet"), ("add", "."), (*author, "commit", "--quiet", "--message=1")):
        subprocess.run(["git", *words], cwd=suite.path / "lib", check=True)

    result = suite.run("-rN")

    result.assert_outcomes(passed=1, failed=2)
    (note,) = headed(result, "environments")
    assert note.startswith("cloned: another day could bring something else (lib comes from git+file:")
    of_lib = f"{(suite.path / 'lib').as_uri()} is editable: its files are those of its folder"
    assert f"note      {of_lib}: another day could bring something else" in result.outlines


def test_refused_kind(suite: Suite) -> None:
    """Of a container that a fixture refuses, nothing is said to rot: none is made."""
    suite.write(
        """
import pytest

@pytest.mark.environment(kind="container", base_image="python:3")
def test_it(throwaway_venv): pass
"""
    )

    result = suite.run("-rN")

    result.assert_outcomes(errors=1)
    assert "will rot" not in result.stdout.str()


def test_small_words(suite: Suite) -> None:
    """A file that is not there, a folder that is gone, and a name that is nearly one that is there."""
    suite.write(
        """
import shutil
import pytest

@pytest.mark.environment(requirements="missing.txt")
def test_missing(environment): pass

@pytest.mark.environment("client")
def test_near(environment):
    environment.inventory()["alpa"]

@pytest.mark.environment("own")
def test_gone(environment):
    shutil.rmtree(environment.prefix)
""",
        TABLE + '\n[tool.envrepro.environments.own]\nrequirements = ["beta"]\nenvironment = { A = "1" }\n',
    )

    result = suite.run("-rN")

    result.assert_outcomes(errors=1, failed=2)
    assert headed(result, "ERROR at setup of test_missing") == [
        "the requirements of @pytest.mark.environment on test_missing: there is no file missing.txt"
    ]
    assert "E       KeyError: \"alpa is not in client (did you mean 'alpha'?)\"" in result.outlines
    assert headed(result, "test_gone")[1] == "  its folder is gone:"[:-1]


def test_wheel_of_the_project(suite: Suite) -> None:
    """Where packages are told, this project's wheel is told by its file, not by the folder where it is kept."""
    suite.write(
        """
def test_it(environments):
    told = str(environments.get(project="wheel").diff(environments.get(python=None)))
    assert told.splitlines()[2].split() == ["lib", "1", "from", "the", "wheel", "lib-1-py3-none-any.whl", "-"]
""",
        '[project]\nname = "lib"\nversion = "1"\n[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        backend=making.backend("lib", "1"),
    )

    suite.run().assert_outcomes(passed=1)
