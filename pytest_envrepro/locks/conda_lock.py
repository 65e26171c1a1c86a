"""Reads `conda-lock.yml` (conda-lock's format 1), with the `environment.yml` files that it names as its sources.

Packages of all platforms stand side by side: each is a pin with the marker of its platform. conda-lock's content hash is
not computed: it depends on the version of conda-lock. The inputs are compared by meaning.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.utils import canonicalize_name

from pytest_envrepro.credentials import redact
from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.conda_inputs import CondaInputs, inputs_of
from pytest_envrepro.locks.conda_names import Supplied
from pytest_envrepro.locks.conda_packages import Package, pins_of
from pytest_envrepro.locks.conda_pins import places_of, target_of
from pytest_envrepro.locks.conda_yaml import load_yaml
from pytest_envrepro.locks.faults import unreadable
from pytest_envrepro.locks.leaks import find_leaks_of
from pytest_envrepro.locks.opening import broken, newer, open_by
from pytest_envrepro.locks.paths import beside, is_below_root, is_url
from pytest_envrepro.locks.recipes import native_recipe
from pytest_envrepro.model import MAIN, Lock
from pytest_envrepro.provenance import Stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.locks.opening import Opened
    from pytest_envrepro.outcome import Finding

_KNOWN = "1"


def read(path: str, tree: Tree, declaration: Declaration | None) -> Lock:
    """Read the lock with its inputs."""
    opened = open_by(path, tree, load_yaml)
    if isinstance(opened, Lock):
        return opened
    schema, metadata = opened.data.get("version"), opened.data.get("metadata")
    if not isinstance(schema, str) or not isinstance(metadata, dict):
        return broken(path, LockError(path, 1, "has no 'version' or no 'metadata': was its tool interrupted?"))
    if schema != _KNOWN:
        return newer(path, schema, _KNOWN)
    if not isinstance(opened.data.get("package"), list):
        return broken(path, LockError(path, None, "'package' has to be a list of tables"))
    packages, faults = _packages(opened)
    return _put_together(opened, metadata, packages, faults, (tree, declaration))


def _packages(opened: Opened) -> tuple[list[Package], list[Finding]]:
    packages: list[Package] = []
    faults: list[Finding] = []
    for table in opened.data["package"]:
        try:
            packages.append(Package.read(opened.path, table))
        except LockError as error:
            faults.append(unreadable((error.file, error.line), error.message))
    return packages, faults


def _put_together(
    opened: Opened,
    metadata: Mapping[str, Any],
    packages: list[Package],
    faults: list[Finding],
    given: tuple[Tree, Declaration | None],
) -> Lock:
    path = opened.path
    tree, declaration = given
    # By its own word, or else by its packages.
    platforms = tuple(dict.fromkeys(_texts(metadata.get("platforms")) or (each.platform for each in packages)))
    sources = _texts(metadata.get("sources"))
    here = _Sources.of(sources, path, tree, declaration)
    paths = inputs_of(path, tree, declaration, here.files)
    inputs = CondaInputs(tree=tree, platforms=platforms, unread=here.unread)
    for each in paths:
        inputs.add(each, (path, _line_of(opened, posixpath.basename(each))))
    supplied = Supplied(packages_of_conda := [each.name for each in packages if each.manager == "conda"])
    pins, more = pins_of(path, packages, supplied)
    pinned = {pin.name for pin in pins}
    asked = [supplied.meet(root, pinned) for root in inputs.roots]
    faults = [*faults, *more]
    channels = _channels(metadata)
    parts = frozenset(part for pin in pins for part in pin.parts) | {root.part for root in asked}
    leaks = places_of(
        [(each.url, each.line) for each in packages]
        + [(each, _line_of(opened, each)) for each in (*channels, *sources)]
    )
    recipe, unrecorded = native_recipe(path, "conda-lock", _command(path, paths, platforms), declaration)
    if here.unread and not (declaration and declaration.command):
        recipe, unrecorded = None, here.unread
    fix = ("conda-lock", "lock", "--lockfile", path, *(word for each in paths for word in ("-f", each)))
    return Lock(
        path=path,
        tool="conda-lock",
        pins=tuple(pins),
        inputs=paths,
        roots=tuple(asked),
        constraints=tuple(inputs.constraints),
        excluded=frozenset(map(canonicalize_name, packages_of_conda)),
        alike=supplied.alike,
        rests_on=frozenset(inputs.files | set(paths)),
        target=target_of(platforms, pins),
        fix=None if here.unread else shlex.join(fix),
        install=f'conda-lock install --prefix "$CONDA_PREFIX" {shlex.quote(path)}',
        recipe=recipe,
        unrecorded=unrecorded,
        faults=(*faults, *find_leaks_of(path, leaks), *inputs.faults),
        unread=inputs.unread,
        partial=next((f"{path}:{each.line}: {each.message}" for each in faults if each.code == "unreadable"), None),
        stamp=_stamp(opened, channels, inputs, paths),
        parts=parts - {MAIN},
        usual=parts & {"dev"},
    )


def _command(path: str, inputs: tuple[str, ...], platforms: tuple[str, ...]) -> tuple[str, ...]:
    """Give what solves again where the inputs are others by conda-lock's own hash, in the folder of the lock."""
    folder, name = posixpath.split(path)
    files = (word for each in inputs for word in ("-f", posixpath.relpath(each, folder or ".")))
    chosen = (word for each in platforms for word in ("-p", each))
    return ("conda-lock", "lock", "--check-input-hash", "--lockfile", name, *files, *chosen)


