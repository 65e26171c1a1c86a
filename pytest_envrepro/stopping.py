"""Skips or fails a test where its environment cannot be had, without a traceback of ours."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.asking import Ask, without_python
from pytest_envrepro.engine import NoEngineError
from pytest_envrepro.errors import EnvReproError, InterpreterNotFound
from pytest_envrepro.foreseeing import ENGINE
from pytest_envrepro.markers import printable_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from pytest_envrepro.asking import Answer
    from pytest_envrepro.markers import Markers


@contextlib.contextmanager
def explaining(item: pytest.Item, markers: Markers) -> Iterator[None]:
    """Skip or fail a test for what its markers declare: it has not begun."""
    try:
        yield
    except InterpreterNotFound as error:
        try:
            markers.stop(item, without_python(error, strict=markers.wanted().strict))
        except pytest.fail.Exception as failed:
            raise failed from None
    except EnvReproError as error:
        raise pytest.fail.Exception(printable_lines(str(error)), pytrace=False) from None


class Skipping:
    """Skips the test that is at work where there is no such Python, or no engine, unless the session is strict.

    No generator: the place of a skip is the last frame that is not hidden, and those of `contextlib` are not.
    """

    def __init__(self, markers: Markers) -> None:
        self._markers = markers

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Skip, or let what was raised be raised; where a summary follows, the table of Pythons stands there alone."""
        __tracebackhide__ = True
        answer = lacked(error, self._markers)
        if answer is None or answer.fails:
            if isinstance(error, InterpreterNotFound):
                raise error.again(is_brief=True) from None
            return
        raise pytest.skip.Exception(printable_lines(answer.reason)) from error


def lacked(error: BaseException | None, markers: Markers) -> Answer | None:
    """Say what this machine lacks where an error says so, or a skip for it; None of all others."""
    if isinstance(error, pytest.skip.Exception):
        error = error.__cause__
    if isinstance(error, InterpreterNotFound):
        return without_python(error, strict=markers.wanted().strict)
    if isinstance(error, NoEngineError):
        answer = markers.wanted().answer([Ask("requires_integration", (ENGINE,))])
        return answer if answer.reason else None
    return None
