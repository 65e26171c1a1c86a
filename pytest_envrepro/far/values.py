"""Values between this process and one in an environment: plain data, records of it and paths travel, of all else what it looks like.

JSON has strings, whole numbers, true, false and null as they are. All else is a list: the name of its kind, and its parts.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from .standard import TEXTS, imported, made, written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_DEEPEST = 200  # Values within values.


class UntravelledError(Exception):
    """A value cannot travel.

    Attributes:
        path: which part of it, as it would be written in Python: `[0].name`; empty for the whole.
        what: what that part is, for people.
    """

    def __init__(self, path: str, what: str) -> None:
        self.path = path
        self.what = what
        super().__init__(f"{path}: {what}" if path else what)


class Opaque:
    """A value that has stayed in the other process.

    Attributes:
        text: its repr there.
        number: the same for two that are equal there.
    """

    def __init__(self, text: str, number: int) -> None:
        self.text = text
        self.number = number

    def __repr__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and self.number == other.number

    def __hash__(self) -> int:
        return hash(self.number)


class Encoder:
    """Writes values as JSON.

    Args:
        rest: gives what stands for a value that is no plain data; by default none does.
        place: gives the path of the other side for a path of this one.
    """

    def __init__(
        self, rest: Callable[[Any, str], Any] | None = None, place: Callable[[str], str] | None = None
    ) -> None:
        self._rest = rest or self._record
        self._place = place
        self._within: list[int] = []

    def encode(self, value: Any, path: str = "") -> Any:  # noqa: PLR0911  # One for each kind.
        """Give a value as JSON.

        Raises:
            UntravelledError: it cannot travel.
        """
        kind = type(value)
        if value is None or kind is bool or kind is int:
            return value if kind is not int or value.bit_length() < 1 << 10 else ["int", hex(value)]
        if kind is str:
            return value if self._place is None else self._place(value)
        write = _WRITTEN.get(kind)
        if write is not None:
            return write(value)
        if kind is slice:
            return ["slice", [self.encode(each, path) for each in (value.start, value.stop, value.step)]]
        if kind in _HELD:
            return self._held(value, path, _HELD[kind])
        if kind in _PATHS:
            return ["path" if hasattr(value, "exists") else "purepath", self._placed(os.fspath(value))]
        return self._others(value, path)

    def _placed(self, text: str) -> str:
        return text if self._place is None else self._place(text)

    def _held(self, value: Any, path: str, name: str) -> Any:
        """Give what holds other values."""
        if id(value) in self._within:
            raise UntravelledError(path, "a value that holds itself")
        if len(self._within) >= _DEEPEST:
            raise UntravelledError(path, f"a value deeper than {_DEEPEST} values within values")
        self._within.append(id(value))
        try:
            if name == "dict":
                pairs = [(self.encode(key, f"{path} key {key!r:.40}"), key, held) for key, held in value.items()]
                return [name, [[key, self.encode(held, f"{path}[{shown!r:.40}]")] for key, shown, held in pairs]]
            parts = [self.encode(each, f"{path}[{number}]") for number, each in enumerate(value)]
            return [name, parts]
        finally:
            self._within.pop()

    def _record(self, value: Any, path: str) -> Any:
        """Give a value of a class that can be found by its name, and is no more than its parts."""
        from .records import parts_of  # noqa: PLC0415  # Is needed for these alone.

        record = parts_of(value)
        kind = reference_of(type(value)) if record is not None else None
        if record is None or kind is None:
            return _refuse(value, path)
        name, parts = record
        if id(value) in self._within:
            raise UntravelledError(path, "a value that holds itself")
        self._within.append(id(value))
        try:
            told = [[part, self.encode(held, f"{path}.{part}")] for part, held in parts.items()]
        finally:
            self._within.pop()
        return ["record", name, ["name", *kind], told]

    def _others(self, value: Any, path: str) -> Any:
        known = written(value)
        if known is not None:
            return known
        reference = reference_of(value)
        if reference is not None:
            return ["name", *reference]
        if _is_member(value):
            return ["member", self.encode(type(value), path), value.name]
        return self._rest(value, path)


def _refuse(value: Any, path: str) -> Any:
    kind = type(value)
    raise UntravelledError(
        path,
        f"{'an' if kind.__name__[:1] in 'AEIOUaeiou' else 'a'} {kind.__name__} ({kind.__module__}.{kind.__qualname__})",
    )


def reference_of(value: Any) -> tuple[str, str] | None:
    """Give module and name of a class or a function that can be found by them; None of all else."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(value, type) and type(value).__name__ not in ("function", "builtin_function_or_method"):
        return None
    if not isinstance(module, str) or not isinstance(name, str) or "<" in name:
        return None
    return (module, name) if _found(module, name) is value else None


