"""Decides which modules lie beside the tests and travel with them, and gives their source to where it is asked for."""

from __future__ import annotations

import inspect
import os
import re
import sys
import tokenize
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_envrepro.slicing import Module

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_ROOT_NAME = re.compile(r"\w+")
_REWRITTEN = "@pytest_ar"  # A name that pytest gives to each module whose assertions it has rewritten.
_DECLARING = re.compile(r"^\[(?:project|build-system)\]", re.MULTILINE)
_OF_TESTERS = re.compile(r"conftest\.py|test_\w*\.py|\w*_test\.py")  # As pytest looks for them.
_OF_TESTS = ("tests", "test", "testing")  # What folders of tests are called.


def beside(file: Path, root: Path) -> Path:
    """Give the folder whose modules travel with a test: below the root, that with all tests; else the test's own."""
    try:
        folders = file.relative_to(root).parts[:-1]
    except ValueError:
        return file.parent
    named = next((index for index, each in enumerate(folders) if each in _OF_TESTS), None)
    return file.parent if named is None else root.joinpath(*folders[: named + 1])


def travels(module: ModuleType, folder: Path) -> bool:
    """Tell whether a module is one of those in a folder that travel as source."""
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and _is_below(file, folder)


def source_of(name: str, folder: Path) -> dict[str, Any] | None:
    """Give the source of a module that travels, which an environment does not have; None of others.

    Args:
        name: the module's, with dots.
        folder: the one whose modules travel.
    """
    try:
        found = sys.modules.get(name)
        spec = found.__spec__ if found is not None else _spec(name)
    except (ImportError, AttributeError, ValueError):
        return None
    if spec is None:
        return None
    places = spec.submodule_search_locations
    if spec.origin is None and places and all(_is_below(each, folder) for each in places):
        return {"file": next(iter(places)), "source": "", "package": True, "rewrite": False}
    if spec.origin is None or not spec.origin.endswith(".py") or not _is_below(spec.origin, folder):
        return None
    rewritten = found is not None and is_rewritten(found)
    text = source_text(spec.origin)
    return {"file": spec.origin, "source": text, "package": places is not None, "rewrite": rewritten}


def is_rewritten(module: ModuleType) -> bool:
    """Tell whether pytest has rewritten the assertions of a module."""
    return _REWRITTEN in vars(module)


def source_text(file: str) -> str:
    """Give a module's source, read as Python reads it.

    Raises:
        OSError, SyntaxError: it is not there, or not in the encoding that it names.
    """
    with tokenize.open(file) as stream:
        return stream.read()


def sliceable(module: ModuleType) -> Module:
    """Give a module to be cut; it is read once, as long as its file stays as it is.

    Raises:
        OSError, SyntaxError: as of `source_text`.
    """
    file = str(module.__file__)
    return _read(file, _state(file), id(module))


@lru_cache(maxsize=64)
def _read(file: str, _: tuple[int, int], module: int) -> Module:
    names = vars(next(each for each in tuple(sys.modules.values()) if id(each) == module))
    return Module(source_text(file), file, lambda text: _is_pytests(_value(text, names)))


def _value(text: str, names: Mapping[str, Any]) -> Any:
    match = _ROOT_NAME.match(text)
    return names.get(match[0]) if match else None


def _is_pytests(value: Any) -> bool:
    """Tell whether a decorator is pytest's: the module itself, a mark, or a function of it."""
    name = getattr(value, "__name__", "") if inspect.ismodule(value) else getattr(value, "__module__", "")
    return name == "pytest" or str(type(value).__module__).startswith("_pytest") or str(name).startswith("_pytest")


def _state(file: str) -> tuple[int, int]:
    found = os.stat(file)
    return found.st_mtime_ns, found.st_size


def _spec(name: str) -> ModuleSpec | None:
    """Find a module of this process, and import none for that: what a body asks for is not to be run here."""
    places: Sequence[str] | None = None
    spec: ModuleSpec | None = None
    for index, _ in enumerate(parts := name.split("."), 1):
        spec = PathFinder.find_spec(".".join(parts[:index]), places)
        if spec is None:
            return None
        places = spec.submodule_search_locations or []
    return spec


@lru_cache(maxsize=256)
def _is_below(path: str, folder: Path) -> bool:
    """Tell whether a file lies in a folder, or below it where that is one of tests and not the whole project."""
    real, top = os.path.realpath(path), os.path.realpath(folder)
    inside = real.startswith(os.path.join(top, ""))
    if inside and _is_of_project(top) and not _OF_TESTERS.fullmatch(real[len(top) + 1 :]):
        return False  # Where tests lie beside what they test, all else is that.
    return inside and not {"site-packages", "dist-packages"}.intersection(Path(real[len(top) :]).parts)


@lru_cache(maxsize=64)
def _is_of_project(folder: str) -> bool:
    """Tell whether a folder is that of a project that is installed, or a package of one, and none of tests alone."""
    if os.path.basename(folder) in _OF_TESTS:
        return False
    declared = os.path.join(folder, "pyproject.toml")
    if os.path.isfile(declared) and _DECLARING.search(source_text(declared)):
        return True
    return any(os.path.isfile(os.path.join(folder, each)) for each in ("setup.py", "setup.cfg", "__init__.py"))
