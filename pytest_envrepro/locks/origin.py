"""Finds the inputs that a lock was compiled from, and the folder that its command ran in (docs/reference.md)."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.credentials import redact
from pytest_envrepro.locks.inputs import Inputs
from pytest_envrepro.locks.paths import beside, is_project_file, is_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.locks.command import Command
    from pytest_envrepro.locks.header import Header
    from pytest_envrepro.model import Pin

# What pip-compile takes where its command names no input.
DEFAULTS = ("requirements.in", "setup.py", "pyproject.toml", "setup.cfg")
_ABSOLUTE = re.compile(r"/|[A-Za-z]:/")
_STANDARD = "-"  # Input or output.


class Folder(NamedTuple):
    """The folder that a command ran in.

    Attributes:
        path: relative to the root, where it lies within.
        above: the root, as a path from the folder (`sub/`), where the folder lies above it; also an absolute path.
    """

    path: str = ""
    above: str = ""

    def join(self, path: str) -> str:
        """Give a path of the command, relative to the root instead."""
        place = posixpath.normpath(path.replace("\\", "/"))
        if self.above and place.startswith(self.above):
            return place[len(self.above) :]
        if self.above and not _ABSOLUTE.match(self.above):
            return posixpath.normpath(posixpath.join("../" * self.above.count("/"), place))
        return posixpath.normpath(posixpath.join(self.path, place))


class Origin(NamedTuple):
    """Where a lock comes from.

    Attributes:
        paths: the inputs, relative to the root; none where they are not known.
        folder: where the command ran.
        place: the file and the line that name the inputs.
        unknown: why the inputs are not known, where they should be.
        mentioned: the inputs that the comments name, relative to the root, where nothing better tells them.
    """

    paths: tuple[str, ...]
    folder: Folder
    place: tuple[str, int | None]
    unknown: str | None = None
    mentioned: tuple[str, ...] = ()


def find_origin(
    path: str, header: Header, declaration: Declaration | None, pins: tuple[Pin, ...], tree: Tree
) -> Origin:
    """Find the inputs: by the table, the header's command, the `via` comments, and then by convention."""
    sources = header.command.sources
    folder = _folder(path, header.command, tree)
    if declaration is not None and declaration.inputs is not None:
        return Origin(paths=declaration.inputs, folder=folder, place=(path, None))
    if header.command.groups and not sources:
        files = tuple(dict.fromkeys(file for file, _ in groups_of(header.command, folder)))
        return Origin(paths=files, folder=folder, place=(path, header.line))
    named = tuple(source if is_url(source) or source == _STANDARD else folder.join(source) for source in sources)
    # A header is not the user's own word: it may name files of the project alone.
    outside = outsider(named)
    if named and outside is None:
        return Origin(paths=named, folder=folder, place=(path, header.line))
    own = (source for pin in pins if pin.file == path for source in pin.sources)
    sources = tuple(source for source in dict.fromkeys(own) if source != _STANDARD)
    found, where = _commented(path, sources, tree)
    mentioned = tuple(source if is_url(source) else where.join(source) for source in sources)
    if found:
        return Origin(paths=found, folder=where, place=(path, None), mentioned=mentioned)
    found = _conventional(path, header, tree)
    unknown = outside if header.tool and not found else None
    return Origin(paths=found, folder=folder, place=(path, None), unknown=unknown, mentioned=mentioned)


def groups_of(command: Command, folder: Folder) -> tuple[tuple[str, str], ...]:
    """Give the file and the name of each group that a command names; uv takes the file in its folder for one alone."""
    parted = (group.rpartition(":") for group in command.groups)
    return tuple((folder.join(file or "pyproject.toml"), name) for file, _, name in parted)


def outsider(paths: tuple[str, ...]) -> str | None:
    """Say which of the paths in a header cannot be opened: what lies outside of the project is not looked at."""
    for path in paths:
        if path == _STANDARD:
            return "it was compiled from standard input"
        if is_url(path):
            return f"its header names {redact(path)}, which is not opened"
        if _ABSOLUTE.match(path) or path == ".." or path.startswith("../"):
            return f"its header names {path}, which is not within this project"
    return None


