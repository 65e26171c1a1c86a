"""Reads `Pipfile.lock` (pipfile-spec 6: all since 2017), with the `Pipfile` beside it.

It lists what is pinned for each category, and not what needs what: that it is closed, installed metadata alone tells.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.faults import missing, unreadable
from pytest_envrepro.locks.leaks import find_leaks_of
from pytest_envrepro.locks.opening import broken, newer, open_json
from pytest_envrepro.locks.pipfile_packages import read_packages
from pytest_envrepro.locks.pipfile_project import Pipfile, content_hashes, follow, part_of, read_pipfile
from pytest_envrepro.locks.recipes import native_recipe
from pytest_envrepro.locks.sources import faults_of, trusted
from pytest_envrepro.model import MAIN, Lock
from pytest_envrepro.outcome import Finding
from pytest_envrepro.provenance import Stamp, Support, Target

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.locks.opening import Opened
    from pytest_envrepro.model import Pin

_SCHEMA = 6
_META = "_meta"
# Up to 2021, pipenv left these out of its locks: they were in every virtual environment that it made.
_IN_EVERY_ENVIRONMENT = frozenset({"distribute", "pip", "setuptools"})
_PYTHON = re.compile(r"\d+(?:\.\d+){0,2}")


def parse(path: str, tree: Tree, declaration: Declaration | None) -> Lock:
    """Read the lock with its input."""
    opened = open_json(path, tree)
    if isinstance(opened, Lock):
        return opened
    try:
        meta = _Meta.of(opened)
    except LockError as error:
        return broken(path, error)
    if meta.schema is None or meta.schema < _SCHEMA:
        return Lock(path=path, unread=f"{path} was written by a pipenv of 2017: lock again with a later one")
    if meta.schema > _SCHEMA:
        return newer(path, str(meta.schema), str(_SCHEMA))
    return _read(opened, meta, tree, declaration)


class _Meta(NamedTuple):
    """What the lock says of itself.

    Attributes:
        digest: of its Pipfile; empty where it keeps none.
        digest_line, requires_line: where they stand.
    """

    schema: int | None
    digest: str
    digest_line: int
    requires: Mapping[str, Any]
    requires_line: int
    sources: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, opened: Opened) -> _Meta:
        """Read the table.

        Raises:
            LockError: there is none, or a value has a wrong type.
        """
        start = max(opened.text.find(f'"{_META}"'), 0)

        def line_of(key: str) -> int:
            return opened.text.count("\n", 0, max(opened.text.find(f'"{key}"', start), start)) + 1

        def value(table: Mapping[str, Any], key: str, kind: type, words: str) -> Any:
            found = table.get(key)
            if found is not None and (not isinstance(found, kind) or isinstance(found, bool)):
                message = f"'{key}' has to be {words}, not {type(found).__name__}"
                raise LockError(opened.path, line_of(key), message)
            return found

        meta = value(opened.data, _META, dict, "an object")
        if meta is None:
            raise LockError(opened.path, 1, f"has no '{_META}': is it a lock of pipenv's?")
        digests = value(meta, "hash", dict, "an object") or {}
        sources = value(meta, "sources", list, "a list") or []
        return cls(
            schema=value(meta, "pipfile-spec", int, "a number"),
            digest=value(digests, "sha256", str, "a string") or "",
            digest_line=line_of("sha256" if "sha256" in digests else _META),
            requires=value(meta, "requires", dict, "an object") or {},
            requires_line=line_of("requires"),
            sources=tuple(source for source in sources if isinstance(source, dict)),
        )

    @property
    def indexes(self) -> dict[str, str]:
        """The URLs of its sources by their names, and of the first, which is the usual one, under nothing too."""
        urls = [(str(each.get("name", "")), each["url"]) for each in self.sources if isinstance(each.get("url"), str)]
        return {**dict(urls), **({"": urls[0][1]} if urls else {})}

    @property
    def python(self) -> str | None:
        """The Python that it was locked for."""
        return _python_of(self.requires)


def _read(opened: Opened, meta: _Meta, tree: Tree, declaration: Declaration | None) -> Lock:
    """Put a lock together."""
    path = opened.path
    packages = read_packages(opened, _META, meta.indexes)
    inputs, pipfile, input_faults = _pipfile(path, tree, declaration, packages.names)
    followed = follow(pipfile, tree, packages.pins) if pipfile else None
    faults = [*packages.faults, *find_leaks_of(path, _places(opened, meta, packages.pins)), *input_faults]
    faults += faults_of(meta.sources, path, opened.text)
    faults += _elsewhere(path, pipfile, packages.names) if pipfile else ()
    pinned = {pin.name for pin in packages.pins}
    in_folder = f"cd {shlex.quote(folder)} && " if (folder := posixpath.dirname(path)) else ""
    recipe, unrecorded = native_recipe(path, "pipenv", _command(packages.names), declaration)
    return Lock(
        path=path,
        tool="pipenv",
        options=tuple(trusted(meta.sources, path, meta.requires_line)),
        supports=tuple(_supports(meta)),
        pins=tuple(packages.pins),
        inputs=inputs,
        roots=followed.roots if followed else (),
        dynamic=followed.dynamic if followed else (),
        excluded=_IN_EVERY_ENVIRONMENT if _IN_EVERY_ENVIRONMENT.isdisjoint(pinned) else frozenset(),
        rests_on=frozenset(inputs) | (followed.files if followed else frozenset()),
        target=Target(python=meta.python, line=meta.requires_line if meta.python else None),
        fix=f"{in_folder}pipenv lock",
        install=f"{in_folder}pipenv sync",
        choosing=(("dev-packages", "--dev"),),
        recipe=recipe,
        unrecorded=unrecorded,
        faults=tuple(faults),
        unread=followed.unread if followed else None,
        partial=packages.partial,
        unpinned=frozenset(packages.unpinned),
        stamp=_stamp(meta, pipfile) if pipfile else None,
        parts=frozenset(map(part_of, {*packages.names, *(pipfile.roots if pipfile else ())})) - {MAIN},
    )


def _command(names: Iterable[str]) -> tuple[str, ...]:
    """Give what resolves what the Pipfile asks for and the lock does not have, in all categories."""
    others = sorted({*names} - {"default", "develop", "packages", "dev-packages"})
    chosen = ("--categories", " ".join(("default", "develop", *others))) if others else ("--dev",)
    return ("pipenv", "upgrade", *chosen)


def _pipfile(
    path: str, tree: Tree, declaration: Declaration | None, sections: Collection[str]
) -> tuple[tuple[str, ...], Pipfile | None, list[Finding]]:
    """Read the input: the Pipfile beside the lock, or that of the table."""
    beside = posixpath.join(posixpath.dirname(path), "Pipfile")
    named = declaration.inputs if declaration and declaration.inputs is not None else None
    inputs = (beside,) if named is None else named
    if named is None and not tree.exists(beside):
        return (), None, []
    faults: list[Finding] = []
    found: Pipfile | None = None
    for each in inputs:
        if not tree.exists(each):
            faults.append(missing(each, (path, None)))
        elif found is not None:
            faults.append(unreadable((each, None), f"is no input of {path}: pipenv reads one Pipfile"))
        else:
            found = read_pipfile(each, tree, sections)
            faults += found.faults
    return inputs, found, faults


def _stamp(meta: _Meta, pipfile: Pipfile) -> Stamp | None:
    """Give the hash; a Pipfile that names no source has one that pipenv knows, and that the lock then names.

    Where pip's own settings name others, the hash may be of those, which nothing in the lock tells: a hash of such a
    Pipfile is known to be true, and never to be old.
    """
    if not pipfile.data:
        return None
    sources = [dict(source) for source in meta.sources]
    accepted = content_hashes(pipfile.data, sources)
    is_unknown = "source" not in pipfile.data and meta.digest not in accepted
    return Stamp(
        name="_meta.hash",
        written=meta.digest,
        accepted=None if is_unknown or not accepted else accepted,
        line=meta.digest_line,
        cause=_cause(meta, pipfile),
    )


def _cause(meta: _Meta, pipfile: Pipfile) -> str:
    """Say what has changed of that which the lock repeats."""
    if not meta.digest:
        return f"it keeps no hash of {pipfile.path}"
    now, then = (_python_of(requires) or "any Python" for requires in (pipfile.data.get("requires"), meta.requires))
    if now != then:
        return f"{pipfile.path} asks for Python {now}, the lock was made for {then}"
    named = pipfile.data.get("source", [])
    sources = [each.get("url") for each in named if isinstance(each, dict)] if isinstance(named, list) else []
    if sources and sources != [source.get("url") for source in meta.sources]:
        return f"{pipfile.path} names other sources than the lock"
    return ""


def _python_of(requires: Any) -> str | None:
    """Give the Python that a table asks for; None where it names none that pipenv would find."""
    if not isinstance(requires, dict):
        return None
    told = (requires.get(key) for key in ("python_full_version", "python_version"))
    return next((each for each in told if isinstance(each, str) and _PYTHON.fullmatch(each)), None)


def _supports(meta: _Meta) -> Iterator[Support]:
    if meta.python:
        version = meta.python if meta.python.count(".") > 1 else f"{meta.python}.*"
        yield Support(f'python_full_version == "{version}"', f"Python {meta.python}", meta.requires_line)


def _places(opened: Opened, meta: _Meta, pins: Iterable[Pin]) -> Iterator[tuple[str, int | None]]:
    """Give the URLs and paths that the lock names, with lines: those of the packages, and each index once."""
    lines: dict[str, int | None] = {}
    for pin in pins:
        if pin.requirement.url:
            lines.setdefault(pin.requirement.url, pin.line)
    for source in meta.sources:
        if isinstance(source.get("url"), str):
            lines.setdefault(source["url"], opened.keys.line_of(source["url"]))
    yield from lines.items()


def _elsewhere(path: str, pipfile: Pipfile, names: Mapping[str, set[str]]) -> Iterator[Finding]:
    """Give what a category asks for that is locked for others alone: `pipenv sync` would not install it with that.

    What has a marker is left out: old versions locked nothing for what is not for the platform that they ran on.
    """
    everywhere = set().union(*names.values())
    for section, roots in pipfile.roots.items():
        others = everywhere - names.get(section, set())
        for root in roots:
            name = root.requirement.name
            if name in others and root.requirement.marker is None:
                where = " and ".join(f"'{other}'" for other, known in names.items() if name in known)
                yield Finding(
                    code="missing-direct",
                    package=name,
                    expected=root.requirement.written or None,
                    file=root.file,
                    line=root.line,
                    message=f"not pinned in '{section}' of {path}, but in {where}",
                )
