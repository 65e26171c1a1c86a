"""A Python that is not on this machine: skips on a laptop, fails in a strict session, and is told once."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest
from borrowing import headed

if TYPE_CHECKING:
    from borrowing import Suite

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
    (line,) = headed(result, "integrations")
    assert line.startswith("no Python here is '3.4': 2 tests skipped (on this machine: 3.")
    result.stdout.fnmatch_lines_random(
        ["SKIPPED * test_it.py:4: no Python here is '3.4'*", "SKIPPED * test_it.py:7: *"]
    )


@BOTH
def test_strict(suite: Suite, workers: tuple[str, ...]) -> None:
    """In a strict session they fail when they are set up, with the same words."""
    suite.write(MARKED)

    result = suite.run("--env-strict", *workers)

    result.assert_outcomes(errors=2)
    assert result.ret == 1
    (line,) = headed(result, "integrations")
    assert line.startswith("no Python here is '3.4': 2 tests failed (on this machine: 3.")
    told = [line for line in headed(result, "ERROR at setup of test_two") if not line.startswith("[gw")]
    assert told[0] == "no Python here is '3.4'"
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

    suite.run().assert_outcomes(skipped=2)
    result = suite.run("--env-strict")

    result.assert_outcomes(passed=1, failed=1)
    told = [line for line in headed(result, "test_plain") if line.startswith("E ")]
    assert told[0] == "E       pytest_envrepro.errors.InterpreterNotFound: no Python here is '3.4'"
    assert "pytest_envrepro/" not in "\n".join(headed(result, "test_plain"))


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
