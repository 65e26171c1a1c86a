"""Exceptions of another process, made again: to pytest they are as if they had been raised here."""

from __future__ import annotations

import contextlib
import sys
from functools import lru_cache
from types import BuiltinFunctionType, new_class
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_envrepro.retracing import Sites, remember

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_GROUPS = ("BaseExceptionGroup", "ExceptionGroup")


class Rebuilt:
    """What classes of such exceptions are too: nothing of the class that they are named after is run, nor asked."""

    _far: Mapping[str, Any]

    def __init_subclass__(cls, **_: object) -> None:
        """Tell no other class of it."""

    def __str__(self) -> str:
        if self._far["text"] is None:
            raise ValueError(self._far["wrong"])
        text: str = self._far["text"]
        return text

    def __repr__(self) -> str:
        text: str = self._far["repr"]
        return text

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"this {type(self).__name__} was raised in another process: it has no {name!r} here")

    __getattribute__ = object.__getattribute__
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__
    __hash__ = object.__hash__
    __eq__ = object.__eq__
    # As every exception has them, whatever a class has put in their place.
    args = vars(BaseException)["args"]
    __cause__ = vars(BaseException)["__cause__"]
    __context__ = vars(BaseException)["__context__"]
    __suppress_context__ = vars(BaseException)["__suppress_context__"]
    __traceback__ = vars(BaseException)["__traceback__"]
    with_traceback = vars(BaseException)["with_traceback"]


class _Suggesting:
    """An object with one name, which `traceback` compares with a wrong one."""

    def __init__(self, name: str) -> None:
        self._names = [name]

    def __dir__(self) -> list[str]:
        return self._names


def rebuild(told: Mapping[str, Any]) -> BaseException:
    """Make an exception again.

    Its class has the name of the other one, and is a class of its own that derives from all classes of the other one
    that are here; nothing is imported for that. It says the same, by `str()`, by `repr()` and with its notes, and
    its traceback has the same calls, whose arguments and variables look the same. Causes, contexts and members of groups
    are made again too.

    Args:
        told: as `far.raised.told` gives it.
    """
    remember(told["sources"])
    sites = Sites(told["sites"])
    errors = told["errors"]
    made: dict[int, BaseException] = {}
    for number in _members_first(errors):
        entry = errors[number]
        made[number] = _made(entry, [made[each] for each in entry.get("exceptions", ())])
        _furnish(made[number], entry, sites)
    for number, entry in enumerate(errors):
        error = made[number]
        error.__cause__ = None if entry["cause"] is None else made[entry["cause"]]
        error.__context__ = None if entry["context"] is None else made[entry["context"]]
        error.__suppress_context__ = entry["suppress"]
    return made[0]


def _members_first(errors: Sequence[Mapping[str, Any]]) -> list[int]:
    """Give the numbers of exceptions, those of groups after their members."""
    order: dict[int, None] = {}

    def visit(number: int) -> None:
        for each in errors[number].get("exceptions", ()):
            if each not in order:
                visit(each)
        order[number] = None

    for number in range(len(errors)):
        if number not in order:
            visit(number)
    return list(order)


def _made(entry: Mapping[str, Any], members: list[BaseException]) -> BaseException:
    classes = tuple((module, name) for module, name in entry["classes"])
    error: Any = None
    if members:
        # This Python may have no groups, or not of these.
        with contextlib.suppress(TypeError, ValueError):
            error = _group(_class(classes[0], _known(classes)), entry["message"], members)
        if error is None:
            classes = (classes[0], *(pair for pair in classes[1:] if pair[1] not in _GROUPS))
            entry = {**entry, "notes": [*(entry["notes"] or ()), *_in_words(members)]}
    if error is None:
        kind = _class(classes[0], _known(classes))
        error = _maker(kind)(kind)
    error._far = entry  # noqa: SLF001  # It is a Rebuilt, which is ours.
    if entry["notes"] is not None:
        _set(error, "__notes__", entry["notes"])
    return error  # type: ignore[no-any-return]  # It is one.


