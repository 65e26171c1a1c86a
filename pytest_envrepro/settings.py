"""Settings of environments: checked as a whole, merged from layers, and able to say where each value came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from packaging.utils import canonicalize_name

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.layers import Fault, Laid, Layer
from pytest_envrepro.settingkeys import EXTENDS, KEYS, read_settings
from pytest_envrepro.settingtext import lines_of, redacted
from pytest_envrepro.values import Values, did_you_mean, kind_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from typing_extensions import Unpack

__all__ = ["DEFAULT", "Given", "Layer", "Settings", "combine", "merge"]

DEFAULT = "default"
_BY_HAND = "Settings(...)"


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


class Given(TypedDict, total=False):
    """What settings are made of, as Python's keywords."""

    name: str | None
    kind: str
    python: str | None
    lock: str | os.PathLike[str] | None
    requirements: Sequence[str] | str | os.PathLike[str]
    constraints: Sequence[str] | str | os.PathLike[str]
    groups: Sequence[str]
    extras: Sequence[str]
    required_integrations: Sequence[str]
    project: Literal["wheel", "editable"] | bool
    replicate_local: Sequence[str] | str | bool
    environment: Mapping[str, str]
    installer: Literal["auto", "pip", "uv"]
    installer_args: Sequence[str]
    files: Mapping[str, str | os.PathLike[str]]


@dataclass(frozen=True, kw_only=True, slots=True, init=False, repr=False)
class Settings:
    """The declaration of an environment; all paths are relative to the root, with forward slashes.

    Attributes:
        name: what the table calls the environment that these began with.
        python: which Python it has; None for the one that runs pytest.
        lock: a lock whose pins it gets.
        requirements, constraints: PEP 508, or the path of a requirements file.
        groups, extras: of this project.
        project: whether this project itself is installed, and how.
        replicate_local: whether it gets what is installed here; or a command, whose output is a requirements file.
        environment: variables of the programs that run in it.
        installer_args: arguments for the installer alone.
        files: what is copied into it: the path within the environment, and the path of the file.
        origins: where each value came from, by key in `kebab-case`; where a list or a mapping came from several places,
            also by part: `groups[1]`, `environment.PORT`.

    Raises:
        SettingsError: a key is unknown, or a value is wrong; all that is wrong is told.
    """

    name: str | None = None
    kind: str = "virtualenv"
    python: str | None = None
    lock: str | None = None
    requirements: tuple[str, ...] | str = ()
    constraints: tuple[str, ...] | str = ()
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    required_integrations: tuple[str, ...] = ()
    project: Literal[False, "wheel", "editable"] = False
    replicate_local: bool | tuple[str, ...] = False
    environment: Mapping[str, str] = field(default_factory=_nothing, hash=False)
    installer: Literal["auto", "pip", "uv"] = "auto"
    installer_args: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=_nothing, hash=False)
    origins: Mapping[str, str] = field(init=False, compare=False)

    def __init__(self, **given: Unpack[Given]) -> None:
        table: dict[str, Any] = dict(given)
        name = table.pop("name", None)
        values = Values("")
        values.string(name, "name")
        for key in [key for key in table if key.startswith("extend")]:
            del table[key]
            values.fault(key, "Settings(...) stand alone: tables and markers can extend others")
        found = read_settings(values, table, in_python=True)
        if values.faults:
            raise _error("an environment", values.faults)
        object.__setattr__(self, "name", name)
        for key, each in KEYS.items():
            object.__setattr__(self, key.replace("-", "_"), found.get(key, each.default))
        self._tell({key: _BY_HAND for key in KEYS if self._get(key) != KEYS[key].default})

    @classmethod
    def told(cls, origins: Mapping[str, str], **given: Unpack[Given]) -> Settings:
        """Make settings whose values come from elsewhere.

        Args:
            origins: as the attribute; what is not named is the default.
        """
        settings = cls(**given)
        settings._tell(origins)
        return settings

    def _tell(self, origins: Mapping[str, str]) -> None:
        object.__setattr__(self, "origins", MappingProxyType({**dict.fromkeys(KEYS, DEFAULT), **origins}))

    def __repr__(self) -> str:
        told = {
            key.replace("-", "_"): redacted(key, self._get(key)) for key in KEYS if self._get(key) != KEYS[key].default
        }
        named = {} if self.name is None else {"name": self.name}
        return f"Settings({', '.join(f'{key}={value!r}' for key, value in {**named, **told}.items())})"

    def explain(self) -> str:
        """Say of each value that is not the default where it came from, a line each; credentials are hidden."""
        set_here = [key for key in KEYS if self.origins[key] != DEFAULT]
        lines = [line for key in set_here for line in lines_of(key, self._get(key), self.origins)]
        width = max((len(text) for text, _ in lines), default=0)
        return "\n".join(f"{text:<{width}}  # {origin}" for text, origin in lines) or "all settings are the default"

    def _get(self, key: str) -> Any:
        return getattr(self, key.replace("-", "_"))


