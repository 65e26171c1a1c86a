"""Markers and fixtures of a suite's own that have our names, and tests that are no functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from borrowing import headed, lines

if TYPE_CHECKING:
    from borrowing import Suite

CLIENT = """
[tool.envrepro.environments.client]
requirements = ["alpha==1.0"]
"""
SHADOWED = (
    "the fixture 'environment' gives what the marker 'environment' declares, and this suite has registered a marker of "
    "that name for itself: environments.get(...) gives one without it"
)
BOTH = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])


@BOTH
def test_own_marker(suite: Suite, workers: tuple[str, ...]) -> None:
    """A suite's own marker `environment` is left alone, and one line says so."""
    suite.write(
        """
import pytest

pytestmark = pytest.mark.environment("production", 3, region="eu", inside=True)

def test_plain(): pass

def test_private(throwaway_venv):
    assert not throwaway_venv.inventory()

def test_shared(environment): pass
""",
        "markers = ['environment(name): where this runs']\n",
    )

    result = suite.run(*workers)

    result.assert_outcomes(passed=2, errors=1)
    (told,) = [line for line in headed(result, "ERROR at setup of test_shared") if not line.startswith("[gw")]
    assert told == SHADOWED
    line = "environment: this suite has registered a marker of that name, so it is left alone"
    assert lines(result, "environment: ") == [line]


@BOTH
def test_own_fixture(suite: Suite, workers: tuple[str, ...]) -> None:
    """A suite's own fixture `environment` is the one that tests get; one line says so where they carry our marker."""
    suite.write(
        """
import pytest

@pytest.fixture
def environment():
    return "staging"

def test_plain(environment):
    assert environment == "staging"

@pytest.mark.environment("nobody")
def test_marked(environment):
    assert environment == "staging"

class TestGivenOurs:
    @pytest.fixture
    def throwaway_venv(self, throwaway_venv):
        throwaway_venv.install("tool")
        return throwaway_venv

    def test_extended(self, throwaway_venv):
        assert list(throwaway_venv.inventory()) == ["tool"]
"""
    )

    result = suite.run(*workers)

    result.assert_outcomes(passed=3)
    told = "fixture 'environment': this suite has one of that name, so ours is not used"
    assert lines(result, "fixture ") == [told]
    plain = suite.run("-k", "test_plain")
    plain.stdout.no_fnmatch_line("fixture *")


def test_own_environments(suite: Suite) -> None:
    """A suite's own fixture `environments` does not break ours."""
    suite.write(
        """
import pytest

@pytest.fixture(scope="session")
def environments():
    return ["staging"]

@pytest.mark.environment(requirements=["tool"])
def test_it(environment, throwaway_venv, environments):
    assert list(environment.inventory()) == list(throwaway_venv.inventory()) == ["tool"]
    assert environments == ["staging"]
"""
    )

    suite.run().assert_outcomes(passed=1)


def test_without_fixture_names(suite: Suite) -> None:
    """Tests of unittest, doctests, items of a suite's own and coroutines run as ever, among tests that have environments."""
    suite.write(
        """
import unittest
import pytest

class TestOld(unittest.TestCase):
    @pytest.mark.environment("client")
    def test_old(self):
        pass

    @pytest.fixture(autouse=True)
    def use(self, throwaway_venv):
        self.venv = throwaway_venv

    def test_given(self):
        assert not self.venv.inventory()

@pytest.mark.environment("client")
def test_new(environment): pass

def documented():
    \"\"\"
    >>> 1 + 1
    2
    \"\"\"
""",
        CLIENT,
        conftest="""
import pytest

class Own(pytest.Item):
    def runtest(self):
        pass

class File(pytest.File):
    def collect(self):
        item = Own.from_parent(self, name="own")
        item.add_marker(pytest.mark.environment("client"))
        yield item

def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".own":
        return File.from_parent(parent, path=file_path)
""",
    )
    suite.project.write({"some.own": ""})

    for workers in ((), ("-n2",)):
        result = suite.run("--doctest-modules", *workers)

        result.assert_outcomes(passed=5)
        assert result.ret == 0
