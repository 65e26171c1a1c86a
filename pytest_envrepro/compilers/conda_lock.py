"""conda-lock: `conda-lock lock`, with the solver that is on PATH."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from pytest_envrepro.compilers.base import Plain, RefusedError, Upgrades
from pytest_envrepro.compilers.finding import find_program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.compilers.base import Tool
    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.process import Completed
    from pytest_envrepro.provenance import Recipe

_SOLVERS = ("micromamba", "mamba", "conda")  # Of which conda-lock takes any for its own.
# What conda-lock 4 says of the platforms whose hash holds (`['linux-64']`), and of the others.
_SKIPPED = re.compile(r"Spec hash already locked for (.*?)\. Skipping solve\.", re.DOTALL)
_SOLVED = "Locking dependencies for "


class CondaLock(Plain):
    """`conda-lock lock`, told to solve only where the hash of the inputs is another one than the lock has."""

    name: str | None = "conda-lock"
    settings: tuple[str, ...] = ("conda", "pip")
    leaves = True
    upgrades = Upgrades(valued=frozenset({"--update"}))
    keeps = False  # It solves afresh.

    def find(self, recipe: Recipe, inventory: Inventory, environ: Mapping[str, str]) -> Tool:
        """Find its program, and the solver's: where there is none conda-lock 4 would fetch one, and keep it.

        A command of the table may name the solver itself.
        """
        found = find_program("conda-lock", inventory, environ)
        if any(word.partition("=")[0] == "--conda" for word in recipe.argv):
            return found._replace(identity="")
        solver = next(filter(None, (shutil.which(each, path=environ.get("PATH")) for each in _SOLVERS)), None)
        if solver is None:
            raise RefusedError("conda-lock solves by micromamba, mamba or conda, and none of them is on PATH")
        status = os.stat(solver)
        known = f"{found.identity} {os.path.realpath(solver)} {status.st_size} {status.st_mtime_ns}"
        return found._replace(options=("--conda", solver), identity=known if found.identity else "")

    def arguments(self, recipe: Recipe, path: str, *, mending: bool) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Give what the recipe has."""
        return recipe.argv[1:]

    def verdict(self, done: Completed) -> bool | None:
        """Read whether it has solved for any platform: where all hashes hold, it leaves the lock, whatever stands there."""
        return True if self.left(done) and _SOLVED not in done.stderr and not done.returncode else None

    def left(self, done: Completed) -> str:
        """Name the platforms whose hash holds."""
        skipped = _SKIPPED.search(done.stderr)
        return ", ".join(re.findall(r"[\w-]+", skipped[1])) if skipped else ""

    def variables(self) -> Mapping[str, str]:
        """Ask for plain text in UTF-8."""
        return {"PYTHONUTF8": "1", "NO_COLOR": "1"}

    def config_files(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Give where conda and mamba look for the user's settings first."""
        home = os.path.expanduser("~")
        named = (environ[name] for name in ("CONDARC", "MAMBARC") if environ.get(name))
        return (*named, f"{home}/.condarc", f"{home}/.mambarc", f"{home}/.conda/.condarc", "/etc/conda/.condarc")
