"""The one place that starts a program: without a shell, without a terminal, and with an end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from functools import partial
from typing import IO, TYPE_CHECKING, NamedTuple

from pytest_envrepro.programs import programs_of_thread, watch_signals
from pytest_envrepro.signals import held
from pytest_envrepro.terminating import LOOKING, end, kill

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.conversing import Conversation
    from pytest_envrepro.enginevalues import Executed
    from pytest_envrepro.programs import Programs


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


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    timeout: float | None,
    input: str | None = None,  # noqa: A002  # Is called so in `subprocess` too.
    limit: int | None = None,
) -> Completed:
    """Run a program to its end.

    It is given these environment variables alone. Whatever ends the wait (the time, Ctrl-C, a signal to end this
    process) also ends the program and what it has started, as far as that has stayed in its session; on Windows, the
    program alone.

    Args:
        timeout: in seconds; None for as long as it takes.
        input: what it reads from its standard input; None for nothing.
        limit: how much of each stream is wanted, in bytes: one that writes more is ended, and the rest is not read.

    Raises:
        NotStartedError: there is no such program, or it may not be run.
        TimedOutError: it took longer.
    """
    started = time.perf_counter()
    mine = programs_of_thread()
    process: subprocess.Popen[bytes] | None = None
    is_late = False
    # Files, not pipes: what a program leaves running in the background may hold a pipe for ever.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, _given(input) as given, _watching():
        try:
            with held():  # Between a start and the note of it, nothing may come.
                process = _start(mine, argv, cwd, environ, (given, out, err))
            _wait(process, timeout, (out, err), limit)
        except subprocess.TimeoutExpired:
            is_late = True
            end([process])
        except BaseException:
            end([process])
            raise
        finally:
            mine.forget(process)
        completed = Completed(
            tuple(argv),
            process.returncode if process else 0,
            _text_of(out, limit),
            _text_of(err, limit),
            time.perf_counter() - started,
        )
    if is_late and timeout is not None:
        raise TimedOutError(completed, timeout)
    return completed


def converse(argv: Sequence[str], *, cwd: Path, environ: Mapping[str, str]) -> Conversation:
    """Start a program that is talked with; it is given these environment variables alone.

    Raises:
        NotStartedError: there is no such program, or it may not be run.
    """
    from pytest_envrepro.conversing import Conversation  # noqa: PLC0415  # Most sessions only run programs.

    among = programs_of_thread()
    errors = tempfile.TemporaryFile()  # noqa: SIM115  # Lives as long as the program does.
    try:
        with held():
            process = _start(among, argv, cwd, environ, (subprocess.PIPE, subprocess.PIPE, errors))
    except BaseException:
        errors.close()
        raise
    if process.stdin is None or process.stdout is None:
        raise ValueError("a conversation takes pipes")
    return Conversation(process.stdin, process.stdout, partial(_ended, process, among, errors))


def _ended(process: subprocess.Popen[bytes], among: Programs, errors: IO[bytes], seconds: float) -> tuple[int, str]:
    """Wait for a program that nobody talks with any more, and end it where that takes long: see `Conversation.end`."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        kill([process])
        process.wait()
    among.forget(process)
    with errors:
        return process.returncode, _text_of(errors, None)


def _start(
    among: Programs,
    argv: Sequence[str],
    cwd: Path,
    environ: Mapping[str, str],
    streams: tuple[int | IO[bytes], ...],
) -> subprocess.Popen[bytes]:
    """Start a program, as the leader of a session of its own.

    Args:
        among: those that it is ended with.

    Raises:
        NotStartedError: it cannot be started, or those have been ended.
    """
    stdin, stdout, stderr = streams

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(environ),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )

    try:
        process = among.start(start)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise NotStartedError(f"{argv[0]} cannot be started: {why}") from error
    if process is None:
        raise NotStartedError(f"{argv[0]} is not started: this session ends")
    return process


@contextlib.contextmanager
def _watching() -> Iterator[None]:
    stop = watch_signals()
    try:
        yield
    finally:
        stop()


@contextlib.contextmanager
def _given(text: str | None) -> Iterator[int | IO[bytes]]:
    """Give what a program reads a text from: a file, as one that reads nothing of a pipe would hold us up."""
    if text is None:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(text.encode("utf-8", "surrogateescape"))
        file.seek(0)
        yield file


def _wait(
    process: subprocess.Popen[bytes], timeout: float | None, files: tuple[IO[bytes], ...], limit: int | None
) -> None:
    """Wait for a program to end, and end it where it writes more than is wanted.

    Raises:
        subprocess.TimeoutExpired: it takes longer.
    """
    if limit is None:
        process.wait(timeout=timeout)
        return
    until = None if timeout is None else time.monotonic() + timeout
    while True:
        try:
            process.wait(timeout=LOOKING if until is None else max(0.0, min(LOOKING, until - time.monotonic())))
        except subprocess.TimeoutExpired:
            if any(os.fstat(file.fileno()).st_size > limit for file in files):
                # At once: what is asked first writes on meanwhile, as fast as memory takes it.
                kill([process])
                process.wait()
                return
            if until is not None and time.monotonic() >= until:
                raise
        else:
            return


def completed_of(argv: Sequence[str], executed: Executed) -> Completed:
    """Give what a program in a container has come to, as that of one of this machine."""
    out, err = _text(executed.stdout), _text(executed.stderr)
    return Completed(tuple(argv), executed.returncode, out, err, executed.seconds)


def _text_of(file: IO[bytes], limit: int | None) -> str:
    file.seek(0)
    return _text(file.read(-1 if limit is None else limit))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\r\n", "\n")
