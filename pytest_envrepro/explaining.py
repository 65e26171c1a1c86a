"""Explains assertions about environments in full: package by package, and file by file, however much that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.envs.comparing import Diff
from pytest_envrepro.envs.packages import Packages
from pytest_envrepro.markers import printable_lines

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_TITLE = "envrepro: what differs"
_SHOWN = 100  # Characters of a value that stand in an assertion's text, where pytest cuts it short.
_CUT = "Full output truncated"  # What pytest says where it has cut an explanation.


class Explaining:
    """Says what differs: pytest shows eight lines of an explanation, and of a value two hundred characters."""

    def __init__(self) -> None:
        self._explained: list[str] = []

    def pytest_runtest_setup(self) -> None:
        """Forget what was explained to another test."""
        self._explained.clear()

    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> list[str] | None:
        """Explain two inventories package by package."""
        if op != "==" or not isinstance(left, Packages) or not isinstance(right, Packages):
            return None
        lines = left.explain(right)
        self._explained = lines
        return [f"{left!r} == {right!r}", *lines]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self,
        item: pytest.Item,  # noqa: ARG002  # The hook's own name for it.
        call: pytest.CallInfo[None],
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Say with a failed assertion all that differs, where its own text does not."""
        told = yield
        raised = call.excinfo
        add: Any = getattr(told.longrepr, "addsection", None)
        if told.failed and raised is not None and add is not None and isinstance(raised.value, AssertionError):
            for text in self._missing(raised):
                add(_TITLE, printable_lines(text))
        return told

    def _missing(self, raised: pytest.ExceptionInfo[BaseException]) -> Iterator[str]:
        text = str(raised.value)
        if self._explained and self._explained[0] in text and _CUT in text:
            yield "\n".join(self._explained)
        # Also what has no name in the test: to rewrite an assertion, pytest keeps the parts of it as variables.
        variables = raised.traceback[-1].frame.f_locals
        diffs = {id(each): each for each in variables.values() if isinstance(each, Diff)}
        for diff in diffs.values():
            if diff and repr(diff)[:_SHOWN] in text and str(diff).partition("\n")[0] not in text:
                yield str(diff)
