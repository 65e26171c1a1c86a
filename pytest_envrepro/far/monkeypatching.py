"""`monkeypatch`: changes that are taken back (as pytest 9.2 has it)."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module, invalidate_caches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_NOTHING = object()  # Where there was, or was given, no value.


class MonkeyPatch:
    """Changes attributes, items, variables, `sys.path` and the current folder, and takes all of it back."""

    __module__ = "_pytest.monkeypatch"  # As reports show it.

    def __init__(self) -> None:
        self._attributes: list[tuple[Any, str, object]] = []
        self._items: list[tuple[Any, Any, object]] = []
        self._folder: str | None = None
        self._path: list[str] | None = None

    @classmethod
    @contextmanager
    def context(cls) -> Iterator[MonkeyPatch]:
        """Give one whose changes are taken back at the end of a block."""
        inner = cls()
        try:
            yield inner
        finally:
            inner.undo()

    def setattr(self, target: Any, name: Any, value: Any = _NOTHING, raising: bool = True) -> None:  # noqa: FBT001, FBT002  # As in pytest.
        """Set an attribute, of an object or by its dotted name.

        Raises:
            AttributeError: there was none, and `raising`.
            TypeError: the arguments make no sense.
        """
        __tracebackhide__ = True
        if value is _NOTHING:
            if not isinstance(target, str):
                raise TypeError(_usage("setattr", "target, name, value", "target, value"))
            name, value = target, name
            target, name = _place(name, must_be=raising)
        elif not isinstance(name, str):
            raise TypeError(_usage("setattr", "target, name, value", "target, value", " with name being a string"))
        if raising and getattr(target, name, _NOTHING) is _NOTHING:
            raise AttributeError(f"{target!r} has no attribute {name!r}")
        before = _own(target, name)
        setattr(target, name, value)
        self._attributes.append((target, name, before))

    def delattr(self, target: Any, name: Any = _NOTHING, raising: bool = True) -> None:  # noqa: FBT001, FBT002  # As in pytest.
        """Delete an attribute, of an object or by its dotted name.

        Raises:
            AttributeError: there was none, and `raising`.
            TypeError: the arguments make no sense.
        """
        __tracebackhide__ = True
        if name is _NOTHING:
            if not isinstance(target, str):
                raise TypeError(_usage("delattr", "target, name", "target"))
            target, name = _place(target, must_be=raising)
        if hasattr(target, name):
            before = target.__dict__.get(name, _NOTHING) if isinstance(target, type) else getattr(target, name)
            delattr(target, name)
            self._attributes.append((target, name, before))
        elif raising:
            raise AttributeError(name)

    def setitem(self, dic: Any, name: Any, value: Any) -> None:
        """Set an item of a mapping."""
        before = dic.get(name, _NOTHING)
        dic[name] = value
        self._items.append((dic, name, before))

    def delitem(self, dic: Any, name: Any, raising: bool = True) -> None:  # noqa: FBT001, FBT002  # As in pytest.
        """Delete an item of a mapping.

        Raises:
            KeyError: there was none, and `raising`.
        """
        if name in dic:
            before = dic.get(name, _NOTHING)
            del dic[name]
            self._items.append((dic, name, before))
        elif raising:
            raise KeyError(name)

    def setenv(self, name: str, value: object, prepend: str | None = None) -> None:
        """Set a variable; with `prepend`, put the value before the present one, and that between them."""
        text = value if isinstance(value, str) else _as_text(name, value)
        if prepend and name in os.environ:
            text = prepend.join([text, os.environ[name]])
        self.setitem(os.environ, name, text)

    def delenv(self, name: str, raising: bool = True) -> None:  # noqa: FBT001, FBT002  # As in pytest.
        """Delete a variable.

        Raises:
            KeyError: there was none, and `raising`.
        """
        self.delitem(os.environ, name, raising=raising)

    def syspath_prepend(self, path: object) -> None:
        """Have modules looked for in this folder first."""
        if self._path is None:
            self._path = list(sys.path)
        sys.path.insert(0, str(path))
        # Setuptools keeps a list of its own of folders for namespaces, once it was imported.
        resources = sys.modules.get("pkg_resources")
        if resources is not None:
            resources.fixup_namespace_packages(str(path))
        invalidate_caches()

    def chdir(self, path: Any) -> None:
        """Change the current folder."""
        if self._folder is None:
            self._folder = os.getcwd()
        os.chdir(path)

    def undo(self) -> None:
        """Take back all changes until now: attributes, then items, each of them the last one first; whatever fails."""
        with ExitStack() as stack:
            # What comes in last is called first. Attributes are: `os.chdir` may be one of them.
            stack.callback(self._leave)
            stack.callback(self._shorten)
            for item in self._items:
                stack.callback(_put_back, *item)
            for attribute in self._attributes:
                stack.callback(_set_back, *attribute)
            self._items, self._attributes = [], []

    def _leave(self) -> None:
        if self._folder is not None:
            folder, self._folder = self._folder, None
            os.chdir(folder)

    def _shorten(self) -> None:
        if self._path is not None:
            sys.path[:], self._path = self._path, None


def _set_back(target: object, name: str, value: object) -> None:
    if value is _NOTHING:
        delattr(target, name)
    else:
        setattr(target, name, value)


def _put_back(mapping: Any, key: object, value: object) -> None:
    if value is not _NOTHING:
        mapping[key] = value
    elif key in mapping:
        del mapping[key]


def _usage(function: str, long: str, short: str, of_long: str = "") -> str:
    return f"use {function}({long}){of_long} or {function}({short}) with target being a dotted import string"


def _as_text(name: str, value: object) -> str:
    import warnings  # noqa: PLC0415  # Is needed here alone.

    from .outcomes import PytestWarning  # noqa: PLC0415  # The same.

    warnings.warn(
        PytestWarning(
            f"Value of environment variable {name} type should be str, but got "
            f"{value!r} (type: {type(value).__name__}); converted to str implicitly"
        ),
        stacklevel=3,
    )
    return str(value)


def _own(target: Any, name: str) -> object:
    """Give what is to be set again: of a class or an object its own alone, and not what it inherits.

    Setting again what a class inherits, or what a class gives an object, would leave that object with its own for good.
    """
    if isinstance(target, type):
        return target.__dict__.get(name, _NOTHING)
    descriptor = next((base.__dict__[name] for base in type(target).__mro__ if name in base.__dict__), None)
    is_set_by_class = hasattr(type(descriptor), "__set__") or hasattr(type(descriptor), "__delete__")
    own = getattr(target, "__dict__", None)
    if isinstance(own, Mapping) and not is_set_by_class:
        return own.get(name, _NOTHING)
    return getattr(target, name, _NOTHING)


def _place(dotted: str, *, must_be: bool) -> tuple[Any, str]:
    """Give the object and the attribute that a dotted name stands for.

    Raises:
        TypeError: it is no dotted name.
        AttributeError, ImportError: there is none of that name.
    """
    __tracebackhide__ = True
    if "." not in dotted:
        raise TypeError(f"must be absolute import path string, not {dotted!r}")
    path, _, name = dotted.rpartition(".")
    target = _object(path)
    if must_be:
        _attribute(target, name, path)
    return target, name


def _object(dotted: str) -> Any:
    first, *rest = dotted.split(".")
    path, found = first, import_module(first)
    for name in rest:
        path += f".{name}"
        if not hasattr(found, name):
            _import(path)
        found = _attribute(found, name, path)
    return found


def _import(path: str) -> None:
    """Import a module that may not have been until now."""
    try:
        import_module(path)
    except ImportError as error:
        if str(error).split()[-1:] == [path]:
            raise
        raise ImportError(f"import error in {path}: {error}") from error


def _attribute(target: Any, name: str, path: str) -> Any:
    try:
        return getattr(target, name)
    except AttributeError as error:
        raise AttributeError(f"{type(target).__name__!r} object at {path} has no attribute {name!r}") from error
