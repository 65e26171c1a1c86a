"""The indexes that the user has configured pip and uv with: what names one of them again need not, and leaves its credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.errors import LockError
from pytest_envrepro.installers.effective import settings_of_pip
from pytest_envrepro.installers.misleading import files_of_uv
from pytest_envrepro.places import normal
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_envrepro.provenance import Option

_OPTIONS = frozenset({"-i", "--index-url", "--extra-index-url", "--index", "--default-index", "--no-index"})


class Indexes(NamedTuple):
    """Indexes, as they were configured.

    Attributes:
        default: the one in the place of the tool's own; empty where that is asked.
        further: what is asked beside it.
    """

    default: str = ""
    further: tuple[str, ...] = ()


def indexes_of(tool: str, environ: Mapping[str, str], arguments: Sequence[str] = ()) -> Indexes:
    """Give what variables and files tell pip or uv; a file that cannot be read names none: the tool says so.

    Args:
        environ: the user's variables.
        arguments: options of settings: indexes among them may take the place of those.
    """
    if not _OPTIONS.isdisjoint(word.partition("=")[0] for word in arguments):
        return Indexes()
    return _of_uv(environ) if tool == "uv" else _of_pip(environ)


def further_places(environ: Mapping[str, str]) -> str:
    """Name what pip or uv is configured to look at beside one index; empty where that is nothing."""
    if any(indexes_of(tool, environ).further for tool in ("pip", "uv")):
        return "indexes"
    of_uv = (each.get("find-links") for each in _uv_tables(environ))
    named = [environ.get("PIP_FIND_LINKS"), environ.get("UV_FIND_LINKS"), settings_of_pip(environ).get("find-links")]
    return "folders or pages (find-links)" if any((*named, *of_uv)) else ""


def unsaid(options: Sequence[Option], known: Indexes) -> tuple[Option, ...]:
    """Leave out the indexes that are asked anyway: said again on a command line, they would have no credentials.

    Args:
        options: what files and locks tell an installer; where an index of theirs is the user's own, it stays the one, and
            that which they name in its place goes beside it.
    """
    default, further = normal(known.default), {normal(each) for each in known.further}
    named = {option.name: {normal(each.value) for each in options if each.name == option.name} for option in options}
    stays = bool(default) and default in named.get("--extra-index-url", set())
    kept = []
    for option in options:
        place = normal(option.value)
        if option.name == "--index-url" and default:
            if place == default:
                continue
            if stays:
                kept += [] if place in further else [option._replace(name="--extra-index-url")]
                continue
        if option.name == "--extra-index-url" and (place in further or (default and place == default)):
            continue
        kept.append(option)
    return tuple(kept)


def _of_pip(environ: Mapping[str, str]) -> Indexes:
    table = settings_of_pip(environ)
    default = environ.get("PIP_INDEX_URL") or table.get("index-url", "")
    further = environ.get("PIP_EXTRA_INDEX_URL") or table.get("extra-index-url", "")
    return Indexes(default.strip(), tuple(further.split()))


def _of_uv(environ: Mapping[str, str]) -> Indexes:
    default = environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL") or ""
    further = [*environ.get("UV_INDEX", "").split(), *environ.get("UV_EXTRA_INDEX_URL", "").split()]
    for each in _uv_tables(environ):
        tables = [item for item in _list(each.get("index")) if isinstance(item, dict)]
        usual = [str(item.get("url", "")) for item in tables if item.get("default") is True]
        default = default or next(iter([*usual, *_texts(each.get("index-url"))]), "")
        further += [str(item.get("url", "")) for item in tables if item.get("default") is not True]
        further += _texts(each.get("extra-index-url"))
    return Indexes(_unnamed(default), tuple(map(_unnamed, further)))


def _uv_tables(environ: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Give the tables of files that tell uv of places, those that count more first."""
    for file in files_of_uv(environ):
        try:
            table = load_toml(str(file), file.read_text(encoding="utf-8"))
        except (LockError, OSError, UnicodeDecodeError):
            continue
        inner = table.get("pip")
        yield from (inner if isinstance(inner, dict) else {}, table)


def _unnamed(word: str) -> str:
    """Leave out the name of an index (`internal=https://...`)."""
    name, equals, url = word.partition("=")
    return url if equals and "/" not in name and ":" not in name else word


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: Any) -> Iterator[str]:
    yield from [value] if isinstance(value, str) else [each for each in _list(value) if isinstance(each, str)]
