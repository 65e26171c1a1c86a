"""The environment that runs pytest, as a handle: it can be looked at, compared and run, and is never changed."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envrepro.envs.contents import Side
from pytest_envrepro.envs.host import host_inventory, host_paths
from pytest_envrepro.envs.judged import Subject
from pytest_envrepro.envs.packages import read_packages
from pytest_envrepro.envs.running import Folders, LocalEnvironment
from pytest_envrepro.envs.system import system_of_host
from pytest_envrepro.errors import RefusedError

if TYPE_CHECKING:
    from pytest_envrepro.envs.comparing import Depth
    from pytest_envrepro.envs.judged import Judge
    from pytest_envrepro.envs.packages import Packages


class HostEnvironment(LocalEnvironment):
    """The environment that runs pytest.

    Its programs are run as those of any other environment, without the developer's own variables.

    Args:
        root: the project's folder: what lies in it is not installed by lying there.
    """

    kind = "host"
    python_name = Path(sys.executable).name

    def __init__(self, *, root: Path, scratch: Path, judge: Judge) -> None:
        folders = Folders(Path(sys.prefix), Path(sysconfig.get_path("scripts")), scratch)
        super().__init__(folders, name="host", settings=None, key="", judge=judge)
        self._root = root

    @property
    def key(self) -> str:
        """What tells it from others: the fingerprint of what is installed."""
        return host_inventory(self._root).fingerprint

    @property
    def label(self) -> str:
        """What it is called, as part of a sentence."""
        return "the environment that runs pytest"

    def install(self, *requirements: str) -> None:
        """Refuse: see `Environment.install`."""
        __tracebackhide__ = True
        raise RefusedError(
            f"{self.label} is not changed: install {' '.join(requirements)} into one of the test's own, which "
            "throwaway_venv and environments.throwaway(...) give"
        )

    def inventory(self) -> Packages:
        """List what is installed: see `Environment.inventory`."""
        paths = host_paths(self._root)
        return read_packages(self.title, host_inventory(self._root), paths, str(self.prefix))

    def side(self, depth: Depth) -> Side:  # noqa: ARG002  # All that there is to compare is known at once.
        """Give what is compared at a depth: see `Environment.side`."""
        return Side(label=self.label, packages=self.inventory(), prefix=str(self.prefix), system=system_of_host())

    def subject(self) -> Subject:
        """Give what is judged: see `Environment.subject`."""
        return Subject(host_inventory(self._root), is_host=True)
