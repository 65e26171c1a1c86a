"""uv's settings, of files and of variables, as they hold in a container."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envrepro.errors import LockError
from pytest_envrepro.installers.configured import UV_KEYS, places_of
from pytest_envrepro.installers.misleading import uv_settings
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What would lead elsewhere, or is of this machine alone.
_LEFT = re.compile(
    r"UV_(?:CACHE_DIR|NO_CACHE|CONFIG_FILE|TOOL_\w+|PYTHON\w*|KEYRING_PROVIDER|INSTALL_DIR|LINK_MODE|NO_PROGRESS|PREVIEW"
    r"|COLOR|CONSTRAINT|OVERRIDE|EXCLUDE|BUILD_CONSTRAINT|CUSTOM_COMPILE_COMMAND|OFFLINE)"
)
_PLACES = {"UV_FIND_LINKS": ",", "UV_INDEX_URL": "", "UV_EXTRA_INDEX_URL": " ", "UV_INDEX": " ", "UV_DEFAULT_INDEX": ""}
_SECRET = re.compile(r"UV_INDEX_\w+_(?:USERNAME|PASSWORD)|UV_\w*(?:TOKEN|PASSWORD)\w*")


def uv_variables(environ: Mapping[str, str], place: Callable[..., str]) -> tuple[dict[str, str], dict[str, str]]:
    """Give the user's variables of uv: those that anybody may see, and those that may have a secret in them.

    Args:
        environ: the user's variables, chosen by `childenv`.
        place: gives a place of packages as it is in the container.
    """
    open_: dict[str, str] = {}
    private: dict[str, str] = {}
    for name, value in sorted(environ.items()):
        if not name.startswith("UV_") or _LEFT.fullmatch(name) or not value:
            continue
        if name in _PLACES:
            value = _moved(value, _PLACES[name], place, is_index=name != "UV_FIND_LINKS")  # noqa: PLW2901  # As it is there.
        has_url = "://" in value.replace("file://", "")  # One of several may be.
        (private if has_url or _SECRET.fullmatch(name) else open_)[name] = value
    return open_, private


def uv_files(environ: Mapping[str, str], folder: Path, place: Callable[..., str]) -> dict[str, bytes]:
    """Give the user's file of settings and the machine's, where they are looked for below our folder.

    Raises:
        BuildError: as `uv_settings` does.
    """
    changed = uv_settings(environ, folder)
    named = changed or environ.get("UV_CONFIG_FILE")
    config = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or "~", ".config").expanduser())
    own = Path(named) if named else Path(config, "uv", "uv.toml")
    files = {"config/uv/uv.toml": own}
    if not named:
        files["machine/uv/uv.toml"] = Path("/etc/uv/uv.toml")
    return {
        name: _moved_file(file.read_text(encoding="utf-8", errors="replace"), file.parent, place).encode()
        for name, file in files.items()
        if file.is_file()
    }


def _moved(value: str, separator: str, place: Callable[..., str], *, is_index: bool) -> str:
    words = value.split(separator) if separator else [value]
    return (separator or "").join(_word(word, place, is_index=is_index) for word in words if word)


def _word(word: str, place: Callable[..., str], *, is_index: bool) -> str:
    name, equals, rest = word.partition("=")  # uv's `name=URL`.
    if equals and "/" not in name and ":" not in name:
        return f"{name}={place(rest, is_index=is_index)}"
    return place(word, is_index=is_index)


def _moved_file(text: str, folder: Path, place: Callable[..., str]) -> str:
    """Put the places of the container in the place of this machine's, wherever they stand between quotes."""
    try:
        table = load_toml("uv.toml", text)
    except LockError:
        return text  # uv has the better words for it.
    inner = table.get("pip")
    for each in (table, inner if isinstance(inner, dict) else {}):
        for key in UV_KEYS:
            for word in places_of(each.get(key)):
                is_url = "://" in word
                there = place(word if is_url else str(folder / word), is_index=key != "find-links")
                for quote in "\"'":
                    text = text.replace(f"{quote}{word}{quote}", f"{quote}{there}{quote}")
    return text
