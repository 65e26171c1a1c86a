"""A virtualenv: shared with other tests and read-only, or private to one that may change it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pytest_envrepro.envs.base import RefusedError, Subject
from pytest_envrepro.envs.contents import Side
from pytest_envrepro.envs.host import added_by_pth
from pytest_envrepro.envs.inventory import read_inventory
from pytest_envrepro.envs.packages import read_packages, relative
from pytest_envrepro.envs.running import Folders, LocalEnvironment, quiet
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

# What virtualenv writes for itself: it tells of the place and of the Python, which are compared by themselves.
_OWN = re.compile(
    r"pyvenv\.cfg|\.gitignore|CACHEDIR\.TAG|\.lock|(?:bin|Scripts)/(?:(?:de)?activate(?:[._]\w+)*|python[\w.]*|pydoc\.bat)"
    r"|_virtualenv\.(?:py|pth)|(?:.*/)?__pycache__/_virtualenv\.[\w.-]+\.pyc"
)


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
        if not requirements or not all(isinstance(each, str) for each in requirements):
            raise TypeError("install() takes requirements: install('flask>=3', 'click')")
        options = [each for each in requirements if each.lstrip().startswith("-")]
        if options:
            raise RefusedError(f"install() takes requirements, and no options: {options[0]!r}")
        if not self.is_private or self._install is None:
            named = f"environments.throwaway('{self.name}')" if self.name else "environments.throwaway(...)"
            raise RefusedError(
                f"{self.label} is shared with other tests and is not changed: name {', '.join(requirements)} in its "
                f"requirements, or install into one of the test's own, which throwaway_venv and {named} give"
            )
        try:
            self._install(requirements)
        except EnvReproError as error:  # To the one who asked, its message is all.
            raise error.with_traceback(None) from None

    def inventory(self) -> Packages:
        """List what is installed: see `Environment.inventory`."""
        paths = self._paths()
        return self._packages(paths, read_inventory(paths, self.python.interpreter))

    def side(self, depth: Depth) -> Side:
        """Give what is compared at a depth: see `Environment.side`."""
        packages = self.inventory()
        loose = None if depth == "packages" else self._loose(packages)
        build = {"build": self.python.identity[:12]}
        system = {**self.python.interpreter.environment, **build}
        return Side(label=self.label, packages=packages, prefix=str(self.prefix), loose=loose, system=system)

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

    def _loose(self, packages: Packages) -> dict[str, str]:
        """Give the files that no package lists, by path, those aside that virtualenv writes."""
        listed = {file.place for package in packages.values() for file in package.files}
        sites = self._sites()
        found: dict[str, str] = {}
        for folder, folders, names in os.walk(self.prefix):
            folders[:] = [each for each in folders if not os.path.islink(os.path.join(folder, each))]
            for name in names:
                place = os.path.join(folder, name)
                path = relative(place, *sites, str(self.prefix))
                if place not in listed and not _OWN.fullmatch(path):
                    found[path] = place
        return found
