"""Finds the inputs that a lock was compiled from, and the folder that its command ran in (DESIGN 4)."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_envrepro.locks.inputs import Inputs, beside, is_project_file

if TYPE_CHECKING:
    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.locks.header import Header
    from pytest_envrepro.model import Pin

# What pip-compile takes where its command names no input.
_DEFAULTS = ("requirements.in", "setup.py", "pyproject.toml", "setup.cfg")


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a lock comes from.

    Attributes:
        paths: the inputs, relative to the root; none where they are not known.
        base: the folder that the command ran in.
        place: the file and the line that name the inputs.
    """

    paths: tuple[str, ...]
    base: str
    place: tuple[str, int | None]


def find_origin(
    path: str, header: Header, declaration: Declaration | None, pins: tuple[Pin, ...], tree: Tree
) -> Origin:
    """Find the inputs: by the table, the header's command, the `via` comments, and then by convention."""
    if declaration is not None and declaration.inputs is not None:
        base = _base(path, header, declaration.inputs, tree)
        return Origin(paths=declaration.inputs, base=base, place=(path, None))
    sources = header.command.sources
    base = _base(path, header, sources, tree)
    named = tuple(join(base, source) for source in sources)
    # A header is not the user's own word: it may name files of the project alone.
    if named and all(map(_is_inside, named)):
        return Origin(paths=named, base=base, place=(path, header.line))
    commented = tuple(dict.fromkeys(source for pin in pins for source in pin.sources))
    base = _base(path, header, commented, tree)
    found = tuple(filter(tree.exists, (join(base, source) for source in commented)))
    if found:
        return Origin(paths=_outermost(found, tree), base=base, place=(path, None))
    return Origin(paths=_conventional(path, header, tree), base=posixpath.dirname(path), place=(path, None))


def join(base: str, path: str) -> str:
    """Give a path that is relative to a folder, relative to the root instead."""
    return posixpath.normpath(posixpath.join(base, path.replace("\\", "/")))


def _is_inside(path: str) -> bool:
    return not path.startswith(("/", "../")) and path not in {"..", "-"}


def _outermost(paths: tuple[str, ...], tree: Tree) -> tuple[str, ...]:
    """Leave out what the other inputs read: the comments name those files too."""
    read_by_others: set[str] = set()
    for path in paths:
        if not is_project_file(path):
            inputs = Inputs(tree=tree)
            inputs.add_requirements(path, inputs.roots, (path, None))
            read_by_others |= inputs.files - {path}
    return tuple(path for path in paths if path not in read_by_others) or paths


def _conventional(path: str, header: Header, tree: Tree) -> tuple[str, ...]:
    """Give `X.in` beside `X.txt` or, for a command without inputs, what pip-compile takes then."""
    twin = f"{posixpath.splitext(path)[0]}.in"
    if tree.exists(twin):
        return (twin,)
    is_bare = header.command.argv and not header.command.sources and not header.exported
    defaults = (beside(path, default) for default in _DEFAULTS) if is_bare else ()
    return next(((default,) for default in defaults if tree.exists(default)), ())


def _base(path: str, header: Header, sources: tuple[str, ...], tree: Tree) -> str:
    """Find the folder that the command ran in: where its output is this lock, else where its inputs are."""
    output = header.command.output
    here = posixpath.dirname(path)
    if output and (path == output or path.endswith(f"/{output}")):
        return path[: -len(output)].rstrip("/")
    for base in ("", here):
        if sources and all(tree.exists(join(base, source)) for source in sources):
            return base
    return "" if output else here
