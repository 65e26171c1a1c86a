"""Sessions that are ended by a signal while threads make environments: no tool is left running, however stubborn it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from borrowing import SLOW_TABLE, is_gone, slow, started_pid

if TYPE_CHECKING:
    from pathlib import Path

    from borrowing import Suite

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")

TESTS = """
import pytest

@pytest.mark.environment("slow")
def test_it(environment): pass
"""
# The builder is a child of the installer's, and hears nothing that asks it to end.
STUBBORN = """
import signal
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
"""


def begin(suite: Suite, *args: str, installer: str = "auto") -> tuple[subprocess.Popen[str], int]:
    """Start a session, and give it with the process that builds for it."""
    files = slow(suite, 60)
    table = SLOW_TABLE.replace('project = "wheel"', f'project = "wheel"\ninstaller = "{installer}"')
    suite.write(TESTS, table, backend=STUBBORN + files["backend"])
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", *args]
    session = subprocess.Popen(command, cwd=suite.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return session, started_pid(suite.path / "building.txt", session)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_ended(fresh: Suite, number: int) -> None:
    """The session ends by the signal, as it would without us, and what threads have started ends before."""
    session, pid = begin(fresh)

    session.send_signal(number)
    output = session.communicate(timeout=30)[0]

    assert session.returncode == -number, output
    assert is_gone(pid)


@pytest.mark.parametrize("installer", ["pip", "uv"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_nothing_is_left(
    fresh: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, installer: str
) -> None:
    """What tools had in the machine's folder for temporary files is not there, and the next session has swept the rest."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    session, pid = begin(fresh, installer=installer)

    session.send_signal(number)
    output = session.communicate(timeout=60)[0]
    left = sorted(path.name for path in temporary.iterdir())
    fresh.write("import pytest\n\n@pytest.mark.environment\ndef test_it(environment): pass\n", "")
    fresh.run(subprocess=True).assert_outcomes(passed=1)

    assert is_gone(pid), output
    assert left == []
    assert [path.name for path in (fresh.cache / "work").iterdir()] == ["sweep.lock"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_impatient(fresh: Suite, number: int) -> None:
    """One who cannot wait for what does not want to end has it ended at once."""
    session, pid = begin(fresh)

    while session.poll() is None:
        session.send_signal(number)
        time.sleep(0.3)
    output = session.communicate(timeout=30)[0]

    assert is_gone(pid), output


def test_of_a_worker(fresh: Suite) -> None:
    """A worker of pytest-xdist, whose controller is ended, ends with all that it has started."""
    session, pid = begin(fresh, "-n2")

    session.send_signal(signal.SIGTERM)
    output = session.communicate(timeout=60)[0]  # Which the workers have open too.

    assert session.returncode == -signal.SIGTERM, output
    assert is_gone(pid)
