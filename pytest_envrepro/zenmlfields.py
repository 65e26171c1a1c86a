"""The fields of ZenML's `DockerSettings` that were set: read from mappings and objects, a step's laid over its pipeline's.

What a class sets counts as what its object sets; fields lie over each other as in ZenML 0.98
(`zenml.utils.dict_utils.recursive_update`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.values import kind_of

ORIGIN = "ZenML's DockerSettings"


def fields_of(docker_settings: Any, *steps: Any) -> dict[str, Any]:
    """Give the fields that were set, by their names.

    Args:
        docker_settings: a mapping, as in ZenML's YAML, or an object: of pydantic's, what was set explicitly counts.
        steps: what goes over it, the closest last. As in ZenML, mappings are merged and all else replaces; None does not.

    Raises:
        SettingsError: one of them is neither a mapping nor an object with fields.
    """
    fields: dict[str, Any] = {}
    for each in (docker_settings, *steps):
        _update(fields, _explicit(each))
    return fields


def _explicit(given: Any) -> dict[str, Any]:
    """Give the fields of a mapping or an object that were set, those of what is in them too.

    Raises:
        SettingsError: it is neither.
    """
    if isinstance(given, Mapping):
        fields = given
    elif hasattr(given, "model_fields_set"):
        extra = getattr(given, "model_extra", None) or {}
        fields = {name: getattr(given, name) for name in sorted({*given.model_fields_set, *extra})}
    elif hasattr(given, "__dict__") and not isinstance(given, type):
        fields = {**_of_class(type(given)), **vars(given)}
    else:
        raise SettingsError(f"{ORIGIN}: have to be a mapping, or an object with their fields, not {kind_of(given)}")
    return {str(name): _plain(value) for name, value in fields.items()}


def _of_class(kind: type) -> dict[str, Any]:
    """Give the values that stand in a class, in the place of its objects: a subclass may set what ZenML's do not."""
    found: dict[str, Any] = {}
    for each in reversed(kind.__mro__):
        found.update(vars(each))
    return {name: value for name, value in found.items() if not name.startswith("_") and not hasattr(value, "__get__")}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping) or hasattr(value, "model_fields_set"):
        return _explicit(value)
    return [_plain(each) for each in value] if isinstance(value, (list, tuple, set, frozenset)) else value


def _update(fields: dict[str, Any], closer: Mapping[str, Any]) -> None:
    """Lay fields over others, as ZenML does it."""
    for name, value in closer.items():
        before = fields.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            _update(before, value)
        elif value is not None:
            fields[name] = value
