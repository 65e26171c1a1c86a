"""Locks of tools whose formats cannot be read yet: known by name, so that they are unchecked and never overlooked."""

from __future__ import annotations

import fnmatch
import posixpath
from typing import TYPE_CHECKING

from pytest_envrepro.model import Lock

if TYPE_CHECKING:
    from pytest_envrepro.locks.base import Declaration, Tree

# Of all tools that have a format of their own: none of these is a requirements file. `FORMATS` asks those first that can
# read one.
_NAMES = (
    *("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "pylock.*.toml"),
    *("conda-lock.yml", "conda-lock.yaml", "*.conda-lock.yml", "*.conda-lock.yaml", "conda-*.lock"),
)
# What writes their pins as a requirements file.
_EXPORTING = {
    "uv.lock": "uv export --no-emit-project",
    "poetry.lock": "poetry export",
    "pdm.lock": "pdm export",
    "Pipfile.lock": "pipenv requirements",
}


class ForeignFormat:
    """The locks of uv projects, poetry, pdm, pipenv, PEP 751 and conda-lock."""

    name = "foreign"

    def may_be(self, path: str) -> bool:
        """Tell, by the name alone, whether the file is such a lock."""
        return _is_foreign(path)

    def why_not(self, path: str, tree: Tree) -> str | None:  # noqa: ARG002  # The name says it all.
        """Give None: a file of such a name is a lock."""
        return None

    def parse(self, path: str, tree: Tree, declaration: Declaration | None) -> Lock:  # noqa: ARG002  # Is not read.
        """Give a lock without pins, and the reason."""
        name = posixpath.basename(path)
        return Lock(path=path, unread=f'{name} cannot be read yet: leave it out with exclude = ["{path}"]')


def _is_foreign(path: str) -> bool:
    return any(fnmatch.fnmatchcase(posixpath.basename(path), name) for name in _NAMES)


def instead_of(path: str) -> str | None:
    """Say what to name in the place of a lock whose format cannot be read; None of all others."""
    if not _is_foreign(path):
        return None
    command = exporting(path)
    by = f" (`{command}`)" if command else ""
    return f"a lock of this format cannot be read yet: name a requirements file that is exported from it{by}"


def exporting(path: str) -> str | None:
    """Give the command that prints the pins of such a lock as a requirements file, where its tool has one."""
    return _EXPORTING.get(posixpath.basename(path))
