"""Writes down a function and its arguments so that another Python can run it: as source, and as plain data."""

from __future__ import annotations

import inspect
import os
import re
import sys
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.errors import RefusedError
from pytest_envrepro.far.values import Encoder, UntravelledError
from pytest_envrepro.slicing import Module, NotFoundError, Sliced
from pytest_envrepro.travelling import is_rewritten, source_of, source_text, travels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import ModuleType

_ROOT_NAME = re.compile(r"\w+")
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
        made: Iterable[str] = (),
    ) -> Shipment:
        """Write down a function with its arguments.

        Args:
            positional, named: each with what it is called in an error.
            method: what it is called on, where it is one.
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
        bound = None
        if method is not None:
            name = method.kind.__module__
            bound = self._bound(method, names)
        module = sys.modules.get(name)
        where = (name, path)
        has_source = hasattr(plain, "__code__") or isinstance(plain, type)
        if module is None or not has_source or not travels(module, self._beside):
            self._refuse_unnamed(path)
            return Shipment(None, where, sent, given, bound, tuple(made))
        enclosed = self._enclosed(plain, name, names)
        sliced = self._sliced(module, plain, names)
        where = (name, path.rpartition("<locals>.")[2])
        source = self._module(module, plain, sliced, enclosed)
        return Shipment(source, where, sent, given, bound, tuple(made), sliced.firsts, sliced.apart)

    def _bound(self, method: Method, names: set[str]) -> dict[str, Any]:
        """Write down what a method is called on."""
        name, path = method.kind.__module__, method.kind.__qualname__
        names.add(path.partition(".")[0])
        return {
            "class": (name, path),
            "name": method.name,
            "has": {key: self._encode(value, f"self.{key}", name, names) for key, value in method.has.items()},
            "class has": {
                key: self._encode(value, f"{path}.{key}", name, names) for key, value in method.changed.items()
            },
        }

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
            known = _read(file, _state(file), id(module))
            if isinstance(function, type):
                return known.making({*names, path.partition(".")[0]})
            if function.__module__ != module.__name__:  # A method that its class has of a base elsewhere.
                return known.making(names)
            return known.part(function.__code__.co_firstlineno, path, names)
        except (OSError, SyntaxError, NotFoundError) as error:
            raise RefusedError(
                f"{path} cannot travel into {self._label}: its source is not in {file} any more, or was never there ({error})"
            ) from None

    def _module(self, module: ModuleType, function: Any, sliced: Sliced, given: Mapping[str, Any]) -> dict[str, Any]:
        """Write down a part of a module."""
        file, path = str(module.__file__), function.__qualname__
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


@lru_cache(maxsize=64)
def _read(file: str, _: tuple[int, int], module: int) -> Module:
    """Read a module once, as long as its file stays as it is."""
    names = vars(next(each for each in tuple(sys.modules.values()) if id(each) == module))
    return Module(source_text(file), file, lambda text: _is_pytests(_value(text, names)))


def _value(text: str, names: Mapping[str, Any]) -> Any:
    match = _ROOT_NAME.match(text)
    return names.get(match[0]) if match else None


def _is_pytests(value: Any) -> bool:
    """Tell whether a decorator is pytest's: the module itself, a mark, or a function of it."""
    name = getattr(value, "__name__", "") if inspect.ismodule(value) else getattr(value, "__module__", "")
    return name == "pytest" or str(type(value).__module__).startswith("_pytest") or str(name).startswith("_pytest")


def _state(file: str) -> tuple[int, int]:
    found = os.stat(file)
    return found.st_mtime_ns, found.st_size
