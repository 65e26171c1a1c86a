"""The word `matrix`: several values where a setting has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_envrepro.errors import SettingsError


@dataclass(frozen=True, slots=True, init=False)
class Matrix:
    """Several values in the place of one: a test is run once with each.

    Raises:
        SettingsError: there is no value, or one is a matrix itself.
    """

    values: tuple[Any, ...]

    def __init__(self, values: tuple[Any, ...]) -> None:
        __tracebackhide__ = True  # Of a module that cannot be collected, its own line is all there is to see.
        object.__setattr__(self, "values", values)
        if not values:
            raise SettingsError("matrix() needs at least one value")
        if any(isinstance(value, Matrix) for value in values):
            raise SettingsError(f"{self}: a matrix cannot hold another one; write all values side by side")

    def __repr__(self) -> str:
        return f"matrix({', '.join(map(repr, self.values))})"


def matrix(*values: Any) -> Matrix:
    """Say that a test is to be run once with each of these values of a setting; a plain list never means that.

    Raises:
        SettingsError: there is no value, or one is a matrix itself.
    """
    __tracebackhide__ = True
    return Matrix(values)
