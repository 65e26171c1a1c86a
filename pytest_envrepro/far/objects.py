"""What a method is called on: made as the other process's object was, and what the method has made of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from .outcomes import fail
from .values import Encoder

if TYPE_CHECKING:
    from typing import Any, NoReturn

    from .values import Decoder


class Object:
    """An object of a test's class, and what it had at first.

    Args:
        kind: the class.
        told: what the object `has`, and its class beside what the source makes (`class has`); and the names that either
            `lacks`, as it could not travel, each with why.
    """

    def __init__(self, kind: Any, told: dict[str, Any], decoder: Decoder) -> None:
        for name, value in told["class has"].items():
            setattr(kind, name, decoder.decode(value))
        for name, why in told["class lacks"].items():
            setattr(kind, name, _Lacking(name, why))
        self.made = kind.__new__(kind)
        state = _state(self.made)
        state.update({name: decoder.decode(value) for name, value in told["has"].items()})
        for name, why in told["lacks"].items():
            state[name] = _Lacking(name, why)
            setattr(kind, name, state[name])
        self._had = self._written()

    def left(self) -> dict[str, Any]:
        """Tell what it has now that it had not, for what is to tear it down, and what it has no more."""
        written = self._written()
        has = {name: value for name, value in written.items() if name not in self._had or value != self._had[name]}
        return {"has": has, "gone": [name for name in self._had if name not in _state(self.made)]}

    def _written(self) -> dict[str, Any]:
        """Write down what it has, as far as that can travel."""
        found: dict[str, Any] = {}
        for name, value in dict(_state(self.made)).items():  # A thread may go on with it.
            with suppress(Exception):
                found[name] = Encoder().encode(value)
        return found


def _state(made: Any) -> dict[str, Any]:
    state: dict[str, Any] = getattr(made, "__dict__", {})  # A class with slots alone has none.
    return state


class _Lacking:
    """Stands where something could not travel: who asks for it fails, and is told why."""

    def __init__(self, name: str, why: str) -> None:
        self._name = name
        self._why = why

    def __repr__(self) -> str:
        return f"<{self._why}>"

    def __get__(self, instance: Any, _: Any = None) -> Any:
        __tracebackhide__ = True
        found = _state(instance).get(self._name, self)
        return self._tell() if found is self else found

    def __set__(self, instance: Any, value: Any) -> None:
        _state(instance)[self._name] = value

    def __delete__(self, instance: Any) -> None:
        _state(instance).pop(self._name, None)

    def _tell(self) -> NoReturn:
        __tracebackhide__ = True
        fail(self._why)
