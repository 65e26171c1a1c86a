"""`capsys`, `capfd` and their kin: what a body writes is given to itself (as pytest 9.2 has it)."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO, Any


class CaptureResult(NamedTuple):
    """What was written: text, or bytes of the binary kinds."""

    out: Any
    err: Any


class _Stream:
    """Takes what is written to standard output or error: of a test, what its Python code writes by `sys`.

    Args:
        name: `stdout` or `stderr`.
        taken: where it is kept.
        errors: what becomes of characters that UTF-8 has not.
    """

    def __init__(self, name: str, taken: IO[bytes], errors: str = "strict") -> None:
        self._name = name
        self._errors = errors
        self._before: Any = getattr(sys, name)
        self._taken = taken
        self._stream = io.TextIOWrapper(taken, encoding="utf-8", errors=errors, newline="", write_through=True)

    def start(self) -> None:
        """Take all from now on."""
        setattr(sys, self._name, self._stream)

    def stop(self) -> None:
        """Let all go where it went before."""
        setattr(sys, self._name, self._before)

    def read(self) -> bytes:
        """Give what was taken since the last time."""
        self._taken.seek(0)
        data = self._taken.read()
        self._taken.seek(0)
        self._taken.truncate()
        return data

    def text(self, data: bytes) -> str:
        """Give what was taken as text."""
        return data.decode("utf-8", self._errors)

    def end(self, unread: bytes) -> None:
        """Let go of the stream, and pass on what was not read."""
        self.stop()
        if unread:
            self._before.flush()
            self._before.buffer.write(unread)
            self._before.flush()
        self._stream.close()


class _File(_Stream):
    """The same of a file descriptor, which other programs write to as well.

    Args:
        file: the descriptor.
        beyond: that of where it goes at last.
    """

    def __init__(self, name: str, file: int, beyond: int) -> None:
        # The descriptor and the stream write at one place of one file: what comes later stands later.
        super().__init__(name, tempfile.TemporaryFile(buffering=0), "replace")  # noqa: SIM115  # Is closed at the end.
        self._file = file
        self._beyond = beyond
        self._kept = os.dup(file)

    def start(self) -> None:
        self._flush()
        os.dup2(self._taken.fileno(), self._file)
        super().start()

    def stop(self) -> None:
        self._flush()
        super().stop()
        os.dup2(self._kept, self._file)

    def _flush(self) -> None:
        """Have what is left in the stream before this written now: the descriptor is about to mean another file."""
        with contextlib.suppress(ValueError):  # The body has closed it.
            self._before.flush()

    def end(self, unread: bytes) -> None:
        self.stop()
        os.close(self._kept)
        view = memoryview(unread)
        while view:
            view = view[os.write(self._beyond, view) :]
        self._stream.close()


class CaptureFixture:
    """Takes standard output and error for a test, from when it is made.

    Args:
        name: `capsys`, `capsysbinary`, `capfd` or `capfdbinary`.
        out, err: descriptors of where it goes at last what was not read.
    """

    __module__ = "_pytest.capture"  # As reports show it.

    def __init__(self, name: str, out: int, err: int) -> None:
        self._is_binary = name.endswith("binary")
        self._streams: tuple[_Stream, ...]
        if name.startswith("capfd"):
            self._streams = _File("stdout", 1, out), _File("stderr", 2, err)
        else:
            self._streams = _Stream("stdout", io.BytesIO()), _Stream("stderr", io.BytesIO())
        self._unread = [b"", b""]  # Of one that has ended.
        self._has_ended = False
        self._start()

    def _start(self) -> None:
        for stream in self._streams:
            stream.start()

    def _stop(self) -> None:
        for stream in self._streams:
            stream.stop()

    def readouterr(self) -> CaptureResult:
        """Give what was written since the last time."""
        taken, self._unread = self._unread, [b"", b""]
        if not self._has_ended:
            taken = [stream.read() for stream in self._streams]
        if self._is_binary:
            return CaptureResult(*taken)
        return CaptureResult(*(stream.text(data) for stream, data in zip(self._streams, taken)))

    @contextlib.contextmanager
    def disabled(self) -> Iterator[None]:
        """Let what the block writes go where it would without this."""
        if self._has_ended:
            yield
            return
        self._stop()
        try:
            yield
        finally:
            self._start()

    def close(self) -> None:
        """Take no more; what was not read goes where it would have gone, and can be read here still."""
        if self._has_ended:
            return
        self._unread = [stream.read() for stream in self._streams]
        self._has_ended = True
        with contextlib.ExitStack() as stack:
            for stream, unread in zip(self._streams, self._unread):
                stack.callback(stream.end, unread)
