"""Makes private copies of an entry: of a spare that lies ready, else on the spot; from its twin where files are linked.

A copy that is made on the spot has no bytecode: a third of the files, which Python makes again of what it imports, as it
does in an environment that uv has made. What is made ready, before a session's tests or beside them, has it.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from pytest_envrepro.errors import EnvReproError
from pytest_envrepro.store import cloning, looking, manifest, relocating, spares, twins
from pytest_envrepro.store.background import Interrupted, Pace
from pytest_envrepro.store.entries import INSIDE, Damaged, Entry
from pytest_envrepro.store.housekeeping import KEPT, TWIN
from pytest_envrepro.store.owners import held

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from threading import Event

    from pytest_envrepro.store.manifest import Manifest
    from pytest_envrepro.store.parts import Parts
    from pytest_envrepro.store.twins import Told

_TRIES = 3  # Others may make a twin anew meanwhile, and then files that are linked to are gone.


def private(parts: Parts, entry: Entry, found: Manifest, name: str) -> Path:
    """Make a private copy for a test, and give its prefix.

    Where none is left for the next, one is made ready in the background, but for a session's first: most sessions use
    one at a time, which lies ready again when it was given back.

    Raises:
        Damaged: the entry has changed.
        OSError: it cannot be made.
    """
    folder = entry.path.parent
    made = _copy(parts, entry, found, name)
    if folder.name not in parts.taken:
        parts.taken.add(folder.name)
    elif parts.how() == "hardlink" and not spares.there_are(folder):
        parts.ahead.start(partial(_make_ahead, parts, entry, found))
    return made


def give_back(parts: Parts, folder: Path, *, keep: bool) -> None:
    """End the use of a private copy.

    Args:
        folder: the one that it lies in.

    Raises:
        OSError: it is to be kept, and that cannot be noted.
    """
    if keep:
        (folder / KEPT).touch()
    elif not spares.put(parts, folder):
        parts.throw_away(folder)


def prepare(parts: Parts, entry: Entry, found: Manifest) -> None:
    """Make a twin, and a spare, where files are linked.

    Raises:
        Damaged: the entry has changed.
        OSError: it cannot be made.
    """
    if parts.how() == "hardlink" and not spares.there_are(entry.path.parent):
        _make_ready(parts, entry, found)


def _copy(parts: Parts, entry: Entry, found: Manifest, name: str) -> Path:
    for tried in range(_TRIES):
        new = parts.folder_of_ours(name)
        try:
            if not _of_spare(parts, new, entry, found):
                _on_the_spot(parts, new, entry, found, is_doubted=tried > 0)
        except (FileNotFoundError, cloning.Changed):
            parts.throw_away(new)
        except BaseException:
            parts.throw_away(new)
            raise
        else:
            return new / INSIDE
    raise Damaged(entry.path)


def _of_spare(parts: Parts, new: Path, entry: Entry, found: Manifest) -> bool:
    folder = entry.path.parent
    known = twins.told(folder, entry.build)
    if known is None or not spares.take(folder, new):
        return False
    source = spares.Source(folder / TWIN, known, found.tree)
    if twins.are_same(source.path, known.status, (*found.carriers, *found.records)):
        written, links = _own(source.path, entry, found, new.name)
        if spares.renew(parts, new / INSIDE, source, written, links):
            return True
    parts.trash.put(new / INSIDE)
    return False


def _on_the_spot(parts: Parts, new: Path, entry: Entry, found: Manifest, *, is_doubted: bool) -> None:
    path = new / INSIDE
    if path.is_dir():
        path.rmdir()
    new.mkdir(exist_ok=True)
    if parts.how() == "hardlink":
        _link(new, entry, found, twins.ensured(parts, entry, found, is_doubted=is_doubted))
        return
    if manifest.changes(entry.path, found):
        raise Damaged(entry.path)
    left_out = looking.bytecode(found.tree)
    tree = {folder: here for folder, here in found.tree.items() if folder not in left_out}
    written, links = _own(entry.path, entry, found, new.name)
    cloning.clone(entry.path, path, tree, by=parts.how(), without=written)
    cloning.write(path, written, tree)
    cloning.link(path, links)


def _link(new: Path, entry: Entry, found: Manifest, known: Told, pause: Callable[[], None] = lambda: None) -> None:
    """Make a copy without bytecode by links to the twin.

    Raises:
        Changed: the twin has changed.
        OSError: a file is gone, or cannot be linked.
    """
    path, twin = new / INSIDE, entry.path.parent / TWIN
    if not twins.are_same(twin, known.status, (*found.carriers, *found.records)):
        raise cloning.Changed
    written, links = _own(twin, entry, found, new.name)
    cloning.clone(twin, path, known.status, by="hardlink", without=written, pause=pause)
    cloning.write(path, written, known.status)
    cloning.link(path, links)
    spares.note(new, entry.path.parent.name)


def _own(source: Path, entry: Entry, found: Manifest, name: str) -> tuple[dict[str, bytes], dict[str, str]]:
    """Give the files and links that are a copy's own."""
    names = (entry.path.parent.name, name)
    carriers = {each: (source / each).read_bytes() for each in found.carriers}
    written = relocating.copied(source, carriers, found.records, names)
    return written, {link: target.replace(*names) for link, target in found.links.items()}


def _make_ready(parts: Parts, entry: Entry, found: Manifest, pause: Callable[[], None] = lambda: None) -> None:
    """Make a spare, with bytecode.

    Raises:
        Damaged: the entry has changed.
        OSError: it cannot be made.
    """
    twin = entry.path.parent / TWIN
    for tried in range(_TRIES):
        known = twins.ensured(parts, entry, found, is_doubted=tried > 0)
        new = parts.folder_of_ours("spare")
        try:
            (new / INSIDE).rmdir()
            _link(new, entry, found, known, pause)
            for folder in sorted(known.bytecode):
                place = folder.rstrip("/")
                status = looking.status_in(known.status, place)
                if status is not None:
                    cloning.link_bytecode(f"{twin}/{place}", f"{new / INSIDE}/{place}", found.tree[folder], status)
                pause()
            spares.put(parts, new)
        except (FileNotFoundError, cloning.Changed):
            continue
        else:
            return
        finally:
            parts.trash.put(new)  # Unless it has become a spare.
    raise Damaged(entry.path)


def _make_ahead(parts: Parts, entry: Entry, found: Manifest, stop: Event) -> None:
    """Make a spare beside what goes on, one process at a time; what goes wrong is told to who needs a copy."""
    folder = entry.path.parent
    with (
        contextlib.suppress(OSError, EnvReproError, Interrupted),
        held(parts.layout.locks / f"{folder.name}.ahead.lock", 0) as free,
    ):
        if free and not spares.there_are(folder):
            _make_ready(parts, entry, found, Pace(stop))
