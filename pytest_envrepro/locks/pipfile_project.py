"""What a `Pipfile` asks for, category by category, and the hash that pipenv keeps of it."""

from __future__ import annotations

import hashlib
import json
import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.utils import canonicalize_name

from pytest_envrepro.credentials import redact
from pytest_envrepro.locks.faults import unreadable
from pytest_envrepro.locks.inputs import Inputs
from pytest_envrepro.locks.opening import open_toml
from pytest_envrepro.locks.paths import beside
from pytest_envrepro.locks.pipfile_entries import is_entry, read_entry
from pytest_envrepro.locks.toml_lines import TomlLines
from pytest_envrepro.model import MAIN, Lock, Root

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from pytest_envrepro.locks.base import Tree
    from pytest_envrepro.model import Pin
    from pytest_envrepro.outcome import Finding
    from pytest_envrepro.provenance import Dynamic

_DEV = "dev-packages"
_SECTIONS = {"packages": "default", _DEV: "develop"}  # Of a Pipfile, and what they are called in its lock.
_PARTS = {"default": MAIN, "develop": _DEV}
_HASHED_APART = frozenset({"source", "requires", *_SECTIONS})
_NOT_HASHED = frozenset({"scripts", "pipfile", "pipenv", *_SECTIONS.values()})
_NO_CATEGORIES = frozenset({"source", "requires", "build-system"}) | _NOT_HASHED


class Pipfile(NamedTuple):
    """What was read.

    Attributes:
        data: what stands in it; empty where it cannot be read.
        roots: its requirements, by the sections of its lock.
    """

    path: str
    data: Mapping[str, Any]
    roots: Mapping[str, tuple[Root, ...]]
    faults: tuple[Finding, ...]


class Followed(NamedTuple):
    """What all of it comes to: the folders that it names tell what they require, too.

    Attributes:
        files: all that was read.
        unread: why not all is known, or None.
    """

    roots: tuple[Root, ...]
    dynamic: tuple[Dynamic, ...]
    files: frozenset[str]
    unread: str | None


def part_of(section: str) -> str:
    """Give the part of the project that a section of a lock is for: a category, as `pipenv sync --categories` names it."""
    return _PARTS[section] if section in _PARTS else canonicalize_name(section)


def read_pipfile(path: str, tree: Tree, sections: Collection[str]) -> Pipfile:
    """Read what a Pipfile asks for; what is wrong with it is among the faults.

    Args:
        sections: those of its lock.
    """
    opened = open_toml(path, tree)
    if isinstance(opened, Lock):
        return Pipfile(path, {}, {}, opened.faults)
    lines = TomlLines(opened.text)
    roots: dict[str, tuple[Root, ...]] = {}
    faults: list[Finding] = []
    for category, entries in opened.data.items():
        if category in _NO_CATEGORIES:
            continue
        if not isinstance(entries, dict):
            message = f"'{category}' has to be a table of packages, not {type(entries).__name__}"
            faults.append(unreadable((path, lines.of(category)), message))
            continue
        section = _SECTIONS.get(category, category)
        if category not in _SECTIONS and section not in sections and not all(map(is_entry, entries, entries.values())):
            continue  # It is no category.
        found: list[Root] = []
        for key, value in entries.items():
            line = lines.of(category, key)
            try:
                requirement, is_editable = read_entry(key, value)
            except ValueError as error:
                faults.append(unreadable((path, line), redact(f"'{key}': {error}")))
                continue
            found.append(
                Root(requirement=requirement, file=path, line=line, part=part_of(section), editable=is_editable)
            )
        roots[section] = tuple(found)
    return Pipfile(path, opened.data, roots, tuple(faults))


def follow(pipfile: Pipfile, tree: Tree, pins: Iterable[Pin]) -> Followed:
    """Add to what a Pipfile asks for what the folders require that it names.

    Args:
        pins: those of its lock.
    """
    roots: list[Root] = []
    dynamic: dict[Dynamic, None] = {}
    files = {pipfile.path}
    unread = None
    for section, found in pipfile.roots.items():
        if not any(root.requirement.url for root in found):
            roots += found
            continue
        inputs = Inputs(tree=tree, roots=list(found))
        inputs.settle(lambda place: beside(pipfile.path, place), pins, follow=True)
        roots += (replace(root, part=part_of(section)) for root in inputs.roots)
        dynamic |= dict.fromkeys(_named(each, pipfile.path, found) for each in inputs.dynamic)
        files |= inputs.files
        unread = unread or inputs.unread
    return Followed(tuple(roots), tuple(dynamic), frozenset(files), unread)


def _named(dynamic: Dynamic, path: str, roots: Iterable[Root]) -> Dynamic:
    """Give a project that only its `setup.py` tells the name of the name that a Pipfile has for its folder."""
    folder = posixpath.dirname(dynamic.file) or "."
    for root in roots:
        name, url = root.requirement.name, root.requirement.url
        if dynamic.project is None and name and url and beside(path, url) == folder:
            return replace(dynamic, project=name)
    return dynamic


def content_hashes(data: Mapping[str, Any], sources: Any) -> frozenset[str]:
    """Give what pipenv writes under `_meta.hash.sha256`, with names as they stand there and, since 2026, canonical.

    The algorithm is that of plette's `Pipfile.get_hash` and of pipenv's `Pipfile.calculate_hash` (2026.10).

    Args:
        sources: what stands for those of a Pipfile that names none.
    """
    try:
        return frozenset(_content_hash(data, sources, change) for change in (_as_it_is, _with_canonical_names))
    except (TypeError, ValueError, RecursionError):  # A date, which JSON does not know; half of a character.
        return frozenset()


def _content_hash(data: Mapping[str, Any], sources: Any, change: Callable[[Any], Any]) -> str:
    hashed = {
        "_meta": {"sources": data.get("source", sources), "requires": data.get("requires", {})},
        **{section: change(data.get(category, {})) for category, section in _SECTIONS.items()},
        **{name: change(value) for name, value in data.items() if name not in _HASHED_APART | _NOT_HASHED},
    }
    return hashlib.sha256(json.dumps(hashed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _as_it_is(section: Any) -> Any:
    return section


def _with_canonical_names(section: Any) -> Any:
    if not isinstance(section, dict):
        return section
    return {canonicalize_name(name): value for name, value in section.items()}
