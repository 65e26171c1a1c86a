"""uv: `uv export`, which writes what a `uv.lock` has in another form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_envrepro.compilers.arguments import Allowed, Where, looked_at, output, python, text, trusted
from pytest_envrepro.compilers.base import UPGRADES, Plain
from pytest_envrepro.compilers.finding import find_program
from pytest_envrepro.compilers.uv import config_files, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_envrepro.compilers.base import Tool
    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.model import Lock
    from pytest_envrepro.provenance import Recipe

_WORKSPACE = re.compile(r"^[ \t]*\[tool\.uv\.workspace\]|^[ \t]*workspace\s*=", re.MULTILINE)
_ALLOWED = Allowed(
    flags=frozenset(
        {
            *("--frozen", "--locked"),
            *("--hashes", "--no-hashes", "--header", "--no-header", "--annotate", "--no-annotate", "--editable"),
            *(
                "--no-editable",
                "--dev",
                "--no-dev",
                "--only-dev",
                "--all-groups",
                "--no-default-groups",
                "--all-extras",
            ),
            *("--all-packages", "--no-emit-project", "--no-emit-workspace", "--no-emit-local", "--no-install-project"),
            *("--no-install-workspace", "--no-install-local", "--emit-index-url", "--emit-find-links", "--no-cache"),
            *("-q", "--quiet", "-v", "--verbose", "--offline", "--no-progress", "--no-config", "--no-sources"),
        }
    ),
    values={
        **dict.fromkeys(("--format", "--extra", "--no-extra", "--group", "--no-group", "--only-group"), text),
        **dict.fromkeys(("--package", "--prune", "--no-emit-package", "--no-install-package", "--color"), text),
        **dict.fromkeys(("-o", "--output-file"), output),
        **dict.fromkeys(("-p", "--python"), python),
    },
)


class UvExport(Plain):
    """`uv export`, from the lock as it is."""

    name: str | None = "uv export"
    settings: tuple[str, ...] = ("uv",)
    upgrades = UPGRADES

    def find(self, recipe: Recipe, inventory: Inventory, environ: Mapping[str, str]) -> Tool:  # noqa: ARG002  # As all.
        """Find its program."""
        found = find_program("uv", inventory, environ)
        return found._replace(argv=(*found.argv, "export"))

    def arguments(self, recipe: Recipe, path: str, *, mending: bool) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Give what it is told, but that the lock is to be up to date: uv takes no such word beside the variable below."""
        words, where = [word for word in recipe.argv[2:] if word != "--locked"], Where.of(recipe, path)
        return tuple(trusted(words, where) if recipe.is_trusted else looked_at(words, where, _ALLOWED))

    def builds(self, lock: Lock, text: Callable[[str], str]) -> bool:
        """Take a workspace as a whole: uv looks at each of its members."""
        folders = {parent.rpartition("/")[0] for parent in lock.inputs}
        projects = (f"{folder}/pyproject.toml".lstrip("/") for folder in folders)
        return any(_WORKSPACE.search(text(project)) for project in projects)

    def variables(self) -> Mapping[str, str]:
        """Have it ask this Python, and take the uv.lock as it is: whether that is up to date is judged by itself.

        By a variable, since uv writes its options into the header.
        """
        return {**variables(), "UV_FROZEN": "1"}

    def config_files(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Give where uv looks for settings."""
        return config_files(environ)
