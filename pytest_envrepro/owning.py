"""One's own Dockerfile, with the folder that it copies from: read as Docker reads them, and told by what is in them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.builders import read_lines
from pytest_envrepro.digests import digest_of_file
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.identities import files_of
from pytest_envrepro.images import Entry, Ignoring, entry, link
from pytest_envrepro.plans import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.builders import Line
    from pytest_envrepro.identities import Copies
    from pytest_envrepro.settings import Settings

_CHUNK = 1 << 20
_IGNORING = ".dockerignore"
# The name of a Dockerfile that lies elsewhere. As docker's own command does, the context itself says that it is no
# part of what is copied: engines leave it out then.
_ELSEWHERE = ".dockerfile.envrepro"


class Own(NamedTuple):
    """One's own Dockerfile.

    Attributes:
        text: as it is; lines: the same in its parts.
        place: its path in the context.
        entries: the context, the Dockerfile with it.
        digests: of what lies in the context, by path: its content, whether it can be run, or where a link leads.
    """

    text: bytes
    lines: tuple[Line, ...]
    place: str
    entries: tuple[Entry, ...]
    digests: Mapping[str, str]


def check_own(settings: Settings, root: Path) -> None:
    """Look whether there is such a Dockerfile, and such a folder.

    Raises:
        SettingsError: there is none.
    """
    dockerfile, context = settings.own_dockerfile, settings.context
    if dockerfile is not None and not (root / dockerfile).is_file():
        raise SettingsError(f"dockerfile: {dockerfile} does not exist ({settings.origins['dockerfile']})")
    if context is not None and not (root / context).is_dir():
        raise SettingsError(f"context: {context} is no folder ({settings.origins['context']})")


def read_own(settings: Settings, root: Path) -> Own:
    """Read one's own Dockerfile and its context.

    Empty folders, and what is neither a file nor a link, do not go along.

    Raises:
        SettingsError: there is none, or it cannot be read.
    """
    check_own(settings, root)
    path = root / (settings.own_dockerfile or "")
    folder = root / settings.context if settings.context is not None else None
    try:
        text = path.read_bytes()
        lines = read_lines(text.decode("utf-8"))
        found = dict(_files(folder)) if folder is not None else {}
        place = _place(path, folder)
        entries = {name: _entry(name, file) for name, file in found.items()}
        digests = {name: _digest(file) for name, file in found.items()}
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        name = error.filename if isinstance(error, OSError) else settings.own_dockerfile
        raise SettingsError(f"dockerfile: {name} cannot be read: {why}") from error
    if place == _ELSEWHERE and _IGNORING in found:
        rules = (folder or root) / _IGNORING
        entries[_IGNORING] = entry(_IGNORING, rules.read_bytes() + f"\n{_ELSEWHERE}\n".encode())
    elif place == _ELSEWHERE:
        entries[_IGNORING] = entry(_IGNORING, f"{_ELSEWHERE}\n{_IGNORING}\n".encode())
    entries[place] = entry(place, text)
    return Own(text, lines, place, tuple(entries.values()), digests)


def files_of_own(settings: Settings, root: Path) -> Mapping[str, Path]:
    """Give what decides on one's own Dockerfile: itself, by an empty name, and what goes along, by its path in the context.

    Raises:
        SettingsError: there is none, or its context cannot be read.
    """
    check_own(settings, root)
    folder = root / settings.context if settings.context is not None else None
    try:
        found = dict(_files(folder)) if folder is not None else {}
    except OSError as error:
        raise SettingsError(f"dockerfile: {error.filename} cannot be read: {error.strerror}") from error
    return {"": root / (settings.own_dockerfile or ""), **found}


def copied(settings: Settings, root: Path, copies: Copies) -> str:
    """Digest what an image copies, as it is now.

    Raises:
        SettingsError: it is not there, or cannot be read.
    """
    own = files_of_own(settings, root) if settings.own_dockerfile is not None else {}
    return digest_of([copies.of(files_of(settings, root)), copies.of(own, "dockerfile")])


def _place(path: Path, folder: Path | None) -> str:
    if folder is not None and path.resolve().is_relative_to(folder.resolve()):
        return path.resolve().relative_to(folder.resolve()).as_posix()
    return _ELSEWHERE


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Give what goes along: by its path in the folder, with forward slashes; folders themselves are left out."""
    rules = folder / _IGNORING
    text = rules.read_text(encoding="utf-8", errors="replace") if rules.is_file() else ""
    ignoring = Ignoring(text)
    # Where something is taken back, it may lie in a folder that is left out.
    takes_back = any(line.strip().startswith("!") for line in text.splitlines())
    for here, folders, names in os.walk(folder, onerror=_raised):
        inner = Path(here).relative_to(folder)
        links = [name for name in folders if Path(here, name).is_symlink()]
        for name in sorted([*names, *links]):
            place, path = (inner / name).as_posix(), Path(here, name)
            # Engines look for the rules themselves, and leave them out where they say so.
            is_wanted = place == _IGNORING or not ignoring.ignores(place)
            if is_wanted and (path.is_symlink() or stat.S_ISREG(path.stat().st_mode)):
                yield place, path
        if not takes_back:
            folders[:] = [name for name in folders if not ignoring.ignores((inner / name).as_posix())]


def _raised(error: OSError) -> None:
    raise error


def _entry(place: str, path: Path) -> Entry:
    return link(place, os.readlink(path)) if path.is_symlink() else entry_of_file(place, path)


def _digest(path: Path) -> str:
    if path.is_symlink():
        return f"link {os.readlink(path)}"
    return f"{digest_of_file(path)} {os.access(path, os.X_OK)}"


def entry_of_file(place: str, path: Path) -> Entry:
    """Make an entry of a context of a file, which is not read yet."""

    def chunks() -> Iterator[bytes]:
        with path.open("rb") as file:
            while data := file.read(_CHUNK):
                yield data

    return Entry(place, path.stat().st_size, chunks, os.access(path, os.X_OK))
