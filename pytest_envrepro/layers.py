"""Layers of settings, laid over each other: what they come to, and where each part of it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.settingkeys import APPENDING, CONTAINER, EXTENDS, KEYS, VIRTUALENV, read_settings
from pytest_envrepro.settingkinds import disagreeing, without_containers
from pytest_envrepro.values import Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Layer(NamedTuple):
    """Settings of one place, to be laid over those of places that are farther from the test.

    Attributes:
        origin: the place, for people: `tool.envrepro.environments.client in pyproject.toml`.
        values: by key; `extends` names an environment that these are laid over.
        name: of an environment that all starts afresh from: nothing of farther layers counts.
    """

    origin: str
    values: Mapping[str, Any]
    name: str | None = None


class Fault(NamedTuple):
    """What is wrong with a layer; the key is empty where the name of an environment is wrong."""

    layer: Layer
    key: str
    message: str


class _Noting(Values):
    """Notes what is wrong with the values of a layer."""

    def __init__(self, layer: Layer, noted: list[Fault]) -> None:
        super().__init__("")
        self._layer = layer
        self._noted = noted

    def fault(self, key: str, message: str) -> None:
        self._noted.append(Fault(self._layer, key, message))


class Laid:
    """What some layers come to, with the origin of each part of a list or a mapping.

    Args:
        faults: where what is wrong with them is noted.
    """

    def __init__(self, faults: list[Fault]) -> None:
        self.values: dict[str, Any] = {}
        self._faults = faults
        self._laid: dict[str, None] = {}  # The origins of all layers, in their order.
        self._last: dict[str, Layer] = {}  # The one that set a key last.
        self._kinds: set[object] = set()
        self._parts: dict[str, dict[str, str]] = {}

    def add_all(self, layers: Iterable[Layer]) -> None:
        """Lay them over each other, and over those before them."""
        for layer in layers:
            self._add(layer)

    def agree(self) -> None:
        """Judge them as a whole.

        Keys of containers are a fault in a virtualenv, unless one of the layers speaks of containers: then they are for
        those, and nothing here.
        """
        if any(fault.key == "kind" for fault in self._faults):
            return
        if self.values.get("kind", VIRTUALENV) == VIRTUALENV and CONTAINER in self._kinds:
            self.values = without_containers(self.values)
            inner = self.values.get("files", ())
            parts = self._parts.get("files", {})
            self._parts["files"] = {part: parts[part] for part in parts if part.partition(".")[2] in inner}
        for key, message in disagreeing(self.values):
            layer, kind = self._last[key], self._last.get("kind")
            apart = "" if kind in (None, layer) else f" (kind = {kind.values['kind']!r} is from {kind.origin})"
            self._faults.append(Fault(layer, _written(layer, key), f"{message}{apart}"))

    def origins(self) -> dict[str, str]:
        """Give where each value came from, and, where those are several places, each of its parts."""
        found: dict[str, str] = {}
        for key in self.values:
            adding = set(self._parts[key].values()) or {self._last[key].origin}
            distinct = [origin for origin in self._laid if origin in adding]
            found[key] = (" and " if KEYS[key].form == "mapping" else ", extended by ").join(distinct)
            found.update(self._parts[key] if len(distinct) > 1 else {})
        return found

    def _add(self, layer: Layer) -> None:
        noting = _Noting(layer, self._faults)
        self._laid[layer.origin] = None
        found = read_settings(
            noting, {key: layer.values[key] for key in layer.values if key != EXTENDS}, in_python=True
        )
        if "kind" in found:
            self._kinds.add(found["kind"])
        for key, each in KEYS.items():
            if key in found:
                self._put(key, found[key], layer, onto=each.form == "mapping")
            extending, base = f"{APPENDING}{key}", self.values.get(key)
            if extending in found and isinstance(base, str):
                message = f"'{key}' is the file '{base}' ({self._last[key].origin}), and only a list can be extended"
                noting.fault(extending, f"{message}: add to the file, or name another one that reads it with '-r'")
            elif extending in found:
                self._put(key, found[extending], layer, onto=True)

    def _put(self, key: str, value: Any, layer: Layer, *, onto: bool) -> None:
        """Replace a value, or add to it."""
        before = self._parts.get(key, {}) if onto else {}
        parts: Iterable[str] = ()
        if KEYS[key].form == "mapping":
            parts = [f"{key}.{name}" for name in value]
            value = {**self.values.get(key, {}), **value}
        elif isinstance(value, tuple):
            parts = [f"{key}[{len(before) + index}]" for index in range(len(value))]
            value = (*(self.values.get(key, ()) if onto else ()), *value)
        self.values[key] = value
        self._last[key] = layer
        self._parts[key] = {**before, **dict.fromkeys(parts, layer.origin)}


def _written(layer: Layer, key: str) -> str:
    """Give a key as a layer has it."""
    spellings = (key, key.replace("-", "_"), f"{APPENDING}{key}", f"{APPENDING}{key}".replace("-", "_"))
    return next((each for each in spellings if each in layer.values), key)
