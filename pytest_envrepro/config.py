"""The table `[tool.envrepro]`: read, checked as a whole, and every fault told at once with its key path."""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from packaging.utils import canonicalize_name

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.outcome import SEVERITIES, Severity
from pytest_envrepro.requirement import CONDA, parse_marker_or_raise
from pytest_envrepro.values import Values, did_you_mean, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_envrepro.integrations import Integration
    from pytest_envrepro.offered import Offered
    from pytest_envrepro.settings import Layer

Strict = Literal["auto"] | bool
Integrity = Literal["full"] | bool

_KEYS = (
    *("strict", "installed", "integrity", "exclude", "waivers", "severity", "locks"),
    *("allow-missing", "integrations", "environments"),
)
_NEVER_WAIVED = frozenset({"stale-waiver"})


class InstalledFrom(NamedTuple):
    """A lock that this environment is installed from, and what of it: groups and extras, None for the default."""

    lock: str
    groups: tuple[str, ...] | None = None
    extras: tuple[str, ...] | None = None

    def parts(self, usual: frozenset[str]) -> frozenset[str] | None:
        """Give the parts of the project that are meant, as `Root.part` names them, besides `MAIN`; None for the default.

        Args:
            usual: those that the lock's tool installs where it is not told otherwise.
        """
        if self.groups is None and self.extras is None:
            return None
        groups = {part for part in usual if not part.startswith("[")}
        named = groups if self.groups is None else {canonicalize_name(group) for group in self.groups}
        return frozenset({*named, *(f"[{canonicalize_name(extra)}]" for extra in self.extras or ())})


class Waiver(NamedTuple):
    """A finding that is accepted.

    Attributes:
        code, package: which finding it is.
        requires: in `conflict` and `missing-dependency`, the canonical name of what is asked for.
        until: the last day on which it is accepted.
        marker: where it is accepted.
        place: the key path, for messages.
    """

    code: str
    package: str
    reason: str
    requires: str | None = None
    until: dt.date | None = None
    marker: str | None = None
    place: str = "waivers"


class DeclaredLock(NamedTuple):
    """A lock that discovery is told of."""

    path: str
    inputs: tuple[str, ...] | None = None
    command: str | None = None


class Config(NamedTuple):
    """The table, with its defaults.

    Attributes:
        strict: whether unchecked outcomes fail the session; `auto` where CI does.
        installed: None where the table does not say.
        integrity: whether installed files are compared with RECORD, and all of them by their content (`full`).
        allow_missing: the integrations that may be missing in strict mode too.
        integrations: by canonical name.
        environments: by name, as they were declared.
        file: the file that the table stands in, or None where there is none.
    """

    strict: Strict = "auto"
    installed: tuple[InstalledFrom, ...] | None = None
    integrity: Integrity = False
    exclude: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    severity: Mapping[str, Severity] = MappingProxyType({})
    locks: tuple[DeclaredLock, ...] = ()
    allow_missing: tuple[str, ...] = ()
    integrations: Mapping[str, Integration] = MappingProxyType({})
    environments: Mapping[str, Layer] = MappingProxyType({})
    file: str | None = None


def read_config(
    table: Mapping[str, Any],
    *,
    file: str | None,
    prefix: str,
    codes: Iterable[str],
    offered: Offered | None = None,
) -> Config:
    """Read the table.

    Args:
        table: the values, as TOML gives them.
        file: the file that they stand in, relative to the root.
        prefix: the key path of the table, with a dot at its end: `tool.envrepro.`.
        codes: the codes that a finding may have.
        offered: the groups and extras that the project has; None for none.

    Raises:
        SettingsError: unknown keys, wrong types and wrong values; all of them, sorted.
    """
    reader = _Reader(prefix, tuple(codes))
    config = Config(
        strict=reader.strict(table.get("strict", "auto")),
        installed=reader.installed(table.get("installed")),
        integrity=reader.integrity(table.get("integrity", False)),
        exclude=reader.strings(table.get("exclude", []), "exclude"),
        waivers=tuple(reader.tables(table.get("waivers", []), "waivers", reader.waiver)),
        severity=reader.severity(table.get("severity", {})),
        locks=tuple(reader.tables(table.get("locks", []), "locks", reader.lock)),
        allow_missing=reader.strings(table.get("allow-missing", []), "allow-missing"),
        integrations=(integrations := _read_integrations(reader, table, file, offered)),
        environments=_read_environments(reader, table, file, integrations, offered),
        file=file,
    )
    reader.known(table, _KEYS, "")
    if reader.faults:
        raise SettingsError(
            "\n".join([f"{file} cannot be followed:", *sorted(f"  {fault}" for fault in reader.faults)])
        )
    return config


def _read_integrations(
    reader: Values, table: Mapping[str, Any], file: str | None, offered: Offered | None
) -> Mapping[str, Integration]:
    if "integrations" not in table:
        return MappingProxyType({})
    # Few tables have any, and the others are spared the providers.
    from pytest_envrepro.declared import read_integrations  # noqa: PLC0415

    return read_integrations(reader, table["integrations"], file=file, offered=offered)


