"""Adds the lines that were run in an environment to those that coverage measures here."""

from __future__ import annotations

import fnmatch
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_INSTALLED = ("site-packages", "dist-packages")
_LAYOUTS = ("", "src", "lib")  # Where a project has its packages (packaging.python.org, "src layout vs flat layout").


def measuring() -> Any:
    """Give what measures coverage in this process, of pytest-cov or of `coverage run`; None where nothing does."""
    coverage: Any = sys.modules.get("coverage")
    return None if coverage is None else coverage.Coverage.current()


def is_by_branch(measured: Any) -> bool:
    """Tell whether pairs of lines are measured, and not lines alone."""
    return bool(measured.get_option("run:branch"))


def wanted(measured: Any, root: Path, beside: Path) -> dict[str, Any]:
    """Give what is to be measured elsewhere: what lies beside the tests, and the project's packages, wherever they are.

    Args:
        beside: the folder of the tests.
    """
    folders = [root / layout for layout in _LAYOUTS]
    found = (each for folder in folders if folder.is_dir() for each in folder.iterdir())
    packages = {each.stem for each in found if each.suffix == ".py" or (each / "__init__.py").is_file()}
    named = {each.partition(".")[0] for each in measured.get_option("run:source") or () if each.isidentifier()}
    return {"branch": is_by_branch(measured), "folders": [str(beside)], "packages": sorted(packages | named)}


def add(measured: Any, told: Mapping[str, list[Any]], root: Path) -> None:
    """Add what was run elsewhere.

    Args:
        measured: measures here.
        told: lines, or pairs of them, by file; of a package that is installed there, the project's own file is meant.
        root: the project's folder.
    """
    found: dict[str, set[Any]] = {}
    for file, lines in told.items():
        place = _place(file, root)
        if place is not None and _is_wanted(measured, place, root):
            found.setdefault(place, set()).update(tuple(line) if isinstance(line, list) else line for line in lines)
    if not found:
        return
    with warnings.catch_warnings():  # Of what was not imported here, it tells at its end.
        warnings.simplefilter("ignore")
        data = measured.get_data()
        # Not `update`: coverage tells files of workers from each other by what it was told so (7.17).
        (data.add_arcs if is_by_branch(measured) else data.add_lines)(found)


def _place(file: str, root: Path) -> str | None:
    """Give the file of the project that a file there is, or was installed from; None where it is none of the project's."""
    parts = Path(file).parts
    for name in _INSTALLED:
        if name in parts:
            inner = parts[len(parts) - parts[::-1].index(name) :]
            places = (root.joinpath(*filter(None, [layout]), *inner) for layout in _LAYOUTS)
            return next((str(place) for place in places if place.is_file()), None)
    return file if Path(file).is_relative_to(root) and os.path.isfile(file) else None


def _is_wanted(measured: Any, file: str, root: Path) -> bool:
    """Tell whether a file is one of those that are measured here, by `source`, `include` and `omit`."""
    sources: Iterable[str] = measured.get_option("run:source") or ()
    omit: Iterable[str] = measured.get_option("run:omit") or ()
    include: Iterable[str] = measured.get_option("run:include") or ()
    if any(_matches(file, each, root) for each in omit):
        return False
    if sources:
        return any(_is_of(file, each, root) for each in sources)
    return not include or any(_matches(file, each, root) for each in include)


def _is_of(file: str, source: str, root: Path) -> bool:
    """Tell whether a file is below a folder, or of a package, that `source` names."""
    folders = [root / source, *(root / layout / source.replace(".", "/") for layout in _LAYOUTS)]
    return any(Path(file).is_relative_to(each) for each in folders) or Path(file).stem == source


def _matches(file: str, pattern: str, root: Path) -> bool:
    return fnmatch.fnmatch(file, pattern if pattern.startswith(("*", "/")) else os.path.join(root, pattern))
