"""conda-lock: `conda-lock lock`, with the solver that is on PATH."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from pytest_envrepro.compilers.base import Plain, RefusedError
from pytest_envrepro.compilers.finding import find_program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.compilers.base import Tool
    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.model import Recipe

_SOLVERS = ("micromamba", "mamba", "conda")  # Of which conda-lock takes any for its own.


class CondaLock(Plain):
    """`conda-lock lock`, told to solve only where the hash of the inputs is another one than the lock has."""

    name: str | None = "conda-lock"
    settings: tuple[str, ...] = ("conda", "pip")
    leaves = True
    keeps = False  # It solves afresh.

    def find(self, recipe: Recipe, inventory: Inventory, environ: Mapping[str, str]) -> Tool:  # noqa: ARG002  # As all.
        """Find its program, and the solver's: where there is none conda-lock 4 would fetch one, and keep it."""
        found = find_program("conda-lock", inventory, environ)
        solver = next(filter(None, (shutil.which(each, path=environ.get("PATH")) for each in _SOLVERS)), None)
        if solver is None:
            raise RefusedError("conda-lock solves by micromamba, mamba or conda, and none of them is on PATH")
        status = os.stat(solver)
        return found._replace(
            argv=(*found.argv, "lock", "--conda", solver),
            identity=f"{found.identity} {os.path.realpath(solver)} {status.st_size} {status.st_mtime_ns}",
        )

    def arguments(self, recipe: Recipe, path: str, *, mending: bool) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Give what the recipe has."""
        return recipe.argv[2:]

    def variables(self) -> Mapping[str, str]:
        """Ask for plain text in UTF-8."""
        return {"PYTHONUTF8": "1", "NO_COLOR": "1"}

    def config_files(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Give where conda and mamba look for the user's settings first."""
        home = os.path.expanduser("~")
        named = (environ[name] for name in ("CONDARC", "MAMBARC") if environ.get(name))
        return (*named, f"{home}/.condarc", f"{home}/.mambarc", f"{home}/.conda/.condarc", "/etc/conda/.condarc")
