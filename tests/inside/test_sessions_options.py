"""Options of pytest in sessions whose tests run in an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from borrowing import headed, lines
from boxing import table

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

TABLE = "[tool.envrepro.environments.there]\n"
TESTS = """
import pytest
import sys

pytestmark = pytest.mark.environment("there", inside=True)
HERE = sys.prefix

@pytest.fixture
def here():
    return HERE

def test_one(here):
    assert sys.prefix != here

@pytest.mark.parametrize("n", [1, 2, 3])
def test_several(n, here):
    assert sys.prefix != here
    assert n != 2

def test_last(here):
    assert sys.prefix != here
"""
WAYS = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])


def outcomes(result: pytest.RunResult) -> dict[str, str]:
    """Give the outcome of each test, by its name, of a session with `-v`."""
    words = [line.replace("::", " ").split() for line in result.outlines if "test_it.py::" in line]
    told = {word for each in words for word in each if word.isupper()}
    return {each[0]: each[1] for each in words if told}


@WAYS
def test_workers(suite: Suite, workers: tuple[str, ...]) -> None:
    """With pytest-xdist tests end as without; each worker has its own process there."""
    suite.write(TESTS, TABLE)

    result = suite.run(*workers)

    result.assert_outcomes(passed=4, failed=1)
    assert lines(result, "FAILED") == ["FAILED test_it.py::test_several[2] - assert 2 != 2"]
    assert lines(result, "E ") == ["E       assert 2 != 2"]


@pytest.mark.requires_integration("docker-engine")
def test_workers_in_a_container(boxes: Suite, base: Base) -> None:
    """The same in a container."""
    boxes.write(TESTS.replace('"there"', '"box"'), table(base.reference))

    result = boxes.run("-n2")

    result.assert_outcomes(passed=4, failed=1)
    assert lines(result, "FAILED") == ["FAILED test_it.py::test_several[2] - assert 2 != 2"]
    assert lines(result, "E ") == ["E       assert 2 != 2"]


def test_last_failed(suite: Suite) -> None:
    """`--lf` runs again what has failed there, and nothing else; `--sw` goes on with it."""
    mended = TESTS.replace("n != 2", "n != 5")
    suite.write(TESTS, TABLE)
    suite.run().assert_outcomes(passed=4, failed=1)

    suite.run("--lf").assert_outcomes(failed=1)
    suite.write(mended, TABLE)
    suite.run("--lf").assert_outcomes(passed=1)
    suite.write(TESTS, TABLE)
    suite.run("--sw").assert_outcomes(passed=2, failed=1)  # Older ones of pytest forget it in a session without `--sw`.
    suite.write(mended, TABLE)
    suite.run("--sw").assert_outcomes(passed=3, deselected=2)


SELECTED = {
    "keyword": (("-k", "last or 3"), {"passed": 2, "deselected": 3}),
    "exit first": (("-x",), {"passed": 2, "failed": 1}),
    "maxfail": (("--maxfail=1",), {"passed": 2, "failed": 1}),
    "by id": (("test_it.py::test_several[2]",), {"failed": 1}),
    "without a cache": (("-p", "no:cacheprovider"), {"passed": 4, "failed": 1}),
    "without logging": (("-p", "no:logging"), {"passed": 4, "failed": 1}),
    "without warnings": (("-p", "no:warnings"), {"passed": 4, "failed": 1}),
    "without capturing": (("-p", "no:capture"), {"passed": 4, "failed": 1}),
    "warnings are errors": (("-W", "error"), {"passed": 4, "failed": 1}),
    "plain assertions": (("--assert=plain",), {"passed": 4, "failed": 1}),
    "quiet": (("-qq",), {"passed": 4, "failed": 1}),
    "local variables": (("-l",), {"passed": 4, "failed": 1}),
    "import mode importlib": (("--import-mode=importlib",), {"passed": 4, "failed": 1}),
    "import mode append": (("--import-mode=append",), {"passed": 4, "failed": 1}),
    "strict": (("--env-strict", "--strict-markers"), {"passed": 4, "failed": 1}),
}


@pytest.mark.parametrize(("args", "expected"), SELECTED.values(), ids=SELECTED)
def test_options(suite: Suite, args: tuple[str, ...], expected: dict[str, int]) -> None:
    """Tests are selected and run as here."""
    suite.write(TESTS, TABLE)

    result = suite.run("-rA", *args)

    told = lines(result, "PASSED") + lines(result, "FAILED")
    assert {word: len([line for line in told if line.startswith(word.upper())]) for word in ("passed", "failed")} == {
        word: expected.get(word, 0) for word in ("passed", "failed")
    }
    if "-qq" not in args:
        result.assert_outcomes(**expected)


def test_plain_assertions(suite: Suite) -> None:
    """With `--assert=plain` nothing is explained, there as here."""
    suite.write(TESTS, TABLE)

    result = suite.run("--assert=plain", subprocess=True)

    assert lines(result, "E ") == ["E       AssertionError"]


def test_nothing_is_run(suite: Suite) -> None:
    """`--collect-only` and `--setup-plan` make no environment; they name the tests."""
    suite.use(suite.path / "untouched")
    suite.write(TESTS, TABLE)

    collected = suite.run("--collect-only", "-q")
    planned = suite.run("--setup-plan")

    assert lines(collected, "test_it.py::")[:2] == ["test_it.py::test_one", "test_it.py::test_several[1]"]
    assert lines(planned, "        test_it.py::test_one (") == ["        test_it.py::test_one (fixtures used: here)"]
    assert not (suite.path / "untouched" / "envs").exists()


def test_explained(suite: Suite) -> None:
    """`--env-explain` says in which environment a test would run."""
    suite.write(TESTS, TABLE)

    result = suite.project.test("--env-explain", "test_it.py::test_one")

    assert result.ret == 0
    at = result.outlines.index("test_it.py::test_one")
    assert result.outlines[at + 1] == "  environment 'there', by 'inside=True'"
    assert [line.split()[0] for line in result.outlines[at + 2 : at + 5]] == ["python", "settings", "state"]
    assert result.outlines[at + 5] == "  runs in its environment"


WRITES = """
import os
import pytest
import sys

