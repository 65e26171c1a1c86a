"""Does here what a body has done in its environment: writes, logs and warns; and makes its exception pytest's own."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
import unittest
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.errors import EnvReproError
from pytest_envrepro.markers import printable_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_envrepro.arriving import Came, Unhandled


def deliver(came: Came) -> None:
    """Write what a body has written, log and warn as it has, and have hooks told of what nobody handled there."""
    for stream, text in zip((sys.stdout, sys.stderr), came.streams, strict=True):
        if text:
            stream.write(text)
            stream.flush()
    for record in came.logs:
        logging.getLogger(record["name"]).handle(logging.makeLogRecord({**record, "args": ()}))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        for warned in came.warnings:
            kind = _category(warned["kinds"])
            warnings.warn_explicit(warned["text"], kind, warned["file"], warned["line"])
    for each in came.unhandled:
        _tell_hook(each)


def _tell_hook(unhandled: Unhandled) -> None:
    """Have the hook of this process, most of the time pytest's, told of an exception as Python tells it."""
    error = unhandled.error
    raised = (type(error), error, error.__traceback__)
    if unhandled.thread is not None:
        thread = threading.Thread(name=unhandled.thread)
        threading.excepthook(threading.ExceptHookArgs((*raised, thread)))
        return
    shown = type("_Shown", (), {"__repr__": lambda _: unhandled.shown})()
    if sys.unraisablehook is sys.__unraisablehook__:  # It takes what Python itself has made, and nothing else.
        message = unhandled.message or "Exception ignored in"
        sys.stderr.write(f"{message}: {shown!r}\n{''.join(traceback.format_exception(*raised))}")
        return
    kind, value, trace = raised
    args: Any = SimpleNamespace(
        exc_type=kind, exc_value=value, exc_traceback=trace, err_msg=unhandled.message, object=shown
    )
    sys.unraisablehook(args)


def _category(kinds: Sequence[Sequence[str]]) -> type[Warning]:
    """Give the class of a warning, or one that is called like it."""
    for module, path in kinds:
        found: Any = sys.modules.get(module)
        for part in path.split("."):
            found = getattr(found, part, None)
        if isinstance(found, type) and issubclass(found, Warning):
            first_module, name = kinds[0]
            return found if [module, path] == kinds[0] else type(name, (found,), {"__module__": first_module})
    return UserWarning


def as_raised(error: BaseException, outcome: tuple[str, str, bool, int | None] | None) -> BaseException:
    """Give what is raised here for what a body has raised; `outcome` as of `Came`."""
    if outcome is None or isinstance(error, unittest.SkipTest):  # pytest has words of its own for the latter.
        if isinstance(error, EnvReproError):
            return pytest.fail.Exception(printable_lines(str(error)), pytrace=False)
        return error
    kind, why, shown, code = outcome
    made: BaseException
    if kind == "skipped":
        made = pytest.skip.Exception(why)
    elif kind == "xfailed":
        made = pytest.xfail.Exception(why)
    elif kind == "exit":
        made = pytest.exit.Exception(why, code)
    else:
        made = pytest.fail.Exception(why, pytrace=shown)
    made.__cause__, made.__context__ = error.__cause__, error.__context__
    made.__suppress_context__ = error.__suppress_context__
    return made.with_traceback(error.__traceback__)
