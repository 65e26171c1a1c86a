"""What the value of a setting of containers may be: all of it is given to an engine, and none of it to a shell."""

from __future__ import annotations

import posixpath
import re
import shlex
from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_envrepro.credentials import redact
from pytest_envrepro.settingvalues import variables
from pytest_envrepro.values import did_you_mean, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.values import Values

WORKDIR = "/app"
# A reference as the distribution specification has it: HOST:PORT/NAME:TAG@DIGEST; or the id of an image.
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DIGEST = r"sha256:[0-9a-f]{64}"
_IMAGE = re.compile(
    rf"{_DIGEST}|(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@{_DIGEST})?"
)
_LONGEST_IMAGE = 512
# Debian Policy 5.6.1 and 5.6.12; apt takes `*` in versions.
_APT_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+(?::[a-z0-9-]+)?(?:=[0-9A-Za-z.+~:*-]+)?")
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_ACCOUNT = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_USER = re.compile(rf"{_ACCOUNT}(?::{_ACCOUNT})?")
_PLATFORM = re.compile(r"linux/[a-z0-9_]+(?:/[a-z0-9]+)?")
_NETWORK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_BUILDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*|(?:ssh|tcp|unix|http|https|npipe)://[^\s\0]+")
_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_LEAST_MEMORY = 6 * 1024**2  # Docker starts nothing in less.
_LIMITS = ("cpus", "memory", "pids")
# Words that mean something to a shell alone: a command that has one was written for a shell.
_OF_A_SHELL = frozenset({"&&", "||", "|", ";", ">", ">>", "<", "<<", "&", "2>&1", "2>", "&>"})
_LINE_BREAKS = re.compile(r"[\n\r]")


def image(values: Values, value: Any, place: str) -> str | None:
    """Take a reference to an image, or the id of one."""
    text = values.string(value, place)
    if text is None or (_IMAGE.fullmatch(text) and len(text) <= _LONGEST_IMAGE):
        return text
    capitals = " (names of images have no capital letters)" if _IMAGE.fullmatch(text.lower()) else ""
    values.fault(place, f"'{_short(text)}' is no image: write NAME:TAG, NAME@sha256:... or sha256:...{capitals}")
    return None


def apt_packages(values: Values, value: Any, place: str) -> tuple[str, ...]:
    """Take Debian packages: `NAME:ARCHITECTURE=VERSION`."""
    texts = values.strings(value, place)
    for index, text in enumerate(texts):
        name = re.split("[:=]", text, maxsplit=1)[0]
        if not _APT_PACKAGE.fullmatch(text):
            values.fault(
                f"{place}[{index}]", f"'{_short(text)}' is not the name of a Debian package: NAME:ARCH=VERSION"
            )
        elif name.endswith("-"):
            values.fault(f"{place}[{index}]", f"'{text}' would remove '{name[:-1]}': apt reads a '-' at the end so")
    return texts


def snapshot(values: Values, value: Any, place: str) -> str | None:
    """Take the time of a snapshot, in UTC."""
    text = values.string(value, place)
    if text is None:
        return None
    try:
        if _STAMP.fullmatch(text):
            datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
            return text
    except ValueError:
        pass
    values.fault(place, f"'{_short(text)}' is no time of a snapshot, such as '20260415T000000Z'")
    return None


def build_variables(values: Values, value: Any, place: str) -> Mapping[str, str]:
    """Take variables of the programs that build."""
    found = variables(values, value, place)
    for name, text in found.items():
        if not _VARIABLE.fullmatch(name):
            values.fault(place, f"{name!r} is not the name of a variable, such as PGHOST")
        elif not is_unicode(text):
            values.fault(f"{place}.{name}", "is no Unicode text")
    return found


