"""Writes down a function and its arguments so that another Python can run it: as source, and as plain data."""

from __future__ import annotations

import ast
import inspect
import os
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.errors import RefusedError
from pytest_envrepro.far.values import Encoder, UntravelledError
from pytest_envrepro.scoping import attributes
from pytest_envrepro.slicing import NotFoundError, Sliced
from pytest_envrepro.travelling import is_rewritten, sliceable, source_of, travels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import ModuleType

_PLAIN = "only plain data and paths do"


class Shipment(NamedTuple):
    """A function, as another Python is told of it.

    Attributes:
        module: the module that it is of, with as much of the source as it needs; None for one that is imported there.
        function: the names of its module and of itself.
        positional, named: its arguments.
        self: of a method, how its object is made: the `class` and what that has (`class has`) beside what its source
            makes, what the object `has`, and the `name` of the method there; None for a function.
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


class _Cut(NamedTuple):
    """A function without its arguments; as of `Shipment`."""

    module: dict[str, Any] | None
    where: tuple[str, str]
    firsts: Mapping[int, int] = MappingProxyType({})
    apart: tuple[tuple[int, str], ...] = ()


class Method(NamedTuple):
    """What a method is called on.

    Attributes:
        kind: the class.
        name: what it is called there.
        has: what the object has.
        changed: what the class has that its source does not make.
    """

    kind: type
    name: str
    has: Mapping[str, Any]
    changed: Mapping[str, Any]


class Shipper:
    """Writes down functions for one environment.

    Args:
        label: what the environment is called, as part of a sentence.
        beside: the folder whose modules travel as source.
        temporary: the folder of all temporary folders of tests: those that arguments name are noted.
    """

    def __init__(self, label: str, beside: Path, temporary: Path | None = None) -> None:
        self._label = label
        self._beside = beside
        self._temporary = None if temporary is None else os.path.join(temporary, "")
        self._folders: dict[str, None] = {}

    def folders(self) -> list[str]:
        """Give the temporary folders and files that arguments name: those that lie in no other of them."""
        found = sorted(self._folders)
        return [each for each in found if not any(each.startswith(os.path.join(other, "")) for other in found)]

    def _note(self, text: str) -> str:
        if self._temporary is not None and text.startswith(self._temporary):
            self._folders[text] = None
        return text

    def ship(
        self,
        function: Callable[..., Any],
        positional: Iterable[tuple[str, Any]],
        named: Mapping[str, tuple[str, Any]],
        *,
        method: Method | None = None,
        known_as: tuple[str, str] | None = None,
        made: Iterable[str] = (),
    ) -> Shipment:
        """Write down a function with its arguments.

        Args:
            positional, named: each with what it is called in an error.
            method: what it is called on, where it is one.
            known_as: the module that has it, and the name that it has it by.
            made: names of arguments that are made there.

        Raises:
            RefusedError: it cannot travel, or an argument cannot.
        """
        plain = inspect.unwrap(function)
        name, path = getattr(plain, "__module__", None), getattr(plain, "__qualname__", None)
        if not isinstance(name, str) or not isinstance(path, str):
            raise RefusedError(
                f"{function!r} cannot travel into {self._label}: call() takes a function that has a name"
            )
        names: set[str] = set()
        sent = [self._encode(value, what, name, names) for what, value in positional]
        given = {key: self._encode(value, what, name, names) for key, (what, value) in named.items()}
        bound: dict[str, Any] | None = None
        refused: dict[str, RefusedError] = {}
        if method is not None:
            name = method.kind.__module__
            bound, refused = self._bound(method, names)
        try:
            cut = self._cut(plain, name, names)
        except RefusedError:
            # What a decorator has put in the place of a function is found by the name that the module has it by.
            whole = self._by_name(function, known_as if method is None else _top(method.kind), names)
            if whole is None:
                raise
            cut = whole
        if method is not None and refused:
            self._refuse_used(method, cut, refused)
        return Shipment(cut.module, cut.where, sent, given, bound, tuple(made), cut.firsts, cut.apart)

    def _cut(self, function: Any, name: str, names: set[str]) -> _Cut:
        """Cut a function out of its module, or have it imported there where that does not travel."""
        module, path = sys.modules.get(name), function.__qualname__
        has_source = hasattr(function, "__code__") or isinstance(function, type)
        if module is None or not has_source or not travels(module, self._beside):
            self._refuse_unnamed(path)
            return _Cut(None, (name, path))
        enclosed = self._enclosed(function, name, names)
        sliced = self._sliced(module, function, names)
        source = self._module(module, path, sliced, enclosed)
        return _Cut(source, (name, path.rpartition("<locals>.")[2]), sliced.firsts, sliced.apart)

    def _by_name(self, function: Any, known_as: tuple[str, str] | None, names: set[str]) -> _Cut | None:
        """Cut out what makes a name of a module, if it is there for that function, or for a class."""
        module = None if known_as is None else sys.modules.get(known_as[0])
        if module is None or known_as is None or not travels(module, self._beside):
            return None
        there = vars(module).get(known_as[1])
        if there is not function and not isinstance(there, type):
            return None
        sliced = sliceable(module).making({*names, known_as[1]})
        return _Cut(self._module(module, known_as[1], sliced, {}), known_as, sliced.firsts, sliced.apart)

    def _bound(self, method: Method, names: set[str]) -> tuple[dict[str, Any], dict[str, RefusedError]]:
        """Write down what a method is called on, and give what of it cannot travel: that may be for others of its class."""
        name, path = method.kind.__module__, method.kind.__qualname__
        names.add(path.partition(".")[0])
        told: list[dict[str, Any]] = []
        refused: dict[str, RefusedError] = {}
        for holder, values in (("self", method.has), (path, method.changed)):
            told.append({})
            for key, value in values.items():
                try:
                    told[-1][key] = self._encode(value, f"{holder}.{key}", name, names)
                except RefusedError as error:
                    refused[key] = error
        return {"class": (name, path), "name": method.name, "has": told[0], "class has": told[1]}, refused

    def _refuse_used(self, method: Method, cut: _Cut, refused: Mapping[str, RefusedError]) -> None:
        """Refuse what cannot travel, but for what the code does not name; that of a base in another module may."""
        bases = {kind.__module__ for kind in method.kind.__mro__ if kind is not object}
        tree = None if cut.module is None or len(bases) > 1 else ast.parse(cut.module["source"])
        used = refused if tree is None else attributes(tree, method.kind.__qualname__, method.name)
        for name, error in refused.items():
            if name in used:
                raise error

    def _refuse_unnamed(self, path: str) -> None:
        if "<" in path:
            raise RefusedError(
                f"{path} cannot travel into {self._label}: it has no name that it could be found by; write it into the test "
                "module with 'def'"
            )

    def _sliced(self, module: ModuleType, function: Any, names: set[str]) -> Sliced:
        """Give as much of a module's source as a function needs."""
        file = str(module.__file__)
        path = function.__qualname__
        if path.endswith("<lambda>") or isinstance(function, type):
            self._refuse_unnamed(path)
        try:
            known = sliceable(module)
            if isinstance(function, type):
                return known.making({*names, path.partition(".")[0]})
            if function.__module__ != module.__name__:  # A method that its class has of a base elsewhere.
                return known.making(names)
            return known.part(function.__code__.co_firstlineno, path, names)
        except (OSError, SyntaxError, NotFoundError) as error:
            raise RefusedError(
                f"{path} cannot travel into {self._label}: its source is not in {file} any more, or was never there ({error})"
            ) from None

    def _module(self, module: ModuleType, path: str, sliced: Sliced, given: Mapping[str, Any]) -> dict[str, Any]:
        """Write down a part of a module."""
        file = str(module.__file__)
        lost = sorted(each for each in sliced.missing if each in vars(module) and each not in given)
        if lost:
            raise RefusedError(
                f"{path} uses {', '.join(lost)}, which cannot travel into {self._label}: no statement of {file} makes it; "
                "write it there, or give it as an argument"
            )
        return {
            "name": module.__name__,
            "file": file,
            "package": module.__name__.rpartition(".")[0] if module.__package__ else "",
            "source": sliced.source,
            "rewrite": is_rewritten(module),
            "given": given,
        }

    def _enclosed(self, function: Any, module: str, names: set[str]) -> dict[str, Any]:
        """Give the values that a function has of the one that it stands in; `names` as of `_encode`."""
        found: dict[str, Any] = {}
        if isinstance(function, type):
            return found
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            if name == "__class__":
                continue
            try:
                value = cell.cell_contents
            except ValueError:  # It has none yet.
                continue
            found[name] = self._encode(value, f"{name}, which {function.__name__} uses,", module, names)
        return found

    def _encode(self, value: Any, what: str, module: str, names: set[str]) -> Any:
        """Write down a value.

        Args:
            names: is told which names of that module it has to be found by there.
        """
        try:
            told = Encoder(place=self._note).encode(value)
        except UntravelledError as error:
            part = f" (in {error.path})" if error.path else ""
            raise RefusedError(
                f"{what} is {error.what}{part}, which cannot travel into {self._label}: {_PLAIN}; make it in the body, from "
                "such data"
            ) from None
        names |= {*_references(told, module)}
        return told

    def answer(self, name: str) -> dict[str, Any] | None:
        """Give the source of a module that the environment does not have, if it travels: see `travelling.source_of`."""
        return source_of(name, self._beside)


def _references(told: Any, module: str) -> Iterable[str]:
    """Give the names of a module that a value is found by."""
    if isinstance(told, list):
        if len(told) == 3 and told[0] == "name" and told[1] == module:  # noqa: PLR2004  # A module and a name.
            yield told[2].partition(".")[0]
        for each in told:
            yield from _references(each, module)


def _top(kind: type) -> tuple[str, str]:
    """Give the module of a class, and the name there of it or of what it stands in."""
    return kind.__module__, kind.__qualname__.partition(".")[0]
