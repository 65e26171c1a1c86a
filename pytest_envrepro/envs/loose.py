"""The files of an environment that no package lists, those aside that come with every virtualenv."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pytest_envrepro.envs.packages import relative

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_envrepro.envs.packages import Packages

# What virtualenv and venv write for themselves: it tells of the place and of the Python, which are compared by themselves.
_OWN = re.compile(
    r"pyvenv\.cfg|\.gitignore|CACHEDIR\.TAG|\.lock|(?:bin|Scripts)/(?:(?:de)?[Aa]ctivate(?:[._]\w+)*|python[\w.]*|pydoc\.bat)"
    r"|_virtualenv\.(?:py|pth)|(?:.*/)?__pycache__/_virtualenv\.[\w.-]+\.pyc"
)


def is_own(path: str) -> bool:
    """Tell whether a file comes with every virtualenv, by its path relative to that."""
    return _OWN.fullmatch(path) is not None


def loose_files(packages: Packages, prefix: str, sites: Sequence[str]) -> dict[str, str]:
    """Give the files that no package lists, by path, with their places.

    Args:
        prefix: the environment's folder.
        sites: its site-packages folders.

    Raises:
        EnvReproError: a RECORD cannot be read.
    """
    listed = {file.place for package in packages.values() for file in package.files}
    found: dict[str, str] = {}
    for folder, folders, names in os.walk(prefix):
        folders[:] = [each for each in folders if not os.path.islink(os.path.join(folder, each))]
        for name in names:
            place = os.path.join(folder, name)
            path = relative(place, *sites, prefix)
            if place not in listed and not is_own(path):
                found[path] = place
    return found
