"""The table `[tool.envrepro.environments]`: read, and every fault noted with its key path."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.utils import canonicalize_name

from pytest_envrepro.locks import format_of
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.requirement import NAME
from pytest_envrepro.settingkeys import APPENDING, EXTENDS, read_settings
from pytest_envrepro.settings import Layer, combine
from pytest_envrepro.values import did_you_mean, kind_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from pytest_envrepro.offered import Offered
    from pytest_envrepro.values import Values

_NAME = re.compile(NAME)
_KINDS = {"groups": "dependency group", "extras": "extra"}
_INTEGRATIONS = "required-integrations"
_BY_ITSELF = frozenset({EXTENDS, "files"})  # What is wrong with these, nothing else makes look so.


class Known(NamedTuple):
    """What environments may name.

    Attributes:
        integrations: the canonical names of those that the table declares.
        offered: the groups and extras that the project has; None where that is not known.
    """

    integrations: frozenset[str]
    offered: Offered | None

    def refuse_others(self, values: Values, settings: Mapping[str, Any], path: str, lock: Any) -> None:
        """Note groups, extras and integrations that do not exist; those of a provider (`zenml:x`) it tells itself.

        Args:
            settings: as `read_settings` gives them.
            path: the key path of their table, with a dot at its end.
            lock: the one of the environment, if any: of a project's, groups and extras are told when it is read.
        """
        of_lock = _KINDS if isinstance(lock, str) and format_of(lock).name != "requirements" else ()
        for key, names in settings.items():
            listed = key.removeprefix(APPENDING)
            if not names or self.offered is None or listed not in {*_KINDS, _INTEGRATIONS} or listed in of_lock:
                continue
            if listed == "extras" and not self.offered.tells_extras:
                continue
            known, words = self._of(listed, self.offered)
            for index, name in enumerate(names):
                if ":" not in name and canonicalize_name(name) not in known:
                    values.fault(f"{path}{key}[{index}]", f"{words} '{printable(name)}'{did_you_mean(name, known)}")

    def _of(self, key: str, offered: Offered) -> tuple[frozenset[str], str]:
        """Give what there is of a kind, and how it is said that something is not."""
        if key in _KINDS:
            return getattr(offered, key), f"this project has no {_KINDS[key]}"
        from pytest_envrepro.integrations import BUILT_IN  # noqa: PLC0415  # Is needed here alone.

        return self.integrations | BUILT_IN | offered.groups | offered.extras, "there is no integration"


def read_environments(values: Values, table: Any, *, file: str | None, known: Known) -> Mapping[str, Layer]:
    """Read the table; what is wrong is noted in `values`.

    Args:
        file: the file that the table stands in.
        known: what environments may name.

    Returns:
        the environments by name, as they were declared: what one extends is not part of it.

    Raises:
        SettingsError: the project's own files cannot be read, where a group or an extra is named.
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
            found = read_settings(values, {key: each[key] for key in each if key != EXTENDS}, f"{place}.")
            known.refuse_others(values, found, f"{place}.", _lock_of(name, table))
            taken[canonicalize_name(name)] = name
            read[name] = Layer(f"{values.prefix}{place} in {file}", MappingProxyType(each))
            if len(values.faults) == before:
                sound.add(name)
    _refuse_wrong_bases(values, read, sound)
    return MappingProxyType(read)


def _lock_of(name: str, table: Mapping[str, Any]) -> Any:
    """Give the lock of an environment, or of what it extends."""
    tables = {canonicalize_name(each): found for each, found in table.items() if isinstance(found, dict)}
    seen: set[str] = set()
    while (key := canonicalize_name(name)) in tables.keys() - seen:
        seen.add(key)
        if "lock" in tables[key]:
            return tables[key]["lock"]
        name = str(tables[key].get(EXTENDS, ""))
    return None


def _refuse_wrong_bases(values: Values, read: Mapping[str, Layer], sound: Container[str]) -> None:
    """Note what is wrong with what environments extend, and with what they come to together."""
    names = {layer.origin: name for name, layer in read.items()}
    told = set(values.faults)
    for name in read:
        _, faults = combine([Layer("", {}, name)], read)
        for fault in faults:
            declared = names[fault.layer.origin]
            place = f"environments.{declared}.{fault.key}"
            line = f"{values.prefix}{place}: {fault.message}"
            # What is wrong with the values themselves has been noted before, and may make others look wrong too.
            if line not in told and (declared in sound or fault.key in _BY_ITSELF):
                told.add(line)
                values.fault(place, fault.message)
