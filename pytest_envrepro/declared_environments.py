"""The table `[tool.envrepro.environments]`: read, and every fault noted with its key path."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from pytest_envrepro.requirement import NAME
from pytest_envrepro.settingkeys import EXTENDS, read_settings
from pytest_envrepro.settings import Layer, combine
from pytest_envrepro.values import kind_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from pytest_envrepro.values import Values

_NAME = re.compile(NAME)


def read_environments(values: Values, table: Any, *, file: str | None) -> Mapping[str, Layer]:
    """Read the table; what is wrong is noted in `values`.

    Args:
        file: the file that the table stands in.

    Returns:
        the environments by name, as they were declared: what one extends is not part of it.
    """
    if not isinstance(table, dict):
        values.fault("environments", f"has to be a table of tables, not {kind_of(table)}")
        return MappingProxyType({})
    read: dict[str, Layer] = {}
    taken: dict[str, str] = {}
    sound = set()
    for name, each in table.items():
        place = f"environments.{name}"
        if not _NAME.fullmatch(name):
            values.fault(place, "is no name: letters, digits, '-', '_' and '.'")
        elif canonicalize_name(name) in taken:
            values.fault(place, f"is the same name as '{taken[canonicalize_name(name)]}'")
        elif not isinstance(each, dict):
            values.fault(place, f"has to be a table, not {kind_of(each)}")
        else:
            before = len(values.faults)
            read_settings(values, {key: each[key] for key in each if key != EXTENDS}, f"{place}.")
            taken[canonicalize_name(name)] = name
            read[name] = Layer(f"{values.prefix}{place} in {file}", MappingProxyType(each))
            if len(values.faults) == before:
                sound.add(name)
    _refuse_wrong_bases(values, read, sound)
    return MappingProxyType(read)


def _refuse_wrong_bases(values: Values, read: Mapping[str, Layer], sound: Container[str]) -> None:
    """Note what is wrong with what environments extend, and with what they come to together."""
    names = {layer.origin: name for name, layer in read.items()}
    told: set[tuple[str, str, str]] = set()
    for name in read:
        _, faults = combine([Layer("", {}, name)], read)
        for fault in faults:
            declared = names[fault.layer.origin]
            line = (declared, fault.key, fault.message)
            # What is wrong with the values themselves has been noted before.
            if line not in told and (declared in sound or fault.key == EXTENDS):
                told.add(line)
                values.fault(f"environments.{declared}.{fault.key}", fault.message)
