"""pipenv: `pipenv verify` for a second opinion, `pipenv upgrade` to mend."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_envrepro.compilers.base import Plain, refuse_other_python
from pytest_envrepro.compilers.finding import find_program
from pytest_envrepro.compilers.pip_tools import pip_config_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.compilers.base import Tool
    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.model import Lock
    from pytest_envrepro.process import Completed
    from pytest_envrepro.provenance import Recipe


class Pipenv(Plain):
    """pipenv.

    `pipenv lock` keeps no pin: it says nothing of a lock. `pipenv verify` compares the hash of the Pipfile, and
    `pipenv upgrade` without packages resolves what the Pipfile asks for and the lock does not have, with what that
    needs, and leaves all other pins.
    """

    name: str | None = "pipenv"
    settings: tuple[str, ...] = ("pipenv", "pip")
    keeps = False  # What it resolves, it takes the latest of; and the lock does not tell which package needs which.

    def find(self, recipe: Recipe, inventory: Inventory, environ: Mapping[str, str]) -> Tool:  # noqa: ARG002  # As all.
        """Find its program."""
        return find_program("pipenv", inventory, environ)

    def check_target(self, lock: Lock, inventory: Inventory, *, mending: bool) -> None:
        """Refuse to mend a lock for another Python: a hash is the same for all."""
        if mending:
            refuse_other_python("pipenv", lock, inventory)

    def arguments(self, recipe: Recipe, path: str, *, mending: bool) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Have it look, or give what the recipe has."""
        return recipe.argv[1:] if mending or recipe.is_trusted else ("verify",)

    def verdict(self, done: Completed) -> bool | None:
        """Read what `pipenv verify` says."""
        if "is up-to-date" in done.stdout and not done.returncode:
            return True
        return False if "is out-of-date" in f"{done.stdout}{done.stderr}" else None

    def variables(self) -> Mapping[str, str]:
        """Have it take this Python, and make the virtual environment that it cannot do without in the copy."""
        return {
            "PIPENV_DEFAULT_PYTHON_VERSION": sys.executable,
            "PIPENV_VENV_IN_PROJECT": "1",
            "PIPENV_IGNORE_VIRTUALENVS": "1",
            "PIPENV_NO_INHERIT": "1",
            "PIPENV_DONT_LOAD_ENV": "1",
            "PIPENV_DONT_USE_PYENV": "1",
            "PIPENV_DONT_USE_ASDF": "1",
            "PIPENV_YES": "1",
            "PIPENV_NOSPIN": "1",
            "PIPENV_HIDE_EMOJIS": "1",
            "PYTHONUTF8": "1",
            "NO_COLOR": "1",
        }

    def places(self) -> Mapping[str, str]:
        """Keep what virtualenv keeps, and virtual environments in any case, in the workspace."""
        return {"VIRTUALENV_OVERRIDE_APP_DATA": "virtualenv", "WORKON_HOME": "virtualenvs"}

    def config_files(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Give those of pip, whose settings it has."""
        return pip_config_files(environ)
