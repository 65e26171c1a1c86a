"""What is installed in a container: packages as of every environment, and what is below them."""

from __future__ import annotations

from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_envrepro.envs.linux import apt_packages
from pytest_envrepro.envs.packages import Packages
from pytest_envrepro.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_envrepro.inventory import Interpreter


class Installed(Packages):
    """What was installed in a container when it was looked at; compares as all packages do.

    Args:
        packages: those of its Python.
        dpkg: dpkg's `status` file; empty where there is none.
        others: the kinds of packages that the image has besides, and that are not read.

    Attributes:
        interpreter: its Python.
        variables: those that its settings declare for its programs.
        has_apt: whether the image has apt packages.
    """

    def __init__(
        self,
        packages: Packages,
        *,
        interpreter: Interpreter,
        dpkg: str,
        others: tuple[str, ...],
        variables: Mapping[str, str],
    ) -> None:
        super().__init__(packages.title, dict(packages), named=packages.named)
        self.interpreter = interpreter
        self.variables = MappingProxyType(dict(variables))
        self.has_apt = bool(dpkg)
        self._dpkg = dpkg
        self._others = others

    @cached_property
    def apt(self) -> Mapping[str, str]:
        """The versions of the apt packages that are installed, by name.

        Raises:
            EnvReproError: the image is none of Debian's kind.
        """
        if not self.has_apt:
            others = f"; its packages are of another kind, which is not read: {', '.join(self._others)}"
            raise RefusedError(f"{self.title} has no apt packages{others if self._others else ''}")
        return MappingProxyType(apt_packages(self._dpkg))