def _group(kind: type[BaseException], message: str, members: list[BaseException]) -> BaseException:
    for each in kind.__mro__:
        if each in _groups():
            error: BaseException = each.__new__(kind, message, members)
            return error
    raise TypeError("there are no groups here")


def _in_words(members: Sequence[BaseException]) -> list[str]:
    total = len(members)
    return [f"{n} of {total}: {type(each).__qualname__}: {_said(each)}" for n, each in enumerate(members, 1)]


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except ValueError as wrong:
        return f"<{wrong}>"


def _furnish(error: BaseException, entry: Mapping[str, Any], sites: Sites) -> None:
    """Give it what it says, and where it was raised."""
    if entry["text"] is not None:
        error.args = (entry["text"],)
    for name, value in entry["fields"].items():
        _set(error, name, value)
    meant = entry["suggestion"]
    if meant is not None and isinstance(error, AttributeError):
        _set(error, "obj", _Suggesting(meant))
    error.__traceback__ = sites.traceback(entry, globals_of_last=() if meant is None else (meant,))


def _set(error: BaseException, name: str, value: object) -> None:
    with contextlib.suppress(Exception):  # A class may have anything under this name.
        setattr(error, name, value)


@lru_cache(maxsize=512)
def _class(name: tuple[str, str], known: tuple[type[BaseException], ...]) -> type[BaseException]:
    """Make a class of a module and a name, which derives from others."""
    module, qualname = name
    names = {"__module__": module, "__qualname__": qualname}
    while True:
        bases = _without_bases_of_others(known)
        try:
            made: Any = new_class(
                qualname.rpartition(".")[2], (Rebuilt, *bases), exec_body=lambda own: own.update(names)
            )
            if (made.__module__, made.__qualname__) == (module, qualname):
                return made  # type: ignore[no-any-return]  # All but the first of its bases are exceptions.
        except (Exception, SystemExit):  # noqa: BLE001, S110  # Code of the user's: a class of classes; or two that cannot be one.
            pass
        # The nearest alone, and then what is behind it.
        known = _exceptions(bases[0]) if len(bases) > 1 else known[1:]


def _exceptions(kind: type[BaseException]) -> tuple[type[BaseException], ...]:
    return tuple(each for each in kind.__mro__ if issubclass(each, BaseException))


def _known(classes: Sequence[tuple[str, str]]) -> tuple[type[BaseException], ...]:
    """Give those that this process has."""
    found = [_found(module, name) for module, name in classes]
    return (*(each for each in found if each is not None), BaseException)


def _without_bases_of_others(classes: Sequence[type[BaseException]]) -> list[type[BaseException]]:
    unique = list(dict.fromkeys(classes))
    return [each for each in unique if not any(issubclass(other, each) for other in unique if other is not each)]


def _found(module: str, name: str) -> type[BaseException] | None:
    """Give the class of an exception that a module of this process has; nothing is imported, not even by the module."""
    if name in _GROUPS and module.partition(".")[0] in ("builtins", "exceptiongroup"):
        return next((each for each in _groups() if each.__name__ == name), None)
    if module == "__main__":  # Another program.
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def _groups() -> tuple[type[BaseException], ...]:
    """Give the two classes of groups: this Python's, or of the package that older ones have in their place."""
    for module in ("builtins", "exceptiongroup"):
        names: Mapping[str, Any] = vars(sys.modules[module]) if module in sys.modules else {}
        if all(name in names for name in _GROUPS):
            return tuple(names[name] for name in _GROUPS)
    return ()


def _maker(kind: type[BaseException]) -> Any:
    """Give what makes an exception of a class, and runs nothing of the user's."""
    base: Any = kind
    while not isinstance(vars(base).get("__new__"), BuiltinFunctionType):
        base = base.__base__  # Of several, the one whose parts in C an object has.
    return base.__new__
