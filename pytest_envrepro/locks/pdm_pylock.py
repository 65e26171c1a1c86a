"""What pdm keeps besides in a `pylock.toml` that is its lock (`lock.format = "pylock"`): its inputs, and what it knows them by."""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from pytest_envrepro.locks.paths import beside
from pytest_envrepro.locks.pdm_inputs import Written, read_inputs
from pytest_envrepro.locks.pdm_project import DEFAULT_GROUP
from pytest_envrepro.locks.recipes import native_recipe
from pytest_envrepro.model import MAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.locks.opening import Opened
    from pytest_envrepro.model import Lock, Pin

_SCHEMA = Version("4.5.1")  # Of a `pdm.lock` by the first version that writes such files: the hash is the same.


def is_lock_of_pdm(opened: Opened, tree: Tree) -> bool:
    """Tell whether pdm takes such a file for its lock: an export stands beside one, and an input has left no trace in others."""
    own = _own(opened)
    has_trace = "hashes" in own or "lock_inputs" in own
    return has_trace and opened.data.get("created-by") == "pdm" and not tree.exists(beside(opened.path, "pdm.lock"))


def completed(opened: Opened, lock: Lock, tree: Tree, declaration: Declaration | None) -> Lock:
    """Give such a lock with its inputs.

    Args:
        lock: as any `pylock.toml` is read, without inputs.
    """
    asked = read_inputs(opened.path, tree, declaration)
    parts = lock.parts - {DEFAULT_GROUP}
    known = asked.project.own.keys() if asked.project is not None else parts
    folder, name = posixpath.split(opened.path)
    options = (f" -p {shlex.quote(folder)}" if folder else "") + (f" -L {name}" if name != "pylock.toml" else "")
    words = ("pdm", "lock", "--update-reuse", *(("-L", name) if name != "pylock.toml" else ()))
    recipe, unrecorded = native_recipe(opened.path, "pdm", words, declaration)
    return replace(
        lock,
        tool="pdm",
        recipe=recipe,
        unrecorded=unrecorded,
        pins=tuple(map(_in_parts, lock.pins)),
        inputs=asked.files,
        roots=asked.roots({MAIN, *parts}),
        overrides=asked.project.overrides if asked.project is not None else (),
        excluded=asked.own | (asked.project.excluded if asked.project is not None else frozenset()),
        rests_on=frozenset(asked.files),
        fix=f"pdm lock --update-reuse{options}",
        faults=(*(fault for fault in lock.faults if fault.code != "input-missing"), *asked.faults),
        unread=asked.unread,
        stamp=asked.stamp(_written(opened), _SCHEMA),
        parts=parts,
        usual=parts & known,
        install=f"pdm sync{options}",
        exported=None,
    )


def _own(opened: Opened) -> Mapping[str, Any]:
    tool = opened.data.get("tool")
    found = tool.get("pdm") if isinstance(tool, dict) else None
    return found if isinstance(found, dict) else {}


def _in_parts(pin: Pin) -> Pin:
    """Give a pin with what pdm calls a group, and is what is installed always, as that."""

    def part(name: str) -> str:
        return MAIN if name == DEFAULT_GROUP else name

    markers = tuple((part(name), marker) for name, marker in pin.markers)
    return replace(pin, parts=frozenset(map(part, pin.parts)), markers=markers)


def _written(opened: Opened) -> Written:
    own = _own(opened)
    hashes = own.get("hashes")
    algorithm, digest = next(iter(hashes.items()), ("", "")) if isinstance(hashes, dict) else ("", "")
    copy = own.get("lock_inputs")
    return Written(
        path=opened.path,
        name="hashes",
        content_hash=f"{algorithm}:{digest}" if digest else "",
        copy=copy,
        line=opened.keys.line("tool.pdm", "hashes" if copy is None else "lock_inputs"),
    )
