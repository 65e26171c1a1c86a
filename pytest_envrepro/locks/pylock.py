"""Reads `pylock.toml` (PEP 751), by whatever tool: `uv export`, `uv pip compile`, `pip lock`, pdm.

`packaging.pylock` (26.0) is the judge of what such a file may hold. It names none of its inputs: those stand in the table,
or the lock is compared with itself and with what is installed alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.faults import unreadable
from pytest_envrepro.locks.inputs import Inputs
from pytest_envrepro.locks.opening import broken, newer, open_toml
from pytest_envrepro.locks.project import Choice
from pytest_envrepro.model import MAIN, Lock, Pin, Target
from pytest_envrepro.requirement import Requirement, redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packaging.pylock import Package, Pylock

    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.locks.opening import Opened

_SCHEMA = "1.0"
# What tells for which groups and extras a package is: the only two variables of a marker that are sets.
_MEMBER = re.compile(
    r"""(?P<quote>["'])(?P<name>[^"']*)(?P=quote)\s+(?P<negated>not\s+)?in\s+(?P<set>extras|dependency_groups)\b"""
)
_ALWAYS, _NEVER = 'python_version >= "0"', 'python_version < "0"'


def parse(path: str, tree: Tree, declaration: Declaration | None) -> Lock:
    """Read the lock, and the inputs that the table names."""
    opened = open_toml(path, tree)
    if isinstance(opened, Lock):
        return opened
    try:
        from packaging.pylock import Pylock, PylockValidationError  # noqa: PLC0415  # Came with packaging 26.0.
    except ImportError:
        return Lock(path=path, unread=f"{path} is read by packaging 26.0 or later: pip install -U packaging")
    schema = opened.data.get("lock-version")
    if isinstance(schema, str) and not schema.startswith("1"):
        return newer(path, schema, _SCHEMA)
    try:
        found = Pylock.from_dict(opened.data)
    except (PylockValidationError, RecursionError) as error:
        return broken(path, LockError(path, _line_of(opened, str(error)), f"is no valid pylock file: {error}"))
    return _read(opened, found, tree, declaration)


def _line_of(opened: Opened, message: str) -> int | None:
    """Find the line of the package that a message of packaging names by its place (`packages[3].name`)."""
    place = re.search(r"packages\[(\d+)\]", message)
    lines = opened.lines("[[packages]]")
    return lines[int(place[1])] if place and int(place[1]) < len(lines) else None


def _read(opened: Opened, found: Pylock, tree: Tree, declaration: Declaration | None) -> Lock:
    path = opened.path
    inputs = Inputs(tree=tree)
    chosen = Choice(extras=frozenset(found.extras or ()), groups=tuple(found.dependency_groups or ()))
    named = (declaration.inputs if declaration else None) or ()
    for each in named:
        inputs.add(each, chosen, (path, None))
    parts = [
        MAIN,
        *map(canonicalize_name, found.dependency_groups or ()),
        *(f"[{each}]" for each in found.extras or ()),
    ]
    lines = opened.lines("[[packages]]")
    pins: list[Pin] = []
    faults = list(inputs.faults)
    for index, package in enumerate(found.packages):
        line = lines[index] if index < len(lines) else None
        url = _url(package)
        if package.version is None and url is None:
            faults.append(unreadable((path, line), f"'{package.name}' has no version and no source that tells one"))
            continue
        pins.append(_pin(opened, package, url, line, parts))
    inputs.settle(lambda place: place, pins, follow=True)
    return Lock(
        path=path,
        tool=found.created_by,
        pins=tuple(pins),
        inputs=named,
        roots=tuple(inputs.roots),
        constraints=tuple(inputs.constraints),
        dynamic=tuple(inputs.dynamic),
        rests_on=frozenset(inputs.files),
        target=Target(python=_lowest(found.requires_python), line=opened.keys.line("requires-python"), universal=True),
        unrecorded=f"{path} does not say how it was made",
        fix=redact(declaration.command) if declaration and declaration.command else None,
        faults=tuple(faults),
        unread=inputs.unread,
        parts=frozenset(parts) - {MAIN},
        usual=frozenset(map(canonicalize_name, found.default_groups or ())),
        install=f"pip install -r {path}",
    )


def _pin(opened: Opened, package: Package, url: str | None, line: int | None, parts: Iterable[str]) -> Pin:
    marker = str(package.marker) if package.marker else None
    if package.requires_python:
        bounds = " and ".join(
            f'python_full_version {each.operator} "{each.version}"' for each in package.requires_python
        )
        marker = f"({marker}) and {bounds}" if marker else bounds
    specifier = SpecifierSet(f"=={package.version}" if package.version is not None and url is None else "")
    by_part = _by_part(marker, parts)
    return Pin(
        requirement=Requirement(
            name=canonicalize_name(package.name),
            specifier=specifier,
            written=str(specifier),
            url=url,
            marker=" or ".join(f"({text})" for text in dict.fromkeys(by_part.values())) if by_part else marker,
        ),
        version=package.version,
        hashes=tuple(_hashes(package)),
        file=opened.path,
        line=line,
        editable=bool(package.directory and package.directory.editable),
        requires=_requires(package),
        parts=frozenset(by_part),
        markers=tuple(by_part.items()),
    )


def _by_part(marker: str | None, parts: Iterable[str]) -> dict[str, str]:
    """Give, where a marker speaks of groups and extras, what it says for each part that it may hold for; else nothing."""
    if marker is None or not _MEMBER.search(marker):
        return {}
    found = {part: _for_part(marker, part) for part in parts}
    return {part: text for part, text in found.items() if not _is_never(text)} or found


def _for_part(marker: str, part: str) -> str:
    """Put what holds of a part in the place of what a marker says of groups and extras."""

    def said(member: re.Match[str]) -> str:
        name = canonicalize_name(member["name"])
        is_in = part == (f"[{name}]" if member["set"] == "extras" else name)
        return _ALWAYS if is_in is not bool(member["negated"]) else _NEVER

    return _MEMBER.sub(said, marker)


def _is_never(marker: str) -> bool:
    """Tell whether a marker plainly holds nowhere; of another one, that is seen where it is evaluated."""
    return " or " not in marker and _NEVER in marker.replace("(", "").replace(")", "").split(" and ")


def _url(package: Package) -> str | None:
    """Give where a package comes from that is none of an index."""
    if package.vcs is not None:
        place = package.vcs.url or package.vcs.path or ""
        fragment = f"#subdirectory={package.vcs.subdirectory}" if package.vcs.subdirectory else ""
        return f"{package.vcs.type}+{place}@{package.vcs.commit_id}{fragment}"
    if package.directory is not None:
        return package.directory.path
    return (package.archive.url or package.archive.path) if package.archive is not None else None


def _hashes(package: Package) -> Iterator[str]:
    files: list[Any] = [*(package.wheels or ()), *filter(None, (package.sdist, package.archive))]
    for file in files:
        known: Mapping[str, str] = file.hashes
        yield from (f"{name}:{value}" for name, value in known.items())


def _requires(package: Package) -> tuple[str, ...] | None:
    """Give what a package needs, where the lock says so: most tools leave that out."""
    if package.dependencies is None:
        return None
    named = [each for each in package.dependencies if isinstance(each.get("name"), str)]
    return tuple(f"{each['name']}=={each['version']}" if "version" in each else each["name"] for each in named)


def _lowest(requires_python: SpecifierSet | None) -> str | None:
    """Give the earliest Python that is meant: what the markers of such a lock are for."""
    bounds = [each.version for each in requires_python or () if each.operator in (">=", "~=", "==")]
    return bounds[0].removesuffix(".*") if bounds else None
