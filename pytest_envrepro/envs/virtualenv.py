"""A virtualenv: shared with other tests and read-only, or private to one that may change it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_envrepro.envs.contents import Side
from pytest_envrepro.envs.host import added_by_pth, stamps_of_pth
from pytest_envrepro.envs.inventory import read_inventory
from pytest_envrepro.envs.judged import Judged, Subject
from pytest_envrepro.envs.lent import LentEnvironment
from pytest_envrepro.envs.loose import loose_files
from pytest_envrepro.envs.packages import read_packages
from pytest_envrepro.envs.running import Folders, LocalEnvironment
from pytest_envrepro.envs.system import system_of
from pytest_envrepro.values import in_a_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from typing_extensions import Unpack

    from pytest_envrepro.envs.base import Identity
    from pytest_envrepro.envs.comparing import Depth
    from pytest_envrepro.envs.packages import Packages
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.inventory import Inventory


_MOST_CHANGES = 10  # Files that are told of besides those of RECORD.


class VirtualEnvironment(LentEnvironment, LocalEnvironment):
    """A virtualenv.

    Args:
        python: the Python that it is made with.
        is_private: whether it is one test's own, which may change it.
        install: installs requirements into it, where it is private.
        verify: reads every file of it, where it is shared, and gives the paths of those that are not as they were made,
            each with what is wrong.
        named: the names that its lock names: pip, setuptools and wheel count in a comparison where they are among them.

    Attributes:
        python: the Python that it is made with.
    """

    kind = "virtualenv"
    fixture = "throwaway_venv"

    def __init__(  # noqa: PLR0913  # Each is a fact of its own.
        self,
        *,
        prefix: Path,
        python: Python,
        scratch: Path,
        is_private: bool = False,
        install: Callable[[Sequence[str]], object] | None = None,
        verify: Callable[[], Sequence[tuple[str, str]]] | None = None,
        named: frozenset[str] = frozenset(),
        **identity: Unpack[Identity],
    ) -> None:
        super().__init__(Folders(prefix, prefix / python.layout.scripts, scratch), **identity)
        self.python = python
        self.python_name = python.layout.python
        self.is_private = is_private
        self._install = install
        self._verify = verify
        self._named = named

    def install(self, *requirements: str) -> None:
        """Install packages, where it is private: see `Environment.install`."""
        __tracebackhide__ = True
        self._refuse_gone()
        super().install(*requirements)

    def inventory(self) -> Packages:
        """List what is installed: see `Environment.inventory`.

        Raises:
            EnvReproError: it is gone.
        """
        __tracebackhide__ = True
        self._refuse_gone()
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
        self._refuse_gone()
        inventory = read_inventory(self._paths(), self.python.interpreter)
        return Subject(inventory, tags=lambda: self.python.tags).declared(self.settings)

    def _intact(self, subject: Subject) -> Judged:
        judged = super()._intact(subject)
        changes = self._verify() if self._verify is not None else ()
        told = [f"{path} {what}" for path, what in changes if not self._is_told(path, judged.faults)]
        more = [f"and {len(told) - _MOST_CHANGES} more files"] if len(told) > _MOST_CHANGES else []
        return judged._replace(faults=(*judged.faults, *map(in_a_line, told[:_MOST_CHANGES]), *more))

    def _is_told(self, path: str, faults: Sequence[str]) -> bool:
        """Tell whether a file is in what RECORD has shown: that names it as a path from site-packages."""
        names = [os.path.relpath(self.prefix / path, site).replace(os.sep, "/") for site in self._sites()]
        return any(f" {in_a_line(name)} " in fault for name in names for fault in faults)

    def _packages(self, paths: Sequence[str], inventory: Inventory) -> Packages:
        return read_packages(self.title, inventory, paths, str(self.prefix), named=self._named)

    def _state(self) -> int | None:
        # A process that has begun knows the `.pth` files of then.
        return hash(tuple(sorted(stamps_of_pth(self._sites())))) if self.is_private else None

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
