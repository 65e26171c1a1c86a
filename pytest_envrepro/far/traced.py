"""Tracebacks as plain data: where each call was, what its variables looked like, and where a recursion begins again."""

from __future__ import annotations

import linecache
import os
from typing import TYPE_CHECKING, NamedTuple

from .reprs import short

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import CodeType, FrameType, TracebackType
    from typing import Any

MOST_TEXT = 1 << 20  # Characters of all texts of an exception together.
MOST_FRAMES = 2000  # Calls of one traceback; of longer ones the middle is left out.
_MOST_SHOWN = 1 << 16  # Characters of one value.
_MOST_LOCALS = 1000  # Variables of one call.
_MOST_COMPARED = 100_000  # Comparisons of calls in search of where a recursion begins again.
_STAR, _STARS = 4, 8  # Flags of a code object: it has `*args`, it has `**kwargs` (`inspect`).


class Budget:
    """What of the text may still be told."""

    def __init__(self) -> None:
        self._left = MOST_TEXT

    def cut(self, text: str, most: int) -> str:
        """Give a text, without its middle where it is too long."""
        most = max(min(most, self._left), 3)
        if len(text) > most:
            text = _cut(text, most)
        self._left -= len(text)
        return text

    def has(self, length: int) -> bool:
        """Tell whether a text of this length can be told whole."""
        return length <= self._left


class Wanted(NamedTuple):
    """What is told of values.

    Attributes:
        with_locals: all variables, not the arguments alone.
        most: characters of one value; None for all of it.
        pretty: variables also as `pprint` lays them out.
    """

    with_locals: bool
    most: int | None
    pretty: bool


def attempt(function: Callable[..., Any], *args: Any, default: Any = None) -> Any:
    """Call what may do anything; give the default where it raises."""
    try:
        return function(*args)
    except BaseException:  # noqa: BLE001  # Also a SystemExit: it is code of the test's, which has ended.
        return default


def shown(value: Any, most: int | None, default: str) -> str:
    """Give a repr as pytest shows arguments and variables: as in assertions, but line breaks stay what they are.

    Args:
        most: characters of it; None for all of them.
        default: stands for one that would end the process.
    """
    most = most or 1 << 30  # Without a number, `short` gives another text: in ASCII.
    text: str = attempt(short, value, most, default=default)
    if "\\n" not in text:
        return text
    whole = attempt(repr, value, default=text)
    broken = _cut(whole, most) if len(whole) > most else str(whole)
    return broken if broken.replace("\n", "\\n") == text else text


def _cut(text: str, most: int) -> str:
    head = (most - 3) // 2
    return text[:head] + "..." + text[len(text) - (most - 3 - head) :]


class Tracer:
    """Tells tracebacks.

    Attributes:
        sites: the places, each told once.
    """

    def __init__(self, own: Collection[str], wanted: Wanted, budget: Budget) -> None:
        self.sites: list[dict[str, Any]] = []
        self._own = own
        self._wanted = wanted
        self._budget = budget
        self._numbers: dict[tuple[int, int, int], int] = {}
        self._kept: list[FrameType] = []  # Of each site one: while it lives, nothing else has the `id` of its code.

    def trace(self, error: BaseException, traceback: TracebackType | None) -> dict[str, Any]:
        """Tell the traceback of an exception, from the outermost call on."""
        entries = self._entries(traceback)
        hidden = [_is_hidden(each.tb_frame, error) for each in entries]
        told: list[dict[str, Any]] = [
            {"site": self._site(each), "hidden": hidden[number]} for number, each in enumerate(entries)
        ]
        recursion = None
        if issubclass(type(error), RecursionError):
            recursion = _recursion([(n, each) for n, each in enumerate(entries) if not hidden[n]])
            if recursion:  # The same code, then.
                told[recursion[1]]["site"] = told[recursion[0]]["site"]
        kept = _kept(len(entries))
        # Both ends first: they are what is looked at, where there is too much.
        for number in sorted(kept, key=lambda n: min(n, len(entries) - 1 - n)):
            told[number]["values"] = self._values(entries[number].tb_frame)
        frames = [told[number] for number in kept]
        if len(kept) < len(entries):
            frames.insert(len(kept) // 2, {"left_out": len(entries) - len(kept)})
        return {"frames": frames, "recursion": recursion and (recursion if len(kept) == len(entries) else [])}

    def sources(self, *, everything: bool) -> dict[str, str]:
        """Give the text of files.

        Args:
            everything: of all of them, not of those alone that were never on a disk.
        """
        found = {}
        for number, frame in enumerate(self._kept):
            name = self.sites[number]["file"]
            if name in found or not (everything or not attempt(os.path.exists, name, default=False)):
                continue
            text = attempt(lambda: "".join(linecache.getlines(name, frame.f_globals)), default="")  # noqa: B023  # Is called here.
            if isinstance(text, str) and text and self._budget.has(len(text)):
                found[name] = self._budget.cut(text, len(text))
        return found

    def _entries(self, traceback: TracebackType | None) -> list[TracebackType]:
        entries: list[TracebackType] = []
        is_ours = True  # Whether the calls before were ours, and are left out.
        while traceback is not None:
            file = traceback.tb_frame.f_code.co_filename
            is_own = file in self._own
            if is_own and entries and _is_import(entries[-1]):
                # An import of ours: Python leaves out such calls too, where an import is its own.
                while entries and _is_import(entries[-1]):
                    entries.pop()
                is_ours = True
            if not (is_own and is_ours):
                is_ours = False
                entries.append(traceback)
            traceback = traceback.tb_next
        return entries

    def _site(self, entry: TracebackType) -> int:
        code = entry.tb_frame.f_code
        key = (id(code), entry.tb_lasti, entry.tb_lineno)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.sites)
            self.sites.append(_place(code, entry))
            self._kept.append(entry.tb_frame)
        return number

    def _values(self, frame: FrameType) -> dict[str, list[str]]:
        variables = attempt(dict, frame.f_locals, default={})
        arguments = (*_arguments(frame.f_code), *_slots(frame.f_code))
        names = [name for name in arguments if name in variables]
        if self._wanted.with_locals:
            others = (name for name in variables if type(name) is str and name and name[0] != "@")
            names += [name for name in others if name not in arguments][:_MOST_LOCALS]
        return {name: self._shown(name, variables[name]) for name in names}

    def _shown(self, name: str, value: Any) -> list[str]:
        """Give how a value looks, and how in several lines where that is wanted and another text."""
        if name == "__builtins__":
            return ["<builtins>"]
        text = shown(value, self._wanted.most, "<a value whose repr failed>")
        texts = [self._budget.cut(text, _MOST_SHOWN)]
        if self._wanted.pretty:
            import pprint  # noqa: PLC0415  # Is needed for much detail alone.

            try:
                laid_out = pprint.pformat(value)
            except BaseException as error:  # noqa: BLE001  # Code of the test's, which has ended.
                wrong = shown(error, None, type(error).__name__)
                laid_out = f"<[{wrong} raised in repr()] {type(value).__name__} object at {id(value):#x}>"
            if laid_out != text:
                texts.append(self._budget.cut(laid_out, _MOST_SHOWN))
        return texts


