# ruff: noqa: S101, SIM201, SIM202, E713, E714  # What is wanted of these assertions is what pytest says of them.
"""What pytest says of a comparison that failed elsewhere: the same one fails here, in a module that pytest rewrites.

It rewrites this one where `pytest.register_assert_rewrite` was told its name before it was first imported, and not by
`late.as_installed`. Everything that a session has to say is in its words then: its verbosity, how it cuts what is long,
and what its plugins and conftest files explain (`pytest_assertrepr_compare`).
"""

from __future__ import annotations

import collections
import dataclasses
import operator
import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_envrepro.far.likenesses import PLAIN
from pytest_envrepro.far.values import Opaque

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_PLAIN = re.compile(r"^ \+  where ", re.MULTILINE)  # pytest says this of attributes, unless it has better to say.
_HELD = "held "
_MADE = {
    each.__name__: each
    for each in (collections.OrderedDict, collections.Counter, collections.defaultdict, collections.deque)
}
_FACTORIES = (None, list, dict, set, int, str, float, tuple, frozenset)  # They do nothing but make something empty.


def alike(told: Sequence[Any], read: Callable[[Any], Any]) -> Any:
    """Make what is to a comparison as a value of another process is.

    Args:
        told: it, as `far.likenesses` tells it.
        read: reads its parts.

    Raises:
        Exception: there is nothing like it here.
    """
    if told[0] == "opaque":
        return Opaque(told[1], told[2])
    _, kind, (module, name), text, parts, *more = told
    values = [read(each) for each in parts]
    if kind == "approx":
        expected, rel, absolute, nan_ok = values
        return sys.modules["pytest"].approx(expected, rel=rel, abs=absolute, nan_ok=nan_ok)
    if kind == "made":
        if name == "defaultdict" and values[0] not in _FACTORIES:
            values[0] = None
        return _MADE[name](*values)
    made = _class(kind, module, name, tuple(tuple(each) for each in more[0]), text is not None)(*values)
    if text is not None:
        made._far_text = text  # noqa: SLF001  # It is of a class that was made here.
    return made


@lru_cache(maxsize=256)
def _class(kind: str, module: str, qualname: str, parts: tuple[tuple[Any, ...], ...], is_told: bool) -> Any:  # noqa: FBT001  # A key.
    """Make a class that is compared, and explained, as one of another process is.

    Args:
        parts: the names of its fields, each with whether it is compared; or of the class that it derives from.
        is_told: whether its objects look as they were told to.
    """
    name = qualname.rpartition(".")[2]
    names: dict[str, Any] = {"__module__": module, "__qualname__": qualname}
    if is_told:
        names["__repr__"] = _shown
    if kind == "dataclass":
        fields = [(each, object, dataclasses.field(compare=is_compared)) for each, is_compared in parts]
        made = dataclasses.make_dataclass(name, fields, namespace=names, repr=not is_told, unsafe_hash=True)
        made.__module__ = module
        return made
    if kind == "attrs":
        return type(name, (), {**names, **_of_attrs(parts)})
    if kind == "named":
        return type(name, (collections.namedtuple(name, [each for each, _ in parts]),), names)  # noqa: PYI024  # Of names that come.
    return type(name, (next(each for each in PLAIN if each.__name__ == parts[0][0]),), names)


def _shown(self: Any) -> str:
    text: str = self._far_text
    return text


def _of_attrs(parts: tuple[tuple[Any, ...], ...]) -> dict[str, Any]:
    """Give what attrs gives a class, of which pytest looks at the fields, and at where the method for == is from."""
    compared = [each for each, is_compared in parts if is_compared]
    found: dict[str, Any] = {}

    def begin(self: Any, *values: Any) -> None:
        vars(self).update(zip((each for each, _ in parts), values, strict=True))

    def key(self: Any) -> tuple[Any, ...]:
        return tuple(vars(self)[each] for each in compared)

    source = "def __eq__(self, other): return type(self) is type(other) and key(self) == key(other)"
    exec(compile(source, "<attrs generated eq>", "exec"), {"key": key}, found)  # noqa: S102  # It is a text of ours.
    fields = tuple(_Field(name, bool(is_compared)) for name, is_compared in parts)
    return {**found, "__init__": begin, "__hash__": lambda self: hash(key(self)), "__attrs_attrs__": fields}