def _found(module: str, name: str) -> Any:
    import sys  # noqa: PLC0415  # Beside its only use.

    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _is_member(value: Any) -> bool:
    import sys  # noqa: PLC0415  # The same.

    enum: Any = sys.modules.get("enum")
    return enum is not None and isinstance(value, enum.Enum) and value.name in type(value).__members__


class Decoder:
    """Reads values.

    Args:
        find: gives what a module has under a name.
        opaque: gives what stands for one that has stayed: of a kind that is `opaque`, or `like` something.
    """

    def __init__(
        self, find: Callable[[str, str], Any] | None = None, opaque: Callable[[Any], Any] | None = None
    ) -> None:
        self._find = find or imported
        self._opaque = opaque

    def decode(self, told: Any) -> Any:  # noqa: PLR0911  # One for each kind.
        """Read a value.

        Raises:
            ValueError: it is none.
        """
        if not isinstance(told, list):
            return told
        name = told[0]
        if name in _MAKING:
            return _MAKING[name]([self.decode(each) for each in told[1]])
        if name == "dict":
            return {self.decode(key): self.decode(held) for key, held in told[1]}
        if name in _READ:
            return _READ[name](told[1])
        if name == "slice":
            return slice(*(self.decode(each) for each in told[1]))
        if name == "name":
            return self._find(told[1], told[2])
        if name == "member":
            return _member(self.decode(told[1]), told[2])
        if name == "record":
            from .records import made as record  # noqa: PLC0415  # The same.

            return record(told[1], self.decode(told[2]), {part: self.decode(held) for part, held in told[3]})
        if name in ("opaque", "like") and self._opaque is not None:
            return self._opaque(told)
        if name in TEXTS:
            return made(name, told[1:])
        raise ValueError(f"there is no value of the kind {name!r}")


def _member(kind: Any, name: str) -> Any:
    import enum  # noqa: PLC0415  # Is needed for its members alone.

    if not isinstance(kind, enum.EnumMeta):
        raise ValueError(f"{kind!r} has no members")  # noqa: TRY004  # Of what came, not of an argument.
    return kind.__members__[name]


def _float(value: float) -> Any:
    return ["float", value.hex()]


def _bytes(name: str) -> Callable[[Any], Any]:
    return lambda value: [name, base64.b64encode(bytes(value)).decode("ascii")]


_PATHS = (type(Path()), type(PurePath()))  # Those of this system: another one's would mean something else there.
_HELD: Mapping[type, str] = {list: "list", tuple: "tuple", dict: "dict", set: "set", frozenset: "frozenset"}
_MAKING: Mapping[str, Callable[[Any], Any]] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_WRITTEN: Mapping[type, Callable[[Any], Any]] = {
    float: _float,
    complex: lambda value: ["complex", [value.real.hex(), value.imag.hex()]],
    bytes: _bytes("bytes"),
    bytearray: _bytes("bytearray"),
    range: lambda value: ["range", [value.start, value.stop, value.step]],
    type(Ellipsis): lambda _: ["constant", "Ellipsis"],
    type(NotImplemented): lambda _: ["constant", "NotImplemented"],
}
_READ: Mapping[str, Callable[[Any], Any]] = {
    "int": lambda told: int(told, 16),
    "float": float.fromhex,
    "complex": lambda told: complex(float.fromhex(told[0]), float.fromhex(told[1])),
    "bytes": base64.b64decode,
    "bytearray": lambda told: bytearray(base64.b64decode(told)),
    "range": lambda told: range(*told),
    "constant": lambda told: {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented}[told],
    "path": Path,
    "purepath": PurePath,
}
