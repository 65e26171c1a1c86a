"""A Python that is not on this machine: skips on a laptop, fails in a strict session, and is told once."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING

import pytest
from borrowing import HERE, headed

if TYPE_CHECKING:
    from borrowing import Suite

OLD = "ask for another one: environments are made with 3.8 and later"
BOTH = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])
MARKED = """
import pytest

@pytest.mark.environment(python="3.4")
def test_one(environment): pass

@pytest.mark.environment(python="3.4")
def test_two(throwaway_venv): pass
"""


@BOTH
def test_laptop(suite: Suite, workers: tuple[str, ...]) -> None:
    """The tests are skipped; the reason says which Pythons there are, and the summary says it in one line."""
    suite.write(MARKED)

    result = suite.run("-rs", *workers)

    result.assert_outcomes(skipped=2)
    assert result.ret == 0
    line, *table = headed(result, "integrations")
    assert line.startswith("no Python here is '3.4': 2 tests skipped (on this machine: 3.")
    assert table[0] == "  there are:"
    (own,) = [row for row in table[1:] if row.startswith(f"    {HERE} ")]
    assert own.split()[1:6] == ["the", "Python", "that", "runs", "pytest"]
    result.stdout.fnmatch_lines_random(
        [
            "SKIPPED * test_it.py:4: no Python here is '3.4'*",
            f"SKIPPED * test_it.py:7: no Python here is '3.4' (on this machine: *{HERE}*): {OLD}",
        ]
    )
    assert result.outlines.count("  there are:") == 1


@BOTH
def test_strict(suite: Suite, workers: tuple[str, ...]) -> None:
    """In a strict session they fail when they are set up, with the same words."""
    suite.write(MARKED)

    result = suite.run("--env-strict", *workers)

    result.assert_outcomes(errors=2)
    assert result.ret == 1
    line, *table = headed(result, "integrations")
    assert line.startswith("no Python here is '3.4': 2 tests failed (on this machine: 3.")
    assert table[0] == "  there are:"
    told = [line for line in headed(result, "ERROR at setup of test_two") if not line.startswith("[gw")]
    (said,) = told
    assert said.startswith("no Python here is '3.4' (on this machine: 3.")
    assert said.endswith(f": {OLD}")
    assert "pytest_envrepro" not in "\n".join(told)


def test_by_call(suite: Suite) -> None:
    """A call skips the test too; in a strict session it raises, and the error has the versions, each time."""
    suite.write(
        """
import pytest
from pytest_envrepro import InterpreterNotFound

def test_plain(environments):
    environments.get(python="3.4")

def test_caught(environments):
    found = []
    for _ in range(2):
        with pytest.raises(InterpreterNotFound) as caught:
            environments.throwaway(python="3.4")
        found.append(caught.value.found)
    assert found[0] == found[1] != ()
    with pytest.raises(InterpreterNotFound):
        environments.lock("pins.txt", python="3.4")
"""
    )
    suite.project.write({"pins.txt": "alpha==1.0\n"})

    result = suite.run("-rs")

    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines_random(["SKIPPED [[]1] test_it.py:6: no Python here is '3.4' (on this machine: *"])
    assert headed(result, "integrations")[0].startswith("no Python here is '3.4': 2 tests skipped (on this machine: 3.")

    result = suite.run("--env-strict")

    result.assert_outcomes(passed=1, failed=1)
    (told,) = [line for line in headed(result, "test_plain") if line.startswith("E ")]
    assert told.startswith(
        "E       pytest_envrepro.errors.InterpreterNotFound: no Python here is '3.4' (on this machine: 3."
    )
    assert "pytest_envrepro/" not in "\n".join(headed(result, "test_plain"))
    line, *table = headed(result, "integrations")
    assert line.startswith("no Python here is '3.4': 1 test failed (on this machine: 3.")
    assert table[0] == "  there are:"


@BOTH
def test_by_fixture(suite: Suite, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """What a fixture's call lacks counts for each test that has the fixture, with what its markers lack; GitHub is told."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    suite.write(
        """
import pytest

@pytest.fixture(scope="module")
def client(environments):
    return environments.get("client")

@pytest.mark.requires_packages("pytest")
def test_one(client): pass

def test_two(client): pass

@pytest.mark.xfail(reason="is known")
def test_known(environments): environments.get("client")
""",
        "[tool.envrepro.environments.client]\npython = '3.99'\n",
    )
    name = "no Python here is '3.99', which tool.envrepro.environments.client in pyproject.toml asks for"

    result = suite.run("--env-strict", *workers, subprocess=True)

    result.assert_outcomes(errors=2, xfailed=1)
    line, *table = headed(result, "integrations")
    assert line.startswith(f"{name}: 2 tests failed (on this machine: 3.")
    assert line.endswith(": pyenv install 3.99")
    (told,) = [line for line in table if line.startswith("::error ")]
    assert told.startswith(f"::error title=python::{name}: 2 tests failed: on this machine: 3.")
    needs = {each["nodeid"]: each["needs"] for each in json.loads((suite.path / "report.json").read_text())["tests"]}
    assert needs == {"test_it.py::test_one": [name, "pytest"], "test_it.py::test_two": [name]}


def test_misspelled(suite: Suite) -> None:
    """What could be no Python on any machine fails on a laptop too: a session for the table, a test for what it says."""
    suite.write(
        """
import pytest

@pytest.mark.environment(python=">=3.9<3.12")
def test_marked(environment): pass

def test_called(environments):
    environments.get(python="3.9 or so")

def test_read(environments):
    environments.lock("pins.txt", python="== 3.9, 3.10")
"""
    )
    suite.project.write({"pins.txt": "alpha==1.0\n"})
    said = "is no Python on any machine: it may be a version (3.12), a range (>=3.9,<3.12)*"

    result = suite.run()

    result.assert_outcomes(errors=1, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            f"  @pytest.mark.environment on test_marked: python: '>=3.9<3.12' {said}",
            f"E *  environments.get(...): python: '3.9 or so' {said}",
            f"E *  python: '== 3.9, 3.10' {said}",
        ]
    )

    suite.write("def test_it(): pass\n", "[tool.envrepro.environments.client]\npython = '>=3.9<3.12'\n")
    result = suite.project.test("--env-integrations")

    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*tool.envrepro.environments.client.python: '>=3.9<3.12' {said}"])


def test_own_skip_first(suite: Suite) -> None:
    """A test that is skipped for a reason of its own lacks no Python, not in a strict session either."""
    suite.write(
        """
import pytest

@pytest.mark.skip(reason="not today")
@pytest.mark.environment(python="3.4")
def test_one(environment): pass
"""
    )

    result = suite.run("--env-strict", "-rs")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED * not today"])


def test_version_file(suite: Suite) -> None:
    """`.python-version` is the Python of who asks for it, and nobody's else."""
    suite.write(
        """
import sys
import pytest

@pytest.mark.environment(python=".python-version")
def test_file(environment):
    assert environment.run_python("-c", "import sys; print(sys.version.split()[0])").stdout.strip() == "%s"
    assert environment.python.interpreter.version == "%s"

@pytest.mark.environment(requirements=["tool"])
def test_none(environment):
    assert environment.python.interpreter.version == sys.version.split()[0]
""".replace("%s", platform.python_version())
    )
    suite.project.write({".python-version": platform.python_version() + "\n"})

    suite.run().assert_outcomes(passed=2)
