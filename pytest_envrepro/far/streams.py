"""What a process of its own prints, and that no debugger waits there for somebody to type."""

from __future__ import annotations

import faulthandler
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_NO_TERMINAL = (
    "a debugger does not reach into an environment: no terminal is there; run the test without inside=True, or write what "
    "you want to know with print()"
)


def open_streams() -> None:
    """Have what this process prints go where its streams lead now, and have no debugger wait there."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = open(number, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.breakpointhook = _no_terminal
    faulthandler.enable()  # As pytest has it: of a crash, what was at work is all that can be told.


def in_words(error: BaseException) -> BaseException:
    """Give an exception, or what to say in its place: a debugger says nothing where it found no terminal."""
    if type(error).__name__ == "BdbQuit":
        return RuntimeError(_NO_TERMINAL).with_traceback(error.__traceback__)
    return error


def _no_terminal(*_: Any, **__: Any) -> None:
    __tracebackhide__ = True
    raise RuntimeError(_NO_TERMINAL)
