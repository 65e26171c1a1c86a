"""Notes what nobody handles in a body: exceptions of its threads, and of what Python calls without an answer (`__del__`).

The other process gives them to its own hooks, where pytest makes warnings of them.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MOST = 100


class Unhandled:
    """Notes until this process ends, as a thread may outlive its body.

    Args:
        tell: tells of an exception, as plain data.

    Attributes:
        noted: of each, how it was `raised`, and the name of its `thread`, or the `message` and the `object` of Python's hook.
    """

    def __init__(self, tell: Callable[[BaseException], Any]) -> None:
        self._tell = tell
        self.noted: list[dict[str, Any]] = []

    def begin(self) -> None:
        """Note from now on."""
        threading.excepthook = self._of_thread
        sys.unraisablehook = self._unraisable

    def _of_thread(self, args: Any) -> None:
        name = "<unknown>" if args.thread is None else args.thread.name
        self._note({"thread": name}, args)

    def _unraisable(self, args: Any) -> None:
        self._note({"message": args.err_msg, "object": _shown(args.object)}, args)

    def _note(self, what: dict[str, Any], args: Any) -> None:
        if len(self.noted) >= _MOST:
            return
        error = args.exc_value
        if error is None:  # Python had no memory, or no time, to make one.
            error = args.exc_type.__new__(args.exc_type)
        self.noted.append({**what, "raised": self._tell(error.with_traceback(args.exc_traceback))})


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  # It is half gone, most of the time.
        return object.__repr__(value)
