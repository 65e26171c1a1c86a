"""A virtualenv: shared with other tests and read-only, or private to one that may change it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_envrepro.envs.asked import is_shared, requirements_of
from pytest_envrepro.envs.base import Subject
from pytest_envrepro.envs.contents import Side
from pytest_envrepro.envs.host import added_by_pth
from pytest_envrepro.envs.inventory import read_inventory
from pytest_envrepro.envs.loose import loose_files
from pytest_envrepro.envs.packages import read_packages
from pytest_envrepro.envs.running import Folders, LocalEnvironment, quiet
from pytest_envrepro.envs.system import system_of
from pytest_envrepro.errors import EnvReproError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from typing_extensions import Self

    from pytest_envrepro.envs.base import Judge
    from pytest_envrepro.envs.comparing import Depth
    from pytest_envrepro.envs.packages import Packages
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.model import Inventory
    from pytest_envrepro.process import Completed
    from pytest_envrepro.settings import Settings


def _nothing() -> None:
    """Leave an environment as it is."""


class VirtualEnvironment(LocalEnvironment):
    """A virtualenv.

    Args:
        python: the Python that it is made with.
        is_private: whether it is one test's own, which may change it.
        install: installs requirements into it, where it is private.
        named: the names that its lock names: pip, setuptools and wheel count in a comparison where they are among them.

    Attributes:
        python: the Python that it is made with.
        is_private: whether it is one test's own.
    """

    kind = "virtualenv"

    def __init__(  # noqa: PLR0913  # Each is a fact of its own.
        self,
        *,
        name: str | None,
        settings: Settings | None,
        key: str,
        prefix: Path,
        python: Python,
        scratch: Path,
        judge: Judge,
        is_private: bool = False,
        install: Callable[[Sequence[str]], object] | None = None,
        note: Callable[[Completed], None] = quiet,
        named: frozenset[str] = frozenset(),
    ) -> None:
        folders = Folders(prefix, prefix / python.layout.scripts, scratch)
        super().__init__(name=name, settings=settings, key=key, judge=judge, folders=folders, note=note)
        self.python = python
        self.python_name = python.layout.python
        self.is_private = is_private
        self._install = install
        self._named = named
        self._end: Callable[[], None] = _nothing

    def on_exit(self, end: Callable[[], None]) -> None:
        """Call this when the block ends that is entered with this environment."""
        self._end = end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        # After an error it is left to the end of the test, which knows whether it has failed.
        if kind is None:
            self._end()

    def install(self, *requirements: str) -> None:
        """Install packages, where it is private: see `Environment.install`."""
        __tracebackhide__ = True
        words = requirements_of(requirements)
        if not self.is_private or self._install is None:
            raise is_shared(self.label, self.name, words, "throwaway_venv")
        try:
            self._install(words)
        except EnvReproError as error:  # To the one who asked, its message is all.
            raise error.with_traceback(None) from None

    def inventory(self) -> Packages:
        """List what is installed: see `Environment.inventory`."""
        paths = self._paths()
        return self._packages(paths, read_inventory(paths, self.python.interpreter))

    def side(self, depth: Depth) -> Side:
        """Give what is compared at a depth: see `Environment.side`."""
        packages = self.inventory()
        loose = None if depth == "packages" else loose_files(packages, str(self.prefix), self._sites())
        return Side(
            label=self.label,
            packages=packages,
            prefix=str(self.prefix),
            loose=loose,
            system=system_of(self.python),
            variables=self.settings.shown_variables() if self.settings else None,
        )

    def subject(self) -> Subject:
        """Give what is judged: see `Environment.subject`."""
        inventory = read_inventory(self._paths(), self.python.interpreter)
        lock = self.settings.lock if self.settings else None
        return Subject(inventory, tags=lambda: self.python.tags, lock=lock)

    def _packages(self, paths: Sequence[str], inventory: Inventory) -> Packages:
        return read_packages(self.title, inventory, paths, str(self.prefix), named=self._named)

    def _sites(self) -> list[str]:
        """Give its site-packages folders, one where the two are the same."""
        layout = self.python.layout
        found = {
            os.path.realpath(self.prefix / each): str(self.prefix / each) for each in (layout.platlib, layout.purelib)
        }
        return [*reversed(found.values())]

    def _paths(self) -> list[str]:
        """Give the folders that its Python finds packages in: site-packages, and what their `.pth` files add."""
        return [*dict.fromkeys(each for site in self._sites() for each in (site, *added_by_pth(site)))]
