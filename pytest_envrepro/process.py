"""The one place that starts a program: without a shell, without a terminal, and with an end."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
import weakref
from typing import IO, TYPE_CHECKING, NamedTuple

from pytest_envrepro.signals import Ending, held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_GRACE = 3.0  # Seconds that a program is given to end by itself, once it is asked to.
_LOOKING = 0.005  # Seconds between two looks at how much a program has written.
NOT_WAITED_FOR = "what another session is at is not waited for: this session ends"  # See `may_wait`.
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


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
    mine = _mine()
    process: subprocess.Popen[bytes] | None = None
    is_late = False
    # Files, not pipes: what a program leaves running in the background may hold a pipe for ever.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, _given(input) as given, _watching():
        try:
            with held():  # Between a start and the note of it, nothing may come.
                process = mine.start(argv, cwd, environ, (given, out, err))
            _wait(process, timeout, (out, err), limit)
        except subprocess.TimeoutExpired:
            is_late = True
            _end([process])
        except BaseException:
            _end([process])
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


class Programs:
    """Programs that are ended together, whichever threads run them."""

    def __init__(self) -> None:
        self._guard = threading.RLock()  # A signal may come while it is held, and its handler takes it too.
        self._running: set[subprocess.Popen[bytes]] = set()
        self.is_over = False  # Whether none may be started any more.
        self.refused = False  # Whether one was to be started, or to be waited for, when these had ended.
        _ALL.add(self)

    @contextlib.contextmanager
    def here(self) -> Iterator[None]:
        """Have all programs among these that this thread runs within the block."""
        before = _mine()
        _HERE.programs = self
        try:
            yield
        finally:
            _HERE.programs = before

    def start(
        self, argv: Sequence[str], cwd: Path, environ: Mapping[str, str], streams: tuple[int | IO[bytes], ...]
    ) -> subprocess.Popen[bytes]:
        """Start one, and note it.

        Raises:
            NotStartedError: it cannot be started, or these have been ended.
        """
        stdin, stdout, stderr = streams
        with self._guard:
            if self.is_over:
                self.refused = True
                raise NotStartedError(f"{argv[0]} is not started: this session ends")
            try:
                process = subprocess.Popen(
                    argv,
                    cwd=cwd,
                    env=dict(environ),
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or error
                raise NotStartedError(f"{argv[0]} cannot be started: {why}") from error
            self._running.add(process)
        return process

    def forget(self, process: subprocess.Popen[bytes] | None) -> None:
        """Forget one that has ended."""
        if process is not None and process.returncode is not None:
            self._running.discard(process)

    def end(self) -> None:
        """End all that run, and let none be started any more."""
        _end(self.close())

    def close(self) -> tuple[subprocess.Popen[bytes], ...]:
        """Let none be started any more, and give those that run."""
        with self._guard:
            self.is_over = True
            return tuple(self._running)

    def disown(self) -> None:
        """Forget all: in a process that was forked, they are another's."""
        self._guard = threading.RLock()
        self._running = set()


_ALL: weakref.WeakSet[Programs] = weakref.WeakSet()
_HERE = threading.local()
_OTHERS = Programs()  # Those that belong to no others.


def may_wait() -> bool:
    """Tell whether another session is worth waiting for: not where the programs of this thread have been ended."""
    mine = _mine()
    mine.refused |= mine.is_over
    return not mine.is_over


def _mine() -> Programs:
    programs: Programs = getattr(_HERE, "programs", _OTHERS)
    return programs


def _all() -> list[subprocess.Popen[bytes]]:
    return [process for programs in tuple(_ALL) for process in programs.close()]


def _disown_all() -> None:
    for programs in tuple(_ALL):
        programs.disown()


# Nobody is waited for in a handler: what it has interrupted may hold what that takes.
_SIGNALS = Ending(lambda: _ask(_all()), lambda: _signal_all(_all(), _KILL))
# For what was started, and whose end was interrupted.
atexit.register(lambda: _end(_all()))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown_all)


def watch_signals() -> Callable[[], None]:
    """Have a signal that ends this process end all programs too, whichever threads run them; call what is given to stop."""
    return _SIGNALS.watch()


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
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        try:
            process.wait(timeout=_LOOKING if end is None else max(0.0, min(_LOOKING, end - time.monotonic())))
        except subprocess.TimeoutExpired:
            if any(os.fstat(file.fileno()).st_size > limit for file in files):
                # At once: what is asked first writes on meanwhile, as fast as memory takes it.
                _signal_all([process], _KILL)
                process.wait()
                return
            if end is not None and time.monotonic() >= end:
                raise
        else:
            return


def _text_of(file: IO[bytes], limit: int | None) -> str:
    file.seek(0)
    return file.read(-1 if limit is None else limit).decode("utf-8", "replace").replace("\r\n", "\n")


def _end(processes: Iterable[subprocess.Popen[bytes] | None]) -> None:
    """End processes and their sessions: ask first, then insist, also on those that they have left behind."""
    there = [process for process in processes if process is not None]
    try:
        _ask(there)
    finally:  # Also where somebody cannot wait.
        _signal_all(there, _KILL)
        for process in there:
            process.wait()


def _ask(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    _signal_all(processes, signal.SIGTERM)
    end = time.monotonic() + _GRACE
    while not all(map(_has_ended, processes)) and time.monotonic() < end:
        time.sleep(_LOOKING)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Look at a process, and leave it to others to know how it has ended."""
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _signal_all(processes: Iterable[subprocess.Popen[bytes]], number: int) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, number)
            else:
                process.kill()
