"""PDM: `pdm lock --update-reuse`, as it is installed here or found on PATH."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pytest_envrepro.compilers.base import Plain, Upgrades
from pytest_envrepro.compilers.finding import find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_envrepro.compilers.base import Tool
    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.model import Lock
    from pytest_envrepro.provenance import Recipe

_KEEPING = frozenset({"--update-reuse", "--update-reuse-installed", "--refresh", "--check"})


class Pdm(Plain):
    """`pdm lock`, told to keep the pins that still fit.

    `pdm lock --check` is not asked: it compares the hash of the inputs, as the check `lock` has done, and no pins.
    """

    name: str | None = "pdm"
    settings: tuple[str, ...] = ("pdm",)
    upgrades = Upgrades(frozenset({"--update-all", "--update-eager"}))

    def find(self, recipe: Recipe, inventory: Inventory, environ: Mapping[str, str]) -> Tool:  # noqa: ARG002  # As all.
        """Find its program."""
        return find_program("pdm", inventory, environ)

    def arguments(self, recipe: Recipe, path: str, *, mending: bool) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Give what the recipe has; for a second opinion, with what keeps the pins: `pdm lock` alone lets go of them."""
        words = recipe.argv[1:]
        return words if mending or not _KEEPING.isdisjoint(words) else (*words, "--update-reuse")

    def builds(self, lock: Lock, text: Callable[[str], str]) -> bool:  # noqa: ARG002  # As all.
        """Take a project for one that is built, where it tells what it needs only then."""
        return bool(lock.dynamic)

    def variables(self) -> Mapping[str, str]:
        """Have it take this Python for the project's, and make no virtual environment."""
        return {
            "PDM_PYTHON": sys.executable,
            "PDM_USE_VENV": "false",
            "PDM_NON_INTERACTIVE": "1",
            "PDM_CHECK_UPDATE": "false",
            "PYTHONUTF8": "1",
            "NO_COLOR": "1",
        }

    def places(self) -> Mapping[str, str]:
        """Keep its logs in the workspace."""
        return {"PDM_LOG_DIR": "log"}

    def config_files(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Give where PDM 2 looks for the user's and the machine's settings."""
        home = os.path.expanduser("~")
        named = environ.get("PDM_CONFIG_FILE")
        users = [f"{environ.get('XDG_CONFIG_HOME') or f'{home}/.config'}/pdm"]
        users += [f"{home}/Library/Application Support/pdm"]
        machine = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
        folders = [f"{folder}/pdm" for folder in machine] + ["/Library/Application Support/pdm"]
        folders += [f"{environ[name]}\\pdm" for name in ("LOCALAPPDATA", "PROGRAMDATA") if environ.get(name)]
        return tuple([named] if named else [f"{folder}/config.toml" for folder in users]) + tuple(
            f"{folder}/config.toml" for folder in folders
        )
