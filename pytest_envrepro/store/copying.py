"""Makes private copies of an entry: of a spare that lies ready, else on the spot.

No file of a copy is another's, so a copy costs what it takes to write all files (where the disk cannot share blocks).
Therefore one that is given back serves the next: a copy is made on the spot only while more of them are in use than ever
before, or where those that lie ready cannot be put right. Such a copy has no bytecode: a third of the files, which Python
makes again of what it imports, as it does in an environment that uv has made. What is made ready, before a session's tests
or beside them, has it.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from pytest_envrepro.errors import EnvReproError
from pytest_envrepro.locking import held
from pytest_envrepro.store import cloning, holding, looking, relocating, renewing, spares
from pytest_envrepro.store.background import Interrupted, Pace
from pytest_envrepro.store.entries import INSIDE, Damaged, Entry
from pytest_envrepro.store.housekeeping import KEPT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from threading import Event

    from pytest_envrepro.store.looking import Tree
    from pytest_envrepro.store.manifest import Manifest
    from pytest_envrepro.store.parts import Parts


def private(parts: Parts, entry: Entry, found: Manifest, name: str) -> Path:
    """Make a private copy for a test, and give its prefix.

    Where none is left for the next, one is made ready in the background, unless what is lent lies ready again by then:
    most sessions use one at a time.

    Raises:
        Damaged: the entry has changed.
        OSError: it cannot be made.
    """
    folder = entry.path.parent
    made, is_new = _copy(parts, entry, found, name)
    was_not_enough = is_new and folder.name in parts.taken  # The one before has not come back as it should.
    is_beside_another = folder.name in [*parts.lent.values()]
    parts.taken.add(folder.name)
    parts.lent[made] = folder.name
    if (was_not_enough or is_beside_another) and not spares.count(folder):
        parts.ahead.start(partial(_make_ahead, parts, entry, found))
    return made / INSIDE


def give_back(parts: Parts, folder: Path, *, keep: bool) -> None:
    """End the use of a private copy: it lies ready for the next, or goes where a program still has something of it.

    Args:
        folder: the one that it lies in.

    Raises:
        OSError: it is to be kept, and that cannot be noted.
    """
    parts.lent.pop(folder, None)
    if keep:
        if (folder / KEPT).is_symlink():  # The folder is the test's, and so may be what lies in it.
            (folder / KEPT).unlink()
        (folder / KEPT).touch()
        return
    withdrawn = spares.withdraw(parts, folder)
    if holding.is_held(withdrawn, parts.since) or not spares.put(parts, withdrawn):
        parts.throw_away(withdrawn)


def prepare(parts: Parts, entry: Entry, found: Manifest, wanted: int) -> None:
    """Make a spare, unless as many as are wanted lie ready: each process that wants one makes at most one itself.

    Raises:
        Damaged: the entry has changed.
        OSError: it cannot be made.
    """
    if spares.count(entry.path.parent) < wanted:
        _make_ready(parts, entry, found)


def _copy(parts: Parts, entry: Entry, found: Manifest, name: str) -> tuple[Path, bool]:
    """Give the folder of a private copy, and whether it was made on the spot."""
    while True:
        new = parts.folder_of_ours(name)
        try:
            with _damaged(entry):
                written, links = _own(entry, found, new.name)
                if not spares.take(entry.path.parent, new):
                    _make(parts, new, entry, found, written, links)
                    return new, True
                if renewing.renew(parts, new, entry.path.parent, found, written, links):
                    return new, False
        except BaseException:
            parts.throw_away(new)
            raise
        parts.trash.put(new)  # And the next one may be worth it.


def _make(
    parts: Parts, new: Path, entry: Entry, found: Manifest, written: Mapping[str, bytes], links: Mapping[str, str]
) -> None:
    """Make a copy on the spot, without bytecode."""
    without_bytecode = found.tree.keys() - looking.bytecode(found.tree)
    tree = {folder: found.tree[folder] for folder in without_bytecode}
    _fill(parts, new, entry, found, tree)
    cloning.write(new / INSIDE, written, tree)
    cloning.link(new / INSIDE, links)
    spares.note(new, entry.path.parent, found.build, tree)


@contextlib.contextmanager
def _damaged(entry: Entry) -> Iterator[None]:
    """Say that the entry has changed where a file of it is not what the manifest tells.

    Raises:
        Damaged: it has.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, cloning.Changed) as error:
        raise Damaged(entry.path) from error


def _fill(
    parts: Parts, new: Path, entry: Entry, found: Manifest, tree: Tree, pause: Callable[[], None] | None = None
) -> None:
    """Copy all files but for those that are the copy's own."""
    if (new / INSIDE).is_dir():
        (new / INSIDE).rmdir()
    apart = {*found.carriers, *found.records}
    cloning.clone(entry.path, new / INSIDE, tree, by=parts.how(), without=apart, pause=pause)


def _own(entry: Entry, found: Manifest, name: str) -> tuple[dict[str, bytes], dict[str, str]]:
    """Give the files and links that are a copy's own."""
    names = (entry.path.parent.name, name)
    carriers = cloning.read(entry.path, found.tree, found.carriers)
    records = cloning.read(entry.path, found.tree, found.records)
    written = relocating.copied(carriers, records, found.records, names)
    return written, {link: target.replace(*names) for link, target in found.links.items()}


def _make_ready(parts: Parts, entry: Entry, found: Manifest, pause: Callable[[], None] | None = None) -> None:
    """Make a spare, with bytecode; what is a copy's own is written when it is taken.

    Raises:
        Damaged: the entry has changed.
        OSError: it cannot be made.
    """
    new = parts.folder_of_ours("spare")
    try:
        with _damaged(entry):
            _fill(parts, new, entry, found, found.tree, pause)
            spares.note(new, entry.path.parent, found.build, found.tree)
        spares.put(parts, new)
    finally:
        parts.trash.put(new)  # Unless it has become a spare.


def _make_ahead(parts: Parts, entry: Entry, found: Manifest, stop: Event) -> None:
    """Make a spare beside what goes on, one process at a time; what goes wrong is told to who needs a copy."""
    folder = entry.path.parent
    with (
        contextlib.suppress(OSError, EnvReproError, Interrupted),
        held(parts.layout.locks / f"{folder.name}.ahead.lock", 0) as free,
    ):
        if free and not spares.count(folder):
            _make_ready(parts, entry, found, Pace(stop))
