"""Finds the program of a tool, and its version, without starting it."""

from __future__ import annotations

import glob
import os
import shutil
import sysconfig
from typing import TYPE_CHECKING

from pytest_envrepro.compilers.base import RefusedError, Tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.inventory import Inventory

_OF_ONE_FILE = frozenset({"uv"})  # The others are written in Python.


def find_program(name: str, inventory: Inventory, environ: Mapping[str, str]) -> Tool:
    """Find it: that of the distribution of the same name, if that is installed here, else the first on PATH.

    It is told from others by its version and the time of the folder that it is installed in: what it rests on is another
    one then. A script that nothing is installed beside may start anything, as the shims of pyenv and asdf do: it has no
    identity.

    Raises:
        RefusedError: there is none.
    """
    installed = inventory.versions.get(name)
    if installed:
        program = os.path.join(sysconfig.get_path("scripts"), f"{name}.exe" if os.name == "nt" else name)
        if os.path.exists(program):
            identity = f"{name}=={installed} {os.stat(sysconfig.get_path('purelib')).st_mtime_ns}"
            return Tool(name, f"{name} {installed}", (program,), identity=identity, version=installed)
    found = shutil.which(name, path=environ.get("PATH"))
    if found is None:
        raise RefusedError(f"{name} is not installed here, nor on PATH: pip install {name}")
    real = os.path.realpath(found)
    status = os.stat(found)
    version, changed = _beside(real, name)
    # Not asked for its version, which would start it: another build is another file, or another installation.
    is_known = version is not None or _is_itself(real, name)
    identity = f"{real} {status.st_size} {status.st_mtime_ns} {version} {changed}" if is_known else ""
    label = f"{name} {version}" if version else f"the {name} on PATH"
    return Tool(name, label, (found,), identity=identity, version=version)


def _is_itself(program: str, name: str) -> bool:
    """Tell whether a file is all that a tool consists of, and nothing that starts it."""
    stem, extension = os.path.splitext(os.path.basename(program))
    if name not in _OF_ONE_FILE or stem != name or extension not in {"", ".exe"}:
        return False
    with open(program, "rb") as file:
        return file.read(2) != b"#!"


def _beside(program: str, name: str) -> tuple[str | None, int]:
    """Give the version of a program that an installer has put into an environment, as the distribution beside it says.

    Returns:
        the version, or None where it is not told; and when something was last installed there, in nanoseconds.
    """
    prefix = os.path.dirname(os.path.dirname(program))
    pattern = f"{name.replace('-', '_')}-*.dist-info"
    for folder in ("lib/python3*/*-packages", "Lib/site-packages"):
        found = glob.glob(os.path.join(glob.escape(prefix), folder, pattern))
        if len(found) == 1:
            version = os.path.basename(found[0]).removesuffix(".dist-info").rpartition("-")[2]
            return version, os.stat(os.path.dirname(found[0])).st_mtime_ns
    return None, 0
