"""The keys of an environment's settings: what each may hold, what stands for it, and what is wrong with a value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest_envrepro.containervalues as of_containers
import pytest_envrepro.settingvalues as of_all
from pytest_envrepro.matrices import Matrix
from pytest_envrepro.values import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_envrepro.values import Values

    Read = Callable[[Values, Any, str], Any]

EXTENDS = "extends"  # Is read where layers are put together, and is no setting.
APPENDING = "extend-"
VIRTUALENV, CONTAINER = "virtualenv", "container"
HIGHEST, LOWEST_DIRECT = "highest", "lowest-direct"  # Of the versions that are allowed; in uv's words.
_NAME = "name"
INSIDE = "inside"  # Stands in markers alone, and is no setting.


class Key(NamedTuple):
    """A key.

    Attributes:
        read: takes a value, notes what is wrong with it, and gives what stands for it.
        default: what stands where the key is not set.
        form: how a value meets the one that it extends: a list can be extended, a mapping is merged by key.
        in_containers: whether it means something in containers alone.
    """

    read: Read
    default: Any = None
    form: Literal["value", "list", "mapping"] = "value"
    in_containers: bool = False


def read_settings(
    values: Values, table: Mapping[str, Any], path: str = "", *, in_python: bool = False
) -> dict[str, Any]:
    """Take the settings out of a table or a mapping; what is wrong is noted in `values`.

    Args:
        path: the key path of the table, with a dot at its end.
        in_python: whether keys may be written in `snake_case`, as Python's keywords are.

    Returns:
        what was read by key, in `kebab-case`; `extend-<key>` stands there for itself.
    """
    found: dict[str, Any] = {}
    for written, value in table.items():
        name = str(written).replace("_", "-") if in_python else str(written)
        place = f"{path}{written}"
        extended = name.removeprefix(APPENDING)
        if name == INSIDE:
            values.fault(
                place, "is no setting: a test's marker alone says whether the test itself runs in its environment"
            )
        elif name == _NAME:
            values.fault(place, "is no setting: it is the name of the table, and in Python the first argument")
        elif name in found:
            values.fault(place, "stands there twice, with '-' and with '_'")
        elif name in KEYS:
            found[name] = _read(values, value, place, KEYS[name])
        elif extended == name or extended not in KEYS:
            values.fault(place, f"unknown key{_hint(str(written), in_python=in_python)}")
        elif KEYS[extended].form == "mapping":
            values.fault(place, f"'{extended}' is merged key by key, and needs no 'extend-'")
        elif KEYS[extended].form == "value":
            values.fault(place, f"'{extended}' is no list: it replaces the one that it extends")
        else:
            found[name] = _read(values, value, place, _EXTENDING.get(extended, KEYS[extended]))
    return found


def _read(values: Values, value: Any, place: str, key: Key) -> Any:
    """Read a value that may come from Python."""
    plain = _as_in_a_table(value)
    inner = plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else ()
    if isinstance(plain, Matrix):
        values.fault(place, f"is {plain!r}, and an environment has one value: a matrix stands in a test's marker")
    elif any(isinstance(each, Matrix) for each in inner):
        values.fault(
            place, f"holds a matrix: it stands for a whole value, as in {place.rpartition('.')[2]}=matrix(..., ...)"
        )
    else:
        return key.read(values, plain, place)
    return key.default


def _as_in_a_table(value: Any) -> Any:
    """Give what TOML would have given: lists, dictionaries, and strings for paths."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {name: _as_in_a_table(each) for name, each in value.items()}
    return [_as_in_a_table(each) for each in value] if isinstance(value, (list, tuple)) else value


def are_known(names: Iterable[str]) -> bool:
    """Tell whether names of keyword arguments of a marker are keys, as they may be written there."""
    keys = (name.replace("_", "-").removeprefix(APPENDING) for name in names)
    return all(key in KEYS or key in {INSIDE, EXTENDS} for key in keys)


def _hint(key: str, *, in_python: bool) -> str:
    in_snake = in_python and "-" not in key
    plain = [*KEYS, EXTENDS]
    known = [*plain, *(f"{APPENDING}{name}" for name, each in KEYS.items() if each.form == "list")]
    known += [INSIDE] if in_python else []
    if in_snake:
        plain, known = ([name.replace("-", "_") for name in names] for names in (plain, known))
    close = did_you_mean(key, known)
    if not key.startswith("ext"):  # Who has not written `extend` means what that appends to.
        for joint in "-_":
            close = close.replace(f"'{APPENDING[:-1]}{joint}", "'")
    return close if "did you mean" in close else did_you_mean(key, plain)


def _of_containers(read: Read, default: Any = None, form: Literal["value", "list", "mapping"] = "value") -> Key:
    return Key(read, default, form, in_containers=True)


_NOTHING: Mapping[str, Any] = MappingProxyType({})
KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "kind": Key(partial(of_all.one_of, words=(VIRTUALENV, CONTAINER)), VIRTUALENV),
        "python": Key(of_all.python),
        "base-image": _of_containers(of_containers.image),
        "dockerfile": _of_containers(of_all.path),
        "context": _of_containers(of_all.path),
        "skip-build": _of_containers(of_containers.flag, False),
        "pull": _of_containers(partial(of_all.one_of, words=("missing", "never", "always")), "missing"),
        "platform": _of_containers(of_containers.platform),
        "apt-packages": _of_containers(of_containers.apt_packages, (), "list"),
        "apt-snapshot": _of_containers(of_containers.snapshot),
        "lock": Key(of_all.path),
        "requirements": Key(of_all.requirements, (), "list"),
        "constraints": Key(partial(of_all.requirements, bounds=True), (), "list"),
        "resolution": Key(partial(of_all.one_of, words=(HIGHEST, "lowest", LOWEST_DIRECT)), HIGHEST),
        "groups": Key(of_all.names, (), "list"),
        "extras": Key(of_all.names, (), "list"),
        "required-integrations": Key(of_all.names, (), "list"),
        "project": Key(of_all.project, False),
        "replicate-local": Key(of_all.replicated, False),
        "build-environment": _of_containers(of_containers.build_variables, _NOTHING, "mapping"),
        "environment": Key(of_all.variables, _NOTHING, "mapping"),
        "installer": Key(partial(of_all.one_of, words=("auto", "pip", "uv")), "auto"),
        "installer-args": Key(of_all.names, (), "list"),
        "files": Key(of_all.files, _NOTHING, "mapping"),
        "compose": Key(of_all.compose, _NOTHING, "mapping"),
        "run": _of_containers(of_containers.commands, (), "list"),
        "user": _of_containers(of_containers.user),
        "workdir": _of_containers(of_containers.workdir, of_containers.WORKDIR),
        "network": _of_containers(of_containers.network),
        "limits": _of_containers(of_containers.limits, _NOTHING, "mapping"),
        "ca-bundle": _of_containers(of_containers.bundle, "none"),
        "builder": _of_containers(of_containers.builder, "engine"),
    }
)
# What extends these is a list, never a file.
_EXTENDING: Mapping[str, Key] = MappingProxyType(
    {"requirements": Key(of_all.listed, ()), "constraints": Key(partial(of_all.listed, bounds=True), ())}
)
