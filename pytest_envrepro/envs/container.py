"""A container: shared with other tests and read-only, or private to one that may change it."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_envrepro.engine import EngineError
from pytest_envrepro.envs.contents import Side
from pytest_envrepro.envs.elsewhere import Elsewhere
from pytest_envrepro.envs.executing import RunningContainer
from pytest_envrepro.envs.installed import Installed
from pytest_envrepro.envs.inventory import read_inventory
from pytest_envrepro.envs.judged import Subject
from pytest_envrepro.envs.linux import release
from pytest_envrepro.envs.looks import DPKG, RELEASES, Looks
from pytest_envrepro.envs.loose import loose_files
from pytest_envrepro.envs.packages import read_packages
from pytest_envrepro.envs.system import system_of
from pytest_envrepro.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from typing_extensions import Unpack

    from pytest_envrepro.engine import Container
    from pytest_envrepro.envs.base import Identity
    from pytest_envrepro.envs.comparing import Depth
    from pytest_envrepro.envs.looks import Look
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.inventory import Inventory


class ContainerEnvironment(RunningContainer):
    """A container, with the packages that are installed in it.

    Args:
        container: it ends with the process that has made it.
        python: the Python that packages are for, as it describes itself there; None for an image that has none.
        prefix: the folder of the virtualenv in the image; None where its packages are those of the image's own Python.
        workdir: where its programs run, and what relative paths are relative to.
        scratch: a folder of this machine for what is seen in it; it need not be there yet.
        looks: what was seen in the container, where several handles of it share that.
        is_private: whether it is one test's own, which may change it.
        user: whom its programs run as, and whose the files are that are written; None for root.
        install: installs requirements into it, where it is private.
        named: the names that its lock names: pip, setuptools and wheel count in a comparison where they are among them.

    Attributes:
        python: the Python that packages are for, or None.
    """

    def __init__(  # noqa: PLR0913  # Each is a fact of its own.
        self,
        *,
        container: Container,
        python: Python | None,
        scratch: Path,
        prefix: str | None = None,
        workdir: str = "/",
        looks: Looks | None = None,
        is_private: bool = False,
        user: str | None = None,
        install: Callable[[Sequence[str]], object] | None = None,
        named: frozenset[str] = frozenset(),
        **identity: Unpack[Identity],
    ) -> None:
        program = _program(python, prefix)
        super().__init__(container, program=program, workdir=workdir, is_private=is_private, user=user, **identity)
        self.python = python
        self.target = python.interpreter if python else None
        self._looks = looks or Looks(container, python=program, folder=scratch, is_private=is_private)
        self._install = install
        self._named = named

    def inventory(self) -> Installed:
        """List what is installed: see `Environment.inventory`; besides its Python, apt packages and variables.

        Its Python is asked each time, without running any code of the packages'.

        Raises:
            EnvReproError: it has no Python, or that does not answer.
        """
        __tracebackhide__ = True
        self._known_python()
        try:
            return self._installed(self._looks.look())
        except EngineError as error:  # As of `run`.
            raise error.with_traceback(None) from None

    def side(self, depth: Depth) -> Side:
        """Give what is compared at a depth: see `Environment.side`."""
        python = self._known_python()
        look = self._looks.look(whole=depth != "packages")
        installed = self._installed(look)
        side = Side(label=self.label, packages=installed, prefix=look.place(look.prefix), home=look.prefix)
        if depth != "packages":
            if look.prefix:
                side = side._replace(loose=loose_files(installed, look.place(look.prefix), _places(look, look.prefix)))
            listed = {file.place.removeprefix(str(look.root)) for each in installed.values() for file in each.files}
            elsewhere = Elsewhere(self.container, python=self.program, prefix=look.prefix, listed=listed)
            side = side._replace(elsewhere=elsewhere)
        if depth == "system":
            told = release(look.read(*RELEASES))
            side = side._replace(
                system={**system_of(python), **({"release": told} if told else {})},
                variables=self.settings.shown_variables() if self.settings else None,
                lists={"apt": installed.apt} if installed.has_apt else {},
                unknown=tuple(f"{each} packages (nothing here reads them)" for each in look.others),
            )
        return side

    def subject(self) -> Subject:
        """Give what is judged: see `Environment.subject`."""
        python = self._known_python()
        inventory = replace(
            self._inventory(self._looks.look()),
            state=lambda: None,
            # The files are copied where they are to be judged, and only then.
            files=lambda full: self._inventory(self._looks.look(whole=True)).files(full),
            files_state=lambda: None,
        )
        return Subject(inventory, tags=lambda: python.tags).declared(self.settings)

    def _inventory(self, look: Look) -> Inventory:
        python = self._known_python()
        return read_inventory(_places(look), python.interpreter, root=str(look.root))

    def _installed(self, look: Look) -> Installed:
        inventory = self._inventory(look)
        prefix = look.place(look.prefix)
        packages = read_packages(self.title, inventory, _places(look), prefix, named=self._named, root=str(look.root))
        return Installed(
            packages,
            interpreter=inventory.interpreter,
            dpkg=look.read(DPKG),
            others=look.others,
            variables=self.settings.environment if self.settings else MappingProxyType({}),
        )

    def _known_python(self) -> Python:
        __tracebackhide__ = True
        if self.python is None:
            raise RefusedError(
                f"what is installed in {self.label} is not known: its image is used as it is, and has no Python; run(), "
                "read(), write() and logs() need none"
            )
        return self.python


def _program(python: Python | None, prefix: str | None) -> str:
    """Give the Python that runs what is installed."""
    if python is None:
        return ""
    return python.executable if prefix is None else posixpath.join(prefix, python.layout.scripts, python.layout.python)


def _places(look: Look, prefix: str = "") -> list[str]:
    """Give where packages are found, on this machine; of a virtualenv, those in it."""
    return [look.place(path) for path in look.paths if path.startswith(posixpath.join(prefix, ""))]
