"""Reads `pdm.lock`, of the schemas 4.0 to 4.5 (pdm 2), with the `pyproject.toml` beside it and those of its workspace.

An entry with extras is what a package needs for these: it is no pin of its own. The projects themselves are none
either: what they ask for are roots.
"""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.archives import file_of, read_files
from pytest_envrepro.locks.faults import unreadable
from pytest_envrepro.locks.leaks import find_leaks_of
from pytest_envrepro.locks.opening import broken, newer, open_toml
from pytest_envrepro.locks.paths import beside
from pytest_envrepro.locks.pdm_inputs import Written, read_inputs
from pytest_envrepro.locks.pdm_packages import Reader
from pytest_envrepro.locks.pdm_project import DEFAULT_GROUP
from pytest_envrepro.locks.pdm_targets import supports_of, target_of
from pytest_envrepro.locks.recipes import native_recipe
from pytest_envrepro.locks.sources import indexes
from pytest_envrepro.model import MAIN, Lock, Pin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.locks.opening import Opened
    from pytest_envrepro.locks.pdm_inputs import Asked
    from pytest_envrepro.outcome import Finding

_NONE, _OLDEST, _LATEST = Version("0"), Version("4"), Version("4.5")


def parse(path: str, tree: Tree, declaration: Declaration | None) -> Lock:
    """Read the lock with its inputs."""
    opened = open_toml(path, tree, read_files)
    if isinstance(opened, Lock):
        return opened
    try:
        metadata = _Metadata.of(opened)
    except LockError as error:
        return broken(path, error)
    if metadata.schema < _OLDEST:
        return Lock(path=path, unread=f"{path} was written by pdm 1 or older: lock again with a later one")
    if metadata.schema.release[:2] > _LATEST.release:
        return newer(path, str(metadata.schema), str(_LATEST))
    return _read(opened, metadata, tree, declaration)


class _Metadata(NamedTuple):
    """What the lock says of itself.

    Attributes:
        schema: 0 where it has none, as the oldest.
        groups: canonical names of what is locked, the extras among them; None for all.
        strategy: how it was made.
        targets: what it was made for; none of an old one.
        content_hash: empty where there is none.
        copy: of the inputs, or None.
        files: of the schemas before 4.3, the files of each package by its name and version.
    """

    schema: Version
    groups: tuple[str, ...] | None
    strategy: frozenset[str]
    targets: tuple[Mapping[str, Any], ...]
    content_hash: str
    copy: Any
    files: Mapping[str, Any]

    @classmethod
    def of(cls, opened: Opened) -> _Metadata:
        """Read the table.

        Raises:
            LockError: there is none, or a value has a wrong type.
        """
        keys = opened.keys
        table = opened.data.get("metadata")
        if not isinstance(table, dict):
            raise LockError(opened.path, None, "has no [metadata]: was its tool interrupted?")
        written = keys.string(table, "lock_version")
        try:
            schema = Version(written) if written else _NONE
        except InvalidVersion as error:
            line = keys.line("metadata", "lock_version")
            raise LockError(opened.path, line, f"'{written}' is no schema of pdm's") from error
        targets = table.get("targets", [])
        if not isinstance(targets, list) or not all(isinstance(target, dict) for target in targets):
            raise LockError(opened.path, keys.line("metadata", "targets"), "'targets' has to be a list of tables")
        return cls(
            schema=schema,
            groups=tuple(map(canonicalize_name, keys.strings(table, "groups"))) if "groups" in table else None,
            strategy=_strategy(opened, table),
            targets=tuple(targets),
            content_hash=keys.string(table, "content_hash") or "",
            copy=table.get("lock_inputs"),
            files=keys.table(table, "files"),
        )


def _strategy(opened: Opened, table: Mapping[str, Any]) -> frozenset[str]:
    """Give how a lock was made; before the schema 4.4 only one thing was a choice."""
    if "strategy" in table:
        return frozenset(opened.keys.strings(table, "strategy"))
    return frozenset({"cross_platform"} if table.get("cross_platform", True) else ())


