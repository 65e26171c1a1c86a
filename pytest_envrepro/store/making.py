"""Makes an entry: builds it in a folder of this session's, writes down what it is, and renames it to its place."""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING, Any

from pytest_envrepro.store import layout, looking, manifest, relocating
from pytest_envrepro.store.entries import INSIDE, size_of, write
from pytest_envrepro.store.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_envrepro.store.manifest import Change
    from pytest_envrepro.store.parts import Parts


def make(
    parts: Parts,
    key: str,
    build: Callable[[Path], dict[str, Any]],
    *,
    title: str,
    replaced: Manifest | None,
    note: Callable[[Sequence[Change]], object],
) -> Manifest:
    """Build an environment and put it in its place.

    Args:
        replaced: what lies there, and is not wanted.
        note: is told what has changed in that before it is taken away.

    Raises:
        BuildError: something cannot be written there; what `build` raises passes through. Nothing is left then.
    """
    final = parts.layout.entry(key)
    with parts.explained():
        new = parts.folder_of_ours("build")
    try:
        facts = build(new / INSIDE)
        with parts.explained():
            settled = relocating.settle(new / INSIDE, new.name, final.name)
            tree = looking.scan(new / INSIDE)
            made = Manifest(
                key=key,
                build=os.urandom(8).hex(),
                built=time.time(),
                title=title,
                size=size_of(tree),
                facts=facts,
                carriers=settled.carriers,
                records=settled.records,
                links=settled.links,
                tree=tree,
                hashed=settled.hashed,
            )
            write(new, made)
            return _published(parts, new, made, replaced, note)
    except BaseException as error:
        if layout.is_full(error):
            parts.came_to = _came_to(new)
        parts.throw_away(new)
        raise


def _published(
    parts: Parts,
    new: Path,
    made: Manifest,
    replaced: Manifest | None,
    note: Callable[[Sequence[Change]], object],
) -> Manifest:
    """Rename an entry to its place; where somebody else was faster, theirs is as good as ours."""
    final = parts.layout.entry(made.key)
    while True:
        try:
            new.rename(final)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) and not final.exists():
                raise
        else:
            return made
        theirs = manifest.read(final)
        is_replaced = replaced is not None and theirs is not None and theirs.build == replaced.build
        if theirs is not None and theirs.key == made.key and not is_replaced:
            parts.throw_away(new)
            return theirs
        if theirs is not None and is_replaced:
            note(manifest.changes(final / INSIDE, theirs))
        if not parts.trash.put(final) and final.exists():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(final))


def _came_to(folder: Path) -> int:
    try:
        return size_of(looking.scan(folder))
    except OSError:
        return 0
