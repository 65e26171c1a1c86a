"""What is written down of a function, as another Python is told of it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.slicing import Sliced

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType


class Shipment(NamedTuple):
    """A function, as another Python is told of it.

    Attributes:
        module: the module that it is of, with as much of the source as it needs; None for one that is imported there.
        function: the names of its module and of itself.
        positional, named: its arguments.
        self: of a method, how its object is made: the `class` and what that has (`class has`) beside what its source
            makes, what the object `has`, the names of what either `lacks` (`class lacks`), with why, and the `name` of the
            method there; None for a function.
        made: the names of the arguments that are made there.
        firsts, apart: as of `Sliced`.
    """

    module: Mapping[str, Any] | None
    function: tuple[str, str]
    positional: list[Any]
    named: dict[str, Any]
    self: dict[str, Any] | None = None
    made: tuple[str, ...] = ()
    firsts: Mapping[int, int] = MappingProxyType({})
    apart: tuple[tuple[int, str], ...] = ()

    def told(self) -> dict[str, Any]:
        """Give what the other Python is told."""
        return {name: value for name, value in self._asdict().items() if name not in {"firsts", "apart"}}


class Cut(NamedTuple):
    """Where a function is found there, and what that takes.

    Attributes:
        where: as `function` of `Shipment`.
        module: the module that is cut; None for one that is imported there.
        path: what the function is called in an error.
        sliced: as much of the module as it needs.
        enclosed: the values that it has of the one that it stands in.
    """

    where: tuple[str, str]
    module: ModuleType | None = None
    path: str = ""
    sliced: Sliced = Sliced("", (), MappingProxyType({}))
    enclosed: Mapping[str, Any] = MappingProxyType({})


class Method(NamedTuple):
    """What a method is called on.

    Attributes:
        place: the module of its class, and the name that it has that by, with dots.
        name: what it is called there.
        has: what the object has.
        changed: what the class has that its source does not make.
        is_of_test: whether it is a test, which need not use all of that.
    """

    place: tuple[str, str]
    name: str
    has: Mapping[str, Any]
    changed: Mapping[str, Any]
    is_of_test: bool = False
