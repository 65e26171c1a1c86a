"""How a lock of one document is compiled: by its own tool, or by the command that the table names."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from pytest_envrepro.locks.compilation import own_recipe
from pytest_envrepro.provenance import Recipe

if TYPE_CHECKING:
    from pytest_envrepro.locks.base import Declaration


def native_recipe(
    path: str, tool: str, argv: tuple[str, ...], declaration: Declaration | None
) -> tuple[Recipe | None, str]:
    """Give how a lock is compiled; or the reason why that is not known.

    Args:
        tool: the compiler, as `Recipe.tool` has it.
        argv: its command, in the folder of the lock.
    """
    told = declaration.command if declaration else None
    if not told:
        return Recipe(tool, argv, posixpath.dirname(path)), ""
    recipe, why = own_recipe(told)
    # What its variables mean, and where its settings are, is known of this tool; of another command of its, as
    # `poetry run`, not what that does.
    if recipe is not None and recipe.argv[:2] in (argv[:2], (argv[0], "lock")):
        return recipe._replace(tool=tool), why
    return recipe, why
