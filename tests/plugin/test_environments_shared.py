"""Shared environments stay as they were made: a test that writes into one is the test that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from borrowing import headed, lines

if TYPE_CHECKING:
    from borrowing import Suite

WRITING = """
import pytest

pytestmark = pytest.mark.environment("client")

def module(environment):
    return environment.prefix / environment.python.layout.purelib / "alpha.py"

def test_before(environment):
    assert environment.run_python("-c", "import alpha; print(alpha.version)").stdout == "1.0\\n"

def test_writes(environment):
    module(environment).chmod(0o644)
    module(environment).write_text("version = 'changed'\\n")

def test_after(environment):
    assert environment.run_python("-c", "import alpha; print(alpha.version)").stdout == "1.0\\n"
    environment.assert_intact()
"""
TABLE = """
[tool.envrepro.environments.client]
requirements = ["alpha==1.0"]
"""


def test_writes(fresh: Suite) -> None:
    """The test that writes is told what it has changed, and what to take instead; the next one gets a healed one."""
    fresh.write(WRITING, TABLE)

    result = fresh.run()

    result.assert_outcomes(passed=2, failed=1)
    told = headed(result, "test_writes")
    assert told[0] == "environment 'client' is shared with other tests, and was changed while this one ran:"
    assert told[1].endswith("site-packages/alpha.py has 20 bytes and had 16")
    assert told[2:] == [
        "It is put right before it is used again. A test that has to change it takes 'throwaway_venv',",
        "or environments.throwaway(...), in its place.",
    ]
    assert headed(result, "environments") == ["client: was changed by a test, and is put right before it is used again"]


def test_program_writes(fresh: Suite) -> None:
    """What a program removes that runs in it is told as well."""
    fresh.write(
        f"""
import os
{WRITING}
def test_by_program(environment):
    code = f"import pathlib; pathlib.Path({{str(module(environment))!r}}).unlink()"
    environment.run_python("-c", code)
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=2, failed=2)
    told = headed(result, "test_by_program")
    assert told[1].endswith("site-packages/alpha.py is gone")


def test_fails_too(fresh: Suite) -> None:
    """A test that fails and has written is told both."""
    fresh.write(
        """
import pytest

@pytest.mark.environment("client")
def test_both(environment):
    (environment.prefix / "left").write_text("behind")
    assert False, "its own"

@pytest.mark.environment("client")
def test_after(environment):
    assert not (environment.prefix / "left").exists()
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=1, failed=1, errors=1)
    assert "E       AssertionError: its own" in headed(result, "test_both")
    told = headed(result, "ERROR at teardown of test_both")
    assert told[:2] == [
        "environment 'client' is shared with other tests, and was changed while this one ran:",
        "  left is new",
    ]


def test_fixture_writes(fresh: Suite) -> None:
    """What a fixture writes when it ends is that test's too, and is told once."""
    fresh.write(
        """
import pytest

@pytest.fixture
def careless(environment):
    yield environment
    (environment.prefix / "left").write_text("behind")

@pytest.mark.environment("client")
def test_careless(careless): pass

@pytest.mark.environment("client")
def test_after(environment):
    assert not (environment.prefix / "left").exists()
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=2, errors=1)
    assert headed(result, "ERROR at teardown of test_careless")[1] == "  left is new"


def test_of_a_wider_fixture(fresh: Suite) -> None:
    """Of an environment that a fixture of the session holds, the test is blamed that writes, and no other."""
    fresh.write(
        """
import pytest

@pytest.fixture(scope="session")
def client(environments):
    return environments.get("client")

def test_reads(client):
    client.run_python("-V")

def test_writes(client):
    (client.prefix / "left").write_text("behind")

def test_reads_again(client):
    client.run_python("-V")
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=2, failed=1)
    assert headed(result, "test_writes")[1] == "  left is new"


BESIDE = """
import pathlib, time
import pytest

def wait_for(name):
    ends = time.monotonic() + 60
    while not pathlib.Path(name).exists():
        assert time.monotonic() < ends
        time.sleep(0.01)
"""


def test_among_workers(fresh: Suite) -> None:
    """Where two tests in two processes had it at the same time, both are named, and neither as if that were sure."""
    fresh.write(
        f"""{BESIDE}
@pytest.mark.environment("client")
def test_writes(environment):
    wait_for("reading")
    (environment.prefix / "left").write_text("behind")
    pathlib.Path("written").touch()
    wait_for("looked")
""",
        TABLE,
        test_other=f"""{BESIDE}
@pytest.mark.environment("client")
def test_reads(environment):
    pathlib.Path("reading").touch()
    wait_for("written")

def test_next():
    pathlib.Path("looked").touch()
""",
    )

    result = fresh.run("-n2", "--dist=loadfile")

    result.assert_outcomes(passed=1, failed=2)
    names = ["test_it.py::test_writes", "test_other.py::test_reads"]
    for title, tests in (("test_reads", names[::-1]), ("test_writes", [*names, "test_other.py::test_next"])):
        told = headed(result, title)[2:]  # After the worker, and the environment.
        assert told[0] == "  left is new"
        start, end = f"one of these tests did it: {tests[0]}, {tests[1]}", ": other processes ran at the same time"
        assert told[1] in {f"{start}{end}", f"{start}, {tests[-1]}{end}"}
        assert told[2] == "(with -n0, and no other session beside it, that is certain)"
    assert lines(result, "client: was changed") == [
        "client: was changed by a test, and is put right before it is used again"
    ]


def test_who_has_none_writes(fresh: Suite) -> None:
    """A test that is given what another had changed, which had not asked for it, gets it as it was made."""
    fresh.write(
        """
import pytest

@pytest.fixture(scope="session")
def client(environments):
    return environments.get("client")

places = []

@pytest.mark.environment("client")
def test_first(environment):
    places.append(environment.prefix)

def test_stray():
    (places[0] / "left").write_text("behind")

@pytest.mark.environment("client")
def test_marked(environment):
    assert not (environment.prefix / "left").exists()

def test_of_a_fixture(client):
    pass

def test_strays_again():
    (places[0] / "again").write_text("behind")

def test_of_the_same_fixture(client):
    assert not (client.prefix / "again").exists()
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=6)
    assert lines(result, "client: ") == [
        "client: was changed by a test, and is put right before it is used again",
        "client: had been changed when a test was to get it (left is new); test_it.py::test_stray was at work then",
        "client: had been changed when a test was to get it (again is new); test_it.py::test_strays_again was at work then",
    ]


def test_reading_is_no_change(suite: Suite) -> None:
    """Imports, programs and pip's own look leave nothing behind."""
    suite.write(
        """
import pytest

@pytest.mark.environment(requirements=["alpha", "tool"])
def test_reads(environment):
    environment.run_python("-c", "import alpha, beta, json, sqlite3")
    environment.run("tool", check=False)
    environment.run_python("-m", "compileall", "-q", str(environment.scratch))
    environment.assert_intact()
    environment.assert_no_conflicts()
"""
    )

    suite.run().assert_outcomes(passed=1)


def test_install_refused(suite: Suite) -> None:
    """install() into a shared one is refused with what to take instead."""
    suite.write(
        """
import pytest

@pytest.mark.environment("client")
def test_it(environment):
    environment.install("tool")
""",
        TABLE,
    )

    told = headed(suite.run(), "test_it")

    assert any(
        "environment 'client' is shared with other tests and is not changed: name tool in its" in each for each in told
    )
