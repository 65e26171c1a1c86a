"""Values of the standard library that their repr, or a text, makes again: dates, decimals, patterns and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

# What the standard library has: by what each is made again.
TEXTS: Mapping[str, Callable[[Any], list[Any]]] = {
    "datetime.date": lambda value: [value.isoformat()],
    "datetime.time": lambda value: [value.isoformat(), *([1] if value.fold else [])],
    "datetime.datetime": lambda value: [value.isoformat(), *([1] if value.fold else [])],
    "datetime.timedelta": lambda value: [value.days, value.seconds, value.microseconds],
    "decimal.Decimal": lambda value: [str(value)],
    "fractions.Fraction": lambda value: [value.numerator, value.denominator],
    "uuid.UUID": lambda value: [str(value)],
    "re.Pattern": lambda value: [value.pattern, value.flags],
}


def written(value: Any) -> Any:
    """Give the kind of one and its parts; None of all else."""
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    make = TEXTS.get(name)
    if make is None or not _has_plain_parts(value):
        return None
    return [name, *make(value)]


def _has_plain_parts(value: Any) -> bool:
    """Tell whether text is all there is to it: no time zone that has rules, and no pattern for bytes."""
    zone = getattr(value, "tzinfo", None)
    named = type(zone).__name__ == "timezone" and not str(zone).startswith("UTC")
    return (
        type(zone).__name__ in ("NoneType", "timezone")
        and not named
        and not isinstance(getattr(value, "pattern", ""), bytes)
    )


def imported(module: str, name: str) -> Any:
    """Give what a module has under a name, once it is imported."""
    import importlib  # noqa: PLC0415  # Is needed for classes and functions alone.

    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def made(name: str, parts: list[Any]) -> Any:
    """Make one of them again, from its kind and its parts."""
    module, _, kind = name.rpartition(".")
    make = imported(module, kind)
    if name == "re.Pattern":
        return imported("re", "compile")(*parts)
    if name == "datetime.timedelta":
        return make(*parts)
    if name.startswith("datetime."):
        value = make.fromisoformat(parts[0])
        return value.replace(fold=1) if parts[1:] else value
    return make(*parts)