def user(values: Values, value: Any, place: str) -> str | None:
    """Take a user, with or without a group, by names or numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        values.fault(place, f'has to be a string with quotes, such as "1000", not {kind_of(value)}')
        return None
    return _matching(values, value, place, _USER, "is no user: write NAME, NAME:GROUP or their numbers")


def workdir(values: Values, value: Any, place: str) -> str | None:
    """Take a folder, absolute."""
    text = values.string(value, place)
    if text is None:
        return WORKDIR
    if not text.startswith("/") or "\0" in text or _LINE_BREAKS.search(text) or not is_unicode(text):
        values.fault(place, f"has to be an absolute path in one line, such as '/app', not {_short(text)!r}")
        return WORKDIR
    return _normal(text)


def commands(values: Values, value: Any, place: str) -> tuple[tuple[str, ...], ...]:
    """Take commands: each a list of words, or a string that is split into words as a shell does it."""
    if not isinstance(value, list):
        values.fault(place, f"has to be a list of commands, not {kind_of(value)}")
        return ()
    return tuple(_command(values, each, f"{place}[{index}]") for index, each in enumerate(value))


def _command(values: Values, value: Any, place: str) -> tuple[str, ...]:
    words: Any = value
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError as error:
            values.fault(place, f"cannot be split into words: {str(error).lower()}")
            return ()
        found = next((word for word in words if word in _OF_A_SHELL), None)
        if found is not None:
            advice = 'write two commands, or name the shell: ["sh", "-c", "..."]'
            values.fault(place, f"'{found}' means something to a shell alone, and none runs this: {advice}")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        values.fault(place, f"has to be a command: a string or a list of words, not {kind_of(value)}")
        return ()
    if not words or not words[0].strip():
        values.fault(place, "is an empty command")
    elif any("\0" in word or not is_unicode(word) for word in words):
        values.fault(place, "has a NUL in it, or what is no Unicode text, which no program can be given")
    return tuple(words)


def platform(values: Values, value: Any, place: str) -> str | None:
    """Take a platform as engines name it."""
    return _matching(values, value, place, _PLATFORM, "is no platform, such as 'linux/amd64' or 'linux/arm64/v8'")


def network(values: Values, value: Any, place: str) -> str | None:
    """Take the name of a network, or one of the words that engines have for some."""
    return _matching(values, value, place, _NETWORK, "is no network: 'none', 'bridge', 'host' or the name of one")


def limits(values: Values, value: Any, place: str) -> Mapping[str, int | float]:
    """Take limits: memory in bytes, how many CPUs, how many processes."""
    if not isinstance(value, dict):
        values.fault(place, f"has to be a table of limits, not {kind_of(value)}")
        return MappingProxyType({})
    found: dict[str, int | float] = {}
    for name, each in value.items():
        if name not in _LIMITS:
            values.fault(f"{place}.{name}", f"unknown key{did_you_mean(str(name), _LIMITS)}")
            continue
        number = _memory(each) if name == "memory" else _number(each)
        if name == "memory" and (number is None or number < _LEAST_MEMORY):
            shown = f"'{_short(each)}'" if isinstance(each, str) else kind_of(each)
            values.fault(f"{place}.{name}", f"has to be a size of 6m or more, such as '512m', not {shown}")
        elif name == "cpus" and (number is None or number <= 0):
            values.fault(f"{place}.{name}", f"has to be a number above 0, such as 1.5, not {kind_of(each)}")
        elif name == "pids" and (number is None or number < 1 or number != int(number)):
            shown = str(each) if number is not None and number == int(number) else kind_of(each)
            values.fault(f"{place}.{name}", f"has to be a whole number from 1 on, not {shown}")
        elif number is not None:
            found[name] = number if name == "cpus" else int(number)
    return MappingProxyType(dict(sorted(found.items())))


def limit_text(name: str, value: float) -> str:
    """Write a limit as it may stand in a table: memory in the largest unit that it is whole in."""
    if name == "memory":
        unit = next(unit for unit in "tgmk " if value % _UNITS[unit.strip()] == 0)
        return f"{int(value // _UNITS[unit.strip()])}{unit.strip()}"
    return repr(int(value)) if value == int(value) else repr(value)


def _number(value: Any) -> float | None:
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    return float(text) if isinstance(text, str) and re.fullmatch(r"[0-9]{1,15}(?:\.[0-9]{1,9})?", text) else None


def _memory(value: Any) -> int | None:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    match = _MEMORY.fullmatch(text) if isinstance(text, str) and len(text) < 32 else None  # noqa: PLR2004  # Digits.
    return int(float(match[1]) * _UNITS[match[2].lower()]) if match else None


def bundle(values: Values, value: Any, place: str) -> str:
    """Take `none`, `host`, or the path of a file with certificates: below the root, or absolute."""
    text = values.string(value, place)
    if text is None or text in {"none", "host"}:
        return text or "none"
    if text.startswith("/") and "\0" not in text:
        return text
    return values.path(text, place) or "none"


def builder(values: Values, value: Any, place: str) -> str:
    """Take the name of a builder, or the address of an engine."""
    wrong = "is no builder: 'engine', 'buildkit', the address of an engine such as 'ssh://me@host', or a name"
    return _matching(values, value, place, _BUILDER, wrong) or "engine"


def flag(values: Values, value: Any, place: str) -> bool:
    """Take a boolean."""
    return values.flag(value, place)


def _matching(values: Values, value: Any, place: str, pattern: re.Pattern[str], wrong: str) -> str | None:
    text = values.string(value, place)
    if text is not None and not pattern.fullmatch(text):
        values.fault(place, f"'{_short(text)}' {wrong}")
        return None
    return text


def _short(text: str) -> str:
    """Give a text as it may stand in a message."""
    most = 80
    shown = redact(text).encode("unicode_escape").decode() if not text.isprintable() else redact(text)
    return shown if len(shown) <= most else f"{shown[: most - 3]}..."


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written: not one that stands for bytes that are none."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _normal(path: str) -> str:
    return "/" + posixpath.normpath(path).strip("/")
