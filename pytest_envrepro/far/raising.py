"""`raises`: a block has to raise (as pytest 9.2 has it)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .excinfo import ExceptionInfo, groups, message_of, unmatched
from .outcomes import Failed, fail

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

_PLAIN = re.compile("").flags  # Of a pattern that was compiled without any.
_SPECIAL = frozenset("{}()+.*?^$[]|")  # To a regular expression.
_ESCAPED = frozenset("{}()+,-.*?^$[]\\|")  # What a backslash is taken from, to have the text that is meant.

verbosity = 0  # That of assertions, in the session that asks.


def raises(
    expected_exception: Any = None, func: Callable[..., object] | None = None, *args: Any, **kwargs: Any
) -> RaisesExc | ExceptionInfo:
    """Give a context whose block has to raise one of these exceptions, or call a function that has to.

    Args:
        expected_exception: a class, or several; None for any that `match` and `check` are true of.
        func: what is called with all other arguments, where it is given.
        kwargs: otherwise `match`, which is searched for in the message, and `check`, which is given the exception.

    Raises:
        Failed: it was not raised.
        AssertionError: it was, and `match` or `check` is not true of it.
        TypeError, ValueError: the arguments make no sense.
    """
    __tracebackhide__ = True
    if func is None and not args:
        if set(kwargs) - {"match", "check"}:
            names = ", ".join(sorted(kwargs))
            raise TypeError(
                f"Unexpected keyword arguments passed to pytest.raises: {names}\nUse context-manager form instead?"
            )
        return RaisesExc(expected_exception, **kwargs)
    if not expected_exception:
        raise ValueError(
            f"Expected an exception type or a tuple of exception types, but got `{expected_exception!r}`. "
            "Raising exceptions is already understood as failing the test, so you don't need "
            "any special code to say 'this should never raise an exception'."
        )
    if func is None or not callable(func):
        raise TypeError(f"{func!r} object (type: {type(func)}) must be callable")
    context = RaisesExc(expected_exception)
    with context as caught:
        func(*args, **kwargs)
    return caught


raises.__dict__["Exception"] = Failed


class RaisesExc:
    """A context whose block has to raise.

    Attributes:
        expected_exceptions: one of these; any where there are none.
        match: the pattern that has to be in its message.
        check: what has to be true of it.
        fail_reason: why the last one that was asked about did not do.
    """

    def __init__(
        self,
        expected_exception: Any = None,
        *,
        match: str | re.Pattern[str] | None = None,
        check: Callable[[Any], bool] | None = None,
    ) -> None:
        self.match = _compiled(match)
        self.check = check
        self.fail_reason: str | None = None
        several = expected_exception if isinstance(expected_exception, tuple) else (expected_exception,)
        if expected_exception is None:
            several = ()
        if not several and match is None and check is None:
            raise ValueError("You must specify at least one parameter to match on.")
        self.expected_exceptions = tuple(map(_class, several))
        self._literal = _literal(self.match)
        self._caught = ExceptionInfo()

    def matches(self, exception: BaseException | None) -> bool:
        """Say whether this is what is expected; if not, `fail_reason` says why."""
        self.fail_reason = "exception is None" if exception is None else self._wrong(exception)
        return self.fail_reason is None

    def _wrong(self, error: BaseException) -> str | None:
        if not self._is_expected(error):
            actual, expected = type(error).__name__, _names(self.expected_exceptions)
            return f"`{actual}()` is not an instance of `{expected}`"
        return self._mismatch(error) or self._unchecked(error)

    def _is_expected(self, error: BaseException) -> bool:
        return not self.expected_exceptions or isinstance(error, self.expected_exceptions)

    def _mismatch(self, error: BaseException) -> str | None:
        if self.match is None:
            return None
        text = message_of(error, counts=False)
        if re.search(self.match, text):
            return None
        if self._literal is not None:
            from .differing import differences  # noqa: PLC0415  # Is needed for a failure alone.

            lines = differences(self._literal, text, verbosity)
            return ("\n" if lines[0].startswith("-") else "") + "\n".join(lines)
        of = f" the `{type(error).__name__}()`" if isinstance(error, groups()) else ""
        return unmatched(_written(self.match), text, of)

    def _unchecked(self, error: BaseException) -> str | None:
        return None if self.check is None or self.check(error) else f"check {self.check!r} did not return True"

    def __enter__(self) -> ExceptionInfo:
        self._caught = ExceptionInfo()
        return self._caught

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        __tracebackhide__ = True
        if error is None:
            names = [each.__name__ for each in self.expected_exceptions]
            if len(names) == 1:
                fail(f"DID NOT RAISE {names[0]}")
            fail(f"DID NOT RAISE any of ({', '.join(names)})" if names else "DID NOT RAISE any exception")
        if not self._is_expected(error):
            return False
        if not self.matches(error):
            raise AssertionError(self.fail_reason) from None
        self._caught.catch(error)
        return True

    def __repr__(self) -> str:
        parts = [_names(self.expected_exceptions)] if self.expected_exceptions else []
        if self.match is not None:
            parts.append(f"match={_written(self.match)!r}")
        if self.check is not None:
            parts.append(f"check={self.check!r}")
        return f"RaisesExc({', '.join(parts)})"


def _compiled(match: str | re.Pattern[str] | None) -> re.Pattern[str] | None:
    if not isinstance(match, str):
        return match
    if not match:
        import warnings  # noqa: PLC0415  # Is needed here alone.

        from .outcomes import PytestWarning  # noqa: PLC0415  # The same.

        warnings.warn(
            PytestWarning(
                "matching against an empty string will *always* pass. If you want "
                "to check for an empty message you need to pass '^$'. If you don't "
                "want to match you should pass `None` or leave out the parameter."
            ),
            stacklevel=4,
        )
    try:
        return re.compile(match)
    except re.error as error:
        wrong = error
    return fail(f"Invalid regex pattern provided to 'match': {wrong}")


def _class(expected: Any) -> type[BaseException]:
    """Give the class that is meant.

    Raises:
        TypeError, ValueError: none is.
    """
    if isinstance(expected, type) and issubclass(expected, BaseException):
        return expected
    origin = getattr(expected, "__origin__", None)  # Of `ExceptionGroup[Exception]`.
    if isinstance(origin, type) and issubclass(origin, groups()):
        return _group(expected, origin)
    said = "Expected a BaseException type, but got "
    if isinstance(expected, type):
        raise ValueError(f"{said}{expected.__name__!r}")  # noqa: TRY004  # As in pytest.
    if isinstance(expected, BaseException):
        raise TypeError(f"{said}an exception instance: {type(expected).__name__}")
    raise TypeError(f"{said}{type(expected).__name__!r}")


def _group(expected: Any, origin: type[BaseException]) -> type[BaseException]:
    widest = Exception if issubclass(origin, Exception) else BaseException
    inner = expected.__args__[0]
    if inner is widest or getattr(inner, "__name__", "") == "Any":
        return origin
    raise ValueError(
        "Only `ExceptionGroup[Exception]` or `BaseExceptionGroup[BaseException]` "
        f"are accepted as generic types but got `{expected}`. "
        "As `raises` will catch all instances of the specified group regardless of the "
        "generic argument specific nested exceptions has to be checked "
        "with `RaisesGroup`."
    )


def _literal(pattern: re.Pattern[str] | None) -> str | None:
    """Give the text that a pattern alone matches, where it begins with ^, ends with $, and all else is escaped."""
    if pattern is None or pattern.flags != _PLAIN:
        return None
    text = pattern.pattern
    if not (text.startswith("^") and text.endswith("$") and len(text) > 1):
        return None
    if _SPECIAL.intersection(re.sub(r"\\.", "", text[1:-1])):
        return None
    return re.sub(r"\\(.)", _unescaped, text[1:-1], flags=re.DOTALL)


def _unescaped(match: re.Match[str]) -> str:
    return match[1] if match[1] in _ESCAPED or match[1].isspace() else match[0]


def _written(pattern: re.Pattern[str]) -> str | re.Pattern[str]:
    return pattern.pattern if pattern.flags == _PLAIN else pattern


def _names(classes: tuple[type[BaseException], ...]) -> str:
    names = ", ".join(each.__name__ for each in classes)
    return names if len(classes) == 1 else f"({names})"