def _is_import(entry: TracebackType) -> bool:
    return entry.tb_frame.f_code.co_filename.startswith("<frozen importlib.")


def _place(code: CodeType, entry: TracebackType) -> dict[str, Any]:
    count, only, flags = code.co_argcount, code.co_kwonlyargcount, code.co_flags
    rest = list(code.co_varnames[count + only :])
    return {
        "file": code.co_filename,
        "name": code.co_name,
        "qualname": getattr(code, "co_qualname", None),
        "first": code.co_firstlineno,
        "line": entry.tb_lineno,
        "columns": _columns(code, entry),
        "arguments": list(code.co_varnames[:count]),
        "only": list(code.co_varnames[count : count + only]),
        "star": rest.pop(0) if flags & _STAR else None,
        "stars": rest.pop(0) if flags & _STARS else None,
        "slots": _slots(code),
    }


def _arguments(code: CodeType) -> tuple[str, ...]:
    """Give the names of all arguments, as they stand among the variables."""
    rests = bool(code.co_flags & _STAR) + bool(code.co_flags & _STARS)
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + rests]


def _slots(code: CodeType) -> list[str]:
    """Give the variables after `*args` and `**kwargs` that pytest before 9 takes for arguments: it adds these flags."""
    first = len(_arguments(code))
    flags = code.co_flags & (_STAR | _STARS)
    return list(code.co_varnames[first : code.co_argcount + code.co_kwonlyargcount + flags])


def _columns(code: CodeType, entry: TracebackType) -> list[int] | None:
    """Give where in its line a call was: the last line, the column, the column after it, in bytes; PEP 657, Python 3.11."""
    positions = getattr(code, "co_positions", None)
    if positions is None:
        return None
    from itertools import islice  # noqa: PLC0415  # Beside its only use.

    where: list[Any]
    line, *where = next(islice(positions(), entry.tb_lasti // 2, None), (None,) * 4)
    return where if line == entry.tb_lineno and None not in where else None


def _kept(count: int) -> list[int]:
    half = MOST_FRAMES // 2
    return list(range(count)) if count <= MOST_FRAMES else [*range(half), *range(count - half, count)]


class _Raised:
    """What a function under `__tracebackhide__` is asked with: what such functions use of pytest's `ExceptionInfo`."""

    def __init__(self, error: BaseException) -> None:
        self.value = error
        self.type = type(error)
        self.tb = error.__traceback__
        self.typename = type(error).__name__

    def errisinstance(self, kinds: Any) -> bool:
        return isinstance(self.value, kinds)


def _is_hidden(frame: FrameType, error: BaseException) -> bool:
    for names in (frame.f_locals, frame.f_globals):
        try:
            hides = names["__tracebackhide__"]
        except BaseException:  # noqa: BLE001, S112  # `exec` takes any object for the names.
            continue
        if callable(hides):
            return bool(attempt(lambda hides=hides: bool(hides(_Raised(error))), default=True))
        return bool(attempt(bool, hides, default=True))
    return False


def _recursion(entries: list[tuple[int, TracebackType]]) -> list[Any]:
    """Find the first call that is at the same place, with equal variables, as one before.

    Returns:
        The numbers of both, and None; where they could not be compared, class and text of what was raised. Nothing
        where there is none.
    """
    seen: dict[tuple[int, int], list[tuple[int, dict[str, Any]]]] = {}
    compared = 0
    for number, entry in entries:
        variables = attempt(dict, entry.tb_frame.f_locals, default={})
        others = seen.setdefault((id(entry.tb_frame.f_code), entry.tb_lineno), [])
        compared += len(others)
        if compared > _MOST_COMPARED:
            return []
        for other, known in others:
            try:
                if known == variables:
                    return [other, number, None]
            except BaseException as error:  # noqa: BLE001  # What is compared is the test's.
                return [
                    other,
                    number,
                    [type(error).__name__, attempt(lambda error=error: str(error)[:1000], default="")],
                ]
        others.append((number, variables))
    return []
