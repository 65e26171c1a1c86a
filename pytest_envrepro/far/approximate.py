"""`approx`: numbers that are nearly equal, and what holds them (as pytest 9.2 has it)."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sized
from typing import TYPE_CHECKING

from .approxnumbers import Approx, ApproxDecimal, ApproxScalar
from .numeric import array_of, contains_decimal, is_of, plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def approx(expected: Any, rel: Any = None, abs: Any = None, nan_ok: bool = False) -> Approx:  # noqa: A002, FBT001, FBT002  # As in pytest.
    """Give what is equal to all that is near this: a number, a time, or a list, mapping or array of numbers.

    Args:
        rel: how near, as a part of what is expected; 1e-6 by default.
        abs: how near, by itself; 1e-12 by default. With `abs` alone, `rel` is not looked at.
        nan_ok: whether not a number is equal to itself.

    Raises:
        TypeError: it has no order, or is too deep; or a tolerance makes no sense for it.
    """
    __tracebackhide__ = True
    _warn_of_floats(expected, rel, abs)
    asked = rel, abs, nan_ok
    if isinstance(expected, Mapping):
        return ApproxMapping(expected, *asked)
    array = array_of(expected)
    if array is not None:
        return ApproxNumpy(array, *asked)
    if hasattr(expected, "__getitem__") and isinstance(expected, Sized) and not isinstance(expected, (str, bytes)):
        return ApproxSequenceLike(expected, *asked)
    if isinstance(expected, Collection) and not isinstance(expected, (str, bytes)):
        raise TypeError(f"pytest.approx() only supports ordered sequences, but got: {expected!r}")
    return _single(expected, *asked)


def _single(expected: Any, rel: Any, abs: Any, nan_ok: bool) -> Approx:  # noqa: A002, FBT001  # The words of pytest.
    __tracebackhide__ = True
    if is_of(expected, "decimal", "Decimal"):
        return ApproxDecimal(expected, rel, abs, nan_ok)
    if is_of(expected, "datetime", "datetime", "timedelta"):
        from .approxtimes import ApproxTimedelta  # noqa: PLC0415  # Is needed for times alone.

        return ApproxTimedelta(expected, rel, abs, nan_ok)
    return ApproxScalar(expected, rel, abs, nan_ok)


class _Several(Approx, ABC):
    """What holds several values."""

    def each(self, value: Any) -> Approx:
        """Give the same for one of the values in it."""
        return _single(value, self.rel, self.abs, self.nan_ok)

    @abstractmethod
    def pairs(self, actual: Any) -> Iterable[tuple[Any, Any]]:
        """Give which value is compared with which one that is expected."""

    def __eq__(self, actual: object) -> bool:
        return all(one == self.each(other) for one, other in self.pairs(actual))

    __hash__ = None  # type: ignore[assignment]


class ApproxSequenceLike(_Several):
    """A list, a tuple, or what is indexed as they are."""

    def __init__(self, expected: Any, rel: Any, abs: Any, nan_ok: bool) -> None:  # noqa: A002, FBT001  # The same.
        __tracebackhide__ = True
        for index, value in enumerate(expected):
            if _is_nested(value):
                raise TypeError(
                    f"pytest.approx() does not support nested data structures: {value!r} at index {index}\n"
                    f"  full sequence: {_pretty(expected)}"
                )
        super().__init__(expected, rel, abs, nan_ok)

    def __repr__(self) -> str:
        each = [self.each(value) for value in self.expected]
        kind = type(self.expected)
        # A tuple of one has a comma; of a class that is derived from it, the list is shown.
        return f"approx({tuple(each) if kind is tuple else each!r})"

    def __eq__(self, actual: object) -> bool:
        other: Any = actual
        try:
            is_as_long = len(other) == len(self.expected)
        except TypeError:
            return False
        return is_as_long and super().__eq__(actual)

    __hash__ = None

    def pairs(self, actual: Any) -> Iterable[tuple[Any, Any]]:
        """Give those at the same place."""
        return zip(actual, self.expected)


class ApproxMapping(_Several):
    """A mapping whose values are numbers."""

    def __init__(self, expected: Any, rel: Any, abs: Any, nan_ok: bool) -> None:  # noqa: A002, FBT001  # The same.
        __tracebackhide__ = True
        for key, value in expected.items():
            if _is_nested(value):
                raise TypeError(
                    f"pytest.approx() does not support nested dictionaries: key={key!r} value={value!r}\n"
                    f"  full mapping={_pretty(expected)}"
                )
        super().__init__(expected, rel, abs, nan_ok)

    def __repr__(self) -> str:
        return f"approx({ {key: self.each(value) for key, value in self.expected.items()}!r})"

    def __eq__(self, actual: object) -> bool:
        other: Any = actual
        try:
            has_same_keys = set(other.keys()) == set(self.expected.keys())
        except AttributeError:
            return False
        return has_same_keys and super().__eq__(actual)

    __hash__ = None

    def pairs(self, actual: Any) -> Iterable[tuple[Any, Any]]:
        """Give those of the same key."""
        return ((actual[key], value) for key, value in self.expected.items())


class ApproxNumpy(_Several):
    """An array of numpy."""

    def __repr__(self) -> str:
        return f"approx({self.nested()!r})"

    def nested(self) -> Any:
        """Give lists in lists, of what each number is compared as."""

        def deep(value: Any) -> Any:
            return [deep(inner) for inner in value] if isinstance(value, list) else self.each(value)

        return deep(self.expected.tolist())

    def __eq__(self, actual: object) -> bool:
        numpy = sys.modules["numpy"]
        if numpy.isscalar(actual):
            return super().__eq__(actual)
        try:
            array = numpy.asarray(actual)
        except Exception as error:
            raise TypeError(f"cannot compare '{actual}' to numpy.ndarray") from error
        return array.shape == self.expected.shape and super().__eq__(array)

    __hash__ = None

    def pairs(self, actual: Any) -> Iterable[tuple[Any, Any]]:
        """Give those at the same place, or one number with each."""
        numpy = sys.modules["numpy"]
        for index in numpy.ndindex(self.expected.shape):
            yield actual if numpy.isscalar(actual) else plain(actual[index]), plain(self.expected[index])


def _is_nested(value: object) -> bool:
    return isinstance(value, Collection) and not isinstance(value, (str, bytes, bytearray))


def _pretty(value: object) -> str:
    from pprint import pformat  # noqa: PLC0415  # Is needed for an error alone.

    return pformat(value)


def _warn_of_floats(expected: object, rel: object, abs: object) -> None:  # noqa: A002  # The same.
    """Warn of a tolerance for Decimals that is a float with another value than it was written with."""
    floats = [(name, value) for name, value in (("rel", rel), ("abs", abs)) if type(value) is float]
    if not floats or not contains_decimal(expected):
        return
    import warnings  # noqa: PLC0415  # Is needed here alone.
    from decimal import Decimal  # noqa: PLC0415  # The same.

    from .outcomes import PytestApproxDecimalToleranceWarning  # noqa: PLC0415  # The same.

    for name, value in floats:
        exact = Decimal(value)
        if exact != Decimal(repr(value)):
            text = (
                f"{name}={value!r} cannot be represented exactly as a Decimal and was widened to {exact}.\n"
                f"Pass {name}=Decimal({str(value)!r}) to compare against the tolerance you wrote."
            )
            warnings.warn(PytestApproxDecimalToleranceWarning(text), stacklevel=3)
