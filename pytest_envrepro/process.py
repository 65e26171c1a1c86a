"""The one place that starts a program: without a shell, without a terminal, and with an end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_GRACE = 3.0  # Seconds that a program is given to end by itself, once it is asked to.
_LOOKING = 0.005  # Seconds between two looks at how much a program has written.
_RUNNING: set[subprocess.Popen[bytes]] = set()  # Those of all threads.
_ENDING = threading.Event()


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
    if _ENDING.is_set():
        raise NotStartedError(f"{argv[0]} is not started: this session ends")
    started = time.perf_counter()
    # Files, not pipes: what a program leaves running in the background may hold a pipe for ever.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, _given(input) as given, _signals_raised():
        try:
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=dict(environ),
                stdin=given,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise NotStartedError(f"{argv[0]} cannot be started: {why}") from error
        is_late = False
        _RUNNING.add(process)
        try:
            _wait(process, timeout, (out, err), limit)
        except subprocess.TimeoutExpired:
            is_late = True
            _end(process)
        except BaseException:
            _end(process)
            raise
        finally:
            _RUNNING.discard(process)
        completed = Completed(
            tuple(argv),
            process.returncode,
            _text_of(out, limit),
            _text_of(err, limit),
            time.perf_counter() - started,
        )
    if is_late and timeout is not None:
        raise TimedOutError(completed, timeout)
    return completed


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """End the programs that other threads run, and let none be started until the block is left."""
    _ENDING.set()
    try:
        for process in tuple(_RUNNING):
            _end(process)
        yield
    finally:
        _ENDING.clear()


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
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        try:
            process.wait(timeout=_LOOKING if end is None else max(0.0, min(_LOOKING, end - time.monotonic())))
        except subprocess.TimeoutExpired:
            if any(os.fstat(file.fileno()).st_size > limit for file in files):
                # At once: what is asked first writes on meanwhile, as fast as memory takes it.
                _kill(process)
                return
            if end is not None and time.monotonic() >= end:
                raise
        else:
            return


def _text_of(file: IO[bytes], limit: int | None) -> str:
    file.seek(0)
    return file.read(-1 if limit is None else limit).decode("utf-8", "replace").replace("\r\n", "\n")


class _SignalledError(BaseException):
    """This process is asked to end."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__()


@contextlib.contextmanager
def _signals_raised() -> Iterator[None]:
    """Raise where a signal would end this process, and leave programs running; afterwards it does end it."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [getattr(signal, name) for name in names]
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def raise_it(number: int, _: object) -> None:
        raise _SignalledError(number)

    # A handler of somebody's own stays.
    before = {
        number: signal.signal(number, raise_it) for number in numbers if signal.getsignal(number) is signal.SIG_DFL
    }
    try:
        yield
    except _SignalledError as error:
        signal.signal(error.number, signal.SIG_DFL)
        os.kill(os.getpid(), error.number)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its session: ask first, then insist, also on those that it has left behind."""
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_GRACE)
    _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:
            process.kill()
