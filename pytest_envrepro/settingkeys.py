"""The keys of an environment's settings: what each may hold, what stands for it, and what is wrong with a value."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_envrepro.matrices import Matrix
from pytest_envrepro.requirement import parse, redact
from pytest_envrepro.values import did_you_mean, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_envrepro.values import Values

    Read = Callable[[Values, Any, str], Any]

EXTENDS = "extends"  # Is read where layers are put together, and is no setting.
APPENDING = "extend-"
# A kind that is declared today, and cannot be made: its keys are not judged, since nobody knows them yet.
_TO_COME = {"container": "containers cannot be made yet: the only kind is 'virtualenv'"}
_REQUIREMENT_SIGN = re.compile(r"[<>=!;\[]| @ ")
_VARIABLE = re.compile(r"[^\s=$\0]+")
_ISOLATION = "each environment has its own, which keeps other Pythons and packages out"
_OWN_VARIABLES = {
    "PATH": "it is set for each command: the programs of the environment, then those of the system",
    "PYTHONPATH": f'{_ISOLATION}; project = "editable" has tests see the source as it is',
    **dict.fromkeys(("PYTHONHOME", "PYTHONEXECUTABLE", "PYTHONPLATLIBDIR", "__PYVENV_LAUNCHER__"), _ISOLATION),
    "VIRTUAL_ENV": _ISOLATION,
}
_NAME = "name"
_OWN_FILES = frozenset({"pyvenv.cfg"})


class Key(NamedTuple):
    """A key.

    Attributes:
        read: takes a value, notes what is wrong with it, and gives what stands for it.
        default: what stands where the key is not set.
        form: how a value meets the one that it extends: a list can be extended, a mapping is merged by key.
    """

    read: Read
    default: Any = None
    form: Literal["value", "list", "mapping"] = "value"


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
    kind = table.get("kind")
    if isinstance(kind, str) and kind in _TO_COME:
        values.fault(f"{path}kind", _TO_COME[kind])
        return {}
    found: dict[str, Any] = {}
    for written, value in table.items():
        name = str(written).replace("_", "-") if in_python else str(written)
        place = f"{path}{written}"
        extended = name.removeprefix(APPENDING)
        if name == _NAME:
            values.fault(place, "is no setting: it is the name of the table, and in Python the first argument")
        elif name in found:
            values.fault(place, "stands there twice, with '-' and with '_'")
        elif name in KEYS:
            found[name] = _read(values, value, place, KEYS[name])
        elif extended == name or extended not in KEYS:
            values.fault(place, f"unknown key{_hint(str(written), in_snake=in_python and '-' not in str(written))}")
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


def _hint(key: str, *, in_snake: bool) -> str:
    plain = [*KEYS, EXTENDS]
    known = [*plain, *(f"{APPENDING}{name}" for name, each in KEYS.items() if each.form == "list")]
    if in_snake:
        plain, known = ([name.replace("-", "_") for name in names] for names in (plain, known))
    close = did_you_mean(key, known)
    return close if "did you mean" in close else did_you_mean(key, plain)


def _one_of(values: Values, value: Any, place: str, *, words: tuple[str, ...]) -> str:
    if isinstance(value, str) and value in words:
        return value
    values.fault(place, f"has to be {' or '.join(map(repr, words))}, not {kind_of(value)}")
    return words[0]


def _python(values: Values, value: Any, place: str) -> str | None:
    """Take a spec, which is understood where Pythons are looked for."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        values.fault(place, f'has to be a string with quotes, such as "3.12", not {kind_of(value)}')
        return None
    text = values.string(value, place)
    if text is not None and not text.strip():
        values.fault(place, "is empty")
    return text


def _path(values: Values, value: Any, place: str) -> str | None:
    return values.path(value, place)


def _names(values: Values, value: Any, place: str) -> tuple[str, ...]:
    texts = values.strings(value, place)
    for index, text in enumerate(texts):
        if not text.strip():
            values.fault(f"{place}[{index}]", "is empty")
    return texts


def _requirements(values: Values, value: Any, place: str, *, bounds: bool = False) -> tuple[str, ...] | str:
    """Take requirements (PEP 508), or the path of a file with some.

    Args:
        bounds: whether they are constraints, which pip refuses where one has extras.
    """
    if isinstance(value, str):
        if _REQUIREMENT_SIGN.search(value):
            values.fault(place, f"a string is the path of a file; requirements stand in a list: [{redact(value)!r}]")
            return ()
        return values.path(value, place) or ()
    if not isinstance(value, list):
        values.fault(place, f"has to be a list of requirements, or the path of a file with some, not {kind_of(value)}")
        return ()
    return _listed(values, value, place, bounds=bounds)


