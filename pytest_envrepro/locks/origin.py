"""Finds the inputs that a lock was compiled from, and the folder that its command ran in (docs/reference.md)."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from pytest_envrepro.locks.inputs import Inputs
from pytest_envrepro.locks.paths import beside, is_project_file, is_url
from pytest_envrepro.requirement import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.locks.command import Command
    from pytest_envrepro.locks.header import Header
    from pytest_envrepro.model import Pin

# What pip-compile takes where its command names no input.
_DEFAULTS = ("requirements.in", "setup.py", "pyproject.toml", "setup.cfg")
_ABSOLUTE = re.compile(r"/|[A-Za-z]:/")


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
    """

    paths: tuple[str, ...]
    folder: Folder
    place: tuple[str, int | None]
    unknown: str | None = None


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
    named = tuple(source if is_url(source) else folder.join(source) for source in sources)
    # A header is not the user's own word: it may name files of the project alone.
    outside = outsider(named)
    if named and outside is None:
        return Origin(paths=named, folder=folder, place=(path, header.line))
    found, where = _commented(path, pins, tree)
    if found:
        return Origin(paths=found, folder=where, place=(path, None))
    found = _conventional(path, header, tree)
    unknown = outside if header.tool and not found else None
    return Origin(paths=found, folder=folder, place=(path, None), unknown=unknown)


def groups_of(command: Command, folder: Folder) -> tuple[tuple[str, str], ...]:
    """Give the file and the name of each group that a command names; uv takes the file in its folder for one alone."""
    parted = (group.rpartition(":") for group in command.groups)
    return tuple((folder.join(file or "pyproject.toml"), name) for file, _, name in parted)


def outsider(paths: tuple[str, ...]) -> str | None:
    """Say which of the paths in a header cannot be opened: what lies outside of the project is not looked at."""
    for path in paths:
        if path == "-":
            return "it was compiled from standard input"
        if is_url(path):
            return f"its header names {redact(path)}, which is not opened"
        if _ABSOLUTE.match(path) or path == ".." or path.startswith("../"):
            return f"its header names {path}, which is not within this project"
    return None


def default_output(command: Command) -> str | None:
    """Give the file that pip-compile writes where its command names none."""
    if command.tool != "pip-compile":
        return None
    source = command.sources[0] if command.sources else _DEFAULTS[0]
    source = source.replace("\\", "/")
    if is_project_file(source):
        return posixpath.join(posixpath.dirname(source), "requirements.txt")
    return f"{source.rpartition('.')[0] or source}.txt"


def _folder(path: str, command: Command, tree: Tree) -> Folder:
    """Find the folder that a command ran in: where its output is this lock, else where its inputs are."""
    candidates = [Folder(path=posixpath.dirname(path)), Folder()]
    output = command.output or default_output(command)
    if output:
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


def commented(path: str, named: Iterable[str], tree: Tree) -> tuple[tuple[str, ...], Folder]:
    """Give the files of some that the comments of a lock name which exist, and the folder that they are named from."""
    sources = tuple(dict.fromkeys(named))
    folders = [Folder(path=posixpath.dirname(path)), Folder()]
    found: tuple[str, ...] = ()
    folder = folders[0]
    for folder in folders:
        paths = tuple(folder.join(source) for source in sources)
        found = tuple(path for path in paths if outsider((path,)) is None and tree.exists(path))
        if found:
            break
    return found, folder


def _commented(path: str, pins: tuple[Pin, ...], tree: Tree) -> tuple[tuple[str, ...], Folder]:
    """Give the inputs that the `via` comments name, but those that other inputs read: the comments name them too."""
    found, folder = commented(path, (source for pin in pins for source in pin.sources), tree)
    read_by_others: set[str] = set()
    for source in found:
        if not is_project_file(source):
            inputs = Inputs(tree=tree)
            inputs.add_requirements(source, inputs.roots, (source, None))
            read_by_others |= inputs.files - {source}
    return tuple(source for source in found if source not in read_by_others) or found, folder


def _conventional(path: str, header: Header, tree: Tree) -> tuple[str, ...]:
    """Give `X.in` beside `X.txt` or, for a command without inputs, what pip-compile takes then."""
    twin = f"{posixpath.splitext(path)[0]}.in"
    if twin != path and tree.exists(twin):
        return (twin,)
    is_bare = header.command.tool == "pip-compile" and not header.command.sources
    defaults = (beside(path, default) for default in _DEFAULTS) if is_bare else ()
    return next(((default,) for default in defaults if tree.exists(default)), ())
