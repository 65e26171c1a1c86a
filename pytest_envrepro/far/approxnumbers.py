"""`approx` of a single value: a number, or what is compared as it is."""

from __future__ import annotations

import sys
from numbers import Complex
from typing import TYPE_CHECKING

from .numeric import array_of, is_bool, is_inf, is_nan, is_of

if TYPE_CHECKING:
    from typing import Any

_SMALL, _GREAT = 1e-3, 1e3  # Between them, a tolerance is written without an exponent.


class Approx:
    """What is equal to all that is near what is expected.

    Attributes:
        expected: that.
        rel: the relative tolerance, or None.
        abs: the absolute tolerance, or None.
        nan_ok: whether not a number is equal to itself.
    """

    # An array of numpy leaves the comparison to this, and does not compare each of its own elements.
    __array_ufunc__ = None
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, expected: Any, rel: Any, abs: Any, nan_ok: bool) -> None:  # noqa: A002, FBT001  # The words of pytest.
        self.expected = expected
        self.rel = rel
        self.abs = abs
        self.nan_ok = nan_ok

    def __bool__(self) -> bool:
        __tracebackhide__ = True
        raise AssertionError("approx() is not supported in a boolean context.\nDid you mean: `assert a == approx(b)`?")


class ApproxScalar(Approx):
    """A single value; one that is no number is compared as it is."""

    least: Any = 1e-12
    share: Any = 1e-6

    def __init__(self, expected: Any, rel: Any, abs: Any, nan_ok: bool) -> None:  # noqa: A002, FBT001  # The same.
        __tracebackhide__ = True
        for name, value in (("relative", rel), ("absolute", abs)):
            if value is not None and not (isinstance(value, (int, float)) or is_of(value, "decimal", "Decimal")):
                kind = type(value).__name__
                raise TypeError(f"{name} tolerance for a scalar value must be an int, float or Decimal, got {kind}")
            if name == "relative" and value is not None and not hasattr(type(expected), "__abs__"):
                kind = type(expected).__name__
                raise TypeError(f"expected value must support abs(...) when relative tolerance is used, got {kind}")
        super().__init__(expected, rel, abs, nan_ok)

    def __repr__(self) -> str:
        expected = self.expected
        if is_bool(expected) or not _is_number(expected) or is_inf(_size(expected)):
            return str(expected)
        try:
            tolerance = self.tolerance
        except ValueError:
            return f"{expected} ± ???"
        # A Decimal is not compared with a float: its context may refuse that.
        is_decimal = is_of(tolerance, "decimal", "Decimal")
        written = f"{tolerance:n}" if not is_decimal and _SMALL <= tolerance < _GREAT else f"{tolerance:.1e}"
        around = isinstance(expected, Complex) and expected.imag != 0 and not is_inf(tolerance)
        return f"{expected} ± {written}{' ∠ ±180°' if around else ''}"

    def __eq__(self, actual: object) -> bool:
        array = array_of(actual)
        if array is not None:
            return all(self.__eq__(each) for each in array.flat)
        if is_bool(self.expected) and not is_bool(actual):  # 1 is not true here.
            return False
        return bool(actual == self.expected) or self._is_near(actual)

    def _is_near(self, actual: object) -> bool:
        """Say whether this, which is not equal, is near."""
        expected = self.expected
        if is_bool(expected) or not (_is_number(expected) and _is_number(actual)):
            return False
        if is_nan(_size(expected)):
            return self.nan_ok and is_nan(_size(actual))
        # A tolerance relative to what is infinite would let everything pass.
        return not is_inf(_size(expected)) and bool(_size(expected - actual) <= self.tolerance)

    __hash__ = None

    @property
    def tolerance(self) -> Any:
        """How far off a value may be: the greater of both tolerances.

        Raises:
            ValueError: one is negative, or not a number.
        """
        absolute = _vetted("absolute", self.least if self.abs is None else self.abs)
        if self.rel is None and self.abs is not None:
            return absolute
        part = self.share if self.rel is None else self.rel
        return max(_vetted("relative", part * _size(self.expected)), absolute)


class ApproxDecimal(ApproxScalar):
    """A Decimal; tolerances become Decimals too."""

    def __init__(self, expected: Any, rel: Any, abs: Any, nan_ok: bool) -> None:  # noqa: A002, FBT001  # The same.
        decimal = sys.modules["decimal"].Decimal
        self.least, self.share = decimal("1e-12"), decimal("1e-6")
        rel, abs = (  # noqa: A001  # The same.
            decimal.from_float(value) if isinstance(value, (int, float)) else value for value in (rel, abs)
        )
        super().__init__(expected, rel, abs, nan_ok)


def _size(value: Any) -> Any:
    """Give the absolute value: `abs` is the name of an argument here."""
    return abs(value)


def _is_number(value: object) -> bool:
    return isinstance(value, Complex) or is_of(value, "decimal", "Decimal")


def _vetted(name: str, tolerance: Any) -> Any:
    if is_nan(tolerance):
        raise ValueError(f"{name} tolerance can't be NaN.")
    if tolerance < 0:
        raise ValueError(f"{name} tolerance can't be negative: {tolerance}")
    return tolerance