@pytest.mark.environment("there", inside=True)
def test_writes():
    print("to stdout")
    print("to stderr", file=sys.stderr)
    os.write(1, b"to the file of stdout\\n")
    os.write(2, b"to the file of stderr\\n")
    os.system("echo by a program")
"""
WRITTEN = ["to stdout", "to the file of stdout", "by a program"]
WRITTEN_TO_ERR = ["to stderr", "to the file of stderr"]


@pytest.mark.parametrize("how", ["-s", "--capture=no", "--capture=tee-sys"])
def test_shown_at_once(suite: Suite, how: str) -> None:
    """What a body writes is shown once where nothing is captured, each stream in its order."""
    suite.write(WRITES, TABLE)

    result = suite.run(how, subprocess=True)

    result.assert_outcomes(passed=1)
    text = result.stdout.str().replace("test_it.py ", "")
    assert [line for line in text.splitlines() if line in WRITTEN] == WRITTEN
    assert [line for line in result.stderr.str().splitlines() if line] == WRITTEN_TO_ERR


@pytest.mark.parametrize("how", ["--capture=fd", "--capture=sys"])
def test_captured(suite: Suite, how: str) -> None:
    """What a body writes is shown once with a report, where it is captured."""
    suite.write(WRITES + "    assert False\n", TABLE)

    result = suite.run(how, subprocess=True)

    result.assert_outcomes(failed=1)
    assert headed(result, "Captured stdout call") == WRITTEN
    assert headed(result, "Captured stderr call") == WRITTEN_TO_ERR
    assert result.stdout.str().count("to stdout") == 2  # The other is in the source.
    assert result.stderr.str() == ""


DEBUGGED = """
import pytest

pytestmark = pytest.mark.environment("there", inside=True)

def test_fails():
    values = [1, 2]
    assert values == [1, 3]
"""
NO_TERMINAL = (
    "RuntimeError: a debugger does not reach into an environment: no terminal is there; run the test without inside=True, "
    "or write what you want to know with print()"
)


def test_debugger_of_failures(suite: Suite) -> None:
    """`--pdb` shows where it failed, with values, and says that it does not reach inside."""
    suite.write(DEBUGGED, TABLE)

    result = suite.project.pytester.run(
        *("python", "-m", "pytest", "-p", "no:randomly", "--pdb"), stdin=b"p values\nq\n"
    )

    (told,) = [line for line in result.outlines if "does not reach inside" in line]
    assert told[told.index("envrepro: ") :] == (
        "envrepro: test_fails has run in its environment: the debugger shows where it failed and what values looked like, "
        "and does not reach inside"
    )
    assert "(Pdb) [1, 2]" in result.outlines
    assert f"> {suite.path / 'test_it.py'}(8)test_fails()" in result.outlines


@pytest.mark.parametrize("how", ["breakpoint()", "pytest.set_trace()", "__import__('pdb').set_trace(); x = 1"])
def test_debugger_in_a_body(suite: Suite, how: str) -> None:
    """A debugger that a body asks for says at once that there is no terminal, and waits for nobody."""
    suite.write(f'import pytest\n\n@pytest.mark.environment("there", inside=True)\ndef test_it():\n    {how}\n', TABLE)

    result = suite.project.pytester.run("python", "-m", "pytest", "-p", "no:randomly")

    result.assert_outcomes(failed=1)
    assert lines(result, "E  ")[0].lstrip("E ") == NO_TERMINAL


APART = """
import decimal
import shlex
import pytest
from decimal import Decimal

pytestmark = pytest.mark.environment("there", inside=True)
decimal.getcontext().clear_flags()
decimal.setcontext(
    decimal.getcontext())
shlex.split("a b")
pytest.register_assert_rewrite("nowhere")

if __name__ == "__main__":
    decimal.localcontext()

def test_fails():
    assert Decimal(1) == 2

def test_uses_nothing():
    assert 1 == 2

def test_passes():
    assert Decimal(1) == 1
"""


def test_left_behind(suite: Suite) -> None:
    """A failure tells what its module calls of others that the test uses, and that did not come along: by its first line."""
    suite.write(APART, TABLE)

    result = suite.run()

    result.assert_outcomes(passed=1, failed=2)
    title = "not in environment 'there'"
    assert [line.strip("- ") for line in result.outlines if title in line] == [title]
    start = next(index for index, line in enumerate(result.outlines) if title in line)
    said = (
        "what a module calls of others when it is imported does not come along with a test: if this one needs it, write it "
        "into the test, or into a helper module beside it, which comes whole"
    )
    assert result.outlines[start + 1 : start + 4] == [
        "test_it.py:8: decimal.getcontext().clear_flags()",
        "test_it.py:9: decimal.setcontext(",
        said,
    ]
