"""The one place that starts a program: without a shell, without a terminal, and with an end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_GRACE = 3.0  # Seconds that a program is given to end by itself, once it is asked to.


class Completed(NamedTuple):
    """A program that has ended.

    Attributes:
        argv: the program and its arguments.
        returncode: 0 for success; negative for a signal (POSIX).
        stdout, stderr: text; what is not UTF-8 in it is replaced.
        seconds: wall time.
    """

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    seconds: float


class NotStartedError(Exception):
    """A program cannot be started; the text says why."""


class TimedOutError(Exception):
    """A program took too long, and was ended with all that it had started.

    Attributes:
        completed: what it had written until then.
    """

    def __init__(self, completed: Completed, timeout: float) -> None:
        self.completed = completed
        super().__init__(f"was ended after {timeout:.0f} seconds")


def run(argv: Sequence[str], *, cwd: Path, environ: Mapping[str, str], timeout: float) -> Completed:
    """Run a program to its end.

    It is given no standard input and these environment variables alone. Whatever ends the wait (the time, Ctrl-C) also
    ends the program, and what it has started in its own session.

    Args:
        timeout: in seconds.

    Raises:
        NotStartedError: there is no such program, or it may not be run.
        TimedOutError: it took longer.
    """
    started = time.perf_counter()
    try:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise NotStartedError(f"{argv[0]} cannot be started: {error.strerror or error}") from error
    with _ended(process):
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            stdout, stderr = _end(process)
            raise TimedOutError(_completed(argv, process, stdout, stderr, started), timeout) from None
    return _completed(argv, process, stdout, stderr, started)


def _completed(
    argv: Sequence[str], process: subprocess.Popen[bytes], stdout: bytes, stderr: bytes, started: float
) -> Completed:
    out, err = (stream.decode("utf-8", "replace").replace("\r\n", "\n") for stream in (stdout, stderr))
    return Completed(tuple(argv), process.returncode, out, err, time.perf_counter() - started)


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave no process behind, whatever is raised meanwhile."""
    try:
        yield
    except BaseException:
        if process.poll() is None:
            _end(process)
        raise


def _end(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """End a process and its session: ask first, then insist. What it has written is given, as far as it can be had."""
    stdout = stderr = b""
    for signal_number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        _signal(process, signal_number)
        try:
            return process.communicate(timeout=_GRACE)
        except subprocess.TimeoutExpired as error:
            stdout, stderr = error.output or b"", error.stderr or b""
    # Something that has left the session still holds the pipes.
    return stdout, stderr


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:
            process.kill()
