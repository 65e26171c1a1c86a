"""Shared environments stay as they were made: a test that writes into one is the test that fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
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
AT_WORK = (
    "client: had been changed when a test was to get it ({} is new), and was put right; {} was at work then:"
    " it did it, or a program that an earlier test has left running"
)


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


MENDED_BY_OTHERS = f"""{BESIDE}
@pytest.mark.environment("client")
def test_writes(environment):
    wait_for("reading")
    (environment.prefix / "left").write_text("behind")
    pathlib.Path("written").touch()
    wait_for("mended")
"""
MENDING = f"""{BESIDE}
@pytest.mark.environment("client")
def test_reads(environment):
    pathlib.Path("reading").touch()
    wait_for("written")

@pytest.mark.environment("client")
def test_is_given(environment):
    assert not (environment.prefix / "left").exists()
    pathlib.Path("mended").touch()

@pytest.mark.environment("client")
def test_is_innocent(environment):
    pass
"""
PUT_RIGHT = [
    "It was put right when it was given out again. A test that has to change it takes 'throwaway_venv',",
    "or environments.throwaway(...), in its place.",
]


def test_mended_by_another_worker(fresh: Suite) -> None:
    """A test fails that has written, also where it is put right before it has ended; one that began after that passes."""
    fresh.write(MENDED_BY_OTHERS, TABLE, test_other=MENDING)

    result = fresh.run("-n2", "--dist=loadfile")

    result.assert_outcomes(passed=2, failed=2)
    told = headed(result, "test_writes")[2:]
    assert told[0] == "  left is new"
    assert told[1] == (
        "one of these tests did it: test_it.py::test_writes, test_other.py::test_reads:"
        " other processes ran at the same time"
    )
    assert told[3:5] == PUT_RIGHT
    assert headed(result, "test_reads")[2] == "  left is new"


def test_mended_by_another_session(fresh: Suite) -> None:
    """So it is where a session of its own puts it right; that one says so."""
    fresh.write(MENDED_BY_OTHERS.replace('wait_for("reading")', ""), TABLE, test_other=MENDING)
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_it.py"]
    environ = {**os.environ, "COLUMNS": "300", "PYTHONPATH": os.pathsep.join(sys.path)}

    with subprocess.Popen(argv, cwd=fresh.path, env=environ, stdout=subprocess.PIPE, text=True) as guilty:
        for _ in range(600):
            if (fresh.path / "written").exists() or guilty.poll() is not None:
                break
            time.sleep(0.1)
        result = fresh.run("test_other.py")
        said, _ = guilty.communicate(timeout=60)

    result.assert_outcomes(passed=3)
    assert lines(result, "client: had been") == [AT_WORK.format("left", "test_it.py::test_writes")]
    assert guilty.returncode == 1
    assert (
        "environment 'client' is shared with other tests, and was changed while this one ran:\n  left is new\n" in said
    )
    assert "\n".join(PUT_RIGHT) in said


def test_mended_by_itself(fresh: Suite) -> None:
    """A test that writes and asks again gets it as it was made, and fails; the others do not."""
    fresh.write(
        """
import time

def test_before(environments):
    environments.get("client")

def test_asks_again(environments):
    (environments.get("client").prefix / "left").write_text("behind")
    time.sleep(0.6)  # Who was looked at a moment ago is not looked at again.
    assert not (environments.get("client").prefix / "left").exists()

def test_after(environments):
    environments.get("client")
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=2, failed=1)
    told = headed(result, "test_asks_again")
    assert told[0] == "environment 'client' is shared with other tests, and was changed while this one ran:"
    assert told[1] == "  left is new"
    assert told[2:4] == PUT_RIGHT
    assert lines(result, "client: ") == ["client: was changed by a test, and is put right before it is used again"]


