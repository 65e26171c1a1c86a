"""What kind of number a value is, without an import of the modules that may have made it."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sized
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


def is_of(value: object, module: str, *names: str) -> bool:
    """Say whether it is an instance of one of these classes; where their module was not imported there is none."""
    there = sys.modules.get(module)
    return there is not None and isinstance(value, tuple(getattr(there, name) for name in names))


def array_of(value: Any) -> Any:
    """Give an array of numpy where this is one, or says how it becomes one; else None."""
    numpy = sys.modules.get("numpy")
    if numpy is None or numpy.isscalar(value):
        return None
    if isinstance(value, numpy.ndarray):
        return value
    if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
        return numpy.asarray(value)
    return None


def plain(value: Any) -> Any:
    """Give the number of Python that a scalar of numpy stands for; all else as it is."""
    item = getattr(value, "item", None)
    return value if item is None else item()


def is_bool(value: object) -> bool:
    """Say whether it is true or false, of numpy too."""
    return isinstance(value, bool) or is_of(value, "numpy", "bool_")


def is_nan(value: Any) -> bool:
    """Say whether it is not a number; a Decimal is asked itself, which a float might be too narrow for."""
    return bool(value.is_nan()) if is_of(value, "decimal", "Decimal") else math.isnan(value)


def is_inf(value: Any) -> bool:
    """Say whether it is infinite."""
    return bool(value.is_infinite()) if is_of(value, "decimal", "Decimal") else math.isinf(value)


def contains_decimal(value: Any) -> bool:
    """Say whether it is a Decimal, or has one."""
    if "decimal" not in sys.modules or isinstance(value, (str, bytes)):
        return False
    if isinstance(value, Mapping):
        return any(is_of(inner, "decimal", "Decimal") for inner in value.values())
    if hasattr(value, "__getitem__") and isinstance(value, Sized):
        # An array without a dimension has no iterator, but is flat all the same.
        values: Any = getattr(value, "flat", value)
        return any(is_of(inner, "decimal", "Decimal") for inner in values)
    return is_of(value, "decimal", "Decimal")