def _stamp(opened: Opened, channels: tuple[str, ...], inputs: CondaInputs, paths: tuple[str, ...]) -> Stamp | None:
    """Give the channels, where one input alone says which: `--channel` may have told others to conda-lock."""
    named = sorted(set(channels) - {"nodefaults"})
    if len(inputs.channels) != 1 or not named or len(paths) != 1:
        return None
    written, accepted = ", ".join(map(redact, named)), ", ".join(map(redact, inputs.channels[0]))
    cause = f"{paths[0]} has the channels {accepted}, the lock was made with {written}"
    return Stamp("channels", written, frozenset({accepted}), _line_of(opened, "channels:"), cause)


def _channels(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    found = metadata.get("channels")
    urls = (each.get("url") if isinstance(each, dict) else each for each in (found if isinstance(found, list) else ()))
    return tuple(url for url in urls if isinstance(url, str) and url)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str) and each) if isinstance(value, list) else ()


class _Sources(NamedTuple):
    """The inputs that a lock names, as far as they are files of the project: no lock decides what else is opened.

    Attributes:
        files: relative to the lock; empty for what is none.
        unread: the first of the others, and what to do, or None.
    """

    files: tuple[str, ...] = ()
    unread: str | None = None

    @classmethod
    def of(cls, sources: tuple[str, ...], path: str, tree: Tree, declaration: Declaration | None) -> _Sources:
        """Tell them apart; where the table names the inputs, the lock's own word is not asked."""
        if declaration is not None and declaration.inputs is not None:
            return cls()
        files = tuple(_here(each, path, tree) for each in sources)
        other = next((each for each, file in zip(sources, files, strict=True) if file is None), None)
        why = f"{path} was made from {redact(other)}, which is no file of the project" if other else None
        unread = f"{why}: name its inputs in [[tool.envrepro.locks]]" if why else None
        return cls(tuple(each or "" for each in files), unread)


def _here(source: str, path: str, tree: Tree) -> str | None:
    """Give a source relative to the lock; None for one that lies outside of the project.

    Of an absolute path, on the machine that locked, it is the file of that name here; empty where there is none.
    """
    if is_url(source) or "://" in source:
        return None
    if re.match(r"/|[A-Za-z]:[\\/]|~", source) is not None:
        name = re.split(r"[\\/]", source)[-1]
        return name if name not in ("", "..") and tree.exists(beside(path, name)) else ""
    return source if is_below_root(beside(path, source)) else None


def _line_of(opened: Opened, words: str) -> int | None:
    """Find the line on which some words stand first, from the metadata on."""
    position = opened.text.find(words, max(opened.text.find("\nmetadata:"), 0))
    return opened.text.count("\n", 0, position) + 1 if position >= 0 else None
