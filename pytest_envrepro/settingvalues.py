"""What the value of a setting may be: what stands for it, and what is wrong with it."""

from __future__ import annotations

import json
import os
import re
import shlex
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_envrepro.credentials import redact
from pytest_envrepro.pythonspecs import FORMS, is_possible
from pytest_envrepro.requirement import NAME, parse
from pytest_envrepro.requirementlines import parse_listed
from pytest_envrepro.values import did_you_mean, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.values import Values

_REQUIREMENT_SIGN = re.compile(r"[<>=!;\[]| @ ")
_PACKAGE = re.compile(NAME)
_ENDINGS = (".txt", ".in", ".lock", ".toml", ".pip", ".cfg")
_VARIABLE = re.compile(r"[^\s=$\0]+")
_ISOLATION = "each environment has its own, which keeps other Pythons and packages out"
_OWN_VARIABLES = {
    "PATH": "it is set for each command: the programs of the environment, then those of the system",
    "PYTHONPATH": f'{_ISOLATION}; project = "editable" has tests see the source as it is',
    **dict.fromkeys(("PYTHONHOME", "PYTHONEXECUTABLE", "PYTHONPLATLIBDIR", "__PYVENV_LAUNCHER__"), _ISOLATION),
    "VIRTUAL_ENV": _ISOLATION,
}
WITHIN = "has to be a path within the environment, such as 'etc/tool.ini'"
_OWN_FILES = re.compile(r"pyvenv\.cfg|bin/python[\d.]*|(?i:Scripts/pythonw?\.exe)")
_SHELL_WORDS = frozenset({"|", "||", "|&", "&", "&&", ";", "<", ">", ">>", "2>", "2>>", "&>", "2>&1"})
_SCOPES = ("session", "worker")
_LONGEST_WAIT = 86_400  # Seconds.


def one_of(values: Values, value: Any, place: str, *, words: tuple[str, ...]) -> str:
    """Take one of some words."""
    if isinstance(value, str) and value in words:
        return value
    if isinstance(value, str) and len(words) > 1:
        known = f"{', '.join(map(repr, words[:-1]))} or {words[-1]!r}"
        hint = did_you_mean(value, words)
        close = hint if "did you mean" in hint else ""
        values.fault(place, f"{value!r} is not known: it may be {known}{close}")
    else:
        values.fault(place, f"has to be {' or '.join(map(repr, words))}, not {kind_of(value)}")
    return words[0]


