"""What `pytest.raises` gives: an exception that was caught, and what is asked of it."""

from __future__ import annotations

import builtins
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    Kinds = type[BaseException] | tuple[type[BaseException], ...]


class ExceptionInfo:
    """An exception that was caught; it is there when the block has ended."""

    def __init__(self) -> None:
        self._caught: BaseException | None = None

    @property
    def value(self) -> Any:
        """The exception."""
        return self._given("value")

    @property
    def type(self) -> Any:
        """Its class."""
        return type(self._given("type"))

    @property
    def tb(self) -> TracebackType | None:
        """Its traceback, as Python has it."""
        return self._given("tb").__traceback__

    @property
    def typename(self) -> str:
        """The name of its class."""
        return type(self._given("typename")).__name__

    def _given(self, asked: str) -> BaseException:
        if self._caught is None:
            __tracebackhide__ = True
            raise AssertionError(f".{asked} can only be used after the context manager exits")
        return self._caught

    def catch(self, error: BaseException) -> None:
        """Fill it."""
        self._caught = error

    def exconly(self, tryshort: bool = False) -> str:  # noqa: FBT001, FBT002  # As in pytest.
        """Give the class and the message as a traceback ends with them.

        Args:
            tryshort: whether an `assert` speaks for itself, and one exception for its group.
        """
        import traceback  # noqa: PLC0415  # Is needed here alone.

        if tryshort and isinstance(self.value, groups()):
            inner = _single(self.value)
            if inner is not None:
                return f"{inner!r} [single exception in {self.typename}]"
        text = "".join(traceback.format_exception_only(self.type, self.value)).rstrip()
        if tryshort and isinstance(self.value, AssertionError):
            from .reprs import short  # noqa: PLC0415  # The same.

            start = "AssertionError: "
            if short(self.value).startswith("AssertionError('assert ") and text.startswith(start):
                return text[len(start) :]
        return text

    def errisinstance(self, exc: Kinds) -> bool:
        """Say whether it is one of these."""
        return isinstance(self.value, exc)

    def match(self, regexp: str | re.Pattern[str]) -> bool:
        """Find this in its message and its notes, and give True.

        Raises:
            AssertionError: it is not there.
        """
        __tracebackhide__ = True
        text = message_of(self.value)
        if not re.search(regexp, text):
            raise AssertionError(unmatched(regexp, text))
        return True

    def group_contains(
        self,
        expected_exception: Kinds,
        *,
        match: str | re.Pattern[str] | None = None,
        depth: int | None = None,
    ) -> bool:
        """Say whether such an exception is in the group: at this depth, of which 1 is the outermost, or at any."""
        if not isinstance(self.value, groups()):
            raise AssertionError("Captured exception is not an instance of `BaseExceptionGroup`")  # noqa: TRY004  # As pytest.
        if depth is not None and depth < 1:
            raise AssertionError("`depth` must be >= 1 if specified")
        level: list[Any] = [self.value]
        reached = 0
        while level and reached != depth:
            level = [inner for group in level if isinstance(group, groups()) for inner in group.exceptions]
            reached += 1
            if depth in {None, reached} and any(
                isinstance(inner, expected_exception) and (match is None or re.search(match, message_of(inner)))
                for inner in level
            ):
                return True
        return False

    def __repr__(self) -> str:
        if self._caught is None:
            return "<ExceptionInfo for raises contextmanager>"
        from .reprs import short  # noqa: PLC0415  # Is needed here alone.

        length, entry = 0, self._caught.__traceback__
        while entry is not None:
            length, entry = length + 1, entry.tb_next
        return f"<ExceptionInfo {short(self._caught)} tblen={length}>"


def groups() -> tuple[Any, ...]:
    """Give the classes of exception groups that there are: Python's own, and the backport's where that was imported."""
    found = [builtins, sys.modules.get("exceptiongroup")]
    kinds = (getattr(module, "BaseExceptionGroup", None) for module in found)
    return tuple(kind for kind in kinds if isinstance(kind, type))


def _single(group: Any) -> BaseException | None:
    """Give the only exception of a group, through groups of one; None where there are several."""
    error: BaseException = group
    while isinstance(error, groups()):
        if len(error.exceptions) != 1:
            return None
        error = error.exceptions[0]
    return error


def message_of(error: BaseException, *, counts: bool = True) -> str:
    """Give the message of an exception and its notes (PEP 678), one below the other.

    Args:
        counts: whether a group says how many there are in it, as its own text does.
    """
    try:
        notes = getattr(error, "__notes__", [])
    except KeyError:  # Of HTTPError before Python 3.12: python/cpython#98778.
        notes = []
    message = str(error) if counts or not isinstance(error, groups()) else error.message
    return "\n".join([message, *notes])


def unmatched(regexp: object, text: str, of: str = "") -> str:
    """Say that a regular expression is not in a text.

    Args:
        of: what the text is of, where one might mistake it.
    """
    hint = "\n Did you mean to `re.escape()` the regex?" if regexp == text else ""
    return f"Regex pattern did not match{of}.\n  Expected regex: {regexp!r}\n  Actual message: {text!r}{hint}"
