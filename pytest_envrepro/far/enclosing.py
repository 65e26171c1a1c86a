"""Functions that stood in others: what these gave them comes before what the module has under the same names."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


class _Names(dict):  # type: ignore[type-arg]  # Python 3.8 has no parameters for it.
    """The names of a module, some of which mean something else to one of its functions."""

    def __init__(self, own: dict[str, Any], others: dict[str, Any]) -> None:
        super().__init__(own, __builtins__=others["__builtins__"])
        self._others = others

    def __missing__(self, name: str) -> Any:
        return self._others[name]


def enclosing(function: Any, own: dict[str, Any]) -> Any:
    """Give a function for which some names mean something else than for its module."""
    if not isinstance(function, FunctionType):
        return function
    names = _Names(own, function.__globals__)
    made = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    made.__dict__.update(function.__dict__)
    return made


def is_of(told: Any, module: str) -> bool:
    """Tell whether a value was written down as a function or a class of a module."""
    return isinstance(told, list) and told[:2] == ["name", module]