def merge(layers: Sequence[Layer], named: Mapping[str, Layer]) -> Settings:
    """Put layers together: the farthest first, the closest last.

    Values and lists replace those before them, `extend-<list>` is appended, and mappings are merged by key.

    Args:
        named: the environments that the table declares, by name.

    Raises:
        SettingsError: an environment is unknown or extends itself, a key is unknown, or a value is wrong; all of them.
    """
    settings, faults = combine(layers, named)
    if settings is None:
        name = next((layer.name for layer in reversed(layers) if isinstance(layer.name, str)), None)
        told = (": ".join(filter(None, (each.layer.origin, each.key, each.message))) for each in faults)
        raise _error(f"the environment '{name}'" if name else "an environment", told)
    return settings


def combine(layers: Iterable[Layer], named: Mapping[str, Layer]) -> tuple[Settings | None, tuple[Fault, ...]]:
    """Do what `merge` does, and give the faults instead of raising them: where there is one, there are no settings."""
    faults: list[Fault] = []
    stack: list[Layer] = []
    name = None
    for layer in layers:
        extends = layer.values.get(EXTENDS)
        if layer.name is not None:
            Laid(faults).add_all(stack)  # Nothing of them counts; what is wrong with them is told all the same.
            stack = _bases(layer, "", layer.name, named, faults)
            name = _declared(layer.name, named)
            if extends is not None:
                faults.append(Fault(layer, EXTENDS, "stands beside a name: an environment begins with one of the two"))
        elif extends is not None:
            stack += _bases(layer, EXTENDS, extends, named, faults)
        stack.append(layer)
    merged = Laid(faults)
    merged.add_all(stack)
    if faults:
        return None, tuple(faults)
    values: Any = {key.replace("-", "_"): value for key, value in merged.values.items()}
    return Settings.told(merged.origins(), name=name, **values), ()


def _error(whose: str, faults: Iterable[str]) -> SettingsError:
    lines = sorted({f"  {fault}" for fault in faults})
    return SettingsError("\n".join([f"the settings of {whose} cannot be followed:", *lines]))


def _declared(name: Any, named: Mapping[str, Layer]) -> str | None:
    """Give a name as it was declared: names are compared as those of packages are."""
    if not isinstance(name, str):
        return None
    return next((each for each in named if canonicalize_name(each) == canonicalize_name(name)), None)


def _bases(layer: Layer, key: str, name: Any, named: Mapping[str, Layer], faults: list[Fault]) -> list[Layer]:
    """Give a named environment and those that it extends, the farthest first."""
    trail: list[str] = []
    while name is not None:
        known = _declared(name, named)
        if not isinstance(name, str):
            faults.append(Fault(layer, key, f"has to be the name of an environment, not {kind_of(name)}"))
        elif known is None:
            faults.append(Fault(layer, key, f"there is no environment '{name}'{did_you_mean(name, named)}"))
        elif known in trail:
            faults.append(_cycle(trail[trail.index(known) :], named))
        if known is None or known in trail:
            break
        trail.append(known)
        layer, key, name = named[known], EXTENDS, named[known].values.get(EXTENDS)
    return [named[each] for each in reversed(trail)]


def _cycle(names: list[str], named: Mapping[str, Layer]) -> Fault:
    """Tell a cycle, in the same words wherever it is entered: it begins with the one that is declared first."""
    first = names.index(min(names, key=list(named).index))
    shown = [*names[first:], *names[:first], names[first]]
    return Fault(named[names[first]], EXTENDS, f"is a cycle: {' -> '.join(shown)}")
