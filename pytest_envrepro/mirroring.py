"""Makes a folder of links that is a folder of the module search path, but for the files of some distributions.

What a distribution owns is what its RECORD lists (PEP 376, PEP 627). A file that another one lists too, as packages of
one namespace do, stays.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name

from pytest_envrepro.envs.recordtext import read_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_METADATA = re.compile(r"(?P<name>[A-Za-z0-9][^-]*)(?:-.*)?\.(?P<kind>dist-info|egg-info|egg-link)")
_CODE = ("import ", "import\t")  # Such a line of a `.pth` file is run.


class StrippingError(Exception):
    """Something cannot be taken away; the text says what, and why."""


class _Paths(NamedTuple):
    """Paths within a folder, with `/`; and the folders that they lie in."""

    files: frozenset[str]
    folders: frozenset[str]


def has_any(folder: str, names: Iterable[str]) -> bool:
    """Tell whether one of some distributions lies in a folder; the names are canonical."""
    return not frozenset(names).isdisjoint(name for name, _, _ in _metadata(folder))


def mirror(
    source: str,
    target: Path,
    names: frozenset[str],
    *,
    gone: set[str],
    elsewhere: Callable[[str], str] = lambda path: path,
) -> None:
    """Fill a folder with links to what is in another.

    Args:
        names: the canonical names of the distributions that are left out.
        gone: is added the paths of their files that lie elsewhere, as programs do.
        elsewhere: gives what stands in the place of a folder that a `.pth` file names.

    Raises:
        StrippingError: nothing tells which files belong to one of them.
    """
    target.mkdir(parents=True, exist_ok=True)
    lost = _owned(source, names)
    gone.update(os.path.normpath(os.path.join(source, path)) for path in lost if path.startswith((".", "/")))
    kept = _of_others(source, names, lost)
    _fill(source, target, "", _paths(lost - kept), _paths(kept), elsewhere)


def _metadata(folder: str) -> Iterator[tuple[str, str, str]]:
    """Give the canonical name, the kind and the file name of each distribution's metadata."""
    try:
        listed = sorted(os.listdir(folder))
    except OSError:
        return
    for name in listed:
        match = _METADATA.fullmatch(name)
        if match:
            yield canonicalize_name(match["name"]), match["kind"], name


def _owned(folder: str, names: frozenset[str]) -> set[str]:
    found: set[str] = set()
    for name, kind, label in _metadata(folder):
        if name not in names:
            continue
        try:
            rows = _listed(folder, label)
        except (OSError, ValueError):
            rows = None
        if kind != "dist-info" or rows is None:
            raise StrippingError(f"{name} cannot be taken away: {label} lists no files (RECORD)")
        found |= rows
        found |= {f"{label}/{file}" for file in os.listdir(os.path.join(folder, label))}
    return found


def _of_others(folder: str, names: frozenset[str], lost: set[str]) -> set[str]:
    """Give what other distributions own beside files that are taken away."""
    tops = {path.partition("/")[0] for path in lost}
    found: set[str] = set()
    for name, kind, label in _metadata(folder):
        if name not in names and kind == "dist-info" and lost:
            try:
                found |= {path for path in _listed(folder, label) if path.partition("/")[0] in tops}
            except (OSError, ValueError):  # Of one without a list nothing is known.
                continue
    return {path for path in found if not path.startswith(".")}


def _listed(folder: str, label: str) -> set[str]:
    rows, _ = read_record(Path(folder, label, "RECORD").read_bytes(), folder)
    return {os.path.normpath(row.path).replace(os.sep, "/") for row in rows}


def _paths(files: Iterable[str]) -> _Paths:
    files = frozenset(files)
    folders: set[str] = set()
    for path in files:
        parent = path.rpartition("/")[0]
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    return _Paths(files, frozenset(folders))


def _fill(source: str, target: Path, inside: str, lost: _Paths, kept: _Paths, elsewhere: Callable[[str], str]) -> None:
    with os.scandir(source) as entries:
        for entry in entries:
            path = f"{inside}{entry.name}"
            if path in lost.files:
                continue
            if path in lost.folders:
                # What nobody lists in a folder of theirs alone was made by them, and would be a namespace package.
                if path in kept.folders:
                    (target / entry.name).mkdir()
                    _fill(entry.path, target / entry.name, f"{path}/", lost, kept, elsewhere)
            elif not inside and entry.name.endswith(".pth"):
                _write_pth(source, entry.name, target, elsewhere)
            else:
                link(entry.path, target / entry.name)


def _write_pth(source: str, name: str, target: Path, elsewhere: Callable[[str], str]) -> None:
    """Copy a `.pth` file: its paths are relative to the folder that it lies in."""
    try:
        lines = Path(source, name).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    found = []
    for line in lines:
        if line.startswith(("#", *_CODE)) or not line.strip() or "\0" in line:
            found.append(line)
            continue
        path = os.path.normpath(os.path.join(source, line.rstrip()))
        is_inside = path.startswith(os.path.join(source, ""))
        found.append(os.path.relpath(path, source) if is_inside else elsewhere(path))
    (target / name).write_text("\n".join([*found, ""]), encoding="utf-8", errors="surrogateescape")


def link(path: str, place: Path) -> None:
    """Make a link, or a copy where there are no links."""
    try:
        place.symlink_to(path, target_is_directory=os.path.isdir(path))
    except OSError:
        if os.path.isdir(path):
            shutil.copytree(path, place)
        elif os.path.isfile(path):
            shutil.copy2(path, place)