def python(values: Values, value: Any, place: str) -> str | None:
    """Take a spec, which is understood where Pythons are looked for."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        values.fault(place, f'has to be a string with quotes, such as "3.12", not {kind_of(value)}')
        return None
    text = values.string(value, place)
    if text is not None and not text.strip():
        values.fault(place, "is empty")
    elif text is not None and not is_possible(text):
        values.fault(place, f"'{text}' is no Python on any machine: it may be {FORMS}")
    return text


def path(values: Values, value: Any, place: str) -> str | None:
    """Take a path below the root."""
    return values.path(value, place)


def names(values: Values, value: Any, place: str) -> tuple[str, ...]:
    """Take a list of strings that are not empty."""
    texts = values.strings(value, place)
    for index, text in enumerate(texts):
        if not text.strip():
            values.fault(f"{place}[{index}]", "is empty")
    return texts


def requirements(values: Values, value: Any, place: str, *, bounds: bool = False) -> tuple[str, ...] | str:
    """Take requirements (PEP 508), or the path of a file with some.

    Args:
        bounds: whether they are constraints, which pip refuses where one has extras.
    """
    if isinstance(value, str):
        if _REQUIREMENT_SIGN.search(value):
            values.fault(place, a_string_is_a_path(value))
            return ()
        return values.path(value, place) or ()
    if not isinstance(value, list):
        values.fault(place, f"has to be a list of requirements, or the path of a file with some, not {kind_of(value)}")
        return ()
    return listed(values, value, place, bounds=bounds)


def a_string_is_a_path(text: str) -> str:
    """Say how a requirement is written that stands where the path of a file does."""
    return f"a string is the path of a file; requirements stand in a list: [{redact(text)!r}]"


def is_a_name(text: str) -> bool:
    """Tell whether a text that names no file may be meant as a package: no folder is in it, and no ending of such files."""
    return _PACKAGE.fullmatch(text) is not None and not text.lower().endswith(_ENDINGS)


def listed(values: Values, value: Any, place: str, *, bounds: bool = False) -> tuple[str, ...]:
    """Take a list of requirements (PEP 508)."""
    texts = values.strings(value, place)
    for index, text in enumerate(texts):
        try:
            # A constraint says which versions, and never where to find them.
            has_extras = bool((parse(text) if bounds else parse_listed(text).requirement).extras)
        except ValueError as error:
            values.fault(f"{place}[{index}]", f"'{redact(text)}' is not a requirement (PEP 508): {error}")
        else:
            if bounds and has_extras:
                values.fault(f"{place}[{index}]", f"'{redact(text)}' has extras, which a constraint cannot ask for")
    return texts


def project(values: Values, value: Any, place: str) -> str | bool:
    """Take how this project itself is installed."""
    if value is True:
        return "wheel"
    if value is False or value in ("wheel", "editable"):  # A list, which is none of them, has no hash.
        return value  # type: ignore[no-any-return]  # Has just been looked at.
    values.fault(place, f"has to be 'wheel', 'editable', true (a wheel) or false, not {kind_of(value)}")
    return False


def replicated(values: Values, value: Any, place: str) -> tuple[str, ...] | bool:
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
        if (found := _for_a_shell(value)) is not None:
            instead = json.dumps(["sh", "-c", value], ensure_ascii=False)
            values.fault(
                place, f"has the word '{found}', which is a shell's, and no shell runs it: write {redact(instead)}"
            )
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        values.fault(place, f"has to be true, false or a command, not {kind_of(value)}")
        return False
    if not words or not words[0].strip():
        values.fault(place, "is an empty command")
    return tuple(words)


def _for_a_shell(command: str) -> str | None:
    """Give the first word of a command that means something to a shell alone, if it is not in quotes."""
    try:
        words = shlex.split(command, posix=False)
    except ValueError:  # Of an escaped quote, which this way of splitting does not know.
        return None
    return next((word for word in words if word in _SHELL_WORDS), None)


def variables(values: Values, value: Any, place: str) -> Mapping[str, str]:
    """Take variables of programs."""
    found = strings_by_name(values, value, place, "variables")
    for name, text in found.items():
        own = _OWN_VARIABLES.get(name.upper())
        if own is not None:
            values.fault(f"{place}.{name}", f"cannot be set: {own}")
        elif not _VARIABLE.fullmatch(name):
            values.fault(place, f"{name!r} is not the name of a variable, such as PGHOST")
        elif "\0" in text:
            values.fault(f"{place}.{name}", "has a NUL in it, which no variable can hold")
    return found


def files(values: Values, value: Any, place: str) -> Mapping[str, str]:
    """Take paths of files, by where they are copied to."""
    found: dict[str, str] = {}
    for name, source in strings_by_name(values, value, place, "paths").items():
        inner = _normal(name)
        if inner is None:
            values.fault(place, f"{name!r} {WITHIN}")
        elif _OWN_FILES.fullmatch(inner) or inner in found:
            own = "is the environment's own" if _OWN_FILES.fullmatch(inner) else "is there under another spelling too"
            values.fault(place, f"{name!r} {own}")
        else:
            path = values.path(source, f'{place}."{name}"')
            found[inner] = path or ""
    return MappingProxyType(found)


def compose(values: Values, value: Any, place: str) -> Mapping[str, str | float]:
    """Take services: the path of a Compose file, or a table with `file`, `scope` and `timeout`."""
    if isinstance(value, str):
        value, places = {"file": value}, {"file": place}
    elif isinstance(value, dict):
        places = {name: f"{place}.{name}" for name in value}
    else:
        values.fault(place, f"has to be the path of a Compose file, or a table with 'file', not {kind_of(value)}")
        return MappingProxyType({})
    found: dict[str, str | float] = {}
    for name, each in value.items():
        if name == "file":
            found["file"] = _one_line(values, each, places[name])
        elif name == "scope":
            found["scope"] = one_of(values, each, places[name], words=_SCOPES)
        elif name != "timeout":
            values.fault(places[name], f"unknown key{did_you_mean(str(name), ('file', 'scope', 'timeout'))}")
        elif isinstance(each, bool) or not isinstance(each, int | float) or not 0 < each <= _LONGEST_WAIT:
            values.fault(places[name], f"has to be a number of seconds above 0, such as 60, not {kind_of(each)}")
        else:
            found["timeout"] = each
    return MappingProxyType(dict(sorted(found.items())))


def _one_line(values: Values, value: Any, place: str) -> str:
    """Take a path that programs can be given."""
    text = values.path(value, place)
    if text is not None and re.search(r"[\0\n\r]", text):
        values.fault(place, f"{text!r} has a line break or a NUL in it, which not every Compose tool is given as it is")
        return ""
    if value is None:
        values.fault(place, "has to be the path of a Compose file")
    return text or ""


def _normal(name: str) -> str | None:
    """Give a place as it is compared: relative to the environment, or, as containers can have it, absolute."""
    if not name or "\0" in name:
        return None
    inner = os.path.normpath(name).replace("\\", "/")
    if inner.startswith("/"):
        return "/" + inner.strip("/") if inner.strip("/") and not name.endswith("/") else None
    return None if inner.startswith("~") or inner.split("/")[0] in {".", ".."} or ":" in inner else inner


def strings_by_name(values: Values, value: Any, place: str, words: str) -> Mapping[str, str]:
    """Take a table of strings, sorted.

    Args:
        words: what they are, for people.
    """
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
