"""Makes private copies of an entry: from its twin where files are linked, else from the entry itself.

A link is one file with two names: who writes into a private copy by hand, without giving the file a new inode as pip and
uv do, changes what it was linked to. That is the twin, a second copy made once, which nobody runs: the environment that
other tests read stays what it was, and no other test is blamed. A twin that has changed is made anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.store import cloning, manifest, relocating, spares
from pytest_envrepro.store.entries import INSIDE, Damaged, Entry, status_of_copy
from pytest_envrepro.store.housekeeping import TWIN

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_envrepro.store.cloning import Means
    from pytest_envrepro.store.manifest import Manifest
    from pytest_envrepro.store.parts import Parts

_TRIES = 3  # Others may make a twin anew meanwhile, and then files that are linked to are gone.


class Source(NamedTuple):
    """What private copies are taken from."""

    path: Path
    means: Means


def source_of(parts: Parts, entry: Entry, found: Manifest) -> Source:
    """Give what private copies are taken from, as it was built.

    Raises:
        Damaged: the entry has changed.
        OSError: it cannot be made.
    """
    folder = entry.path.parent
    if parts.means is None:
        parts.means = cloning.means(parts.layout.at)
    if parts.means != "hardlink":
        if manifest.changes(entry.path, found):
            raise Damaged(entry.path)
        return Source(entry.path, parts.means)
    twin = folder / TWIN
    if status_of_copy(twin, found) is None:
        with parts.alone(folder.name):
            if status_of_copy(twin, found) is None:
                _make_twin(parts, entry, found)
    return Source(twin, parts.means)


def prepare(parts: Parts, entry: Entry, found: Manifest) -> None:
    """Make a twin, and a spare, where files are linked.

    Raises:
        Damaged: the entry has changed.
        OSError: it cannot be made.
    """
    if source_of(parts, entry, found).means == "hardlink" and not spares.there_are(entry.path.parent):
        new = copy(parts, entry, found, "spare").parent
        if not spares.put(parts, new):
            parts.throw_away(new)


def _make_twin(parts: Parts, entry: Entry, found: Manifest) -> None:
    if manifest.changes(entry.path, found):
        raise Damaged(entry.path)
    twin = entry.path.parent / TWIN
    new = parts.folder_of_ours("twin")
    try:
        cloning.clone(entry.path, new / TWIN, found.tree, by="copy")
        cloning.link(new / TWIN, found.links)
        if twin.exists():
            parts.trash.put(twin)
        (new / TWIN).rename(twin)
        status = status_of_copy(twin, found)
        if status is not None:
            spares.remember(entry.path.parent, entry.build, status)
    finally:
        parts.throw_away(new)


def copy(parts: Parts, entry: Entry, found: Manifest, name: str) -> Path:
    """Make a private copy, and give its prefix.

    Raises:
        Damaged: the entry has changed.
        OSError: it cannot be made.
    """
    for _ in range(_TRIES):
        new = parts.folder_of_ours(name)
        try:
            if not _of_spare(parts, new, entry, found):
                _of_source(new, source_of(parts, entry, found), entry, found)
        except FileNotFoundError:
            parts.throw_away(new)
        except BaseException:
            parts.throw_away(new)
            raise
        else:
            return new / INSIDE
    raise Damaged(entry.path)


def _of_spare(parts: Parts, new: Path, entry: Entry, found: Manifest) -> bool:
    folder = entry.path.parent
    status = spares.remembered(folder, entry.build)
    if status is None or not spares.take(folder, new):
        return False
    source = folder / TWIN
    if spares.are_same(source, status, (*found.carriers, *found.records)):
        written, links = _own(source, entry, found, new.name)
        if spares.renew(parts, new / INSIDE, source, status, written, links):
            return True
    parts.trash.put(new / INSIDE)
    return False


def _of_source(new: Path, source: Source, entry: Entry, found: Manifest) -> None:
    path = new / INSIDE
    if path.is_dir():
        path.rmdir()
    new.mkdir(exist_ok=True)
    written, links = _own(source.path, entry, found, new.name)
    cloning.clone(source.path, path, found.tree, by=source.means, without=written)
    cloning.write(path, written, found.tree)
    cloning.link(path, links)
    spares.note(new, entry.path.parent.name)


def _own(source: Path, entry: Entry, found: Manifest, name: str) -> tuple[dict[str, bytes], dict[str, str]]:
    """Give the files and links that are a copy's own."""
    names = (entry.path.parent.name, name)
    carriers = {each: (source / each).read_bytes() for each in found.carriers}
    written = relocating.copied(source, carriers, found.records, names)
    return written, {link: target.replace(*names) for link, target in found.links.items()}
