"""Programs that are ended together: once, and nobody else in their place."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from pytest_envrepro.programs import Programs

pytestmark = [pytest.mark.core, pytest.mark.skipif(os.name == "nt", reason="sessions of POSIX")]
# It leaves one behind in its session, and both wait.
LEAVING = "import subprocess, sys, time; subprocess.Popen(['sleep', '60']); print(1, flush=True); time.sleep(60)"


def start() -> subprocess.Popen[str]:
    """Start a program as the leader of a session."""
    argv = [sys.executable, "-c", LEAVING]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)


def is_there(session: int) -> bool:
    """Tell whether a session has a program."""
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True


def test_ended_once() -> None:
    """What has been ended and waited for is forgotten: its number may be another's when this process ends."""
    programs = Programs()
    program = programs.start(start)
    assert program is not None
    assert program.stdout is not None
    assert program.stdout.readline() == "1\n"

    programs.end()

    assert program.returncode is not None
    assert not programs.close()
    until = time.monotonic() + 10
    while is_there(program.pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_there(program.pid)  # Nor what it has left behind.
    program.stdout.close()
    assert programs.start(start) is None