def _read(opened: Opened, metadata: _Metadata, tree: Tree, declaration: Declaration | None) -> Lock:
    """Put a lock together."""
    path = opened.path
    asked = read_inputs(path, tree, declaration)
    pins, faults = _pins(opened, metadata, asked)
    locked, usual = _parts(metadata, asked, pins)
    in_folder = f" -p {shlex.quote(folder)}" if (folder := posixpath.dirname(path)) else ""
    recipe, unrecorded = native_recipe(path, "pdm", ("pdm", "lock", "--update-reuse"), declaration)
    overrides, excluded = (asked.project.overrides, asked.project.excluded) if asked.project else ((), frozenset[str]())
    return Lock(
        path=path,
        tool="pdm",
        pins=tuple(pins),
        inputs=asked.files,
        roots=asked.roots({MAIN, *locked}),
        overrides=overrides,
        # A plugin of the project may need the project.
        excluded=excluded | asked.own,
        rests_on=frozenset(asked.files),
        target=target_of(opened, metadata.targets, is_universal="cross_platform" in metadata.strategy),
        supports=tuple(supports_of(opened, metadata.targets)),
        fix=f"pdm lock --update-reuse{in_folder}",
        install=f"pdm sync{in_folder}",
        relock=f"pdm lock{in_folder}",
        choosing=tuple((part, f"-G {part.strip('[]')}") for part in sorted(locked)),
        recipe=recipe,
        unrecorded=unrecorded,
        faults=(*faults, *find_leaks_of(path, _places(pins, opened)), *asked.faults),
        unread=asked.unread,
        partial=f"{path}:{faults[0].line}: {faults[0].message}" if faults else None,
        stamp=asked.stamp(_written(opened, metadata), metadata.schema),
        parts=locked,
        usual=usual,
        options=tuple(indexes(asked.project.settings, asked.project.path, tree)) if asked.project else (),
        by_need="inherit_metadata" not in metadata.strategy,
    )


def _pins(opened: Opened, metadata: _Metadata, asked: Asked) -> tuple[list[Pin], list[Finding]]:
    """Read the packages."""
    if not isinstance(opened.data.get("package", []), list):
        return [], [unreadable((opened.path, opened.keys.line("package")), "'package' has to be a list of tables")]
    projects = (asked.project, *asked.members.values())
    folders = {posixpath.dirname(each.path) or "." for each in projects if each is not None}

    def is_own(name: str, url: str | None) -> bool:
        return url is not None and name in asked.own and beside(opened.path, url) in folders

    part_of = asked.project.part_of if asked.project is not None else _group
    return Reader(opened.path, metadata.files, part_of).pins(_packages(opened), is_own)


def _packages(opened: Opened) -> list[tuple[Any, int]]:
    """Give the packages, each with the line that it begins on."""
    found = opened.data.get("package", [])
    tables = found if isinstance(found, list) else []
    lines = opened.lines("[[package]]")
    # Where they are written in another way, pdm has not written them.
    return list(zip(tables, lines if len(lines) == len(tables) else [1] * len(tables), strict=True))


def _group(group: str) -> str:
    """Give the part that a group is, where no project tells which of them are extras."""
    name = canonicalize_name(group)
    return MAIN if name == DEFAULT_GROUP else name


def _parts(metadata: _Metadata, asked: Asked, pins: Iterable[Pin]) -> tuple[frozenset[str], frozenset[str]]:
    """Give the parts that are locked, and of them those that `pdm sync` installs: what the project has today."""
    known = frozenset(asked.project.own) if asked.project is not None else None
    if metadata.groups is None:
        parts = (known or frozenset()) - {MAIN}
        return parts, frozenset(part for part in parts if not part.startswith("["))
    part_of = asked.project.part_of if asked.project is not None else _group
    locked = frozenset(map(part_of, metadata.groups)) | {part for pin in pins for part in pin.parts}
    return locked - {MAIN}, (locked if known is None else locked & known) - {MAIN}


def _written(opened: Opened, metadata: _Metadata) -> Written:
    key = "lock_inputs" if metadata.copy is not None else "content_hash"
    return Written(
        path=opened.path,
        name="content_hash",
        content_hash=metadata.content_hash,
        copy=metadata.copy,
        line=opened.keys.line("metadata", key),
        pythons=tuple(str(target.get("requires_python", "")) for target in metadata.targets),
    )


def _places(pins: Iterable[Pin], opened: Opened) -> Iterator[tuple[str, int | None]]:
    """Give the URLs and paths that the lock names, with lines: those of packages, and one of each host of files."""
    lines: dict[str, int | None] = {}
    for pin in pins:
        if pin.requirement.url:
            lines.setdefault(pin.requirement.url, pin.line)
    seen: set[str] = set()
    for package, line in _packages(opened):
        files = package.get("files") if isinstance(package, dict) else None
        for file in files[:1] if isinstance(files, list) else ():
            place = file_of(file)[0] if isinstance(file, (tuple, dict)) else ""
            host = place.partition("://")[2].partition("/")[0]
            if host and host not in seen:
                seen.add(host)
                lines.setdefault(place, line)
    yield from lines.items()
