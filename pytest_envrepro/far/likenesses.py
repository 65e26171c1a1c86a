"""Values of a comparison that are no plain data, told by their parts: the other process makes others that are like them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .reprs import short

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PLAIN = (str, bytes, int, float, list, tuple, dict, set, frozenset)
_OF_ATTRS = "attrs generated"  # What attrs calls the file of methods that it makes; dataclasses call it `<string>`.


class Likenesses:
    """Tells values, those of one body.

    Args:
        most: characters of a repr; None for as many as it has.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._seen: list[Any] = []

    def told(self, value: Any, encode: Callable[[Any], Any]) -> list[Any]:
        """Tell one.

        Args:
            encode: writes down its parts.

        Returns:
            `like`, what kind of thing it is, the module and the name of its class, its repr unless that is what such
            things have by themselves, its parts, and what these are; or, of one whose parts tell nothing, `opaque`, its
            repr, and a number that two have that are equal.
        """
        kind = type(value)
        parts = _parts(value, encode)
        if parts is None:
            return ["opaque", self._shown(value), self._number(value)]
        text = None if _is_usual(kind) else self._shown(value)
        return ["like", parts[0], [kind.__module__, kind.__qualname__], text, *parts[1:]]

    def _shown(self, value: Any) -> str:
        return short(value, self._most or 1 << 30)

    def _number(self, value: Any) -> int:
        for number, seen in enumerate(self._seen):
            try:
                is_equal = seen is value or (type(seen) is type(value) and bool(seen == value))
            except Exception:  # noqa: BLE001  # Code of the user's, which may raise anything.
                is_equal = False
            if is_equal:
                return number
        self._seen.append(value)
        return len(self._seen) - 1


def _parts(value: Any, encode: Callable[[Any], Any]) -> list[Any] | None:
    """Give what kind of thing a value is, its parts, and what these are; None where they tell nothing."""
    kind: Any = type(value)
    approximate = sys.modules.get(f"{__package__}.approxnumbers")
    if approximate is not None and isinstance(value, approximate.Approx):
        parts = (value.expected, value.rel, value.abs, value.nan_ok)
        return None if kind.__name__ == "ApproxNumpy" else ["approx", [encode(each) for each in parts]]
    if kind.__module__ == "collections" and kind.__name__ in _MADE:
        return ["made", [encode(each) for each in _MADE[kind.__name__](value)]]
    for name, fields in (("named", _of_tuple), ("dataclass", _of_dataclass), ("attrs", _of_attrs)):
        found = fields(kind)
        if found is not None:
            return [name, [encode(getattr(value, each, None)) for each, _ in found], found]
    base = next((each for each in kind.__mro__ if each in PLAIN), None)
    if base is None or kind.__eq__ is not base.__eq__:
        return None
    return ["derived", [encode(_as(base, value))], [[base.__name__]]]


def _is_usual(kind: Any) -> bool:
    """Tell whether objects of a class show what those of its kind do that have no method of their own for that."""
    if any(kind.__repr__ is each.__repr__ for each in PLAIN):
        return True
    method = getattr(kind.__repr__, "__wrapped__", kind.__repr__)
    if hasattr(kind, "__dataclass_fields__"):
        return str(getattr(getattr(method, "__code__", None), "co_filename", "")) == "<string>"
    return hasattr(kind, "_fields") and getattr(method, "__module__", "") == "collections"


def _as(base: Any, value: Any) -> Any:
    """Give one of a class that Python has for one of a class derived from it, whatever that has for methods."""
    if issubclass(base, dict):
        return dict(dict.items(value))
    if issubclass(base, (list, tuple, set, frozenset)):
        return base(base.__iter__(value))
    return base.__getnewargs__(value)[0]


def _of_tuple(kind: Any) -> list[list[Any]] | None:
    """Give the fields of a class of named tuples, each with whether it is compared."""
    if not issubclass(kind, tuple) or not hasattr(kind, "_fields") or kind.__eq__ is not tuple.__eq__:
        return None
    return [[each, True] for each in kind._fields]


def _of_dataclass(kind: Any) -> list[list[Any]] | None:
    """Give the same of a dataclass whose objects are equal where their fields are."""
    fields = getattr(kind, "__dataclass_fields__", None)
    if fields is None or _file_of_eq(kind) != "<string>":
        return None
    return [[name, bool(field.compare)] for name, field in fields.items()]


def _of_attrs(kind: Any) -> list[list[Any]] | None:
    """Give the same of a class of attrs."""
    fields = getattr(kind, "__attrs_attrs__", None)
    if fields is None or _OF_ATTRS not in _file_of_eq(kind):
        return None
    return [[field.name, bool(field.eq)] for field in fields]


def _file_of_eq(kind: Any) -> str:
    return str(getattr(getattr(kind.__eq__, "__code__", None), "co_filename", ""))


_MADE: dict[str, Callable[[Any], list[Any]]] = {
    "OrderedDict": lambda value: [list(value.items())],
    "Counter": lambda value: [dict(value)],
    "defaultdict": lambda value: [value.default_factory, dict(value)],
    "deque": lambda value: [list(value), value.maxlen],
}
