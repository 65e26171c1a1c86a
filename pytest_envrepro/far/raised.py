"""An exception as plain data, with all that a report says of it, so that it can be shown by another process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .traced import Budget, Tracer, Wanted, attempt, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

MOST_ERRORS = 100  # Exceptions that are told together: causes, contexts, and members of groups.
_MOST_MESSAGE = 1 << 18  # Characters of one.
_MOST_NAME = 1000
_MOST_CLASSES = 100
# What these have beside their text that `traceback` shows, or that tells them apart; the standard library's own names.
_FIELDS: Mapping[type, tuple[str, ...]] = {
    SyntaxError: ("msg", "filename", "lineno", "offset", "text", "end_lineno", "end_offset", "print_file_and_line"),
    OSError: ("errno", "strerror", "filename", "filename2"),
    SystemExit: ("code",),
    ImportError: ("msg", "name", "path"),
    NameError: ("name",),
    AttributeError: ("name",),
}


def told(
    error: BaseException,
    *,
    own: Collection[str],
    with_locals: bool,
    most: int | None = 240,
    sources: bool = False,
    pretty: bool = False,
) -> dict[str, Any]:
    """Tell an exception: what it is and says, where it was raised, and what caused it.

    Whatever its class does, nothing is raised here: what could not be asked is told as such. All texts together have at
    most a mebibyte, or a few characters for each once that is used up.

    Args:
        own: files whose calls are left out where a traceback begins with them.
        with_locals: tell all variables of each call, not its arguments alone.
        most: characters of a value; None for all of it.
        sources: tell the text of all files in tracebacks, as for a process that does not have them; those that were
            never on a disk are always told.
        pretty: tell variables also as `pprint` lays them out.

    Returns:
        What `json` writes: `errors`, of which the first is this one and others are named by their numbers; `sites`, the
        places that their frames name by number; `sources`, texts by file.
    """
    budget = Budget()
    tracer = Tracer(own, Wanted(with_locals, most, pretty), budget)
    telling = _Telling(tracer, budget)
    telling.number(error)
    return {"errors": telling.errors, "sites": tracer.sites, "sources": tracer.sources(everything=sources)}


class _Telling:
    """Numbers exceptions as they are met."""

    def __init__(self, tracer: Tracer, budget: Budget) -> None:
        self.errors: list[dict[str, Any]] = []
        self._tracer = tracer
        self._budget = budget
        self._numbers: dict[int, int] = {}
        self._open: set[int] = set()
        self._kept: list[BaseException] = []  # Nothing else gets the `id` of one that lives.

    def number(self, error: Any) -> int | None:
        """Tell one with all that it names; None where that would be a circle, or there is none."""
        if not issubclass(type(error), BaseException) or id(error) in self._open:
            return None
        number = self._numbers.get(id(error))
        if number is not None:
            return number
        number = self._numbers[id(error)] = len(self.errors)
        self._kept.append(error)
        if number >= MOST_ERRORS:
            self._numbers[id(error)] = MOST_ERRORS
            self.errors[MOST_ERRORS:] = [dict(_REST)]
            return MOST_ERRORS
        self._open.add(id(error))
        entry: dict[str, Any] = {}
        self.errors.append(entry)
        entry.update(self._itself(error))
        members = _members(error)
        entry["cause"] = self.number(_slot(error, "__cause__"))
        entry["context"] = self.number(_slot(error, "__context__"))
        if members is not None:
            numbers = (self.number(each) for each in members)
            entry["exceptions"] = [each for each in numbers if each is not None]
            entry["message"] = self._text(attempt(lambda: error.message, default=""))
        self._open.discard(id(error))
        return number

    def _itself(self, error: BaseException) -> dict[str, Any]:
        text, wrong = self._said(error)
        traceback = _slot(error, "__traceback__")
        fields = self._fields(error)
        return {
            "classes": _classes(type(error)),
            "text": text,
            "wrong": wrong,
            "repr": self._budget.cut(shown(error, None, "<an exception whose repr failed>"), _MOST_MESSAGE),
            "notes": self._notes(error),
            "fields": fields,
            "suggestion": _suggestion(error, traceback) if fields.get("name") else None,
            "suppress": _slot(error, "__suppress_context__") is True,
            **self._tracer.trace(error, traceback),
        }

    def _said(self, error: BaseException) -> tuple[str | None, str | None]:
        """Give its text; or None, and what was wrong with that."""
        try:
            return self._text(str(error)), None
        except BaseException as wrong:  # noqa: BLE001  # Is the test's own, and may raise anything.
            return None, self._budget.cut(shown(wrong, _MOST_NAME, type(wrong).__name__), _MOST_NAME)

    def _text(self, text: Any) -> str:
        """Give a text as no more than a text, whatever class it has."""
        return self._budget.cut(attempt(str.__str__, text, default=""), _MOST_MESSAGE)

    def _notes(self, error: BaseException) -> list[str] | None:
        """Give its notes, PEP 678."""
        notes = attempt(lambda: error.__notes__)  # type: ignore[attr-defined]  # mypy reads it as Python 3.10 does.
        if notes is None:
            return None
        if type(notes) not in (list, tuple):
            return [self._budget.cut(shown(notes, None, "<notes whose repr failed>"), _MOST_MESSAGE)]
        return [self._text(attempt(str, note, default="<note str() failed>")) for note in notes[:_MOST_NAME]]

    def _fields(self, error: BaseException) -> dict[str, Any]:
        """Give what some classes have beside a text: texts, numbers and None; what is anything else is told as text."""
        found: dict[str, Any] = {}
        for kind, names in _FIELDS.items():
            if issubclass(type(error), kind):
                for name in names:
                    value = attempt(getattr, error, name, None)
                    if value is None or type(value) is bool or (type(value) is int and value.bit_length() < 64):  # noqa: PLR2004
                        found[name] = value
                    else:
                        found[name] = self._text(value if type(value) is str else attempt(str, value, default="?"))
        return found


# Stands for all that are more than MOST_ERRORS.
_REST: Mapping[str, Any] = {
    "classes": [["builtins", "Exception"], ["builtins", "BaseException"], ["builtins", "object"]],
    "text": f"there are more exceptions than the {MOST_ERRORS} that are told",
    "wrong": None,
    "repr": "...",
    "notes": None,
    "fields": {},
    "suggestion": None,
    "suppress": False,
    "frames": [],
    "recursion": None,
    "cause": None,
    "context": None,
}


def _slot(error: BaseException, name: str) -> Any:
    """Give what every exception has, which its class may have hidden behind something of its own."""
    return BaseException.__dict__[name].__get__(error)


def _classes(kind: type) -> list[list[str]]:
    """Give module and name of all classes that it is, the nearest first."""
    order = type.__dict__["__mro__"].__get__(kind)
    if len(order) > _MOST_CLASSES:  # The last ones are Python's own.
        order = order[: _MOST_CLASSES // 2] + order[-_MOST_CLASSES // 2 :]
    return [[_name(each, "__module__"), _name(each, "__qualname__")] for each in order]


def _name(kind: type, which: str) -> str:
    found = attempt(type.__dict__[which].__get__, kind)
    return found[:_MOST_NAME] if type(found) is str else "<unknown>"


def _members(error: BaseException) -> list[Any] | None:
    """Give the exceptions of a group: PEP 654, or what came before it; None where it is none."""
    groups = ("builtins", "BaseExceptionGroup"), ("exceptiongroup", "BaseExceptionGroup")
    if not any((module.partition(".")[0], name) in groups for module, name in _classes(type(error))):
        return None
    return attempt(lambda: list(error.exceptions), default=[])  # type: ignore[attr-defined, no-any-return]  # A group has.


def _suggestion(error: BaseException, traceback: Any) -> str | None:
    """Give the name that `traceback` thinks was meant, from Python 3.12 on."""
    import re  # noqa: PLC0415  # Is needed for wrong names alone.
    from traceback import TracebackException  # noqa: PLC0415  # The same.

    lines = attempt(lambda: list(TracebackException(type(error), error, traceback, limit=0).format_exception_only()))
    found = re.search(r"Did you mean: '(.+)'\?$", "".join(lines or []).rstrip())
    said = attempt(str, error, default="")
    return found[1] if found and not said.endswith(found[0]) else None
