"""Requirements that name archives and folders of this machine: which those are, in what state, and what they need.

A tool would build a folder where it lies, and its name and version stay while its files change. So the wheel of a copy
stands in its place, and what lies on this machine counts by its content.
"""

from __future__ import annotations

import contextlib
import email.parser
import hashlib
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from pytest_envrepro.errors import BuildError, LockError
from pytest_envrepro.installers.pinning import EDITABLE, Asked, with_pins
from pytest_envrepro.installers.source import source_digest
from pytest_envrepro.installers.wheels import editable_project
from pytest_envrepro.places import is_local
from pytest_envrepro.requirement import canonical_extras, parse
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pytest_envrepro.installers.pinning import Pinned, Resolved, Sources
    from pytest_envrepro.installers.wheels import ProjectWheel
    from pytest_envrepro.requirement import Requirement

_EXTRAS = re.compile(r"\[([^\[\]]*)\]$")


class Local(NamedTuple):
    """What a requirement names on this machine."""

    path: Path
    is_editable: bool
    extras: frozenset[str] = frozenset()
    marker: str | None = None


class Ready(NamedTuple):
    """A requirement, as it is given to a tool.

    Attributes:
        identity: tells the state of what it names on this machine; None where it names nothing there.
        folder: of one whose wheel stands in its place, the canonical name and the URL that it was asked for by.
    """

    asked: Asked
    identity: str | None = None
    folder: tuple[str, str] | None = None


def local_of(text: str) -> Local | None:
    """Tell what a line of a requirements file names on this machine; None where it names nothing there."""
    editable = EDITABLE.match(text)
    if editable is None:
        try:
            requirement = parse(text)
        except ValueError:
            pass
        else:
            path = _path(requirement.url) if requirement.url else None
            return Local(path, False, requirement.extras, requirement.marker) if path else None
    place, _, marker = text[editable.end() if editable else 0 :].partition(" ;")
    extras = _EXTRAS.search(place.strip())
    path = _path(place.strip()[: extras.start()] if extras else place.strip())
    chosen = canonical_extras(extras[1]) if extras else frozenset()
    return Local(path, editable is not None, chosen, marker.strip() or None) if path else None


def _path(url: str) -> Path | None:
    """Give the path of a URL of this machine, or None: also of one with a variable, which the tools fill in."""
    if not is_local(url) or url.partition("+")[0] in {"git", "hg", "bzr", "svn"} or "${" in url:
        return None
    path = Path(unquote(urlsplit(url).path) if url.lower().startswith("file:") else url.partition("#")[0])
    return path if path.is_absolute() else None


def made_ready(asked: Asked, environment: Mapping[str, str], build: Callable[[Path, str], ProjectWheel]) -> Ready:
    """Put the wheel of a folder in its place, and tell the state of an archive, of a folder, or of what is editable.

    Args:
        environment: the marker variables of the Python that it is for.
        build: gives the wheel of a folder, that is called so in messages.

    Raises:
        BuildError: there is no such file; or it cannot be built.
    """
    local = local_of(asked.bare)
    if local is None or not _applies(local.marker, environment):
        return Ready(asked)
    if local.is_editable:
        return Ready(asked, editable_project(local.path, str(asked)).identity)
    if local.path.is_file():
        return Ready(asked, _digest(local.path))
    if not local.path.is_dir():
        raise BuildError(f"{asked} cannot be installed: there is no {local.path}")
    wheel = build(local.path, str(asked))
    wanted = asked.requirement.name if asked.requirement else None
    if wanted not in {None, wheel.name}:
        raise BuildError(
            f"{asked} cannot be installed: the package in {local.path} is called '{wheel.name}', not '{wanted}'"
        )
    marker = f" ; {local.marker}" if local.marker else ""
    return Ready(
        Asked(f"{wheel.requirement(local.extras)}{marker}", asked.source),
        wheel.identity,
        (wheel.name, local.path.as_uri()),
    )


def is_idle(asked: Asked, environment: Mapping[str, str]) -> bool:
    """Tell whether a path without a name is not for this Python: uv looks for it all the same."""
    local = None if asked.requirement else local_of(asked.bare)
    return local is not None and not _applies(local.marker, environment)


def states(pins: Iterable[Pinned], cache: Path) -> dict[str, str]:
    """Tell the state of what pins name on this machine without a hash: of editable ones, and of what a folder asks for.

    Args:
        cache: the user's cache folder.
    """
    found = {}
    for pin in pins:
        local = local_of(pin.line) if pin.url is not None and not pin.hashes else None
        if local is not None and local.path.exists():
            found[pin.name] = _state(local, cache)
    return found


