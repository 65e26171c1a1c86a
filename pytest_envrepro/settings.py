"""Settings of environments: checked as a whole, merged from layers, and able to say where each value came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pytest_envrepro.containervalues import WORKDIR
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.extending import stacked
from pytest_envrepro.hiding import Hiding
from pytest_envrepro.layers import Laid, Layer
from pytest_envrepro.settingkeys import KEYS, read_settings
from pytest_envrepro.settingkinds import disagreeing
from pytest_envrepro.settingtext import as_in_a_table, is_of_table, lines_of, redacted
from pytest_envrepro.values import Values
from pytest_envrepro.zenmlfields import ORIGIN
from pytest_envrepro.zenmlsettings import converted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from typing_extensions import Unpack

    from pytest_envrepro.layers import Fault
    from pytest_envrepro.settingwords import Given

__all__ = ["DEFAULT", "Layer", "Settings", "combine", "merge"]

DEFAULT = "default"
_WIDEST = 72  # Characters of a line, beside which where it comes from stands in a column.
_BY_HAND = "Settings(...)"
# The one key whose attribute has another name: `dockerfile()` writes the one that is generated.
_OWN_DOCKERFILE = "own_dockerfile"
_ATTRIBUTES = {key: key.replace("-", "_") for key in KEYS} | {"dockerfile": _OWN_DOCKERFILE}


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True, init=False, repr=False)
class Settings:
    """The declaration of an environment; all paths are relative to the root, with forward slashes.

    Attributes:
        name: what the table calls the environment that these began with.
        python: which Python it has; None for the one that runs pytest.
        lock: a lock whose pins it gets.
        requirements, constraints: PEP 508, or the path of a requirements file.
        resolution: which of the versions that are allowed are chosen: `highest`, `lowest`, or `lowest-direct`, the lowest
            of what is asked for and the highest of what that needs.
        groups, extras: of this project.
        project: whether this project itself is installed, and how.
        replicate_local: whether it gets what is installed here; or a command, whose output is a requirements file.
        environment: variables of the programs that run in it.
        installer_args: arguments for the installer alone.
        files: what is copied into it: the path within the environment, and the path of the file; in a container the
            first may be absolute.
        compose: services beside it: `file`, the Compose file; `scope`, `session` (the default) or `worker`; `timeout`, in
            seconds; empty where there are none.
        base_image: what a container begins with: NAME:TAG, NAME@DIGEST or an id; None for one by the Python.
        own_dockerfile, context: one's own Dockerfile in the place of it (the key `dockerfile`), and the folder that it
            copies from.
        skip_build: whether that is taken as it is.
        pull: when it is fetched from its registry.
        platform: as engines name it; None for the engine's own.
        apt_packages: `NAME:ARCHITECTURE=VERSION`.
        apt_snapshot: the time of the snapshot that they are from, in UTC; None for the mirror of today.
        build_environment: variables of all that builds, and of nothing that runs.
        run: commands that build, the last of all: each by its words, and no shell.
        user, workdir: of the programs that run in it; None for the image's user.
        network: `none`, `bridge`, `host` or a name; None for the engine's choice.
        limits: `memory` in bytes, `cpus`, `pids`.
        ca_bundle: certificates while building: `none`, `host` or the path of a file.
        builder: what builds.
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
    resolution: Literal["highest", "lowest", "lowest-direct"] = "highest"
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    required_integrations: tuple[str, ...] = ()
    project: Literal[False, "wheel", "editable"] = False
    replicate_local: bool | tuple[str, ...] = False
    environment: Mapping[str, str] = field(default_factory=_nothing, hash=False)
    installer: Literal["auto", "pip", "uv"] = "auto"
    installer_args: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=_nothing, hash=False)
    compose: Mapping[str, Any] = field(default_factory=_nothing, hash=False)
    base_image: str | None = None
    own_dockerfile: str | None = None
    context: str | None = None
    skip_build: bool = False
    pull: Literal["missing", "never", "always"] = "missing"
    platform: str | None = None
    apt_packages: tuple[str, ...] = ()
    apt_snapshot: str | None = None
    build_environment: Mapping[str, str] = field(default_factory=_nothing, hash=False)
    run: tuple[tuple[str, ...], ...] = ()
    user: str | None = None
    workdir: str = WORKDIR
    network: str | None = None
    limits: Mapping[str, int | float] = field(default_factory=_nothing, hash=False)
    ca_bundle: str = "none"
    builder: str = "engine"
    origins: Mapping[str, str] = field(init=False, compare=False)

    def __init__(self, **given: Unpack[Given]) -> None:
        __tracebackhide__ = True
        table: dict[str, Any] = dict(given)
        name = table.pop("name", None)
        if _OWN_DOCKERFILE in table:  # By which `dataclasses.replace` knows it.
            table.setdefault("dockerfile", table.pop(_OWN_DOCKERFILE))
        values = Values("")
        values.string(name, "name")
        for key in [key for key in table if key.startswith("extend")]:
            del table[key]
            values.fault(key, "Settings(...) stand alone: tables and markers can extend others")
        found = read_settings(values, table, in_python=True)
        if not any(fault.startswith("kind:") for fault in values.faults):
            for key, message in disagreeing({key: found[key] for key in found if found[key] != KEYS[key].default}):
                values.fault(key if key in table else key.replace("-", "_"), message)
        if values.faults:
            raise _error("an environment", values.faults)
        object.__setattr__(self, "name", name)
        for key, each in KEYS.items():
            object.__setattr__(self, _ATTRIBUTES[key], found.get(key, each.default))
        self._tell({key: _BY_HAND for key in KEYS if self.raw(key) != KEYS[key].default})

    @classmethod
    def told(cls, origins: Mapping[str, str], **given: Unpack[Given]) -> Settings:
        """Make settings whose values come from elsewhere.

        Args:
            origins: as the attribute; what is not named is the default.
        """
        settings = cls(**given)
        settings._tell(origins)
        return settings

    @classmethod
    def from_zenml(cls, docker_settings: Any, *steps: Any, name: str | None = None, **further: Any) -> Settings:
        """Make the settings of a container that say what ZenML's `DockerSettings` say; ZenML is not imported.

        Args:
            docker_settings: the object, or a mapping as in ZenML's YAML. Of the object, what was set explicitly counts.
            steps: those of a step, over them, as ZenML merges them: a list of the step replaces that of the pipeline.
            further: settings of ours over all that, merged as layers are (`extend_apt_packages=[...]`).

        Raises:
            SettingsError: a field has no counterpart, and says what to write in its place; or a value is wrong.
        """
        given = Layer(ORIGIN, converted(docker_settings, *steps))
        settings = merge([given, Layer("Settings.from_zenml(...)", further)], {})
        values: Any = {key.replace("-", "_"): getattr(settings, _ATTRIBUTES[key]) for key in KEYS}
        return cls.told(settings.origins, name=name, **values)

    def _tell(self, origins: Mapping[str, str]) -> None:
        object.__setattr__(self, "origins", MappingProxyType({**dict.fromkeys(KEYS, DEFAULT), **origins}))

    def __repr__(self) -> str:
        if not hasattr(self, "origins"):  # Its `__init__` has raised, and a traceback shows it.
            return "Settings(...)"
        told = {
            key.replace("-", "_"): redacted(key, self._printable(key), self.origins)
            for key in KEYS
            if self.raw(key) != KEYS[key].default
        }
        named = {} if self.name is None else {"name": self.name}
        return f"Settings({', '.join(f'{key}={value!r}' for key, value in {**named, **told}.items())})"

    def explain(self) -> str:
        """Say of each value that is not the default where it came from, a line each; credentials are hidden."""
        set_here = [key for key in KEYS if self.origins[key] != DEFAULT]
        lines = [line for key in set_here for line in lines_of(key, self._printable(key), self.origins)]
        width = max(
            (len(text) for text, _ in lines if len(text) <= _WIDEST), default=0
        )  # One long line moves no other.
        return "\n".join(f"{text:<{width}}  # {origin}" for text, origin in lines) or "all settings are the default"

    def dockerfile(self) -> str:
        """Write the Dockerfile of a container for people, each line with the setting that it comes from; credentials are hidden.

        No engine is asked, and no file opened: what is only known then (the digest of the base, the lock) has the name
        that it will have.

        Raises:
            SettingsError: it is no container, or nothing is built.
        """
        from importlib import import_module  # noqa: PLC0415

        found: str = import_module("pytest_envrepro.images").dockerfile(self)
        return found

    @property
    def title(self) -> str | None:
        """What people know it by: its name, with the Python and versions that it does not have from that; None without one."""
        given = [str(self.raw(key)) for key in ("python", "resolution") if self._is_given(key)]
        return f"{self.name} ({', '.join(given)})" if self.name and given else self.name

    def _is_given(self, key: str) -> bool:
        """Tell whether a marker or a call says something, and does not take it back."""
        origin = self.origins[key]
        return self.raw(key) is not None and origin != DEFAULT and not is_of_table(origin)

    def shown_variables(self) -> dict[str, tuple[str, str]]:
        """Give the variables of its programs, each as it is, and as it may be shown."""
        shown = redacted("environment", self.environment, self.origins)
        return {name: (value, shown[name]) for name, value in self.environment.items()}

    @property
    def hiding(self) -> Hiding:
        """What of it is never shown: values of variables, of its programs and of its build, that may be secret."""
        building = redacted("build-environment", self.build_environment, self.origins)
        own = [(value, building[name]) for name, value in self.build_environment.items()]
        return Hiding.of_shown([*own, *self.shown_variables().values()])

    def raw(self, key: str) -> Any:
        """Give a value as it is, by its key as a table has it: what is shown of two values may be the same `****`."""
        return getattr(self, _ATTRIBUTES[key])

    def _printable(self, key: str) -> Any:
        return as_in_a_table(key, self.raw(key), self.origins)


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
    stack, name = stacked(layers, named, faults)
    merged = Laid(faults)
    merged.add_all(stack)
    merged.agree()
    if faults:
        return None, tuple(faults)
    values: Any = {key.replace("-", "_"): value for key, value in merged.values.items()}
    return Settings.told(merged.origins(), name=name, **values), ()


def _error(whose: str, faults: Iterable[str]) -> SettingsError:
    lines = sorted({f"  {fault}" for fault in faults})
    return SettingsError("\n".join([f"the settings of {whose} cannot be followed:", *lines]))
