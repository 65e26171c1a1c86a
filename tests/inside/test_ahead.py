"""The source of the next test, which is compiled in its environment while the body before it runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from borrowing import lines
from interpreters import need
from making import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from borrowing import Suite

TABLE = "[tool.envrepro.environments.there]\n"
MARKED = """
import pytest

pytestmark = pytest.mark.environment("there", inside=True)
"""


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Give a folder in which it is remembered what interpreters said."""
    return tmp_path / "interpreters"


SPY = """
import os
import sys

def hook(event, args):
    if event == "compile" and str(args[1]).endswith("test_it.py") and "def test_afterwards" in str(args[0]):
        with open({path!r}, "a") as file:
            file.write(str(os.getpid()) + " ")

sys.addaudithook(hook)
"""
WAITS = '''
import os
import time
from pathlib import Path

SEEN = Path({path!r})

def test_first():
    """What this one loads, those have loaded that wait after it."""
    assert not SEEN.exists()
    time.sleep(0.01)

def test_waits():
    until = time.monotonic() + 20
    while not SEEN.exists() or not SEEN.read_text():
        assert time.monotonic() < until
        time.sleep(0.01)
'''
FUNCTION = """
def test_afterwards():
    assert SEEN.read_text() == str(os.getpid()) + " "
"""
METHODS = """
class TestIt:
    def test_afterwards(self):
        assert SEEN.read_text() == str(os.getpid()) + " "
"""


@pytest.mark.parametrize("source", [FUNCTION, METHODS], ids=["function", "method"])
def test_it(suite: Suite, tmp_path: Path, source: str) -> None:
    """The source of the next test is compiled by its own process while a body runs, and not again when it is its turn."""
    path = str(tmp_path / "seen")
    spy = wheel(tmp_path, "sitecustomize", "1", source=SPY.format(path=path))
    suite.write(
        MARKED + WAITS.format(path=path) + source, f'{TABLE}requirements = ["sitecustomize @ {spy.as_uri()}"]\n'
    )

    result = suite.run("-p", "no:randomly")

    result.assert_outcomes(passed=3)


NEWER = """
def test_before():
    pass

def test_newer():
    match 1:
        case 1:
            pass

def test_after():
    pass
"""


def test_newer_than_there(suite: Suite, tmp_path: Path) -> None:
    """What the Python there cannot compile is told by the test that it is of, and by no other."""
    python = need("3.9", tmp_path).executable
    suite.write(MARKED + NEWER, TABLE + f'python = "{python}"\n')

    result = suite.run("-p", "no:randomly")

    result.assert_outcomes(passed=2, failed=1)
    assert (
        f"{suite.path / 'test_it.py'}:10: the Python of environment 'there' cannot read this: invalid syntax"
        in result.outlines
    )


NEXT = """
import pytest
import unittest

inside = pytest.mark.environment("there", inside=True)

@inside
def test_before_misspelt():
    pass

@pytest.mark.environment("there", inside=True, insid=True)
def test_misspelt():
    pass

@inside
def test_before_unittest():
    pass

@inside
class TestCase(unittest.TestCase):
    def test_of_unittest(self):
        pass

def test_here():
    pass
"""


def test_next_that_cannot(suite: Suite) -> None:
    """What is wrong with the next test is told by that, whatever it is."""
    suite.write(NEXT, TABLE)

    result = suite.run("-p", "no:randomly", "-rA", "--strict-markers")

    first, second = lines(result, "ERROR ")
    assert first.startswith("ERROR test_it.py::test_misspelt - ")
    assert second.startswith("ERROR test_it.py::TestCase::test_of_unittest - ")
    result.assert_outcomes(passed=3, errors=2)


SEES = """
import gc
import json
import os
import sys

def test_first():
    pass

def test_second():
    seen = {{
        "modules": sorted(name for name in sys.modules if not name.startswith("_envrepro_far")),
        "variables": sorted(os.environ),
        "garbage": gc.collect(),
    }}
    with open({path!r}, "w") as file:
        json.dump(seen, file)
"""


def test_nothing_is_seen(suite: Suite, tmp_path: Path) -> None:
    """A body sees nothing of it: what is loaded, set and left over is as it is for one that comes first."""
    file = tmp_path / "seen.json"
    suite.write(MARKED + SEES.format(path=str(file)), TABLE)

    seen = []
    for options in ([], ["-k", "second"]):
        suite.run("-p", "no:randomly", *options)
        seen.append(json.loads(file.read_text()))

    assert seen[0] == seen[1]


WARNS = """
def test_first():
    pass

def test_second():
    found = 1 is 1
    assert found
"""


def test_warnings(suite: Suite) -> None:
    """What is warned of in a source is a warning of its test, and nothing that it has written."""
    suite.write(MARKED + WARNS, TABLE)

    # The first session compiles it here too, and warns of that.
    _, alone, whole = (
        suite.run("-p", "no:randomly", "-rA", "-Wdefault::SyntaxWarning", *options)
        for options in ([], ["-k", "second"], [])
    )

    told = [line for line in whole.outlines if "SyntaxWarning" in line]
    assert told == [line for line in alone.outlines if "SyntaxWarning" in line] != []
    assert "stderr" not in whole.stdout.str()
