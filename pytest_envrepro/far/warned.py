"""`warns` and its kin: a block has to warn, or its warnings are recorded (as pytest 9.2 has it)."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

from .outcomes import fail, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Any

_DEPRECATIONS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)


def warns(expected_warning: Any = Warning, func: Callable[..., object] | None = None, *args: Any, **kwargs: Any) -> Any:
    """Give a context whose block has to warn of one of these, or call a function that has to, and give what it gives.

    Args:
        expected_warning: a class, or several.
        func: what is called with all other arguments, where it is given.
        kwargs: otherwise `match`, which is searched for in the message.

    Raises:
        Failed: there was no such warning.
        TypeError: the arguments make no sense.
    """
    __tracebackhide__ = True
    if func is None and not args:
        match = kwargs.pop("match", None)
        if kwargs:
            names = ", ".join(sorted(kwargs))
            raise TypeError(
                f"Unexpected keyword arguments passed to pytest.warns: {names}\nUse context-manager form instead?"
            )
        return WarningsChecker(expected_warning, match)
    if func is None or not callable(func):
        raise TypeError(f"{func!r} object (type: {type(func)}) must be callable")
    with WarningsChecker(expected_warning):
        return func(*args, **kwargs)


def deprecated_call(func: Callable[..., object] | None = None, *args: Any, **kwargs: Any) -> Any:
    """Do as `warns` does, with what says that something is going to change."""
    __tracebackhide__ = True
    if func is None:
        return warns(_DEPRECATIONS, *args, **kwargs)
    return warns(_DEPRECATIONS, func, *args, **kwargs)


class WarningsRecorder(warnings.catch_warnings):
    """A context that records the warnings of its block; it can be entered again."""

    def __init__(self) -> None:
        super().__init__(record=True)
        self._entered = False
        self._recorded: Any = []

    @property
    def list(self) -> Any:
        """The warnings, as `warnings` has them."""
        return self._recorded

    def __getitem__(self, index: int) -> warnings.WarningMessage:
        return self._recorded[index]  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[warnings.WarningMessage]:
        return iter(self._recorded)

    def __len__(self) -> int:
        return len(self._recorded)

    def pop(self, cls: type[Warning] = Warning) -> warnings.WarningMessage:
        """Take the first one of exactly this class, or the first of the closest to its derived classes.

        Raises:
            AssertionError: there is none.
        """
        best = None
        for index, each in enumerate(self._recorded):
            if each.category == cls:
                best = index
                break
            is_closer = best is None or not issubclass(each.category, self._recorded[best].category)
            if issubclass(each.category, cls) and is_closer:
                best = index
        if best is None:
            __tracebackhide__ = True
            raise AssertionError(f"{cls!r} not found in warning list")
        return self._recorded.pop(best)  # type: ignore[no-any-return]

    def clear(self) -> None:
        """Forget all of them."""
        self._recorded[:] = []

    def __enter__(self) -> Any:
        if self._entered:
            __tracebackhide__ = True
            raise RuntimeError(f"Cannot enter {self!r} twice")
        self._recorded = super().__enter__()
        warnings.simplefilter("always")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._entered:
            __tracebackhide__ = True
            raise RuntimeError(f"Cannot exit {self!r} without entering first")
        super().__exit__(kind, error, trace)
        self._entered = False


class WarningsChecker(WarningsRecorder):
    """A recorder whose block has to warn.

    Attributes:
        expected_warning: of one of these.
        match_expr: with this in the message.
    """

    def __init__(self, expected_warning: Any = Warning, match_expr: str | re.Pattern[str] | None = None) -> None:
        super().__init__()
        several = expected_warning if isinstance(expected_warning, tuple) else (expected_warning,)
        for each in several:
            # Of several, each is asked as Python asks, which has its own words for what is no class.
            is_class = isinstance(expected_warning, tuple) or isinstance(each, type)
            if not (is_class and issubclass(each, Warning)):
                raise TypeError(f"exceptions must be derived from Warning, not {type(each)}")
        self.expected_warning: tuple[type[Warning], ...] = several
        self.match_expr = match_expr

    def matches(self, warning: warnings.WarningMessage) -> bool:
        """Say whether this is what is expected."""
        return self._is_expected(warning) and (
            self.match_expr is None or bool(re.search(self.match_expr, str(warning.message)))
        )

    def _is_expected(self, warning: warnings.WarningMessage) -> bool:
        return issubclass(warning.category, self.expected_warning)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        __tracebackhide__ = True
        if error is not None and (not isinstance(error, Exception) or (outcome_of(error) or ("",))[0] == "exit"):
            return  # It says already how the test ends.
        try:
            self._judge()
        finally:
            self._warn_again()
            self._refuse_odd()

    def _judge(self) -> None:
        __tracebackhide__ = True
        expected = [each for each in self if self._is_expected(each)]
        if not expected:
            fail(
                f"DID NOT WARN. No warnings of type {self.expected_warning} were emitted.\n"
                f" Emitted warnings: {self._found()}."
            )
        if not any(map(self.matches, expected)):
            is_literal = any(self.match_expr == str(each.message) for each in expected)
            hint = "\n Did you mean to `re.escape()` the regex?" if is_literal else ""
            fail(
                f"Regex pattern did not match any of the {len(self)} warnings emitted.\n"
                f" Regex: {self.match_expr!r}\n"
                f" Emitted warnings: {self._found()}.{hint}"
            )

    def _found(self) -> str:
        from pprint import pformat  # noqa: PLC0415  # Is needed for a failure alone.

        return pformat([each.message for each in self], indent=2)

    def _warn_again(self) -> None:
        """Warn of all that was not expected, so that who looks for that sees it."""
        for each in self:
            if not self.matches(each):
                warnings.warn_explicit(each.message, each.category, each.filename, each.lineno, source=each.source)

    def _refuse_odd(self) -> None:
        """Refuse warnings whose message is no text: filters of warnings cannot handle them (python/cpython#103577)."""
        for each in self:
            odd = each.message.args[:1] if type(each.message) is UserWarning else ()
            if odd and not isinstance(odd[0], str):
                raise TypeError(f"Warning must be str or Warning, got {odd[0]!r} (type {type(odd[0]).__name__})")
