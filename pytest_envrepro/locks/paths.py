"""The paths in requirements files and headers: relative to the root, with slashes."""

from __future__ import annotations

import posixpath
import re

_URL = re.compile(r"(?i)(?:https?|file):|\w+://")
DEEPEST = 50  # Files that may read one another in a row.
PROJECT_FILES = ("pyproject.toml", "setup.cfg", "setup.py")


def beside(path: str, other: str) -> str:
    """Give a path that is relative to the folder of a file, relative to the root instead."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), other.replace("\\", "/")))


def is_url(path: str) -> bool:
    """Tell whether what a `-r` or a `-c` names is no path: pip downloads it."""
    return _URL.match(path) is not None


def is_below_root(path: str) -> bool:
    """Tell whether a path, as `beside` gives it, is one of the project's: none that is absolute, or goes above the root."""
    return not posixpath.isabs(path) and path.partition("/")[0] != ".."


def is_project_file(path: str) -> bool:
    """Tell whether an input is a project's own file and not a list of requirements."""
    return posixpath.basename(path) in PROJECT_FILES