def test_two_of_one_worker(fresh: Suite) -> None:
    """Of what another worker has put right between two tests that write, the second one fails too."""
    fresh.write(
        f"""{BESIDE}
@pytest.mark.environment("client")
def test_writes(environment):
    (environment.prefix / "left").write_text("behind")

def test_waits():
    pathlib.Path("written").touch()
    wait_for("mended")

@pytest.mark.environment("client")
def test_writes_too(environment):
    (environment.prefix / "left").write_text("behind")
""",
        TABLE,
        test_other=f"""{BESIDE}
def test_waits():
    wait_for("written")

@pytest.mark.environment("client")
def test_is_given(environment):
    assert not (environment.prefix / "left").exists()

def test_tells():
    pathlib.Path("mended").touch()
""",
    )

    result = fresh.run("-n2", "--dist=loadfile")

    result.assert_outcomes(passed=4, failed=2)
    assert headed(result, "test_writes_too")[2] == "  left is new"


def test_changed_between_sessions(fresh: Suite) -> None:
    """What nobody was at work for is told once, by the session that puts it right."""
    test = """
import pytest

@pytest.mark.environment("client")
def test_it(environment):
    pass
"""
    fresh.write(test, TABLE)
    fresh.run().assert_outcomes(passed=1)
    (environment,) = (fresh.cache / "envs" / "at").glob("*/env")
    (module,) = environment.glob("lib/python*/site-packages/alpha.py")
    (environment / "left").write_text("behind")

    added = fresh.run()
    module.chmod(0o644)
    module.write_text("version = 'changed'\n")
    changed = fresh.run()

    for result in (added, changed, fresh.run()):
        result.assert_outcomes(passed=1)
    who = "no test is known of that was at work then: somebody did it, or a program that a test has left running"
    told = "client: had been changed when a test was to get it"
    assert lines(added, "client: ") == [f"{told} (left is new), and was put right; {who}"]
    (said,) = lines(changed, f"{told} ({module.relative_to(environment)} ")
    assert said.endswith(f", and was put right; {who}")


def test_a_program_that_writes_late(fresh: Suite) -> None:
    """What a program writes that a test has left running is put on nobody for certain."""
    fresh.write(
        f"""{BESIDE}
import subprocess

@pytest.mark.environment("client")
def test_starts(environment):
    late = environment.prefix / "late"
    loop = '(while [ ! -e go ]; do sleep 0.05; done; echo x > "$0"; touch gone) > out 2>&1 &'
    subprocess.run(["sh", "-c", loop, str(late)])

def test_other():
    time.sleep(0.05)  # The clock of files may be behind that of tests.
    pathlib.Path("go").touch()
    wait_for("gone")

@pytest.mark.environment("client")
def test_next(environment):
    assert not (environment.prefix / "late").exists()
""",
        TABLE,
    )

    result = fresh.run()

    result.assert_outcomes(passed=3)
    assert lines(result, "client: ") == [AT_WORK.format("late", "test_it.py::test_other")]


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
        AT_WORK.format("left", "test_it.py::test_stray"),
        AT_WORK.format("again", "test_it.py::test_strays_again"),
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


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="is found by /proc")
def test_a_program_that_runs_on(suite: Suite) -> None:
    """A program that a test has started, and that outlives the session, is told at its end; what has ended is not."""
    suite.write(
        """
import pathlib
import pytest

@pytest.mark.environment("client")
def test_starts(environment):
    start = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], stdout=2, start_new_session=True).pid)"
    sleeps = [str(environment.scripts / "python"), "-c", "import time; time.sleep(30)"]
    pathlib.Path("pid").write_text(environment.run_python("-c", start, *sleeps, cwd="/").stdout)

@pytest.mark.environment("client")
def test_ends(environment):
    environment.run_python("-c", "pass")
""",
        TABLE,
    )

    result = suite.run(subprocess=True)
    pid = int((suite.path / "pid").read_text())
    os.kill(pid, signal.SIGKILL)

    result.assert_outcomes(passed=2)
    (told,) = lines(result, "client: a program")
    assert told.startswith("client: a program runs on that test_it.py::test_starts has started: ")
    assert told.endswith(f" (process {pid}); end it with its test")
