"""Locks of tools that have a format of their own, by their names: none of these is a requirements file."""

from __future__ import annotations

import fnmatch
import posixpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_envrepro.model import Lock

_CONDA = ("conda-lock.yml", "conda-lock.yaml", "*.conda-lock.yml", "*.conda-lock.yaml", "conda-*.lock")
_NAMES = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "pylock.*.toml", *_CONDA)
_TOOLS = frozenset({"conda", "conda-lock"})


def is_foreign(path: str) -> bool:
    """Tell, by the name alone, whether a file is a lock in a format of its tool's own."""
    return _is_one_of(path, _NAMES)


def instead_of(lock: Lock) -> str | None:
    """Say why no environment is made of a lock, and what to name in its place; None of all others."""
    if lock.tool not in _TOOLS and not _is_one_of(lock.path, _CONDA):
        return None
    return "a lock of conda's, whose packages neither pip nor uv installs: name a lock of Python's packages"


def _is_one_of(path: str, names: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(posixpath.basename(path), name) for name in names)
