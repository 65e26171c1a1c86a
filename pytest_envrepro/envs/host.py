"""The environment that runs this session: its interpreter, and the folders in which it finds what is installed."""

from __future__ import annotations

import contextlib
import os
import site
import sys
import sysconfig
from typing import TYPE_CHECKING

from packaging.markers import default_environment

from pytest_envrepro.envs.conda import find_prefix, with_packages
from pytest_envrepro.envs.inventory import read_inventory
from pytest_envrepro.inventory import Interpreter, Inventory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def host_interpreter() -> Interpreter:
    """Describe the interpreter that runs this."""
    environment = {name: str(value) for name, value in default_environment().items()}
    return Interpreter(
        implementation=sys.implementation.name,
        version=environment["python_full_version"],
        platform=sysconfig.get_platform(),
        environment=environment,
    )


def host_inventory(root: Path) -> Inventory:
    """List what is installed in this environment.

    Args:
        root: the project. What pytest or `python -m` put on `sys.path` from within it is not installed: a stray
            `.egg-info` there would else be judged in one session and not in another.
    """
    inventory = read_inventory(host_paths(root), host_interpreter())
    prefix = find_prefix((sys.prefix, os.environ.get("CONDA_PREFIX")))
    return inventory if prefix is None else with_packages(inventory, prefix)


def host_paths(root: Path) -> list[str]:
    """Give the entries of `sys.path` that a fresh interpreter would have too."""
    inside = os.path.join(os.path.realpath(root), "")
    here = os.path.realpath(os.curdir)
    installed = set(_site_paths())
    paths = (os.path.realpath(entry or os.curdir) for entry in sys.path)
    return [
        path for path in paths if path in installed or (path != here and not os.path.join(path, "").startswith(inside))
    ]


def _site_paths() -> Iterator[str]:
    """Give the folders of this interpreter's own: site-packages, what their `.pth` files add, and PYTHONPATH."""
    folders = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    for folder in folders:
        yield os.path.realpath(folder)
        yield from added_by_pth(folder)
    if not sys.flags.ignore_environment:
        yield from (os.path.realpath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path)


def stamps_of_pth(folders: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    """Give the `.pth` files of folders, each with its time and size: others, when something was installed or removed."""
    for folder in folders:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:  # What is gone has none.
            for entry in entries:
                if entry.name.endswith(".pth"):
                    status = entry.stat()
                    yield entry.path, status.st_mtime_ns, status.st_size


def added_by_pth(folder: str) -> Iterator[str]:
    """Read the paths in the `.pth` files of a folder, as the `site` module does."""
    try:
        names = [name for name in os.listdir(folder) if name.endswith(".pth")]
    except OSError:
        return
    for name in names:
        try:
            with open(os.path.join(folder, name), encoding="utf-8", errors="surrogateescape") as file:
                lines = file.read().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.strip() and "\0" not in line and not line.startswith(("#", "import ", "import\t")):
                yield os.path.realpath(os.path.join(folder, line.rstrip()))
