"""Notes what a body warns and logs, and what nobody handles: the other process does the same, where pytest is."""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

from .unhandled import Unhandled

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MOST = 10_000  # Warnings, and records of a log.


class Noting:
    """Notes within a block.

    Args:
        notes: where they go: `warnings`, `logs`, and what is `unhandled`.
        request: what is asked for: `filters` of warnings, the outermost last, and the `log level`.
        tell: tells of an exception, as plain data.
    """

    def __init__(self, notes: dict[str, Any], request: dict[str, Any], tell: Callable[[BaseException], Any]) -> None:
        self._notes = notes
        self._request = request
        self._caught = warnings.catch_warnings(record=True)
        self._warned: Any = None
        self._handler: Any = None
        self._unhandled = Unhandled(tell)
        notes["unhandled"] = self._unhandled.noted

    def __enter__(self) -> None:
        self._unhandled.begin()
        self._warned = self._caught.__enter__()
        if not sys.warnoptions:
            warnings.filterwarnings("always", category=DeprecationWarning)
            warnings.filterwarnings("always", category=PendingDeprecationWarning)
        for each in self._request["filters"]:
            _filter(each)
        logs: list[Any] = []
        self._notes["logs"] = logs
        self._handler = _handler(logs, self._request["log level"])

    def __exit__(self, *_: object) -> None:
        self._caught.__exit__(None, None, None)
        self._notes["warnings"] = [_told(each) for each in self._warned[:_MOST]]
        if self._handler is not None:
            logging.getLogger().removeHandler(self._handler)


def _filter(words: list[Any]) -> None:
    """Add a filter that was read by the other process; one for a class that is not here is for nothing here."""
    action, message, category, module, line = words
    kind = _class(category)
    if kind is not None:
        warnings.filterwarnings(action, message=message, category=kind, module=module, lineno=line)


def _class(name: list[str]) -> type[Warning] | None:
    module, path = name
    with suppress(Exception):  # As pytest does; the environment need not have it.
        importlib.import_module(module)
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) and issubclass(found, Warning) else None


def _told(warned: Any) -> dict[str, Any]:
    kinds = [[kind.__module__, kind.__qualname__] for kind in warned.category.__mro__[:-1]]
    return {"text": str(warned.message), "kinds": kinds, "file": warned.filename, "line": warned.lineno}


class _Handler(logging.Handler):
    """Notes what is logged."""

    def __init__(self, logs: list[Any]) -> None:
        super().__init__(0)
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        """Note a record."""
        if len(self._logs) < _MOST:
            self._logs.append(_record(record))


def _handler(logs: list[Any], level: int | None) -> Any:
    """Have what is logged noted, from the root on."""
    root, handler = logging.getLogger(), _Handler(logs)
    root.addHandler(handler)
    if level is not None:
        root.setLevel(level)
    return handler


def _record(record: Any) -> dict[str, Any]:
    import traceback  # noqa: PLC0415  # Beside its only use.

    raised = record.exc_info
    text = "".join(traceback.format_exception(*raised)).rstrip("\n") if raised and raised[0] else record.exc_text
    where = ("pathname", "filename", "module", "lineno", "funcName", "threadName")
    kept = ("name", "levelno", "levelname", "created", "msecs")
    return {**{key: getattr(record, key) for key in (*kept, *where)}, "msg": record.getMessage(), "exc_text": text}