def with_wheels(resolved: Resolved, build: Callable[[Path, str], ProjectWheel]) -> tuple[Resolved, dict[str, str]]:
    """Put wheels in the place of folders that were chosen since another folder asks for them by a path.

    Returns:
        what is installed, and the folders' URLs by the canonical names.
    """
    pins, folders = [], {}
    for pin in resolved.pins:
        local = local_of(pin.line) if pin.url is not None and not pin.hashes else None
        if local is None or local.is_editable or not local.path.is_dir():
            pins.append(pin)
            continue
        wheel = build(local.path, f"{pin.name} in {local.path}")
        url, line = wheel.path.as_uri(), wheel.requirement()
        pins.append(pin._replace(name=wheel.name, url=url, line=line, hashes=(f"sha256:{_digest(wheel.path)}",)))
        folders[wheel.name] = local.path.as_uri()
    return with_pins(resolved, sorted(pins)) if folders else resolved, folders


def _state(local: Local, cache: Path) -> str:
    if local.path.is_file():
        return _digest(local.path)
    if not local.is_editable:
        return source_digest(local.path, cache)
    return editable_project(local.path, str(local.path)).identity


def _digest(path: Path) -> str:
    """Digest a file.

    Raises:
        BuildError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BuildError(f"{path} cannot be read: {error.strerror or error}") from error


def _applies(marker: str | None, environment: Mapping[str, str]) -> bool:
    return marker is None or parse(f"x ; {marker}").applies(environment)


def with_implied(sources: Sources, environment: Mapping[str, str]) -> Sources:
    """Put beside what is asked for what wheels and projects of this machine, among it, ask for themselves.

    To uv what a folder asks for is asked for directly, and what a wheel asks for is not (0.13): where the wheel of a
    folder stands in its place, the lowest versions of that are meant all the same.

    Args:
        environment: the marker variables of the Python that it is for.
    """
    return sources._replace(requirements=(*sources.requirements, *_implied(sources.requirements, environment)))


def _implied(requirements: Iterable[Asked], environment: Mapping[str, str]) -> Iterator[Asked]:
    """Give what wheels and projects of this machine ask for themselves, as far as it can be read without a tool.

    Args:
        environment: the marker variables of the Python that it is for.
    """
    for asked in requirements:
        local = local_of(asked.bare)
        if local is None or not _applies(local.marker, environment):
            continue
        label, needs = _of_wheel(local.path) if local.path.suffix == ".whl" else _of_table(local)
        for requirement in _applying(needs, canonicalize_name(label.partition(" ")[0]), local.extras, environment):
            extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
            place = f" @ {requirement.url}" if requirement.url else requirement.written
            yield Asked(f"{requirement.name}{extras}{place}", f"{label}, from {asked.source}")


def _applying(
    needs: Iterable[str], own: str, extras: frozenset[str], environment: Mapping[str, str]
) -> list[Requirement]:
    """Give what applies of the requirements of a package, with some of its extras and those that these are made of.

    Args:
        own: the canonical name of the package: by it, an extra names another one.
    """
    known = []
    for text in needs:
        with contextlib.suppress(ValueError):  # The tool has the better words for it.
            known.append(parse(text))
    while True:
        found = [each for each in known if each.applies(environment, extras)]
        more = extras.union(*(each.extras for each in found if each.name == own))
        if more == extras:
            return [each for each in found if each.name != own]
        extras = more


def _of_wheel(path: Path) -> tuple[str, list[str]]:
    """Read the METADATA of a wheel."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
            text = archive.read(name).decode("utf-8", "replace")
    except (OSError, zipfile.BadZipFile, KeyError, StopIteration):
        return "", []
    headers = email.parser.HeaderParser().parsestr(text)
    return f"{headers['Name']} {headers['Version']}", headers.get_all("Requires-Dist") or []


def _of_table(local: Local) -> tuple[str, list[str]]:
    """Read the table `[project]` of a folder (PEP 621), as far as it is not left to the backend."""
    try:
        text = (local.path / "pyproject.toml").read_text(encoding="utf-8")
        table = load_toml("pyproject.toml", text).get("project")
    except (OSError, UnicodeDecodeError, LockError):
        return "", []
    if not isinstance(table, dict):
        return "", []
    optional = table.get("optional-dependencies")
    extras = optional.items() if isinstance(optional, dict) else ()
    lists = [table.get("dependencies"), *(each for extra, each in extras if canonical_extras(extra) & local.extras)]
    needs = [each for listed in lists if isinstance(listed, list) for each in listed if isinstance(each, str)]
    return str(table.get("name")), needs
