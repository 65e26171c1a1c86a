"""Reads `pylock.toml` (PEP 751), by whatever tool: `uv export`, `uv pip compile`, `pip lock`, pdm.

`packaging.pylock` (26.0) is the judge of what such a file may hold. It names none of its inputs: those stand in the table,
or the lock is compared with itself and with what is installed alone.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.command import Command, read_command
from pytest_envrepro.locks.exports import find_exported
from pytest_envrepro.locks.faults import missing, unreadable
from pytest_envrepro.locks.inputs import Inputs
from pytest_envrepro.locks.opening import broken, newer, open_toml
from pytest_envrepro.locks.project import Choice
from pytest_envrepro.locks.pylock_parts import by_part
from pytest_envrepro.locks.pylock_recipes import made_by
from pytest_envrepro.locks.support import lowest, marker_of, of_markers, of_pythons
from pytest_envrepro.model import MAIN, UNTOLD, Lock, Pin
from pytest_envrepro.provenance import Target
from pytest_envrepro.requirement import Requirement, parse_marker_or_raise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packaging.pylock import Package, Pylock

    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.locks.opening import Opened
    from pytest_envrepro.provenance import Support

_SCHEMA = "1.0"
_RELEASE = r"\d{1,9}(?:\.\d{1,9})*"
_PYTHON = re.compile(rf"""\bpython_(?:full_)?version\s*(?:>=|==|~=)\s*["']({_RELEASE})""")


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
    if found.created_by == "pdm":
        from pytest_envrepro.locks.pdm_pylock import completed, is_lock_of_pdm  # noqa: PLC0415  # For its locks alone.

        if is_lock_of_pdm(opened, tree):
            return completed(opened, _read(opened, found, tree, None), tree, declaration)
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
    comments = [line.lstrip("# ") for line in opened.text.partition("\n[")[0].splitlines() if line.startswith("#")]
    command = next(filter(None, map(_exporting, comments)), Command())
    named = (declaration.inputs if declaration else None) or ()
    exported = find_exported(path, command.argv, named or None, comments, tree)
    made = made_by(path, found.created_by, comments, declaration)
    if exported is not None:
        named = ()
    elif not named:
        named, chosen = made.inputs, made.choice
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
        try:
            pins.append(_pin(opened, package, url, line, parts))
        except ValueError as error:
            faults.append(unreadable((path, line), f"'{package.name}': {error}"))
    inputs.settle(lambda place: place, pins, follow=True)
    if exported is not None and not tree.exists(exported.parent):
        faults.append(missing(exported.parent, (path, 1)))
    return Lock(
        path=path,
        tool=found.created_by,
        pins=tuple(pins),
        inputs=(exported.parent,) if exported else named,
        roots=tuple(replace(root, part=UNTOLD) for root in inputs.roots),
        constraints=tuple(inputs.constraints),
        dynamic=tuple(inputs.dynamic),
        rests_on=frozenset(inputs.files | ({exported.parent} if exported else set())),
        target=_target(opened, found),
        recipe=made.recipe,
        unrecorded=made.unrecorded,
        fix=redact(declaration.command) if declaration and declaration.command else made.text or None,
        faults=tuple(faults),
        unread=inputs.unread,
        parts=frozenset(parts) - {MAIN},
        usual=frozenset(map(canonicalize_name, found.default_groups or ())),
        install=f"pip install -r {path}",
        exported=exported,
        supports=tuple(_supports(opened, found)),
    )


def _supports(opened: Opened, found: Pylock) -> Iterator[Support]:
    if found.requires_python:
        yield from of_pythons(found.requires_python, opened.keys.line("requires-python"))
    if found.environments:
        yield from of_markers(map(str, found.environments), opened.keys.line("environments"))


def _exporting(comment: str) -> Command | None:
    """Read a command at the head of a lock, where it is one that writes another lock in this form."""
    if not comment.startswith("uv export"):
        return None
    command = read_command(comment)
    return command if command.exported else None


def _pin(opened: Opened, package: Package, url: str | None, line: int | None, parts: Iterable[str]) -> Pin:
    marker = str(package.marker) if package.marker else None
    if package.requires_python:
        bounds = marker_of(package.requires_python)
        marker = f"({marker}) and {bounds}" if marker else bounds
    specifier = SpecifierSet(f"=={package.version}" if package.version is not None and url is None else "")
    markers = by_part(marker, parts)
    texts = list(dict.fromkeys(markers.values() if markers else (marker,)))
    for text in texts:
        if text is not None:
            parse_marker_or_raise(text)
    known = [text for text in texts if text is not None]
    either = known[0] if len(known) == 1 else " or ".join(f"({text})" for text in known)
    together = either if len(known) == len(texts) else None
    return Pin(
        requirement=Requirement(
            name=canonicalize_name(package.name),
            specifier=specifier,
            written=str(specifier),
            url=url,
            marker=together,
        ),
        version=package.version,
        hashes=tuple(_hashes(package)),
        file=opened.path,
        line=line,
        editable=bool(package.directory and package.directory.editable),
        requires=_requires(package),
        parts=frozenset(markers),
        markers=tuple((part, text) for part, text in markers.items() if text is not None),
        index=(package.index or "") if url is None else "",
    )


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


def _target(opened: Opened, found: Pylock) -> Target:
    """Give the earliest Python that it is for: by its environments, where all of them are for later ones than the file says."""
    python, key = lowest(found.requires_python), "requires-python"
    told = [_PYTHON.findall(text) if " or " not in (text := str(each)) else [] for each in found.environments or ()]
    if told and all(told):
        earliest = min((bounds[0] for bounds in told), key=Version)
        if python is None or (re.fullmatch(_RELEASE, python) and Version(earliest) > Version(python)):
            python, key = earliest, "environments"
    return Target(python=python, line=opened.keys.line(key), universal=True)
