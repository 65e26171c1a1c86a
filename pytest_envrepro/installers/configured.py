"""The folders and files of this machine that the user's settings of pip and uv name as places to find packages in."""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pytest_envrepro.errors import LockError
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PIP_KEYS = ("find-links", "index-url", "extra-index-url", "constraint", "build-constraint")
UV_KEYS = ("find-links", "index-url", "extra-index-url", "index")
_OPTIONS = ("-f", "--find-links", "-i", "--index-url", "--extra-index-url", "--index", "--default-index")
_CERTIFICATES = ("--cert", "--client-cert")


def named_places(files: Iterable[Path], arguments: Sequence[str] = ()) -> dict[str, str]:
    """Tell the state of the places on this machine that settings files name, and that options of settings do.

    Of a folder it is the names, sizes and times of what lies in it, and one level below, as an index has its files.

    Args:
        files: settings files of pip and uv; those that are not there or cannot be read name nothing.
        arguments: options of pip or uv.
    """
    words: list[tuple[str, Path | None]] = [(word, file.parent) for file in files for word in _named(file)]
    words += [(word, None) for word in _in_options(arguments)]
    paths = dict.fromkeys(path for word, base in words if (path := _path(word, base)) is not None)
    return {str(path): state for path in paths if (state := _state(path))}


def absolute_words(arguments: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Write options of pip or uv, the paths in them absolute: tools run elsewhere.

    Args:
        folder: what they are relative to.
    """
    found: list[str] = []
    rest = iter(arguments)
    for word in rest:
        option, equals, value = word.partition("=")
        if option not in (*_OPTIONS, *_CERTIFICATES):
            found.append(word)
        elif equals:
            found.append(f"{option}={_absolute(value, folder)}")
        else:
            found += [word, *(_absolute(each, folder) for each in (next(rest, None),) if each is not None)]
    return tuple(found)


def _absolute(word: str, folder: Path) -> str:
    name, equals, place = word.partition("=") if "=" in word.partition(":")[0] else ("", "", word)
    if not place or "://" in place or place.lower().startswith("file:"):
        return word
    return f"{name}{equals}{os.path.normpath(folder / os.path.expanduser(place))}"


def _named(file: Path) -> Iterator[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return  # The tool has the better words for it.
    yield from _in_toml(text) if file.suffix == ".toml" else _in_ini(text)


def _in_ini(text: str) -> Iterator[str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    for section in parser.sections():
        for key, value in parser.items(section):
            if key.replace("_", "-") in _PIP_KEYS:
                yield from value.split()


def _in_toml(text: str) -> Iterator[str]:
    try:
        table = load_toml("uv.toml", text)
    except LockError:
        return
    inner = table.get("pip")
    for each in (table, inner if isinstance(inner, dict) else {}):
        for key in UV_KEYS:
            yield from places_of(each.get(key))


def places_of(value: Any) -> Iterator[str]:
    """Give the places that a setting of a `uv.toml` names: a text, a list of them, or tables with a `url`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from places_of(each.get("url") if isinstance(each, dict) else each)


def _in_options(arguments: Sequence[str]) -> Iterator[str]:
    rest = iter(arguments)
    for word in rest:
        option, equals, value = word.partition("=")
        if option in _OPTIONS:
            yield value if equals else next(rest, "")


def _path(word: str, base: Path | None) -> Path | None:
    place = word.partition("=")[2] if "=" in word.partition(":")[0] else word  # uv's `name=URL`.
    if place.lower().startswith("file:"):
        return Path(unquote(urlsplit(place).path))
    if not place or "://" in place:
        return None
    path = Path(os.path.expanduser(place))
    return path if path.is_absolute() else base / path if base is not None else None


def _state(path: Path) -> str:
    try:
        if path.is_dir():
            inner = [(entry.name, _stamps(entry.path)) for entry in os.scandir(path) if entry.is_dir()]
            return repr((_stamps(path), sorted(inner)))
        return repr(_stamp(path.stat()))
    except OSError:
        return ""


def _stamps(folder: str | Path) -> list[tuple[str, tuple[int, int]]]:
    return sorted((entry.name, _stamp(entry.stat())) for entry in os.scandir(folder) if entry.is_file())


def _stamp(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns
