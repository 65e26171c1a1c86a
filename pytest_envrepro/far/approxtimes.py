"""`approx` of times and of spans of time."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .approxnumbers import Approx

if TYPE_CHECKING:
    from typing import Any


class ApproxTimedelta(Approx):
    """A time, or a span of it; how near has to be said, since nothing is near by itself.

    Attributes:
        abs: the greater one of both tolerances.

    Raises:
        TypeError, ValueError: a tolerance makes no sense for it.
    """

    def __init__(self, expected: Any, rel: Any, abs: Any, nan_ok: bool) -> None:  # noqa: A002, FBT001  # The words of pytest.
        __tracebackhide__ = True
        if isinstance(expected, datetime) and rel is not None:
            raise TypeError(
                "pytest.approx() does not support relative tolerance for datetime comparisons. "
                "Use abs=timedelta(...) instead."
            )
        if nan_ok:
            raise TypeError("pytest.approx() does not support nan_ok for datetime/timedelta comparisons.")
        _vet_absolute(rel, abs)
        _vet_relative(rel)
        spans = [] if abs is None else [abs]
        spans += [] if rel is None else [rel * _size(expected)]
        super().__init__(expected, rel, max(spans), nan_ok=False)

    def __repr__(self) -> str:
        return f"{self.expected} ± {self.abs}"

    def __eq__(self, actual: object) -> bool:
        try:
            return bool(_size(self.expected - actual) <= self.abs)
        except (TypeError, OverflowError):
            return False

    __hash__ = None


def _size(value: Any) -> Any:
    """Give the absolute value: `abs` is the name of an argument here."""
    return abs(value)


def _vet_absolute(rel: object, abs: object) -> None:  # noqa: A002  # The same.
    __tracebackhide__ = True
    if abs is None and rel is None:
        raise TypeError(
            "pytest.approx() requires an explicit tolerance for datetime/timedelta comparisons: "
            "e.g. approx(expected, abs=timedelta(seconds=1)) or approx(expected, rel=0.01)"
        )
    if abs is not None and not isinstance(abs, timedelta):
        raise TypeError(f"absolute tolerance for datetime/timedelta must be a timedelta, got {type(abs).__name__}")
    if abs is not None and abs < timedelta(0):
        raise ValueError(f"absolute tolerance can't be negative: {abs}")


def _vet_relative(rel: object) -> None:
    __tracebackhide__ = True
    if rel is None:
        return
    if not isinstance(rel, (int, float)):
        raise TypeError(f"relative tolerance for timedelta must be a number, got {type(rel).__name__}")
    if rel < 0:
        raise ValueError(f"relative tolerance can't be negative: {rel}")
    if math.isnan(rel):
        raise ValueError("relative tolerance can't be NaN.")
    if math.isinf(rel):
        raise ValueError("relative tolerance can't be infinite.")
