"""What lies on this machine and a container is to see: folders of packages, archives, and where each stands there."""

from __future__ import annotations

import hashlib
import html
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.tags import parse_tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from pytest_envrepro.enginevalues import LENT
from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers.local import local_of
from pytest_envrepro.installers.pinning import EDITABLE, Asked, Pinned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_envrepro.installers.pinning import Sources

ROOM = LENT
_LINK = re.compile(r"""href\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
_BLOCK = 1 << 20


def inside(place: Path) -> str:
    """Give where a folder or a file of this machine stands in a container: below ROOM, so that links between them hold."""
    return f"{ROOM}/host{place.as_posix()}"


def local_path(word: str, base: Path | None = None) -> Path | None:
    """Give the path that a word of settings names on this machine, or None for a URL of another one.

    Args:
        base: what relative paths are relative to; the current folder by default.
    """
    if word.lower().startswith("file:"):
        return Path(os.path.normpath(unquote(urlsplit(word).path)))
    if "://" in word or not word or "${" in word:
        return None
    return Path(os.path.normpath((base or Path.cwd()) / os.path.expanduser(word)))


def folders_of_index(index: Path) -> tuple[Path, ...]:
    """Give a folder that is an index (PEP 503), with those that its pages link to; those within others are left out."""
    folders = {index}
    for page in index.glob("*/index.html"):
        for link in _LINK.findall(page.read_text(encoding="utf-8", errors="replace")):
            target = html.unescape(link).partition("#")[0]
            path = local_path(target, page.parent)
            if path is not None:
                folders.add(path.parent)
    return outermost(folders)


def outermost(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Leave out folders that lie within others, and those that are not there."""
    known = {folder for folder in folders if folder.is_dir()}
    return tuple(sorted(each for each in known if not known.intersection(each.parents)))


def archives_of(sources: Sources) -> dict[str, Path]:
    """Give the archives of this machine that are asked for by their path, by where they stand in a container.

    That place tells their content, so that two machines say the same.

    Raises:
        BuildError: there is none; or it is a folder, whose wheel should stand in its place.
    """
    found = {}
    for asked in (*sources.requirements, *sources.constraints, *(sources.lock or ())):
        text = asked.bare
        local = local_of(text) if EDITABLE.match(text) or not text.startswith("-") else None
        if local is not None and not local.is_editable:
            found[_room(local.path, text)] = local.path
    return found


def _room(path: Path, text: str) -> str:
    try:
        return f"{ROOM}/local/{digest_of(path)[:16]}/{path.name}"
    except OSError as error:
        raise BuildError(f"'{text}' cannot be taken into a container: {error.strerror or error}: {path}") from error


def moved(asked: Asked, archives: Mapping[str, Path]) -> Asked:
    """Write a requirement as it holds in the container.

    Raises:
        BuildError: it is editable: the folder is not there.
    """
    local = local_of(asked.bare)
    if local is None:
        return asked
    if local.is_editable:
        raise BuildError(
            f"{asked} is editable, which a container cannot be: it does not see the folder; leave out the -e"
        )
    place = next(room for room, path in archives.items() if path == local.path)
    requirement = asked.requirement
    name = f"{requirement.name}" if requirement is not None and requirement.name else _name_of(local.path)
    extras = f"[{','.join(sorted(local.extras))}]" if local.extras else ""
    marker = f" ; {local.marker}" if local.marker else ""
    hashes = "".join(f" --hash={each}" for each in asked.hashes)
    beginning = f"{name}{extras} @ " if name else ""
    return Asked(f"{beginning}{Path(place).as_uri()}{marker}{hashes}", asked.source)


def moved_pin(pin: Pinned, archives: Mapping[str, Path]) -> Pinned:
    """Write a pin of an archive of this machine as it holds in the container, with the hash of what is here.

    Raises:
        BuildError: it is editable.
    """
    local = local_of(pin.line) if pin.url is not None else None
    if local is None or local.path.as_posix().startswith(f"{ROOM}/"):
        return pin
    if local.is_editable:
        raise BuildError(f"'{pin.line}' is editable, which a container cannot be: it does not see the folder")
    url = Path(next(room for room, path in archives.items() if path == local.path)).as_uri()
    name = pin.name if "/" not in pin.name else _name_of(local.path) or url
    extras = f"[{','.join(sorted(local.extras))}]" if local.extras else ""
    line = f"{name}{extras} @ {url}" if "/" not in name else url
    return pin._replace(name=name, url=url, line=line, hashes=pin.hashes or (f"sha256:{digest_of(local.path)}",))


def _name_of(path: Path) -> str:
    found = project_of(path.name)
    return found[0] if found else ""


def project_of(name: str) -> tuple[str, Version] | None:
    """Give the canonical name and the version that the name of an archive tells, or None."""
    try:
        if name.endswith(".whl"):
            return parse_wheel_filename(name)[:2]
        return parse_sdist_filename(name)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None


def may_fit(name: str, tags: Sequence[str]) -> bool:
    """Tell whether a file may be of use to a Python with these tags; none fit where nothing is known of it."""
    if not name.endswith(".whl") or not tags:
        return True
    try:
        return not {str(tag) for tag in parse_wheel_filename(name)[3]}.isdisjoint(tags)
    except InvalidWheelFilename:
        return not {str(tag) for tag in parse_tag("-".join(name[:-4].split("-")[-3:]))}.isdisjoint(tags)


def files_for(pins: Iterable[Pinned], places: Iterable[Path]) -> Iterator[Path]:
    """Give the files in folders of this machine that pins with hashes mean: by name, version and content."""
    wanted = {(pin.name, Version(pin.version)): set(pin.hashes) for pin in pins if pin.version and pin.hashes}
    for place in places:
        for folder, _, names in os.walk(place):
            for name in sorted(names):
                found = project_of(name)
                hashes = wanted.get(found) if found else None
                path = Path(folder, name)
                if hashes and f"sha256:{digest_of(path)}" in hashes:
                    yield path


def digest_of(path: Path) -> str:
    """Digest a file.

    Raises:
        OSError: it is not there, or is no file.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
