"""Writes down a function and its arguments so that another Python can run it: as source, and as plain data."""

from __future__ import annotations

import inspect
import os
import sys
from typing import TYPE_CHECKING, Any

from pytest_envrepro.errors import RefusedError
from pytest_envrepro.far.values import Encoder, UntravelledError
from pytest_envrepro.shipments import Cut, Shipment
from pytest_envrepro.slicing import NotFoundError, Sliced
from pytest_envrepro.travelling import is_rewritten, sliceable, source_of, travels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import ModuleType

    from pytest_envrepro.shipments import Method

_PLAIN = "only plain data and paths do"


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
        place = known_as if method is None else (method.place[0], method.place[1].partition(".")[0])
        name = method.place[0] if method is not None else str(getattr(plain, "__module__", None))
        names: set[str] = set()
        sent = [self._encode(value, what, name, names) for what, value in positional]
        given = {key: self._encode(value, what, name, names) for key, (what, value) in named.items()}
        bound = None if method is None else self._bound(method, names)
        try:
            self._refuse_hidden(plain, method)
            cut = self._cut(plain, name, names)
        except RefusedError:
            # What a decorator has put in the place of a function is found by the name that the module has it by.
            of_place = {each for told in (sent, [*given.values()]) for each in _references(told, (place or ("",))[0])}
            whole = self._by_name(function, place, names | of_place)
            if whole is None:
                raise
            cut = whole
        source = None if cut.module is None else self._module(cut.module, cut.path, cut.sliced, cut.enclosed)
        return Shipment(source, cut.where, sent, given, bound, tuple(made), cut.sliced.firsts, cut.sliced.apart)

    def ahead(self, function: Callable[..., Any], name: str, holder: str | None) -> dict[str, Any] | None:
        """Give the source that a function comes with, as far as that is known before its arguments; None where it is not.

        Args:
            name: the module that has it, or its class.
            holder: that class, where there is one.

        Raises:
            OSError, SyntaxError, NotFoundError: its source is not there.
        """
        plain = inspect.unwrap(function)
        module, code = sys.modules.get(name), getattr(plain, "__code__", None)
        if module is None or code is None or plain.__module__ != name or not travels(module, self._beside):
            return None
        names = [holder] if holder else ()
        return _source(module, sliceable(module).part(code.co_firstlineno, plain.__qualname__, names))

    def _refuse_hidden(self, function: Any, method: Method | None) -> None:
        """Refuse a function that is not what is found by its name; of a class that has a place, it need not be."""
        path = getattr(function, "__qualname__", None)
        if not isinstance(path, str):
            raise RefusedError(
                f"{function!r} cannot travel into {self._label}: call() takes a function that has a name"
            )
        if method is not None:
            if "<locals>" in path and "<locals>" not in method.place[1]:
                self._refuse_unnamed(path)
            return
        there = getattr(function, "__globals__", {}).get(path)
        if there is not None and inspect.unwrap(there) is not function:
            raise RefusedError(
                f"{path} cannot travel into {self._label}: its module has another one of that name by now; give each of them "
                "a name of its own"
            )

    def _cut(self, function: Any, name: str, names: set[str]) -> Cut:
        """Cut a function out of its module, or have it imported there where that does not travel."""
        module, path = sys.modules.get(name), function.__qualname__
        has_source = hasattr(function, "__code__") or isinstance(function, type)
        if module is None or not has_source or not travels(module, self._beside):
            self._refuse_unnamed(path)
            return Cut((name, path))
        enclosed = self._enclosed(function, name, names)
        sliced = self._sliced(module, function, names)
        return Cut((name, path.rpartition("<locals>.")[2]), module, path, sliced, enclosed)

    def _by_name(self, function: Any, known_as: tuple[str, str] | None, names: set[str]) -> Cut | None:
        """Cut out what makes a name of a module, if it is there for that function, or for a class."""
        module = None if known_as is None else sys.modules.get(known_as[0])
        if module is None or known_as is None or not travels(module, self._beside):
            return None
        there = vars(module).get(known_as[1])
        sliced = sliceable(module).making({*names, known_as[1]})
        if known_as[1] in sliced.missing or (there is not function and not isinstance(there, type)):
            return None
        return Cut(known_as, module, known_as[1], sliced)

    def _bound(self, method: Method, names: set[str]) -> dict[str, Any]:
        """Write down what a method is called on; what of it cannot travel may be for others of its class.

        Raises:
            RefusedError: something cannot, and this is no test's.
        """
        name, path = method.place
        names.add(path.partition(".")[0])
        told: dict[str, Any] = {"class": (name, path), "name": method.name}
        for word, holder, values in (("", "self", method.has), ("class ", path, method.changed)):
            has, lacks = told[f"{word}has"], told[f"{word}lacks"] = {}, {}
            for key, value in values.items():
                try:
                    has[key] = self._encode(value, f"{holder}.{key}", name, names)
                except RefusedError as error:
                    if not method.is_of_test:
                        raise
                    lacks[key] = str(error)
        return told

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
        lost = sorted(each for each in sliced.missing if each in vars(module) and each not in given)
        if lost:
            raise RefusedError(
                f"{path} uses {', '.join(lost)}, which cannot travel into {self._label}: no statement of {module.__file__} makes it; "
                "write it there, or give it as an argument"
            )
        return {
            "name": module.__name__,
            "package": module.__name__.rpartition(".")[0] if module.__package__ else "",
            **_source(module, sliced),
            "given": {**given},
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


def _source(module: ModuleType, sliced: Sliced) -> dict[str, Any]:
    return {"file": str(module.__file__), "source": sliced.source, "rewrite": is_rewritten(module)}


def _references(told: Any, module: str) -> Iterable[str]:
    """Give the names of a module that a value is found by."""
    if isinstance(told, list):
        if len(told) == 3 and told[0] == "name" and told[1] == module:  # noqa: PLR2004  # A module and a name.
            yield told[2].partition(".")[0]
        for each in told:
            yield from _references(each, module)
