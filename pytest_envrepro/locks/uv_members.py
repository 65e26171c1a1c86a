"""Finds the projects of a uv workspace by its own table, and the workspace of a project."""

from __future__ import annotations

import posixpath
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pytest_envrepro.errors import LockError
from pytest_envrepro.locks.paths import beside
from pytest_envrepro.locks.uv_origins import at, texts_at
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_envrepro.locks.base import Tree


def find_members(path: str, own: Mapping[str, Any], tree: Tree) -> Iterator[str]:
    """Give the files of the projects that `tool.uv.workspace` names, below the root alone.

    Args:
        path: a file at the root of the workspace.
        own: the table `[tool.uv]` there.
    """
    workspace = at(own, "workspace")
    left_out = [posixpath.normpath(pattern) for pattern in texts_at(workspace, "exclude")]
    for pattern in map(posixpath.normpath, texts_at(workspace, "members")):
        if pattern.startswith(("/", "..")):
            continue  # Outside of the root nothing is looked at.
        for folder in _matching("", pattern.split("/"), posixpath.dirname(path), tree):
            file = beside(path, f"{folder}/pyproject.toml")
            if not file.startswith("../") and tree.exists(file) and not any(_fits(folder, each) for each in left_out):
                yield file


def workspace_of(file: str, tree: Tree) -> tuple[str, Mapping[str, Any]] | None:
    """Find the workspace that a project is a member of: the file at its root, and the table `[tool.uv]` there.

    As in uv, the next `pyproject.toml` above the project decides. None for the root of a workspace itself.

    Args:
        file: the project's `pyproject.toml`.
    """
    folder = posixpath.dirname(file)
    if not tree.exists(file) or "workspace" in _settings(file, tree):
        return None
    while folder:
        folder = posixpath.dirname(folder)
        top = posixpath.join(folder, "pyproject.toml")
        if tree.exists(top):
            own = _settings(top, tree)
            return (top, own) if file in find_members(top, own, tree) else None
    return None


def _settings(file: str, tree: Tree) -> Mapping[str, Any]:
    try:
        return at(load_toml(file, tree.read(file)), "tool", "uv")
    except LockError:
        return {}  # It is told where it is an input.


def _matching(folder: str, pattern: list[str], root: str, tree: Tree) -> Iterator[str]:
    """Give the folders that a pattern fits, level by level; uv enters no hidden one by a star."""
    if not pattern:
        yield folder
        return
    first, *rest = pattern
    if not any(sign in first for sign in "*?["):
        yield from _matching(posixpath.join(folder, first), rest, root, tree)
        return
    for name in tree.folders(posixpath.join(root, folder)):
        if not name.startswith(".") and fnmatchcase(name, first):
            yield from _matching(posixpath.join(folder, name), rest, root, tree)


def _fits(folder: str, pattern: str) -> bool:
    names, signs = folder.split("/"), pattern.split("/")
    return len(names) == len(signs) and all(map(fnmatchcase, names, signs))
