"""Locks of conda: knows them by their names or their first lines, and what reads them may be absent.

Versions and match-specs are conda's own, by py-rattler, and YAML is read by PyYAML: the extra `conda` brings both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_envrepro.model import Lock

if TYPE_CHECKING:
    from pytest_envrepro.locks.base import Declaration, Tree

_UNIFIED = (".yml", ".yaml")
# What `conda list --explicit` writes: this line; and `conda list --export`: a header, and lines `name=version=build`.
_EXPLICIT = "@EXPLICIT"
_CREATES = "# $ conda create "
_PACKAGE = re.compile(r"[^#=\s]+=[^=\s]+=")


def is_list(text: str) -> bool:
    """Tell whether a text is a list of conda's, whatever its file is called."""
    if _EXPLICIT in text and any(line.rstrip() == _EXPLICIT for line in text.splitlines()):
        return True
    return _CREATES in text and _is_exported(text)


def _is_exported(text: str) -> bool:
    """Tell whether the first line that is no comment is a package, and a comment before it the command for such a list."""
    is_told = False
    for line in text.splitlines():
        if not line.startswith("#"):
            return is_told and _PACKAGE.match(line) is not None
        is_told = is_told or line.startswith(_CREATES)
    return False


def parse(path: str, tree: Tree, declaration: Declaration | None) -> Lock:
    """Read the lock with its inputs."""
    try:
        if path.endswith(_UNIFIED):
            from pytest_envrepro.locks.conda_lock import read  # noqa: PLC0415  # Brings PyYAML and py-rattler.
        else:
            from pytest_envrepro.locks.conda_lists import read  # noqa: PLC0415  # The same.
    except ImportError:
        return Lock(
            path=path,
            tool="conda",
            unread=f"{path} is read by PyYAML and py-rattler: pip install 'pytest-envrepro[conda]'",
        )
    return read(path, tree, declaration)
