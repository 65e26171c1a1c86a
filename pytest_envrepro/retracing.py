"""Tracebacks made again of what another process has told of them: real ones, of calls that were never made here."""

from __future__ import annotations

import ast
import linecache
import os
from types import CodeType, FunctionType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MOST_LINE = 10_000_000  # Later ones are none that a file has.
# No identifiers, so that no user's names are like them. pytest shows no variable whose name begins like this.
_VALUES = "@pytest-envrepro: values"
_PLACE = "@pytest-envrepro: place in the recursion"
_STOP = "@pytest-envrepro: stop"
_NOT_ASSIGNED = frozenset({"", "None", "True", "False", "__debug__"})


class FarValue:
    """Stands for a value of another process, and looks like it."""

    def __init__(self, text: str) -> None:
        self._far_text = text

    def __repr__(self) -> str:
        return self._far_text


class _Hiding(FarValue):
    """A `__tracebackhide__`, which is asked whether it does."""

    def __init__(self, text: str, *, hides: bool) -> None:
        super().__init__(text)
        self._far_hides = hides

    def __bool__(self) -> bool:
        return self._far_hides


class _LaidOut(FarValue):
    """One that looks otherwise in several lines than in one: `pprint` has the former, and `reprlib` the latter."""

    def __init__(self, text: str, laid_out: str) -> None:
        super().__init__(laid_out)
        self._far_short = text

    def __getitem__(self, part: slice) -> FarValue:
        text = self._far_short
        if part.stop and len(text) > part.stop:  # As `reprlib` has it cut what it gets otherwise.
            head = (part.stop - 3) // 2
            text = f"{text[:head]}...{text[len(text) - (part.stop - 3 - head) :]}"
        return FarValue(text)


# `reprlib` goes by the name of a class, and takes the parts of a `str` that it shows: this one gives it the short text.
_LaidOut.__name__, _LaidOut.__module__ = "str", "builtins"


class _Incomparable(FarValue):
    """One that could not be compared."""

    def __init__(self, text: str, kind: str, message: str) -> None:
        super().__init__(text)
        self._far_error = type(kind, (Exception,), {})(message)

    __hash__ = FarValue.__hash__

    def __eq__(self, _: object) -> NoReturn:
        raise self._far_error


class _StopError(Exception):
    """Ends a call that is there for its frame."""


class Sites:
    """The places that frames name by number, each compiled once: pytest knows a recursion by its code."""

    def __init__(self, sites: Sequence[Mapping[str, Any]]) -> None:
        self._sites = sites
        self._codes: dict[tuple[int, tuple[str, ...]], CodeType] = {}

    def traceback(self, told: Mapping[str, Any], *, globals_of_last: Sequence[str] = ()) -> TracebackType | None:
        """Give the traceback of one exception.

        Args:
            told: it, as `far.raised.told` gives it.
            globals_of_last: names that the innermost call shall know beside its variables.
        """
        frames = told["frames"]
        found: TracebackType | None = None
        for frame, values in reversed([*zip(frames, _variables(frames, told["recursion"]), strict=True)]):
            names = dict.fromkeys(globals_of_last if found is None else ())
            if frame.get("hidden") and "__tracebackhide__" not in values:
                names["__tracebackhide__"] = True
            found = self._entry(frame, values, names, found)
        return found

    def _entry(
        self, frame: Mapping[str, Any], values: Mapping[str, Any], names: dict[str, Any], after: TracebackType | None
    ) -> TracebackType:
        site = self._site(frame)
        try:
            given = tuple(values.get(name) for name in _order(site, values))
            made = _called(self._code(frame, tuple(values)), {**names, _VALUES: given})
        except (ValueError, SyntaxError, RecursionError):  # Names that only another Python has.
            made = _called(_compiled({**site, **_NO_ARGUMENTS}, ()), names)
        return TracebackType(after, made.tb_frame, made.tb_lasti, made.tb_lineno)

    def _code(self, frame: Mapping[str, Any], names: tuple[str, ...]) -> CodeType:
        key = (frame.get("site", -1), names)
        if key not in self._codes:
            self._codes[key] = _compiled(self._site(frame), names)
        return self._codes[key]

    def _site(self, frame: Mapping[str, Any]) -> Mapping[str, Any]:
        return _gap(frame["left_out"]) if "left_out" in frame else self._sites[frame["site"]]


def _called(code: CodeType, names: dict[str, Any]) -> TracebackType:
    """Call a function that raises, and give the entry of that call."""
    names[_STOP] = _StopError
    found: TracebackType | None = None
    try:
        only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        FunctionType(code, names)(*[None] * code.co_argcount, **dict.fromkeys(only))
    except _StopError as stop:
        found = stop.__traceback__ and stop.__traceback__.tb_next
    for name in (_VALUES, _STOP):
        names.pop(name, None)
    if found is None:
        raise ValueError("it has not raised")
    return found


