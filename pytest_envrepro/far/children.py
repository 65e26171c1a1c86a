"""Children of the warm process: each runs one body, ends with its parent, and has what it writes in files of its own."""

from __future__ import annotations

import gc
import os
import signal
import sys
from _thread import allocate_lock
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from .body import run
from .frames import AHEAD, MOST, BrokenError, read, send, write
from .memory import NOTHING, take
from .rehearsing import rehearse
from .sources import compile_ahead
from .streams import open_streams

try:
    import fcntl
except ImportError:  # Is not on every system.
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NoReturn

    from .frames import Frame
    from .memory import AtHand

# Bytes of each stream of a body; the rest is left out, and told. Written down, one may become six.
_MOST = 16 << 20
_F_SETSIG = 10  # fcntl(2), on Linux.


class Child(NamedTuple):
    """A child that runs a body, or waits for one.

    Attributes:
        pid: its process, which leads a group of its own.
        says, told: the ends of a pair of pipes to it.
        lived: the end of a pipe that nothing is ever written to: that it is closed tells the child that this process is gone.
        streams: the files of its standard output and error.
    """

    pid: int
    says: int
    told: int
    lived: int
    streams: tuple[int, int]
    memory: AtHand

    @property
    def files(self) -> tuple[int, ...]:
        """All that this process has open for it."""
        return (self.says, self.told, self.lived, *self.streams)

    def tell(self, message: Frame) -> None:
        """Send a message on to it; it may have ended, which its status says."""
        with suppress(BrokenPipeError):
            send(message.data, lambda data: os.write(self.told, data))

    def signal(self, number: int) -> None:
        """Send it a signal; one that ends it at once, to its group."""
        with suppress(ProcessLookupError, PermissionError):
            if number == signal.SIGKILL:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)

    def is_over(self) -> bool:
        """Tell whether it has ended already."""
        return is_over(self.pid)

    def status(self) -> int:
        """Wait until it has ended, and give how: negative for a signal."""
        told = os.waitpid(self.pid, 0)[1]
        return -os.WTERMSIG(told) if os.WIFSIGNALED(told) else os.WEXITSTATUS(told)

    def written(self) -> list[list[Any]]:
        """Give what it wrote to both streams, as text, and how many bytes of it are left out."""
        found: list[list[Any]] = []
        for file in self.streams:
            size = os.fstat(file).st_size
            data = os.pread(file, min(size, _MOST), 0) if size else b""
            found.append([data.decode("utf-8", "replace"), size - len(data)])
        return found

    def close(self) -> None:
        """Close all that this process has open for it."""
        for file in self.files:
            os.close(file)

    def end(self) -> None:
        """End it with all that is in its group, and wait for that."""
        self.signal(signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def is_over(pid: int) -> bool:
    """Tell whether a child has ended; it is gone then."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def fork(others: Iterable[int], memory: AtHand = NOTHING) -> Child:
    """Fork a child that waits for a body.

    Args:
        others: what this process has open that is none of the child's business.
        memory: how many bytes of it the child takes, to have them at hand, before it waits.

    Raises:
        OSError: no more processes, or files, may be had; nothing is left open then.
    """
    opened: list[int] = []
    try:
        for _ in range(3):
            opened += os.pipe()
        opened += [_file(), _file()]
        pid = os.fork()
    except OSError:
        for file in opened:
            os.close(file)
        raise
    # `life` and `lived` are of each child alone: whom the one signals belongs to a pipe, and not to who reads it.
    says, here, there, told, life, lived = opened[:6]
    streams = (opened[6], opened[7])
    if pid:
        with suppress(OSError):  # It does the same: whoever is first, its group is there before it is signalled.
            os.setpgid(pid, pid)
        for file in (here, there, life):
            os.close(file)
        return Child(pid, says, told, lived, streams, memory)
    return _become((here, there), life, (says, told, lived, *others), streams, memory)


def _end_with(life: int) -> None:
    """Have this process, a child, end with its parent, and with it all that is in its group.

    Args:
        life: the other end of what the parent has for it.
    """
    os.setpgid(0, 0)
    try:
        if sys.platform == "linux":
            fcntl.fcntl(life, _F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(life, fcntl.F_SETOWN, -os.getpid())
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
    except (AttributeError, OSError):
        pass  # It ends with the body then, or when it next has something to say.


def _leave(life: int) -> None:
    """Let live on what this process has started, when its parent has no more to do with it."""
    with suppress(AttributeError, OSError):
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) & ~os.O_ASYNC)


def _become(
    pipes: tuple[int, int], life: int, others: tuple[int, ...], streams: tuple[int, int], memory: AtHand
) -> NoReturn:
    """Be a child: run one body, and end."""
    status = 1
    try:
        _end_with(life)
        for file in others:
            os.close(file)
        os.dup2(streams[0], 1)
        os.dup2(streams[1], 2)
        with suppress(Exception):  # It would be good to have, and no more.
            rehearse()
            take(memory)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        open_streams()
        parent = _Parent(*pipes)
        request = _waited_for(parent)
        if request is not None:
            result = run(request, parent.ask)
            if not request["is_test"]:
                _leave(life)
            try:
                parent.tell({"result": result})
            except BrokenError:
                parent.tell({"result": {"untravelled": ["", f"more than {MOST >> 20} MiB"]}})
        status = 0
    finally:
        os._exit(status)


def _waited_for(parent: _Parent) -> dict[str, Any] | None:
    """Wait for what is to run; None where that is nothing any more. What comes before it is its source."""
    while (frame := parent.read()) is not None and frame.kind == AHEAD:
        compile_ahead(frame.message())
        gc.freeze()  # That is none of the garbage of a body.
    return None if frame is None else frame.message()


def _identity(file: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(file)
    except OSError:
        return None
    return status.st_dev, status.st_ino


class _Parent:
    """The other end of the pipes: is told what came of a body, and asked what that needs, for one thread after the other.

    Args:
        here, there: what is said is written to one, and what is answered is read from the other.
    """

    def __init__(self, here: int, there: int) -> None:
        self._ends = here, there
        self._were = _identity(here), _identity(there)
        self._guard = allocate_lock()
        self._pid = os.getpid()

    def read(self) -> Frame | None:
        """Wait for what it says; None at its end."""
        return read(self._ends[1])

    def tell(self, message: dict[str, Any]) -> None:
        """Tell it something; a body that has closed the pipes may have files of its own in their place."""
        here, there = self._ends
        if (_identity(here), _identity(there)) != self._were:
            os._exit(1)  # Nobody can be told any more; the parent tells how this process has ended.
        write(here, message)

    def ask(self, asked: dict[str, Any]) -> Any:
        """Ask something; a process that the body has forked is given no answer."""
        if os.getpid() != self._pid:
            return None
        with self._guard:
            self.tell({"asked": asked})
            answer = self.read()
        if answer is None:
            os._exit(1)
        return answer.message()["answer"]


def _file() -> int:
    """Make a file without a name."""
    if hasattr(os, "memfd_create"):
        try:
            return os.memfd_create("output")
        except OSError:  # As in some sandboxes.
            pass
    import tempfile  # noqa: PLC0415  # Brings `random`, which every child would have to seed.

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
