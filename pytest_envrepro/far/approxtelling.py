"""Why a comparison with `approx` has failed, in lines, as pytest 9.2 tells it."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, NamedTuple

from .approximate import ApproxMapping, ApproxNumpy, ApproxSequenceLike
from .approxnumbers import Approx
from .numeric import is_of
from .reprs import short

if TYPE_CHECKING:
    from typing import Any

_WIDTH = 80  # Characters of a line, to pytest.


class _Pair(NamedTuple):
    """A value that is compared: where it stands, it, and what it is to be near."""

    label: object
    actual: Any
    near: Approx


def explained(left: object, right: object, *, is_brief: bool) -> str | None:
    """Explain `left == right` as pytest does, in a text; None where neither is of `approx`.

    Args:
        is_brief: whether both are to fit into one line, of which pytest says 17 characters itself.
    """
    lines = told(left, right)
    if lines is None:
        return None
    most = (_WIDTH - 15 - 2 - 2) // 2 if is_brief else None
    return "\n".join([f"{short(left, most)} == {short(right, most)}", "", *lines])


def told(left: object, right: object) -> list[str] | None:
    """Tell why `left == right` is false; None where neither is of `approx`."""
    if isinstance(right, Approx):
        return _told(right, left)
    return _told(left, right) if isinstance(left, Approx) else None


def _told(approx: Approx, actual: Any) -> list[str]:
    try:
        if isinstance(approx, ApproxNumpy):
            return _array(approx, actual)
        if isinstance(approx, ApproxMapping):
            return _mapping(approx, actual)
        if isinstance(approx, ApproxSequenceLike):
            return _sequence(approx, actual)
    except (TypeError, AttributeError) as error:
        if is_of(error, "decimal", "FloatOperation"):
            raise
        # It is nothing of the kind: there is no more to tell of it.
    lines = ["comparison failed", f"Obtained: {actual}", f"Expected: {approx}"]
    return lines + _span(approx, actual) if type(approx).__name__ == "ApproxTimedelta" else lines


def _span(approx: Approx, actual: Any) -> list[str]:
    try:
        off = abs(approx.expected - actual)
    except (TypeError, OverflowError):
        off = "N/A"
    return [f"Absolute difference: {off}", f"Tolerance: {approx.abs}"]


def _sequence(approx: ApproxSequenceLike, actual: Any) -> list[str]:
    if len(approx.expected) != len(actual):
        return [
            "Impossible to compare lists with different sizes.",
            f"Lengths: {len(approx.expected)} and {len(actual)}",
        ]
    pairs = [_Pair(index, one, approx.each(other)) for index, (one, other) in enumerate(zip(actual, approx.expected))]
    return _table(pairs)


def _mapping(approx: ApproxMapping, actual: Any) -> list[str]:
    if len(approx.expected) != len(actual):
        return [
            "Impossible to compare mappings with different sizes.",
            f"Lengths: {len(approx.expected)} and {len(actual)}",
        ]
    if approx.expected.keys() != actual.keys():
        keys = f"expected {approx.expected.keys()} but got {actual.keys()}"
        return ["comparison failed.", f"Mappings has different keys: {keys}"]
    pairs = [_Pair(key, actual[key], approx.each(value)) for key, value in approx.expected.items()]
    return _table(pairs, is_of_expected=True)


def _array(approx: ApproxNumpy, actual: Any) -> list[str]:
    numpy = sys.modules["numpy"]
    shape, array, near = approx.expected.shape, numpy.asarray(actual), approx.nested()
    if shape != array.shape:
        return ["Impossible to compare arrays with different shapes.", f"Shapes: {shape} and {array.shape}"]
    return _table([_Pair(index, array[index], _at(near, index)) for index in numpy.ndindex(shape)])


def _at(value: Any, index: tuple[int, ...]) -> Any:
    for each in index:
        value = value[each]
    return value


def _table(pairs: list[_Pair], *, is_of_expected: bool = False) -> list[str]:
    """Tell which differ, and by how much at most.

    Args:
        is_of_expected: whether a relative difference is that to what is expected, and not to what there is.
    """
    wrong = [pair for pair in pairs if pair.near != pair.actual]
    apart, shares = [], []
    is_infinite = False
    for pair in wrong:
        expected, actual = pair.near.expected, pair.actual
        try:
            difference = expected - actual
            apart.append(abs(difference))
        except TypeError as error:  # Of what is no number, nothing is told here.
            if is_of(error, "decimal", "FloatOperation"):
                raise
            continue
        base = expected if is_of_expected else actual
        if base == 0:
            is_infinite = True
        else:
            shares.append(abs(difference / base) if is_of_expected else abs(difference) / abs(base))
    share = math.inf if is_infinite else max(shares, default=-math.inf)
    rows = [("Index", "Obtained", "Expected"), *((str(at), str(actual), str(near)) for at, actual, near in wrong)]
    first, second, third = (max(map(len, column)) for column in zip(*rows))
    return [
        f"comparison failed. Mismatched elements: {len(wrong)} / {len(pairs)}:",
        f"Max absolute difference: {max(apart, default=-math.inf)}",
        f"Max relative difference: {share}",
        *(f"{at:<{first}} | {actual:<{second}} | {near:<{third}}" for at, actual, near in rows),
    ]
