"""Poetry: `poetry lock`, as it is installed here or found on PATH."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from pytest_envrepro.compilers.base import Plain, RefusedError, Upgrades
from pytest_envrepro.compilers.finding import find_program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.compilers.base import Tool
    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.provenance import Recipe

_VERSION = re.compile(r"\b(\d+)\.\d")
_KEEPING_BY_ITSELF = 2


class Poetry(Plain):
    """`poetry lock`, which keeps the pins that still fit: from 2.0 on by itself, before that where it is told to."""

    name: str | None = "poetry"
    settings: tuple[str, ...] = ("poetry",)
    leaves = True
    upgrades = Upgrades(frozenset({"--regenerate"}))
    versioned = True

    def find(self, recipe: Recipe, inventory: Inventory, environ: Mapping[str, str]) -> Tool:  # noqa: ARG002  # As all.
        """Find its program; of a shim it is not known which version it starts."""
        found = find_program("poetry", inventory, environ)
        return found._replace(options=self.for_version(found.version)) if found.version else found

    def arguments(self, recipe: Recipe, path: str, *, mending: bool) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Give what the recipe has."""
        return recipe.argv[1:]

    def for_version(self, said: str) -> tuple[str, ...]:
        """Have versions before 2.0 keep the pins; later ones know no such option."""
        version = _VERSION.search(said)
        if version is None:
            raise RefusedError(
                "the poetry on PATH does not tell its version, which decides how it is told to keep pins"
            )
        return ("--no-update",) if int(version[1]) < _KEEPING_BY_ITSELF else ()

    def variables(self) -> Mapping[str, str]:
        """Have it take this environment for the project's, and make none: else it would, in the user's cache."""
        here = {"VIRTUAL_ENV": sys.prefix} if sys.prefix != sys.base_prefix else {}
        return {**here, "POETRY_VIRTUALENVS_CREATE": "false", "PYTHONUTF8": "1", "NO_COLOR": "1"}

    def config_files(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Give where Poetry 2 looks for the user's settings, credentials apart."""
        home = os.path.expanduser("~")
        named = environ.get("POETRY_CONFIG_DIR")
        if named:
            return (f"{named}/config.toml",)
        folders = [f"{environ.get('XDG_CONFIG_HOME') or f'{home}/.config'}/pypoetry"]
        folders += [f"{home}/Library/Application Support/pypoetry"]
        folders += [f"{environ['APPDATA']}\\pypoetry"] if environ.get("APPDATA") else []
        return tuple(f"{folder}/config.toml" for folder in folders)
