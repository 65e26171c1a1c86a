"""The native tools that compile locks: one file each, and this table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro.compilers.arguments import Where
from pytest_envrepro.compilers.base import Compiler, RefusedError, Tool
from pytest_envrepro.compilers.conda_lock import CondaLock
from pytest_envrepro.compilers.own import Own
from pytest_envrepro.compilers.pdm import Pdm
from pytest_envrepro.compilers.pip_tools import PipTools
from pytest_envrepro.compilers.pipenv import Pipenv
from pytest_envrepro.compilers.poetry import Poetry
from pytest_envrepro.compilers.uv import Uv
from pytest_envrepro.compilers.uv_export import UvExport
from pytest_envrepro.compilers.uv_lock import UvLock
from pytest_envrepro.kinds import added

if TYPE_CHECKING:
    from pytest_envrepro.provenance import Recipe

__all__ = ["Compiler", "RefusedError", "Tool", "Where", "compiler_of", "has_upgrades", "is_run", "keeping"]

COMPILERS: tuple[Compiler, ...] = (
    PipTools(),
    Uv(),
    UvLock(),
    UvExport(),
    Poetry(),
    Pdm(),
    Pipenv(),
    CondaLock(),
    Own(),
)


def is_run(recipe: Recipe, path: str) -> bool:
    """Tell whether a lock's command would be run as far as its words go, by a compiler that is known."""
    try:
        compiler_of(recipe.tool).arguments(recipe, path, mending=True)
    except RefusedError:
        return False
    return True


def has_upgrades(recipe: Recipe) -> bool:
    """Tell whether a command lets go of old pins by an option of its tool.

    Raises:
        RefusedError: nobody here knows the tool.
    """
    return compiler_of(recipe.tool).upgrades.are_in(recipe.argv)


def keeping(recipe: Recipe) -> Recipe:
    """Give a command without such options.

    Raises:
        RefusedError: nobody here knows the tool.
    """
    if recipe.tool is None:  # Of a command of the project's own it is not known what an option means to it.
        return recipe
    return recipe._replace(argv=tuple(compiler_of(recipe.tool).upgrades.left_out(recipe.argv)))


def compiler_of(tool: str | None) -> Compiler:
    """Give the compiler of a recipe.

    Raises:
        RefusedError: nobody here knows the tool.
    """
    for compiler in (*COMPILERS, *added("compilers")):
        if compiler.name == tool:
            found: Compiler = compiler
            return found
    raise RefusedError(f"'{tool}' is no compiler that is known here")
