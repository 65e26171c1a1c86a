"""What the name `pytest` means in a body, in an environment that has no pytest."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

# Where each name is, by module beside this one: a body that uses one alone has the others neither read nor compiled.
_NAMES = {
    "outcomes": (
        *("skip", "fail", "xfail", "exit", "importorskip"),
        *("PytestWarning", "PytestApproxDecimalToleranceWarning"),
    ),
    "raising": ("raises", "RaisesExc"),
    "excinfo": ("ExceptionInfo",),
    "warned": ("warns", "deprecated_call", "WarningsRecorder"),
    "approximate": ("approx",),
    "approxnumbers": ("Approx",),
    "monkeypatching": ("MonkeyPatch",),
    "capturing": ("CaptureFixture",),
    "logged": ("LogCaptureFixture",),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


class StandIn:
    """Stands in the place of the module `pytest`, of which it has what a body needs.

    It is never put into `sys.modules`: code of the environment that asks for pytest is told that there is none.

    Args:
        environment: how the environment is called in a message.
        verbosity: that of assertions, in the session that asks.
    """

    def __init__(self, environment: str = "the environment", verbosity: int = 0) -> None:
        self.__name__ = "pytest"  # Assertions show what has a name by that.
        self._environment = environment
        self._verbosity = verbosity

    def __getattr__(self, name: str) -> Any:
        __tracebackhide__ = True
        if name.startswith("__"):
            raise AttributeError(name)
        value = _PLAIN.get(name) or self._found(name)
        setattr(self, name, value)
        return value

    def _found(self, name: str) -> Any:
        __tracebackhide__ = True
        if name in _MODULES:
            # Relative to this file: what it is sent into calls the package by another name.
            module: Any = import_module(f".{_MODULES[name]}", __package__)
            if hasattr(module, "verbosity"):
                module.verbosity = self._verbosity
            return getattr(module, name)
        try:
            real = import_module("pytest")  # That of the environment, if it has one.
        except ImportError as error:
            raise AttributeError(
                f"pytest.{name} is not there: {self._environment} has no pytest; name it in its requirements"
            ) from (None if _is_missing(error) else error)
        return getattr(real, name)

    def __repr__(self) -> str:
        return f"<pytest, as far as tests need it where {self._environment} has none>"


def _is_missing(error: ImportError) -> bool:
    """Say whether it is pytest that is missing, and not something that it needs."""
    return isinstance(error, ModuleNotFoundError) and error.name == "pytest" and "pytest" not in sys.modules


class _Mark:
    """Marks: they were acted on where the test was collected, and mean nothing here."""

    def __getattr__(self, name: str) -> _Marking:
        if name.startswith("_"):
            raise AttributeError("Marker name must NOT start with underscore")
        return _Marking(name)


class _Marking:
    """A mark, with arguments or without: gives back what it decorates."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # A lambda is an argument, as of `skipif`; so says pytest.
        is_decorated = len(args) == 1 and not kwargs and getattr(args[0], "__name__", "<lambda>") != "<lambda>"
        return args[0] if is_decorated and callable(args[0]) else self

    def with_args(self, *args: object, **kwargs: object) -> _Marking:
        """Give the same with arguments."""
        del args, kwargs
        return self


class _Parameters(NamedTuple):
    """The values of one run of a test."""

    values: tuple[object, ...]
    marks: object
    id: object


def _param(*values: object, marks: object = (), id: object = None) -> _Parameters:  # noqa: A002  # The word of pytest.
    """Give the values of one run of a test."""
    return _Parameters(values, marks, id)


def _fixture(function: Any = None, **kwargs: object) -> Any:
    """Give back the function that is decorated, or what does so."""
    del kwargs
    return _fixture if function is None else function


def _set_trace(*args: Any, **kwargs: Any) -> None:
    """Do what `breakpoint()` does: whoever runs a body knows where its terminal is."""
    __tracebackhide__ = True
    sys.breakpointhook(*args, **kwargs)  # noqa: T100  # Stands for it.


_PLAIN = {"mark": _Mark(), "param": _param, "fixture": _fixture, "set_trace": _set_trace}