class _Field(NamedTuple):
    """A field, as pytest knows those of attrs."""

    name: str
    eq: bool


class _Asserting(Protocol):
    def __call__(self, pair: _Pair, *, held: bool) -> None: ...


class _Pair(NamedTuple):
    left: Any
    right: Any


def explained(op: str, left: object, right: object) -> str | None:
    """Give what pytest says in the place of "left op right", in a line or more, where an assertion of that fails.

    Args:
        op: the operator, as in Python; preceded by "held " where the comparison did hold, and what was around it failed,
            as in `assert not left == right`.
        left: what stands on its left.
        right: what stands on its right.

    Returns:
        None where it has no more to say than just that, or nothing at all (`--assert=plain`), and where the comparison
        of these two does not come to what it is said to have come to.

    Raises:
        Exception: what a hook raises that explains it.
    """
    __tracebackhide__ = True
    held = op.startswith(_HELD)
    compare, failing = _OPERATORS[op[len(_HELD) :] if held else op]
    try:
        holds = bool(compare(left, right))
    except Exception:  # noqa: BLE001  # These two cannot be compared here, whatever that raises.
        return None
    if holds is not held:
        return None
    try:
        failing(_Pair(left, right), held=held)
    except AssertionError as error:
        text, start = str(error), "assert not " if held else "assert "
        if not text.startswith(start) or _PLAIN.search(text):
            return None
        first, *others = text[len(start) :].split("\n")
        return "\n".join([first, *(line[2:] for line in others)])  # pytest indents what follows by two.
    return None


def _equal(pair: _Pair, *, held: bool) -> None:
    __tracebackhide__ = True
    if held:
        assert not pair.left == pair.right
    assert pair.left == pair.right


def _not_equal(pair: _Pair, *, held: bool) -> None:
    __tracebackhide__ = True
    if held:
        assert not pair.left != pair.right
    assert pair.left != pair.right


def _less(pair: _Pair, *, held: bool) -> None:
    __tracebackhide__ = True
    if held:
        assert not pair.left < pair.right
    assert pair.left < pair.right


def _at_most(pair: _Pair, *, held: bool) -> None:
    __tracebackhide__ = True
    if held:
        assert not pair.left <= pair.right
    assert pair.left <= pair.right


def _greater(pair: _Pair, *, held: bool) -> None:
    __tracebackhide__ = True
    if held:
        assert not pair.left > pair.right
    assert pair.left > pair.right


def _at_least(pair: _Pair, *, held: bool) -> None:
    __tracebackhide__ = True
    if held:
        assert not pair.left >= pair.right
    assert pair.left >= pair.right


def _within(pair: _Pair, *, held: bool) -> None:
    __tracebackhide__ = True
    if held:
        assert not pair.left in pair.right
    assert pair.left in pair.right


def _not_within(pair: _Pair, *, held: bool) -> None:
    __tracebackhide__ = True
    if held:
        assert not pair.left not in pair.right
    assert pair.left not in pair.right


def _same(pair: _Pair, *, held: bool) -> None:
    __tracebackhide__ = True
    if held:
        assert not pair.left is pair.right
    assert pair.left is pair.right


def _not_same(pair: _Pair, *, held: bool) -> None:
    __tracebackhide__ = True
    if held:
        assert not pair.left is not pair.right
    assert pair.left is not pair.right


_OPERATORS: Mapping[str, tuple[Callable[[Any, Any], Any], _Asserting]] = {
    "==": (operator.eq, _equal),
    "!=": (operator.ne, _not_equal),
    "<": (operator.lt, _less),
    "<=": (operator.le, _at_most),
    ">": (operator.gt, _greater),
    ">=": (operator.ge, _at_least),
    "in": (lambda left, right: left in right, _within),
    "not in": (lambda left, right: left not in right, _not_within),
    "is": (operator.is_, _same),
    "is not": (operator.is_not, _not_same),
}
