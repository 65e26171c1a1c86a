"""Ends programs that were started: asks first, then insists, also on what they have left behind in their sessions."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GRACE = 3.0  # Seconds that a program is given to end by itself, once it is asked to.
LOOKING = 0.005  # Seconds between two looks at a program.
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


class Program(Protocol):
    """A program that runs, or has ended: what `subprocess.Popen` gives, which leads a session of its own (POSIX)."""

    @property
    def pid(self) -> int:
        """The number of its process."""

    @property
    def returncode(self) -> int | None:
        """How it has ended, as far as it was looked at."""

    def poll(self) -> int | None:
        """Look whether it has ended, and how."""

    def wait(self) -> int:
        """Wait until it has ended."""

    def kill(self) -> None:
        """End it at once."""


def end(programs: Iterable[Program | None]) -> None:
    """End programs and their sessions: ask first, then insist, also on those that they have left behind."""
    there = [program for program in programs if program is not None]
    try:
        ask(there)
    finally:  # Also where somebody cannot wait.
        kill(there)
        for program in there:
            program.wait()


def ask(programs: Sequence[Program]) -> None:
    """Ask programs and their sessions to end, and give the programs some time to do so."""
    _signal(programs, signal.SIGTERM)
    end = time.monotonic() + _GRACE
    while not all(map(_has_ended, programs)) and time.monotonic() < end:
        time.sleep(LOOKING)


def kill(programs: Iterable[Program]) -> None:
    """End programs and their sessions at once; nobody is waited for."""
    _signal(programs, _KILL)


def _has_ended(program: Program) -> bool:
    """Look at a program, and leave it to others to know how it has ended."""
    if not hasattr(os, "waitid"):
        return program.poll() is not None
    try:
        return os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _signal(programs: Iterable[Program], number: int) -> None:
    for program in programs:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(program.pid, number)
            else:
                program.kill()
