"""Sessions that end early: by Ctrl-C, by kill -9; no process is left running, and the next session works."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from borrowing import SLOW_TABLE, is_gone, slow, started_pid
from filelock import FileLock

if TYPE_CHECKING:
    from borrowing import Suite

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")

BUILT = """
import pytest

@pytest.mark.environment("slow")
def test_it(environment):
    assert list(environment.inventory()) == ["subject"]

@pytest.mark.environment(requirements=["tool"])
def test_other(environment): pass
"""
RUNNING = """
import pathlib
import pytest

def test_it(throwaway_venv):
    code = "import os, pathlib, time; pathlib.Path('running.txt').write_text(str(os.getpid())); time.sleep(60)"
    throwaway_venv.run_python("-c", code, cwd=pathlib.Path.cwd())
"""
BOTH = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])


def begin(suite: Suite, *args: str) -> subprocess.Popen[str]:
    """Start a session in a process of its own; what it prints can be read at once."""
    command = [sys.executable, "-u", "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", *args]
    return subprocess.Popen(command, cwd=suite.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@BOTH
def test_ctrl_c_while_building(fresh: Suite, workers: tuple[str, ...]) -> None:
    """The session ends with 2, what builds ends with it, and nothing half made is left."""
    fresh.write(BUILT, SLOW_TABLE, **slow(fresh, 60))
    session = begin(fresh, *workers)
    pid = started_pid(fresh.path / "building.txt", session)

    session.send_signal(signal.SIGINT)
    output = session.communicate(timeout=30)[0]

    assert session.returncode == 2, output
    assert "INTERNALERROR" not in output
    assert is_gone(pid)
    assert not fresh.privates()


@BOTH
def test_ctrl_c_while_running(fresh: Suite, workers: tuple[str, ...]) -> None:
    """What a test runs in its environment ends with the session, and the throwaway environment too."""
    fresh.write(RUNNING)
    session = begin(fresh, *workers)
    pid = started_pid(fresh.path / "running.txt", session)

    session.send_signal(signal.SIGINT)
    output = session.communicate(timeout=30)[0]

    assert session.returncode == 2, output
    assert is_gone(pid)
    assert not fresh.privates()


@pytest.mark.parametrize(
    ("place", "said", "seconds"),
    [("envs/locks/KEY.lock", ": waiting for ", 0.1), ("mending/resolve-*.lock", "collected 1 item", 2)],
    ids=["building", "choosing"],
)
def test_ctrl_c_while_waiting(fresh: Suite, place: str, said: str, seconds: float) -> None:
    """Nor is it held up by what another session is at, which it waits for."""
    fresh.write('import pytest\n@pytest.mark.environment(requirements=["alpha"])\ndef test_it(throwaway_venv): pass')
    fresh.run("--env-keep=none").assert_outcomes(passed=1)
    at = fresh.cache / "envs" / "at"
    (key,) = os.listdir(at)
    shutil.rmtree(at / key)
    shutil.rmtree(fresh.cache / "resolved")
    (path,) = fresh.cache.glob(place.replace("KEY", key))

    with FileLock(path):
        session = begin(fresh)
        assert session.stdout is not None
        too_late = threading.Timer(60, session.kill)
        too_late.start()
        while said not in session.stdout.readline():
            assert session.poll() is None
        too_late.cancel()
        with pytest.raises(subprocess.TimeoutExpired):
            session.wait(timeout=seconds)
        session.send_signal(signal.SIGINT)
        output = session.communicate(timeout=30)[0]

    assert session.returncode == 2, output
    assert "INTERNALERROR" not in output


def test_killed(fresh: Suite) -> None:
    """After a kill -9 while it was building, the next session builds; what is left is swept."""
    fresh.write(BUILT, SLOW_TABLE, **slow(fresh, 60))
    session = begin(fresh)
    pid = started_pid(fresh.path / "building.txt", session)
    session.kill()
    session.communicate(timeout=30)
    os.kill(pid, signal.SIGKILL)
    fresh.write(BUILT, SLOW_TABLE, **slow(fresh, 0))

    fresh.run().assert_outcomes(passed=2)

    # An installer that outlived the session may have written for a moment longer.
    fresh.run().assert_outcomes(passed=2)
    assert not fresh.privates()


def test_collection_error(fresh: Suite) -> None:
    """Where tests cannot be collected, none is run, and nothing is made."""
    fresh.write("def test_one(throwaway_venv): pass\n", test_broken="raise RuntimeError\n")

    result = fresh.run("test_it.py", "test_broken.py")

    assert result.ret == 2
    assert not (fresh.cache / "envs").exists()


def test_exit_first(fresh: Suite) -> None:
    """With -x the rest is left, and what the failed test had stays for a look."""
    fresh.write("def test_one(throwaway_venv): assert False\n\ndef test_two(throwaway_venv): pass\n")

    result = fresh.run("-x")

    result.assert_outcomes(failed=1)
    assert len(fresh.privates()) == 1


def test_cache_that_goes(fresh: Suite) -> None:
    """A cache that is taken away meanwhile ends no session: it has its verdict, and a line says what was not done."""
    fresh.write(
        "import os, pathlib, shutil\n"
        "def test_it(throwaway_venv):\n"
        "    cache = pathlib.Path(os.environ['PYTEST_ENVREPRO_CACHE'])\n"
        "    shutil.rmtree(cache)\n"
        "    cache.write_text('in its place')\n"
    )

    result = fresh.run(subprocess=True)

    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    result.stdout.fnmatch_lines(["*not all environments could be put away: *"])
    result.assert_outcomes(passed=1)
