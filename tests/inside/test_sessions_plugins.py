"""What else runs in a session, beside tests that run in an environment: other plugins, and other kinds of items."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from borrowing import headed, lines

if TYPE_CHECKING:
    from borrowing import Suite

TABLE = "[tool.envrepro.environments.there]\n"
MARK = 'import pytest\nimport sys\n\npytestmark = pytest.mark.environment("there", inside=True)\n'
FLAKY = f"""{MARK}
import os

def test_flaky():
    seen = os.path.exists(FILE)
    open(FILE, "w").close()
    assert sys.prefix != HERE
    assert seen
"""


@pytest.mark.requires_integration("rerunfailures")
@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])
def test_rerun(suite: Suite, workers: tuple[str, ...]) -> None:
    """A body that fails once is run again by pytest-rerunfailures, in a process of its own."""
    suite.write(FLAKY.replace("FILE", repr(str(suite.path / "seen"))).replace("HERE", repr(sys.prefix)), TABLE)

    result = suite.run("--reruns=1", *workers, subprocess=True)

    assert "1 passed, 1 rerun in " in result.outlines[-1]


RANDOM = f"""{MARK}
import random

def test_inside():
    print("numbers", [random.random() for _ in range(3)])
"""


@pytest.mark.requires_integration("randomly")
def test_random_numbers(suite: Suite) -> None:
    """With a seed of pytest-randomly a body has the numbers that it would have here."""
    told = []
    for mark, seed in (("True", 7), ("False", 7), ("True", 8)):
        suite.write(RANDOM.replace("inside=True", f"inside={mark}"), TABLE)
        quiet = ("-p", "no:hypothesispytest", "-p", "no:cacheprovider", "-rP")
        run = suite.project.pytester.run("python", "-m", "pytest", *quiet, f"--randomly-seed={seed}")
        run.assert_outcomes(passed=1)
        told.append(lines(run, "numbers"))

    assert len(told[0]) == 1
    assert told[0] == told[1]
    assert told[0] != told[2]


OF_UNITTEST = (
    "inside=True runs functions, and methods of plain classes: unittest runs its own TestCase classes, here; write this test "
    "without unittest.TestCase"
)
KINDS = f"""{MARK}
import unittest

class TestPlain:
    shared = 1

    def setup_method(self):
        self.own = 2

    def test_method(self):
        assert (self.shared, self.own) == (1, 2)

    @staticmethod
    def test_static():
        assert sys.prefix != HERE

class TestOuter:
    class TestNested:
        def test_nested(self):
            assert sys.prefix != HERE

class TestOfUnittest(unittest.TestCase):
    def test_it(self):
        pass

def documented():
    '''
    >>> 1 + 1
    2
    '''

HERE = {{here!r}}
"""


def test_kinds(suite: Suite) -> None:
    """Classes run there, doctests here, and a class of unittest says that it does neither."""
    suite.write(KINDS.replace("{here!r}", repr(sys.prefix)), TABLE)

    result = suite.run("--doctest-modules", "-rA")

    result.assert_outcomes(passed=4, errors=1)
    assert headed(result, "ERROR at setup of TestOfUnittest.test_it") == [OF_UNITTEST]
    assert "PASSED test_it.py::test_it.documented" in result.outlines


ASYNC = f"""{MARK}
import asyncio

@pytest.mark.asyncio
async def test_async():
    await asyncio.sleep(0)
    print("awaited")

@pytest.mark.asyncio
async def test_fails():
    await asyncio.sleep(0)
    assert 1 == 2
"""


def test_asynchronous(suite: Suite) -> None:
    """A coroutine that is marked so is awaited there."""
    hook = "def pytest_configure(config):\n    config.addinivalue_line('markers', 'asyncio: is awaited')\n"
    suite.write(ASYNC, TABLE, conftest=hook)

    result = suite.run("-rP", "--strict-markers")

    result.assert_outcomes(passed=1, failed=1)
    assert "awaited" in result.outlines
    assert lines(result, "E ") == ["E       assert 1 == 2"]


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_pytest_asyncio(suite: Suite, mode: str) -> None:
    """A plugin that wraps coroutines in functions of its own, as pytest-asyncio does, is left out inside."""
    plugin = """
import asyncio
import functools

import pytest

@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    function = pyfuncitem.obj
    if asyncio.iscoroutinefunction(function):
        @functools.wraps(function)
        def run(*args, **kwargs):
            return asyncio.run(function(*args, **kwargs))

        pyfuncitem.obj = run
    return (yield)

def pytest_configure(config):
    config.addinivalue_line('markers', 'asyncio: is awaited')
"""
    suite.write(ASYNC if mode == "strict" else ASYNC.replace("@pytest.mark.asyncio\n", ""), TABLE, conftest=plugin)

    result = suite.run("-rP")

    result.assert_outcomes(passed=1, failed=1)
    assert "awaited" in result.outlines