def unread_mention(origin: Origin, files: set[str]) -> str | None:
    """Say which input that the comments name was not read; another path to one that was is none (`/code/x.in`)."""
    known = set(map(posixpath.basename, origin.paths))
    for path in origin.mentioned:
        if path not in files and posixpath.basename(path) not in known:
            return f"its comments name {redact(path)}, which {_why_closed(path)}: name its inputs in [[tool.envrepro.locks]]"
    return None


def _why_closed(path: str) -> str:
    if is_url(path):
        return "is not opened"
    return "does not exist" if outsider((path,)) is None else "is not within this project"


def default_output(command: Command) -> str | None:
    """Give the file that pip-compile writes where its command names none."""
    if command.tool != "pip-compile":
        return None
    source = command.sources[0] if command.sources else DEFAULTS[0]
    source = source.replace("\\", "/")
    if is_project_file(source):
        return posixpath.join(posixpath.dirname(source), "requirements.txt")
    return f"{source.rpartition('.')[0] or source}.txt"


def _folder(path: str, command: Command, tree: Tree) -> Folder:
    """Find the folder that a command ran in: where its output is this lock, else where its inputs are."""
    candidates = _folders_of(path)
    output = command.output or default_output(command)
    if output and output != _STANDARD:
        output = posixpath.normpath(output.replace("\\", "/"))
        if path == output or path.endswith(f"/{output}"):
            candidates.insert(0, Folder(path=path[: -len(output)].rstrip("/")))
        elif output.endswith(f"/{path}"):
            above = output[: -len(path)]
            candidates = [Folder(path=folder.path, above=above) for folder in candidates]
        else:
            candidates.reverse()
    for folder in candidates:
        if command.sources and all(tree.exists(folder.join(source)) for source in command.sources):
            return folder
    return candidates[0]


def _folders_of(path: str) -> list[Folder]:
    """Give the folders that a command may have run in: the lock's, and those above it up to the root."""
    folder = posixpath.dirname(path)
    folders = [Folder(path=folder)]
    while folder:
        folder = posixpath.dirname(folder)
        folders.append(Folder(path=folder))
    return folders


def commented(path: str, named: Iterable[str], tree: Tree) -> tuple[tuple[str, ...], Folder]:
    """Give the files of some that the comments of a lock name which exist, and the folder that they are named from."""
    sources = tuple(dict.fromkeys(named))
    found: tuple[str, ...] = ()
    folder = Folder()
    for folder in _folders_of(path):
        paths = tuple(folder.join(source) for source in sources)
        found = tuple(path for path in paths if outsider((path,)) is None and tree.exists(path))
        if found:
            break
    return found, folder


def _commented(path: str, sources: tuple[str, ...], tree: Tree) -> tuple[tuple[str, ...], Folder]:
    """Find the inputs among the files that the `via` comments name: not those that other inputs read, which they name too.

    A file with the ending `.in` beside the lock that has no requirement of its own is named by none.
    """
    found, folder = commented(path, sources, tree)
    twin = _twin(path, tree)
    if found and twin and twin not in found and _read_by(twin, tree).issuperset(found):
        return (twin,), folder
    read_by_others: set[str] = set()
    for source in found:
        if not is_project_file(source):
            read_by_others |= _read_by(source, tree) - {source}
    return tuple(source for source in found if source not in read_by_others) or found, folder


def _read_by(source: str, tree: Tree) -> set[str]:
    """Give a requirements file with all files that it reads."""
    inputs = Inputs(tree=tree)
    inputs.add_requirements(source, inputs.roots, (source, None))
    return inputs.files


def _twin(path: str, tree: Tree) -> str | None:
    """Give `X.in` beside `X.txt`."""
    twin = f"{posixpath.splitext(path)[0]}.in"
    return twin if twin != path and tree.exists(twin) else None


def _conventional(path: str, header: Header, tree: Tree) -> tuple[str, ...]:
    """Give `X.in` beside `X.txt` or, for a command without inputs, what pip-compile takes then."""
    twin = _twin(path, tree)
    if twin:
        return (twin,)
    is_bare = header.command.tool == "pip-compile" and not header.command.sources
    defaults = (beside(path, default) for default in DEFAULTS) if is_bare else ()
    return next(((default,) for default in defaults if tree.exists(default)), ())
