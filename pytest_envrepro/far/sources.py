"""Compiles source that was sent: what was compiled before a child was forked, that has."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

from .rewriting import rewrite

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ASSERTING, STANDIN = "@envrepro asserting", "@envrepro pytest"  # No identifiers: no user's names are like them.
_PARSED = 0x400  # `ast.PyCF_ONLY_AST`: that module takes a while to import.
_COMPILED: dict[Any, Any] = {}
_MOST_COMPILED = 50  # Parts of modules.
_SEEN: dict[str, str] = {}  # The last part of each module that was sent.
_AHEAD: set[Any] = set()  # What was compiled in this process while it waited.


def is_compiled(told: Mapping[str, Any]) -> bool:
    """Tell whether source was compiled already, before this process was forked."""
    return _key(told) in _COMPILED.keys() - _AHEAD


def compiled(told: Mapping[str, Any]) -> Any:
    """Compile source that was sent; what was compiled before a child was forked, that has."""
    key = _key(told)
    code = _COMPILED.get(key)
    if code is None:
        tree = compile(told["source"], told["file"], "exec", _PARSED, dont_inherit=True)
        if told["rewrite"]:
            tree = rewrite(tree, ASSERTING)
        if "pytest" in told["source"]:
            from .standing import replaced  # noqa: PLC0415  # Is needed where source names pytest alone.

            tree = replaced(tree, STANDIN)
        code = _COMPILED[key] = compile(tree, told["file"], "exec", dont_inherit=True)
    return code


def compile_ahead(told: Mapping[str, Any]) -> None:
    """Compile source that one of the next functions will come with, unless there is something to say of it."""
    if not is_compiled(told):
        _AHEAD.add(_key(told))
        with suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("error")  # Whoever needs it will warn of it, and say what is wrong with it.
            compiled(told)


def _key(told: Mapping[str, Any]) -> tuple[Any, ...]:
    return (told["source"], told["file"], told["rewrite"])


def foresee(request: dict[str, Any]) -> bool:
    """Compile what was sent twice: it may come again, with other arguments; tell whether there is something new."""
    told = request.get("module")
    if told is None:
        return False
    before = len(_COMPILED)
    if _SEEN.get(told["name"]) == told["source"]:
        with suppress(Exception):  # The child will say what is wrong with it.
            compiled(told)
    elif len(_COMPILED) > _MOST_COMPILED:
        _COMPILED.clear()
    _SEEN[told["name"]] = told["source"]
    return len(_COMPILED) > before
