"""Values that are no more than named parts: dataclasses and named tuples, and combinations of flags.

They are made again from their class and their parts, and no code of the class runs for it: what `__init__` and `__post_init__`
did to the parts is in them already.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

NAMED, DATA, FLAGS = "named tuple", "dataclass", "flags"


def parts_of(value: Any) -> tuple[str, Mapping[str, Any]] | None:
    """Give what kind of record a value is, and its parts by their names; None of all else."""
    kind = type(value)
    if isinstance(value, tuple) and _fields(kind) is not None and len(_fields(kind)) == len(value):
        return NAMED, dict(zip(_fields(kind), value))  # As many of both.
    if isinstance(value, enum.Flag):
        return FLAGS, {"value": value.value}
    if isinstance(getattr(kind, "__dataclass_fields__", None), dict) and not isinstance(value, BaseException):
        slots = {name: getattr(value, name) for name in kind.__dataclass_fields__ if _is_slot(kind, name, value)}
        return DATA, {**slots, **getattr(value, "__dict__", {})}
    return None


def made(name: str, kind: Any, parts: Mapping[str, Any]) -> Any:
    """Make one of its parts.

    Raises:
        ValueError: the class is none for it.
    """
    if name == NAMED and isinstance(kind, type) and issubclass(kind, tuple) and _fields(kind) == (*parts,):
        return tuple.__new__(kind, parts.values())
    if name == FLAGS and isinstance(kind, type) and issubclass(kind, enum.Flag) and isinstance(parts.get("value"), int):
        return kind(parts["value"])
    fields = getattr(kind, "__dataclass_fields__", None)
    if name != DATA or not isinstance(kind, type) or not isinstance(fields, dict):
        raise ValueError(f"{kind!r} has no parts of that kind")
    value: Any = object.__new__(kind)
    for part, held in parts.items():
        if hasattr(value, "__dict__") and not _is_slot(kind, part, None):
            value.__dict__[part] = held
        elif part in fields:
            object.__setattr__(value, part, held)
    return value


def _fields(kind: Any) -> Any:
    fields = getattr(kind, "_fields", None)
    return fields if isinstance(fields, tuple) and issubclass(kind, tuple) else None


def _is_slot(kind: type, name: str, value: Any) -> bool:
    """Tell whether a part lies in a slot of its own; where there is a value, whether that has it."""
    member = any(type(vars(each).get(name)).__name__ == "member_descriptor" for each in kind.__mro__)
    return member and (value is None or hasattr(value, name))
