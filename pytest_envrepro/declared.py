"""The table `[tool.envrepro.integrations]`: read, and every fault noted with its key path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.integrations import BUILT_IN, Integration, parse_tool
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.requirement import NAME, parse
from pytest_envrepro.values import did_you_mean, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pytest_envrepro.offered import Offered
    from pytest_envrepro.values import Values

_LISTS = ("requirements", "tools", "variables", "apt-packages", "groups", "extras", "includes")
_KEYS = (*_LISTS, "required", "probe")
_PROBES = ("metadata", "import")
_NAME = re.compile(NAME)
_VARIABLE = re.compile(r"[^\s=$\0]+")
_APT_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+(?::[a-z0-9-]+)?(?:=[^\s=]+)?")  # NAME:ARCHITECTURE=VERSION
_ALL = "all"


def read_integrations(
    values: Values, table: Any, *, file: str | None, offered: Offered | None
) -> Mapping[str, Integration]:
    """Read the table; what is wrong is noted in `values`.

    Args:
        file: the file that the table stands in.
        offered: the groups and extras that the project has; None for none.

    Returns:
        the integrations by canonical name.

    Raises:
        SettingsError: the project's own files cannot be read, where a group or an extra is named.
    """
    if not isinstance(table, dict):
        values.fault("integrations", f"has to be a table of tables, not {kind_of(table)}")
        return {}
    read: dict[str, Integration] = {}
    for name, each in table.items():
        place = f"integrations.{printable(name)}"
        known = read.get(canonicalize_name(name))
        if not _NAME.fullmatch(name) or name == _ALL:
            values.fault(place, "is no name: letters, digits, '-', '_' and '.', and not 'all'")
        elif canonicalize_name(name) in BUILT_IN:
            values.fault(place, "is the name of a built-in integration: take another")
        elif known is not None:
            values.fault(place, f"is the same name as '{known.name}'")
        elif not isinstance(each, dict):
            values.fault(place, f"has to be a table, not {kind_of(each)}")
        else:
            read[canonicalize_name(name)] = _read(values, name, each, file or "")
    _refuse_unknown(values, table, read, offered)
    _refuse_cycles(values, read)
    return read


def _read(values: Values, name: str, table: Mapping[str, Any], file: str) -> Integration:
    place = f"integrations.{name}"
    values.known(table, _KEYS, f"{place}.")
    if not any(table.get(key) for key in _LISTS) and set(table) <= {*_KEYS}:
        values.fault(place, f"needs nothing: say what by one of {', '.join(_LISTS)}")
    lists = {key: values.strings(table.get(key, []), f"{place}.{key}") for key in _LISTS}
    _refuse(values, f"{place}.requirements", lists["requirements"], _not_a_requirement)
    _refuse(values, f"{place}.tools", lists["tools"], _not_a_tool)
    _refuse(
        values, f"{place}.variables", lists["variables"], _not_of(_VARIABLE, "the name of a variable, such as PGHOST")
    )
    _refuse(
        values, f"{place}.apt-packages", lists["apt-packages"], _not_of(_APT_PACKAGE, "the name of a Debian package")
    )
    probe = table.get("probe", "metadata")
    if probe not in _PROBES:
        values.fault(f"{place}.probe", f'has to be "metadata" or "import", not {probe!r}')
    return Integration(
        name=name,
        requirements=lists["requirements"],
        tools=lists["tools"],
        variables=lists["variables"],
        apt_packages=lists["apt-packages"],
        groups=tuple(map(canonicalize_name, lists["groups"])),
        extras=tuple(map(canonicalize_name, lists["extras"])),
        includes=lists["includes"],
        required=values.flag(table.get("required", False), f"{place}.required"),
        probe="import" if probe == "import" else "metadata",
        declared_in=file,
    )


def _refuse(values: Values, place: str, texts: Iterable[str], wrong: Callable[[str], str | None]) -> None:
    for index, text in enumerate(texts):
        message = wrong(text)
        if message is not None:
            values.fault(f"{place}[{index}]", message)


def _not_a_requirement(text: str) -> str | None:
    try:
        parse(text)
    except ValueError as error:
        return f"'{redact(text)}' is not a requirement (PEP 508): {error}"
    return None


def _not_a_tool(text: str) -> str | None:
    try:
        parse_tool(text)
    except ValueError as error:
        return str(error)
    return None


def _not_of(pattern: re.Pattern[str], words: str) -> Callable[[str], str | None]:
    return lambda text: None if pattern.fullmatch(text) else f"'{text}' is not {words}"


def _refuse_unknown(
    values: Values, table: Mapping[str, Any], read: Mapping[str, Integration], offered: Offered | None
) -> None:
    """Note groups, extras and included integrations that do not exist; those of a provider (`zenml:x`) it tells itself."""
    for each in read.values():
        raw = table[each.name]
        for key, kind, names in (("groups", "dependency group", each.groups), ("extras", "extra", each.extras)):
            if not names:
                continue
            known: frozenset[str] = frozenset() if offered is None else getattr(offered, key)
            if key == "extras" and offered is not None and not offered.tells_extras:
                continue
            for index, name in enumerate(names):
                if name not in known:
                    message = f"this project has no {kind} '{raw[key][index]}'{did_you_mean(name, known)}"
                    values.fault(f"integrations.{each.name}.{key}[{index}]", message)
                elif offered is not None:
                    _refuse_unreadable(values, f"integrations.{each.name}.{key}[{index}]", name, key, offered)
        _refuse_unknown_includes(values, each, read, offered)


def _refuse_unknown_includes(
    values: Values, each: Integration, read: Mapping[str, Integration], offered: Offered | None
) -> None:
    """Note included integrations that do not exist, and groups and extras among them that cannot be read."""
    for index, name in enumerate(each.includes):
        place = f"integrations.{each.name}.includes[{index}]"
        canonical = canonicalize_name(name)
        if ":" in name or canonical in read or canonical in BUILT_IN:
            continue
        kinds = [key for key in ("groups", "extras") if offered is not None and canonical in getattr(offered, key)]
        if offered is None or not kinds:
            own = (offered.groups | offered.extras) if offered is not None else frozenset()
            known = {*read, *BUILT_IN, *own}
            values.fault(place, f"there is no integration '{printable(name)}'{did_you_mean(name, known)}")
            continue
        for key in kinds:
            _refuse_unreadable(values, place, canonical, key, offered)


def _refuse_unreadable(values: Values, place: str, name: str, key: str, offered: Offered) -> None:
    """Note a group or an extra that holds what is no requirement, or a cycle."""
    try:
        _ = offered.of_group(name) if key == "groups" else offered.of_extra(name)
    except SettingsError as error:
        for line in str(error).split("\n"):
            values.fault(place, line)


def _refuse_cycles(values: Values, read: Mapping[str, Integration]) -> None:
    """Note each cycle of includes once, where the first of its names stands."""
    told: set[frozenset[str]] = set()
    done: set[str] = set()
    # Without recursion: a chain of includes may be longer than that goes.
    trail: dict[str, Iterator[str]] = {}
    for first in read:
        trail[first] = iter(() if first in done else read[first].includes)
        while trail:
            name, includes = next(reversed(trail.items()))
            other = canonicalize_name(next(includes, ""))
            if not other:
                done.add(name)
                del trail[name]
            elif other in trail:
                names = [*trail]
                cycle = names[names.index(other) :]
                if frozenset(cycle) not in told:
                    told.add(frozenset(cycle))
                    shown = " -> ".join(read[each].name for each in (*cycle, other))
                    values.fault(f"integrations.{read[other].name}.includes", f"is a cycle: {shown}")
            elif other in read and other not in done:
                trail[other] = iter(read[other].includes)
