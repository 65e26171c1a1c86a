"""Reads `uv.lock` (schema 1, with the revisions up to those of uv 0.13): projects and workspaces, with their inputs.

uv keeps with each package what it needs, and with each project of the workspace a copy of what its `pyproject.toml`
asked for. The projects themselves are no pins: what they ask for are roots.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.leaks import find_leaks_of
from pytest_envrepro.locks.opening import Opened, broken, newer, open_toml
from pytest_envrepro.locks.paths import beside
from pytest_envrepro.locks.recipes import native_recipe
from pytest_envrepro.locks.support import lowest, of_markers, of_pythons
from pytest_envrepro.locks.uv_graph import Graph, is_own
from pytest_envrepro.locks.uv_inputs import Member, read_workspace
from pytest_envrepro.locks.uv_markers import Space
from pytest_envrepro.locks.uv_members import workspace_of
from pytest_envrepro.locks.uv_packages import FOLDERS, Package, read_files, read_packages, split_git, without_choices
from pytest_envrepro.locks.uv_stamp import compare, read_copies
from pytest_envrepro.model import Lock, Pin
from pytest_envrepro.provenance import Target
from pytest_envrepro.requirement import Requirement, parse_marker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.locks.uv_inputs import Told
    from pytest_envrepro.provenance import Recipe, Support

_SCHEMA = 1


def parse(path: str, tree: Tree, declaration: Declaration | None) -> Lock:
    """Read the lock with its inputs."""
    opened = open_toml(path, tree, read_files)
    if isinstance(opened, Lock):
        return opened
    if found := workspace_of(own := beside(path, "pyproject.toml"), tree):
        unread = f"uv reads {beside(found[0], 'uv.lock')} in its place, as {own} is of the workspace of {found[0]}"
        return Lock(path=path, unread=f"{unread}: remove {path}")
    try:
        schema = opened.data.get("version")
        if not isinstance(schema, int) or isinstance(schema, bool):
            raise LockError(path, 1, "has no number of a schema ('version = 1'): is it a lock of uv's?")  # noqa: TRY301
        if schema > _SCHEMA:
            return newer(path, str(schema), str(_SCHEMA))
        return _read(opened, tree, declaration)
    except LockError as error:
        return broken(path, error)


def _read(opened: Opened, tree: Tree, declaration: Declaration | None) -> Lock:
    path = opened.path
    packages = read_packages(opened)
    members = _members(opened, packages)
    told = read_workspace(path, members.values(), tree)
    space = _space(opened)
    graph = Graph(packages, members)
    shared = _shared_groups(opened)
    roots = [root for root in told.roots if space.has(root.requirement.marker)]
    folder = posixpath.dirname(path)
    recipe, unrecorded = _recipe(path, members, declaration)
    return Lock(
        path=path,
        tool="uv",
        pins=tuple(_pins(opened, packages, members, graph)),
        inputs=tuple(member.path for member in members.values() if member.is_whole) or tuple(told.files[:1]),
        roots=(*roots, *graph.unread(told, path)),
        constraints=tuple(told.constraints),
        overrides=tuple(told.overrides),
        # The project may be needed in turn: by its own plugins, for one.
        excluded=frozenset({*told.excluded, *graph.own}),
        dynamic=tuple(told.dynamic),
        rests_on=frozenset(file for file in told.files if tree.exists(file)),
        target=_target(opened),
        fix="uv lock" + (f" --project {folder}" if folder else ""),
        install="uv sync" + (f" --project {folder}" if folder else ""),
        relock=_relock(recipe, folder),
        choosing=tuple(
            (part, f"--extra {part.strip('[]')}" if part.startswith("[") else f"--group {part}")
            for part in sorted({*graph.parts, *told.groups, *shared})
            if "/" not in part
        ),
        recipe=recipe,
        unrecorded=unrecorded,
        faults=(*find_leaks_of(path, _places(packages)), *told.faults),
        stamp=compare(opened, packages, members, told, space),
        parts=frozenset({*graph.parts, *told.groups, *shared}),
        usual=_usual(told, graph),
        by_need=True,
        asks=tuple(graph.asks(shared)),
        supports=tuple(_supports(opened)),
    )


def _relock(recipe: Recipe | None, folder: str) -> str | None:
    """Give the command that has uv resolve, and not believe the lock, where it is uv's own."""
    if recipe is None or recipe.is_trusted:
        return None
    return " ".join((*recipe.argv, *(("--project", folder) if folder else ())))


def _recipe(path: str, members: Mapping[str, Member], declaration: Declaration | None) -> tuple[Recipe | None, str]:
    """Have uv resolve, with one of the project's own names to upgrade: else it believes what the lock says of packages."""
    own = next((member.name for member in members.values() if member.is_whole), None)
    resolving = ("--upgrade-package", own) if own else ()
    return native_recipe(path, "uv lock", ("uv", "lock", *resolving), declaration)


