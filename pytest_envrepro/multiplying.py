"""The hook's part of matrices: has pytest make tests of them, one for each value, and names none of it in the test's arguments."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.axes import Choice, axes_of, runs_of
from pytest_envrepro.declarations import is_shadowed, may_declare, placed, set_by
from pytest_envrepro.declaring import Mark, is_inside
from pytest_envrepro.options import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pytest_envrepro.axes import Axis

_ARGUMENT = "environment matrix"  # No fixture can have this name, and no test can ask for it.
_PARAM: Any = type(pytest.param())
_ORDER = ("argnames", "argvalues", "indirect", "ids", "scope")  # Of what `parametrize` takes.


class Multiplying:
    """The matrices of a function, among what parametrises it besides.

    What all parameters share comes behind these, as if one more decorator said it. Where a parameter has a matrix of its
    own, or a marker that takes the place of one, runs of that parameter are made in its place.
    """

    def __init__(self, metafunc: pytest.Metafunc) -> None:
        definition: Any = metafunc.definition
        self._metafunc = metafunc
        self._parametrize = metafunc.parametrize
        self._where = getattr(metafunc.function, "__name__", definition.name)  # A partial one has none.
        self._outer = placed(definition)
        self._is_given = may_declare(definition)
        self._declared = partial(set_by, metafunc.config)
        self._left = self._axes([])
        self._made: set[tuple[int, str]] = set()
        # All who parametrise it do that by this function: decorators, fixtures with parameters, and others' hooks.
        metafunc.__dict__["parametrize"] = self.parametrize

    def _axes(self, own: Sequence[tuple[int, Mark]]) -> list[Axis]:
        """Give the axes of the runs of a parameter that has markers of its own."""
        marks = [*own, *self._outer]
        if not self._is_given and not is_inside(mark for _, mark in marks):
            return []
        axes = axes_of(marks, self._declared)
        return [] if axes and is_shadowed(self._metafunc.config) else axes

    def parametrize(self, *args: Any, **kwargs: Any) -> None:
        """Parametrise, as pytest's own does, with several runs of a parameter in the place of it."""
        __tracebackhide__ = True
        given = {**dict(zip(_ORDER, args, strict=False)), **kwargs}
        values: Any = given.get("argvalues")
        if not isinstance(values, Collection) and self._is_given and hasattr(values, "__iter__"):
            args, values = (), list(values)
            kwargs = given | {"argvalues": values}
        if isinstance(values, Collection):
            own = [
                [(id(mark), self._mark(mark)) for mark in _marks(each) if mark.name == ENVIRONMENT] for each in values
            ]
            axes = [self._axes(each) for each in own] if any(own) else []
            shared = [axis for axis in self._left if all(axis in each for each in axes)]
            here = [[axis for axis in each if axis not in shared and axis.place not in self._made] for each in axes]
            if any(here) or len(shared) < len(self._left):
                self._left = shared
                self._made |= {axis.place for axis in chain(*here)}
                args, kwargs = (), self._expanded(given | {"argvalues": values}, here)
        self._parametrize(*args, **kwargs)

    def _mark(self, mark: pytest.Mark) -> Mark:
        return Mark(mark.args, mark.kwargs, self._where)

    def _expanded(self, given: Mapping[str, Any], axes: Sequence[Sequence[Axis]]) -> dict[str, Any]:
        """Put runs in the place of parameters.

        Args:
            axes: of each parameter; none for one that stays as it is.
        """
        argnames, ids = given["argnames"], given.get("ids")
        names = [name.strip() for name in argnames.split(",")] if isinstance(argnames, str) else [*argnames]
        is_single = isinstance(argnames, str) and len(names) == 1
        listed = ids if isinstance(ids, list | tuple) and len(ids) == len(axes) else None
        values: list[Any] = []
        called: list[Any] = []
        for index, (value, here) in enumerate(zip(given["argvalues"], axes, strict=True)):
            own = listed[index] if listed else None
            if not here:
                values.append(value)
                called.append(own)
                continue
            parts = value.values if isinstance(value, _PARAM) else (value,) if is_single else tuple(value)
            name = getattr(value, "id", None) if isinstance(value, _PARAM) else None
            name = name if name is not None else own
            if name is None:
                to_name = ids if callable(ids) else None
                name = "-".join(self._named(*pair, index, to_name) for pair in zip(names, parts, strict=False))
            for run, choice in runs_of(here):
                told = f"{name}-{run}" if isinstance(name, str | int | float) else run  # Else it is to be hidden.
                values.append(pytest.param(*parts, marks=[*_marks(value), _mark_of(choice)], id=told))
                called.append(None)
        # What pytest notes of a decorator's names is for as many parameters as it has.
        plain = {key: each for key, each in given.items() if key != "_param_mark"}
        return plain | {"argvalues": values} | ({"ids": called} if listed else {})

    def _named(self, name: str, value: Any, index: int, to_name: Callable[[Any], Any] | None) -> str:
        """Give what pytest calls a value of a parameter."""
        hook = self._metafunc.definition.ihook.pytest_make_parametrize_id
        found = to_name(value) if to_name else None
        if found is None:
            found = hook(config=self._metafunc.config, val=value, argname=name)
        if found is None and (value is None or isinstance(value, str | int | float | complex)):
            found = value
        return str(getattr(value, "__name__", f"{name}{index}") if found is None else found)

    def finish(self) -> None:
        """Have the function run with each value of what is left, behind all else that parametrises it."""
        if self._left:
            self._metafunc.fixturenames.append(_ARGUMENT)
            runs = [pytest.param(name, marks=[_mark_of(choice)], id=name) for name, choice in runs_of(self._left)]
            self._parametrize([_ARGUMENT], runs)


def _marks(value: Any) -> list[pytest.Mark]:
    """Give the markers of a parameter."""
    given: Iterable[Any] = value.marks if isinstance(value, _PARAM) else ()
    return [getattr(each, "mark", each) for each in given]


def _mark_of(choice: Choice) -> pytest.Mark:
    return pytest.mark.environment.with_args(choice).mark
