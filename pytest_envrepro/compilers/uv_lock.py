"""uv: `uv lock`, for a whole project or workspace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_envrepro.compilers.base import UPGRADES, Plain
from pytest_envrepro.compilers.finding import find_program
from pytest_envrepro.compilers.uv import config_files, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_envrepro.compilers.base import Tool
    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.model import Lock
    from pytest_envrepro.provenance import Recipe

# What a project leaves to a build: uv then runs it, for its version too.
_DYNAMIC = re.compile(r"^[ \t]*dynamic\s*=\s*\[\s*[\"']", re.MULTILINE)
_NAME = re.compile(r'^name = "([^"]+)"$', re.MULTILINE)
_EDGE = re.compile(r'\s+\{ name = "([^"]+)".*\},?')
# The tables whose lists name packages of the lock; others repeat what the inputs ask for.
_OF_EDGES = ("[[package]]", "[package.optional-dependencies]", "[package.dev-dependencies]")


class UvLock(Plain):
    """`uv lock`."""

    name: str | None = "uv lock"
    settings: tuple[str, ...] = ("uv",)
    leaves = True
    upgrades = UPGRADES

    def find(self, recipe: Recipe, inventory: Inventory, environ: Mapping[str, str]) -> Tool:  # noqa: ARG002  # As all.
        """Find its program."""
        found = find_program("uv", inventory, environ)
        return found._replace(argv=(*found.argv, "lock"))

    def arguments(self, recipe: Recipe, path: str, *, mending: bool) -> tuple[str, ...]:  # noqa: ARG002  # As all.
        """Give what the recipe has.

        A reader of locks gives it one of the project's own names to upgrade, which changes nothing but that uv 0.13
        resolves: else it believes what stands in the lock of each package, and a lock with a hole holds for it.
        """
        return recipe.argv[2:]

    def builds(self, lock: Lock, text: Callable[[str], str]) -> bool:
        """Take a project for one that is built, where it says that it tells something only then."""
        return bool(lock.dynamic) or any(_DYNAMIC.search(text(file)) for file in lock.inputs)

    def given(self, text: str) -> str:
        """Leave out the needs that no package of the lock meets: uv 0.13 cannot read such a lock at all."""
        return "".join(_without_loose_ends(text))

    def variables(self) -> Mapping[str, str]:
        """Have it ask this Python."""
        return variables()

    def config_files(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Give where uv looks for settings."""
        return config_files(environ)


def _without_loose_ends(text: str) -> Iterator[str]:
    names = set(_NAME.findall(text))
    table = ""
    for line in text.splitlines(keepends=True):
        if line.startswith("["):
            table = line.strip()
        edge = _EDGE.fullmatch(line.rstrip("\r\n")) if table in _OF_EDGES else None
        if edge is None or edge[1] in names:
            yield line
