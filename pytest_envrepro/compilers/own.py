"""Commands of a project's own that compile a lock, such as `make lock`: run only where the table names them."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from pytest_envrepro.compilers.arguments import values
from pytest_envrepro.compilers.base import UPGRADES, Plain, RefusedError, Tool, Upgrades

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.model import Lock
    from pytest_envrepro.provenance import Recipe


class Own(Plain):
    """A command of the table; what it needs it has to find by itself, in a copy of the project."""

    name: str | None = None
    settings: tuple[str, ...] = ("pip", "uv", "poetry", "pdm", "pipenv", "conda")
    upgrades = Upgrades(UPGRADES.flags | {"--regenerate"}, UPGRADES.valued)

    def find(self, recipe: Recipe, inventory: Inventory, environ: Mapping[str, str]) -> Tool:  # noqa: ARG002  # As all.
        """Find the program: on PATH, or in the project."""
        program = recipe.argv[0]
        if os.path.dirname(program):
            return Tool(name=program, label=f"'{program}'", argv=(program,), identity="")
        found = shutil.which(program, path=environ.get("PATH"))
        if found is None:
            raise RefusedError(f"'{program}', the program of its command in the table, is not on PATH")
        return Tool(name=program, label=f"'{program}'", argv=(found,), identity="")

    def arguments(self, recipe: Recipe, path: str, *, mending: bool) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Give what follows the program: what its words mean is not known."""
        return recipe.argv[1:]

    def paths(self, arguments: tuple[str, ...]) -> Iterator[str]:
        """Take any word for a path."""
        return values(arguments)

    def builds(self, lock: Lock, text: Callable[[str], str]) -> bool:  # noqa: ARG002  # As all.
        """Do whatever it does."""
        return True

    def places(self) -> Mapping[str, str]:
        """Have virtual environments that it makes by the tools of others, and what these keep of their work, in the workspace."""
        return {
            "POETRY_VIRTUALENVS_PATH": "virtualenvs",
            "WORKON_HOME": "virtualenvs",
            "VIRTUALENV_OVERRIDE_APP_DATA": "virtualenv",
            "PDM_LOG_DIR": "log",
        }
