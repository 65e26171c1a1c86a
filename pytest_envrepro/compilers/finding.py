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


def find_program(name: str, inventory: Inventory, environ: Mapping[str, str]) -> Tool:
    """Find it: that of the distribution of the same name, if that is installed here, else the first on PATH.

    Raises:
        RefusedError: there is none.
    """
    installed = inventory.versions.get(name)
    if installed:
        program = os.path.join(sysconfig.get_path("scripts"), f"{name}.exe" if os.name == "nt" else name)
        if os.path.exists(program):
            return Tool(name, f"{name} {installed}", (program,), identity=f"{name}=={installed}", version=installed)
    found = shutil.which(name, path=environ.get("PATH"))
    if found is None:
        raise RefusedError(f"{name} is not installed here, nor on PATH: pip install {name}")
    real = os.path.realpath(found)
    status = os.stat(found)
    version, changed = _beside(real, name)
    # Not asked for its version, which would start it: another build is another file, or another installation.
    identity = f"{real} {status.st_size} {status.st_mtime_ns} {version} {changed}"
    label = f"{name} {version}" if version else f"the {name} on PATH"
    return Tool(name, label, (found,), identity=identity, version=version)


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
