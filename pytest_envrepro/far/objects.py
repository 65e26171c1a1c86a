"""What a method is called on: made as the other process's object was, and what the method has made of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from .values import Encoder

if TYPE_CHECKING:
    from typing import Any

    from .values import Decoder


def make(kind: Any, told: dict[str, Any], decoder: Decoder) -> Any:
    """Make an object of a class that has what the other object has; what its class had been given, that is given too."""
    for name, value in told["class has"].items():
        setattr(kind, name, decoder.decode(value))
    made = kind.__new__(kind)
    made.__dict__.update({name: decoder.decode(value) for name, value in told["has"].items()})
    return made


def left(made: Any, told: dict[str, Any]) -> dict[str, Any]:
    """Tell what an object has now that it had not, for what is to tear it down, and what it has no more."""
    has: dict[str, Any] = {}
    for name, value in vars(made).items():
        with suppress(Exception):  # It cannot travel, or is odd.
            written = Encoder().encode(value)
            if written != told["has"].get(name):
                has[name] = written
    return {"has": has, "gone": [name for name in told["has"] if name not in vars(made)]}