def _variables(frames: Sequence[Mapping[str, Any]], recursion: Sequence[Any] | None) -> list[dict[str, Any]]:
    """Give what stands for the variables of calls; where a recursion begins again, they are equal to those before."""
    found = [_values(frame) for frame in frames]
    if recursion is not None:  # Else nobody compares them.
        for values in found:
            values[_PLACE] = object()
    if recursion:
        before, again, wrong = recursion
        found[again] = found[before] if wrong is None else _incomparable(found[again], wrong)
    return found


def _values(frame: Mapping[str, Any]) -> dict[str, Any]:
    """Give what stands for the variables of a call."""
    return {
        name: _Hiding(texts[0], hides=frame["hidden"])
        if name == "__tracebackhide__"
        else _LaidOut(*texts)
        if len(texts) > 1
        else FarValue(texts[0])
        for name, texts in frame.get("values", {}).items()
        if name not in _NOT_ASSIGNED
    }


def _incomparable(values: Mapping[str, Any], wrong: Sequence[str]) -> dict[str, Any]:
    return {
        name: _Incomparable(repr(value), *wrong) if isinstance(value, FarValue) else value
        for name, value in values.items()
    }


_NO_ARGUMENTS: Mapping[str, Any] = {"arguments": [], "only": [], "star": None, "stars": None, "slots": []}


def _gap(count: int) -> Mapping[str, Any]:
    """Give the place that stands for calls that were left out."""
    name = f"<{count} calls are left out here>"
    return {"file": name, "name": name, "qualname": name, "first": 1, "line": 1, "columns": None, **_NO_ARGUMENTS}


def _compiled(site: Mapping[str, Any], names: tuple[str, ...]) -> CodeType:
    """Compile a function that takes these arguments, has these variables, and raises where the other did."""
    line = _line(site["line"])
    # Less than none is what `ast` has for a column that is not known.
    end, column, after = site["columns"] or (line, -1, -1)
    stop = ast.Raise(ast.Name(_STOP, ast.Load()), lineno=line, col_offset=column, end_lineno=end, end_col_offset=after)
    body: list[ast.stmt] = [stop]
    gone = [name for name in _arguments(site) if name not in names]
    if gone:
        body.insert(0, ast.Delete([ast.Name(name, ast.Del()) for name in gone]))
    order = _order(site, names)
    if order:
        targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in order]
        body.insert(0, ast.Assign([ast.Tuple(targets, ast.Store())], ast.Name(_VALUES, ast.Load())))
    empty = ast.parse("def far(): pass").body[0]  # Has what a function of this Python has to have.
    assert isinstance(empty, ast.FunctionDef)  # noqa: S101  # As it is written.
    empty.args, empty.body = _signature(site), body
    empty.lineno = empty.end_lineno = _line(site["first"])
    ast.fix_missing_locations(empty)
    module = compile(ast.Module(body=[empty], type_ignores=[]), "<far>", "exec")
    code = next(each for each in module.co_consts if isinstance(each, CodeType))
    texts = {"co_filename": site["file"], "co_name": site["name"]}
    if hasattr(code, "co_qualname"):  # From Python 3.11 on.
        texts["co_qualname"] = site["qualname"] or site["name"]
    return code.replace(**texts)


def _line(number: int | None) -> int:
    return max(1, min(number or 1, _MOST_LINE))


def _order(site: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*_arguments(site), *names]))


def _arguments(site: Mapping[str, Any]) -> list[str]:
    """Give the variables that come first: arguments, and what older versions of pytest take for some, filled up."""
    rests = [site[each] for each in ("star", "stars") if site[each] is not None]
    slots = 4 * (site["star"] is not None) + 8 * (site["stars"] is not None) - len(rests) - len(site["slots"])
    return [*site["arguments"], *site["only"], *rests, *site["slots"], *(f"@{n}" for n in range(slots))]


def _signature(site: Mapping[str, Any]) -> ast.arguments:
    star, stars = (None if site[each] is None else ast.arg(site[each]) for each in ("star", "stars"))
    only = [ast.arg(name) for name in site["only"]]
    args = [ast.arg(name) for name in site["arguments"]]
    return ast.arguments([], args, star, only, [None] * len(only), stars, [])


_given: dict[str, list[str]] = {}


def remember(sources: Mapping[str, str]) -> None:
    """Have `linecache` give the source of files that this machine has not; one that it has stays its own."""
    for name, text in sources.items():
        known = linecache.cache.get(name)
        if os.path.exists(name) or (known is not None and known[2:3] != (_given.get(name),)):
            continue
        lines = _given[name] = text.splitlines(keepends=True)
        linecache.cache[name] = (len(text), None, lines, name)  # Without a time, it is not looked for on the disk.