def _members(opened: Opened, packages: list[Package]) -> dict[str, Member]:
    """Find the projects whose requirements are locked, by name.

    Those of a workspace stand in a list. One alone does not: it lies beside its lock. A folder that is named as a
    source is none of them, but what it needs is locked too.
    """
    manifest = opened.keys.table(opened.data, "manifest")
    listed = frozenset(opened.keys.strings(manifest, "members"))
    folders = [package for package in packages if package.kind in FOLDERS]
    top = next((package.name for package in folders if package.place == "." and package.kind != "directory"), None)
    members: dict[str, Member] = {}
    for package in folders:
        is_whole = package.name in listed or package.name == top
        file = beside(opened.path, f"{package.place}/pyproject.toml")
        if file.startswith("../") or posixpath.isabs(file):
            continue  # Outside of the root nothing is opened.
        is_first = package.name == top or (top is None and is_whole)
        members[package.name] = Member(
            name=package.name,
            path=file,
            is_whole=is_whole,
            is_first=is_first,
            is_pin=not is_whole and package.kind != "virtual",
        )
    return members


def _space(opened: Opened) -> Space:
    """Give the environments that it is for."""
    supported = opened.keys.strings(opened.data, "supported-markers")
    try:
        for marker in supported:
            parse_marker(marker)
        return Space(SpecifierSet(opened.keys.string(opened.data, "requires-python") or ""), supported)
    except (InvalidSpecifier, ValueError) as error:
        message = f"what it is for cannot be read: {str(error).splitlines()[0]}"
        raise LockError(opened.path, opened.keys.line("requires-python"), message) from error


def _target(opened: Opened) -> Target:
    """Give the lowest Python that it is for: a universal lock is for all later ones too."""
    specifiers = SpecifierSet(opened.keys.string(opened.data, "requires-python") or "")
    python = lowest(specifiers)
    return Target(python=python, line=opened.keys.line("requires-python") if python else None, universal=True)


def _supports(opened: Opened) -> Iterator[Support]:
    """Give where it may be installed; both have been read before."""
    pythons = SpecifierSet(opened.keys.string(opened.data, "requires-python") or "")
    yield from of_pythons(pythons, opened.keys.line("requires-python") if pythons else None)
    supported = opened.keys.strings(opened.data, "supported-markers")
    yield from of_markers(supported, opened.keys.line("supported-markers") if supported else None)


def _shared_groups(opened: Opened) -> dict[str, tuple[str, ...]]:
    """Give the dependency groups that stand beside no project, at the root of a workspace alone."""
    manifest = opened.keys.table(opened.data, "manifest")
    return {
        canonicalize_name(group): tuple(
            f"{copy.requirement} ; {copy.marker}" if copy.marker else str(copy.requirement)
            for copy in read_copies(opened.path, listed)
        )
        for group, listed in opened.keys.lists(manifest, "dependency-groups").items()
    }


def _usual(told: Told, graph: Graph) -> frozenset[str]:
    groups = {part for part in (*graph.parts, *told.groups) if not part.startswith("[")}
    return frozenset(groups & (frozenset({"dev"}) if told.default is None else told.default))


def _pins(opened: Opened, packages: list[Package], members: Mapping[str, Member], graph: Graph) -> Iterator[Pin]:
    hashed = {package.place for package in packages if package.hashes}
    described = _described(opened)
    for package in packages:
        if is_own(package, members):
            continue
        yield Pin(
            requirement=_requirement(package),
            version=package.version if package.kind == "registry" else None,
            hashes=package.hashes if package.is_hashed else (),
            hashless=package.place not in hashed,
            described=package.name in described,
            parents=frozenset(graph.parents[package.name]),
            sources=tuple(dict.fromkeys(graph.sources[package.name])),
            file=opened.path,
            line=package.line,
            editable=package.kind == "editable",
            requires=tuple(graph.requires(package)),
            index=package.place if package.kind == "registry" else "",
        )


def _described(opened: Opened) -> set[str]:
    """Give the packages of which the project says itself what they need (`tool.uv.dependency-metadata`)."""
    manifest = opened.keys.table(opened.data, "manifest")
    tables = manifest.get("dependency-metadata", [])
    listed = tables if isinstance(tables, list) else []
    names = (table.get("name") for table in listed if isinstance(table, dict))
    return {canonicalize_name(name) for name in names if isinstance(name, str)}


def _requirement(package: Package) -> Requirement:
    marker = without_choices(package.markers)
    if package.kind == "registry":
        written = f"=={package.version}"
        return Requirement(name=package.name, specifier=SpecifierSet(written), written=written, marker=marker)
    if package.kind == "git":
        place, _, folder, commit = split_git(package.place)
        url = f"git+{place}@{commit}" + (f"#subdirectory={folder}" if folder else "")
    elif package.kind == "url":
        url = package.place + (f"#subdirectory={package.subdirectory}" if package.subdirectory else "")
    else:
        url = package.place
    return Requirement(name=package.name, specifier=SpecifierSet(), url=url, marker=marker)


def _places(packages: list[Package]) -> Iterator[tuple[str, int | None]]:
    """Give each index, URL and path once, with its first line."""
    seen: set[str] = set()
    for package in packages:
        if package.place not in seen:
            seen.add(package.place)
            yield package.place, package.line
