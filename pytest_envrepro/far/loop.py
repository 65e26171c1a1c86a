"""The warm process: keeps a channel to the one that has started it, and has a child of its own run each body.

A child is forked before it is needed. It is told what to run, asks what it has to by way of this process, and ends; what
it wrote is read when it has ended, so that nothing of it is lost where it crashes. Nothing of one body is left to the next.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from .children import fork, is_over
from .frames import AHEAD, CALL, MOST, OTHER, PART, TEST, BrokenError, Unpacker, write
from .memory import NOTHING, Needs, faulted
from .rehearsing import prepare
from .sources import foresee

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from .children import Child
    from .frames import Frame

_SPARES = 2  # While one is forked in the place of the last, and rehearses, another one has nothing to do but wait.
# Seconds: after that, one is forked beside a body that runs; after a shorter one, when it has told what came of it. To
# rehearse takes all of a processor, which who waits for the result is to have first.
_SOON = 0.002
_NOTES = ("compiled", "loaded", "faulted before", "lasted")  # What of a result is for this process alone.
_RATE = 13e8  # Bytes a second, when they are taken: 3 µs for each page, on a virtual machine.
_MOST = 12 << 20  # Bytes that a spare has at hand; and no more than it can take while a body runs.


class Loop:
    """Serves one channel until it is closed.

    Args:
        incoming, outgoing: the ends of the channel.
    """

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._in = incoming
        self._out = outgoing
        self._unpacker = Unpacker()
        self._waiting: list[Frame] = []
        self._spares: list[Child] = []
        self._ahead: Frame | None = None  # The source that the next function will come with.
        self._informed = 0  # The spare that was told of it.
        self._ending: list[int] = []  # Children that have told all, and were not seen to go.
        self._needs = Needs()
        self._lasted = 0.0  # Seconds that the last one took.

    def serve(self) -> None:
        """Serve until the channel is closed."""
        write(self._out, {"ready": True})
        prepare()
        try:
            while True:
                self._ending = [pid for pid in self._ending if not is_over(pid)]
                self._fork_spares(_SPARES)
                request = self._next()
                if request is None:
                    return
                if request.kind in {CALL, TEST}:
                    self._run(request)
                elif request.kind == AHEAD:
                    self._foresee(request)
        finally:
            self._end_spares()

    def _fork_spares(self, wanted: int, *beside: Child) -> None:
        """Have so many children wait: one at least, and those that live.

        Args:
            beside: another one, which runs a body meanwhile.
        """
        for each in self._spares:
            if each.is_over():
                each.close()
                self._spares = [other for other in self._spares if other is not each]
        while len(self._spares) < wanted:
            gc.freeze()  # What is here now is none of the garbage of a child.
            others = [file for each in (*self._spares, *beside) for file in each.files]
            memory = self._needs.at_hand(min(_MOST, int(self._lasted * _RATE))) if beside else NOTHING
            try:
                self._spares.append(fork((self._in, self._out, *others), memory))
            except OSError:
                if not self._spares:
                    raise
                return  # No more may be had; the one that waits will do.

        self._inform()

    def _foresee(self, frame: Frame) -> None:
        self._ahead, self._informed = frame, 0
        self._inform()

    def _inform(self) -> None:
        """Have the spare that is the next one know of the source; others may come before it is its turn, or after it ends."""
        if self._ahead is not None and self._spares and self._informed != self._spares[0].pid:
            self._informed = self._spares[0].pid
            self._spares[0].tell(self._ahead)

    def _end_spares(self) -> None:
        for each in self._spares:
            each.end()
            each.close()
        self._spares = []

    def _next(self) -> Frame | None:
        """Wait for a message; None at the end."""
        while not self._waiting:
            data = os.read(self._in, PART)
            if not data:
                return None
            self._waiting += self._unpacker.feed(data)
        return self._waiting.pop(0)

    def _run(self, request: Frame) -> None:
        self._fork_spares(1)  # One may have ended while it waited: of its end this body is not to die.
        child, self._ahead = self._spares.pop(0), None
        child.tell(request)
        try:
            result, is_stopped = self._attend(child)
            # One that has told all is over; to see it go takes longer than what is left to do.
            status = child.status() if result is None else 0
        except BaseException:
            child.end()
            raise
        if request.kind == TEST or is_stopped or result is None:  # What a call has started may be what it is for.
            child.signal(signal.SIGKILL)
        streams = child.written()
        notes = {name: result.pop(name) for name in _NOTES if name in result} if result else {}
        try:
            write(self._out, {"ended": result, "status": status, "streams": streams})
        except BrokenError:
            told = {"untravelled": ["", f"more than {MOST >> 20} MiB, with what was written"]}
            write(self._out, {"ended": told, "status": status, "streams": [["", 0], ["", 0]]})
        child.close()
        if result is not None:
            self._ending.append(child.pid)
        self._learn(request, child, notes)

    def _learn(self, request: Frame, child: Child, notes: dict[str, Any]) -> None:
        """Have what a child has compiled here too: to compile it takes longer than to fork; and note what it has taken."""
        needed = [name for name in notes.get("loaded", ()) if name not in sys.modules]
        if notes and not needed:  # What is loaded here from now on is no page fault of the next ones.
            self._needs.learn(faulted(child.pid) - notes["faulted before"], child.memory)
        self._lasted = notes.get("lasted", 0.0)
        for name in needed:
            __import__(name)
        is_new = notes.get("compiled", False) and foresee(request.message())
        prepare()
        if is_new or needed:
            self._end_spares()

    def _attend(self, child: Child) -> tuple[dict[str, Any] | None, bool]:
        """Pass on what is said between a child and the channel.

        Give the child's result, or None where it has none, and whether it was told to stop.

        Raises:
            EOFError: nobody waits for it any more.
        """
        # What was sent right after it has come with it.
        waiting, self._waiting = self._waiting, []
        unpacker, is_stopped = Unpacker(), self._pass_on(child, waiting)
        patience: float | None = _SOON
        while True:
            ready = select.select([child.says, self._in], [], [], patience)[0]
            if not ready:
                patience = None
                with suppress(OSError):  # That no more may be had is told where one is needed.
                    self._fork_spares(_SPARES, child)
            if child.says in ready:
                is_over, result = self._hear(child, unpacker)
                if is_over:
                    return result, is_stopped
            if self._in in ready:
                data = os.read(self._in, PART)
                if not data:  # Nobody waits for it any more.
                    raise EOFError
                is_stopped = self._pass_on(child, self._unpacker.feed(data)) or is_stopped

    def _hear(self, child: Child, unpacker: Unpacker) -> tuple[bool, dict[str, Any] | None]:
        """Pass on what a child asks; tell whether it has nothing more to say, and its result, where it has one."""
        data = os.read(child.says, PART)
        if not data:
            return True, None
        try:
            messages = [frame.message() for frame in unpacker.feed(data)]
        except BrokenError:  # The body has written there itself: that is its own end.
            child.signal(signal.SIGKILL)
            return True, None
        for message in messages:
            if "result" in message:
                return True, message["result"]
            write(self._out, message)
        return False, None

    def _pass_on(self, child: Child, frames: Iterable[Frame]) -> bool:
        """Pass on to a child what has come for it; tell whether it is told to stop."""
        is_stopped = False
        for frame in frames:
            if frame.kind == AHEAD:
                self._foresee(frame)
            elif frame.kind != OTHER:
                self._waiting.append(frame)
            elif "stop" in (message := frame.message()):
                is_stopped = True
                child.signal(message["stop"])
            else:
                child.tell(frame)
        return is_stopped


def _without(path: list[str]) -> Iterator[str]:
    """Leave out the current folder, which older Pythons search first (`-P` came with 3.11)."""
    return (each for each in path if each)


def main(incoming: int, outgoing: int) -> None:
    """Be the warm process."""
    sys.path[:] = _without(sys.path)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that has started it.
    if hasattr(
        signal, "SIGCHLD"
    ):  # Where that is ignored, as a parent's parent may have it, nobody can wait for a child.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # Else each child would write what a `.pth` file has printed.
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        Loop(incoming, outgoing).serve()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(0)  # Who has closed the channel waits for that; to take all apart takes longer than the rest.