def _listed(values: Values, value: Any, place: str, *, bounds: bool = False) -> tuple[str, ...]:
    texts = values.strings(value, place)
    for index, text in enumerate(texts):
        try:
            has_extras = bool(parse(text).extras)
        except ValueError as error:
            values.fault(f"{place}[{index}]", f"'{redact(text)}' is not a requirement (PEP 508): {error}")
        else:
            if bounds and has_extras:
                values.fault(f"{place}[{index}]", f"'{redact(text)}' has extras, which a constraint cannot ask for")
    return texts


def _project(values: Values, value: Any, place: str) -> str | bool:
    if value is True:
        return "wheel"
    if value is False or value in ("wheel", "editable"):  # A list, which is none of them, has no hash.
        return value  # type: ignore[no-any-return]  # Has just been looked at.
    values.fault(place, f"has to be 'wheel', 'editable', true (a wheel) or false, not {kind_of(value)}")
    return False


def _replicated(values: Values, value: Any, place: str) -> tuple[str, ...] | bool:
    """Take the words of a command, or whether what is installed here is meant."""
    if isinstance(value, bool):
        return value
    words: Any = value
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError as error:
            values.fault(place, f"cannot be split into words: {str(error).lower()}")
            return False
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        values.fault(place, f"has to be true, false or a command, not {kind_of(value)}")
        return False
    if not words or not words[0].strip():
        values.fault(place, "is an empty command")
    return tuple(words)


def _variables(values: Values, value: Any, place: str) -> Mapping[str, str]:
    found = _strings_by_name(values, value, place, "variables")
    for name, text in found.items():
        own = _OWN_VARIABLES.get(name.upper())
        if own is not None:
            values.fault(f"{place}.{name}", f"cannot be set: {own}")
        elif not _VARIABLE.fullmatch(name):
            values.fault(place, f"{name!r} is not the name of a variable, such as PGHOST")
        elif "\0" in text:
            values.fault(f"{place}.{name}", "has a NUL in it, which no variable can hold")
    return found


def _files(values: Values, value: Any, place: str) -> Mapping[str, str]:
    """Take paths of files, by where they are copied to."""
    found: dict[str, str] = {}
    for name, source in _strings_by_name(values, value, place, "paths").items():
        inner = os.path.normpath(name).replace("\\", "/") if name else ""
        if not inner or inner.startswith(("/", "~")) or inner.split("/")[0] in {".", ".."} or ":" in inner:
            values.fault(place, f"{name!r} has to be a path within the environment, such as 'etc/tool.ini'")
        elif inner in _OWN_FILES or inner in found:
            own = "is the environment's own" if inner in _OWN_FILES else "is there under another spelling too"
            values.fault(place, f"{name!r} {own}")
        else:
            path = values.path(source, f'{place}."{name}"')
            found[inner] = path or ""
    return MappingProxyType(found)


def _strings_by_name(values: Values, value: Any, place: str, words: str) -> Mapping[str, str]:
    if not isinstance(value, dict):
        values.fault(place, f"has to be a table of {words}, not {kind_of(value)}")
        return MappingProxyType({})
    for name, each in value.items():
        if not isinstance(name, str):
            values.fault(place, f"{name!r} has to be a string")
        elif not isinstance(each, str):  # Its value may be a secret.
            values.fault(f"{place}.{name}", f"has to be a string, not {kind_of(each).partition(' (')[0]}")
    kept = {name: each for name, each in value.items() if isinstance(name, str) and isinstance(each, str)}
    return MappingProxyType(dict(sorted(kept.items())))


_NOTHING: Mapping[str, str] = MappingProxyType({})
KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "kind": Key(partial(_one_of, words=("virtualenv",)), "virtualenv"),
        "python": Key(_python),
        "lock": Key(_path),
        "requirements": Key(_requirements, (), "list"),
        "constraints": Key(partial(_requirements, bounds=True), (), "list"),
        "groups": Key(_names, (), "list"),
        "extras": Key(_names, (), "list"),
        "required-integrations": Key(_names, (), "list"),
        "project": Key(_project, False),
        "replicate-local": Key(_replicated, False),
        "environment": Key(_variables, _NOTHING, "mapping"),
        "installer": Key(partial(_one_of, words=("auto", "pip", "uv")), "auto"),
        "installer-args": Key(_names, (), "list"),
        "files": Key(_files, _NOTHING, "mapping"),
    }
)
# What extends these is a list, never a file.
_EXTENDING: Mapping[str, Key] = MappingProxyType(
    {"requirements": Key(_listed, ()), "constraints": Key(partial(_listed, bounds=True), ())}
)
