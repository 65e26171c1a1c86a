"""A format whose locks are known by their names: what reads them is imported where there is one, and not in every session."""

from __future__ import annotations

import fnmatch
import posixpath
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_envrepro.locks.base import Declaration, Tree
    from pytest_envrepro.model import Lock


class OnDemand:
    """The locks of some names.

    Args:
        name: of the format.
        names: those of its locks, with wildcards.
        module: the one beside this that has a function `parse`, as `LockFormat.parse`.
    """

    def __init__(self, name: str, names: tuple[str, ...], module: str) -> None:
        self.name = name
        self.names = names
        self._module = module

    def may_be(self, path: str) -> bool:
        """Tell, by the name alone, whether the file is such a lock."""
        return any(fnmatch.fnmatchcase(posixpath.basename(path), name) for name in self.names)

    def why_not(self, path: str, tree: Tree) -> str | None:  # noqa: ARG002  # The name says it all.
        """Give None: a file of such a name is a lock."""
        return None

    def parse(self, path: str, tree: Tree, declaration: Declaration | None) -> Lock:
        """Read the lock with its inputs."""
        lock: Lock = import_module(f"{__package__}.{self._module}").parse(path, tree, declaration)
        return lock