def _read_environments(
    reader: Values,
    table: Mapping[str, Any],
    file: str | None,
    integrations: Mapping[str, Integration],
    offered: Offered | None,
) -> Mapping[str, Layer]:
    if "environments" not in table:
        return MappingProxyType({})
    # The same.
    from pytest_envrepro.declared_environments import Known, read_environments  # noqa: PLC0415

    return read_environments(reader, table["environments"], file=file, known=Known(frozenset(integrations), offered))


class _Reader(Values):
    """Takes the values of this table."""

    def __init__(self, prefix: str, codes: tuple[str, ...]) -> None:
        super().__init__(prefix)
        self.codes = codes

    def strict(self, value: Any) -> Strict:
        if isinstance(value, bool):
            return value
        if value == "auto":
            return "auto"
        self.fault("strict", f'has to be true, false or "auto", not {value!r}')
        return "auto"

    def integrity(self, value: Any) -> Integrity:
        if isinstance(value, bool):
            return value
        if value == "full":
            return "full"
        self.fault("integrity", f'has to be true, false or "full", not {value!r}')
        return False

    def installed(self, value: Any) -> tuple[InstalledFrom, ...] | None:
        if value is None:
            return None
        if not isinstance(value, list):
            self.fault("installed", f"has to be a list of locks, not {kind_of(value)}")
            return None
        found: list[InstalledFrom] = []
        for index, item in enumerate(value):
            place = f"installed[{index}]"
            table = item if isinstance(item, dict) else {"lock": item}
            self.known(table, ("lock", "groups", "extras"), f"{place}.")
            lock = self.path(table.get("lock"), f"{place}.lock" if isinstance(item, dict) else place)
            if lock is None:
                if "lock" not in table:
                    self.fault(place, "needs the key 'lock'")
                continue
            groups, extras = (
                self.strings(table[key], f"{place}.{key}") if key in table else None for key in ("groups", "extras")
            )
            found.append(InstalledFrom(lock=lock, groups=groups, extras=extras))
        return tuple(found)

    def severity(self, value: Any) -> dict[str, Severity]:
        if not isinstance(value, dict):
            self.fault("severity", f"has to be a table, not {kind_of(value)}")
            return {}
        self.known(value, self.codes, "severity.")
        for code, level in value.items():
            if level not in SEVERITIES:
                self.fault(f"severity.{code}", f"has to be one of {', '.join(SEVERITIES)}, not {level!r}")
        return {code: level for code, level in value.items() if level in SEVERITIES}

    def lock(self, table: Mapping[str, Any], place: str) -> DeclaredLock | None:
        self.known(table, ("path", "inputs", "command"), f"{place}.")
        path = self.path(table.get("path"), f"{place}.path")
        inputs = self.strings(table["inputs"], f"{place}.inputs") if "inputs" in table else None
        if inputs is not None:
            inputs = tuple(self.path(item, f"{place}.inputs[{index}]") or "" for index, item in enumerate(inputs))
        command = self.string(table.get("command"), f"{place}.command")
        if "path" not in table:
            self.fault(place, "needs the key 'path'")
        return DeclaredLock(path=path, inputs=inputs, command=command) if path else None

    def waiver(self, table: Mapping[str, Any], place: str) -> Waiver | None:
        self.known(table, ("code", "package", "requires", "reason", "until", "marker"), f"{place}.")
        texts = {
            key: self.string(table.get(key), f"{place}.{key}")
            for key in ("code", "package", "requires", "reason", "marker")
        }
        for key in ("code", "package", "reason"):
            if not str(table.get(key, "")).strip():
                self.fault(place, f"needs the key '{key}'")
        until = table.get("until")
        if until is not None and (not isinstance(until, dt.date) or isinstance(until, dt.datetime)):
            self.fault(f"{place}.until", f"has to be a date without quotes, such as 2027-03-01, not {until!r}")
            until = None
        code, package, requires = texts["code"], texts["package"], texts["requires"]
        if code in _NEVER_WAIVED:
            self.fault(f"{place}.code", f"'{code}' is about waivers, and cannot be waived")
        elif code and code not in self.codes:
            self.fault(f"{place}.code", f"unknown code '{code}'{did_you_mean(code, self.codes)}")
        if texts["marker"]:
            try:
                parse_marker_or_raise(texts["marker"])
            except ValueError as error:
                self.fault(f"{place}.marker", str(error))
        if not (code and package and texts["reason"]):
            return None
        return Waiver(
            code=code,
            package=package.lower() if package.lower().startswith(CONDA) else canonicalize_name(package),
            reason=texts["reason"],
            requires=canonicalize_name(requires) if requires else None,
            until=until,
            marker=texts["marker"],
            place=f"{self.prefix}{place}",
        )
