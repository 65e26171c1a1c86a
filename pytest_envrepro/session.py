"""The middle: discovers, reads, and introduces the families to one another; `judging` asks the checks."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_envrepro.cache import VerdictCache, cache_folder
from pytest_envrepro.checks import Facts, checks
from pytest_envrepro.childenv import with_absolute_paths
from pytest_envrepro.discovery import anchor_of, discover, no_lock, read_project, tree_of
from pytest_envrepro.envs import host_inventory
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.files import Files
from pytest_envrepro.garbage import no_collection
from pytest_envrepro.judging import Judging, codes
from pytest_envrepro.loading import load_config
from pytest_envrepro.lockparts import unknown_in
from pytest_envrepro.locks import format_of
from pytest_envrepro.offered import Offered
from pytest_envrepro.once import Once
from pytest_envrepro.selection import CheckId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_envrepro.catalogue import Catalogue
    from pytest_envrepro.discovery import Discovery
    from pytest_envrepro.inventory import Inventory
    from pytest_envrepro.locks import Tree
    from pytest_envrepro.model import Lock
    from pytest_envrepro.outcome import Result
    from pytest_envrepro.recompiling import Recompiler


class Session:
    """One look at a project and its environment.

    Args:
        root: the project's folder.
        configured_by: the file that configured pytest, if any.
        environ: the environment variables.
        tell: is told what takes its time; None where locks are not to be compiled again (`--env-recompile`).
        offline: whether the network is left alone.
        start: where the session was started: what relative paths in variables are relative to; the current folder,
            where it is None.

    Attributes:
        printed: what the commands of settings have printed, by the environment and the command.

    Raises:
        SettingsError: the table cannot be followed.
    """

    def __init__(
        self,
        root: Path,
        *,
        configured_by: Path | None,
        environ: Mapping[str, str],
        tell: Callable[[str], None] | None = None,
        offline: bool = False,
        start: Path | None = None,
    ) -> None:
        self.root = root
        self._start = start or Path.cwd()
        self._tell = tell
        self._offline = offline
        self.environ = environ
        self._configured_by = configured_by
        self.printed: Once[bytes] = Once()
        self.files = Files(root)
        kinds = checks()
        self._offered = Offered(self.tree)
        self.config = load_config(self.files, codes(kinds), self._offered)
        self.cache_folder = cache_folder(environ)
        self._cache = VerdictCache(self.cache_folder)
        self._judging = Judging(kinds, self.config, self._cache, lambda: self.facts)

    @property
    def tool_environ(self) -> Mapping[str, str]:
        """The environment variables for tools, wherever they run: a test may have gone to another folder meanwhile."""
        return with_absolute_paths(self.environ, self._start)

    @cached_property
    def discovery(self) -> Discovery:
        """The locks that were found."""
        return discover(self.files, self.tree, self.config)

    @cached_property
    def tree(self) -> Tree:
        """The project's files, as the formats of locks see them."""
        return tree_of(self.files, self.environ)

    @cached_property
    def inventory(self) -> Inventory:
        """What is installed in this environment."""
        return host_inventory(self.root)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The integrations, and what of them is met here."""
        from pytest_envrepro.catalogue import Catalogue  # noqa: PLC0415  # Is needed where a test asks for one alone.

        return Catalogue(
            self.config,
            self.tree,
            root=self.root,
            environ=self.environ,
            inventory=lambda: self.inventory,
            cache=self._cache,
        )

    @cached_property
    def facts(self) -> Facts:
        """All that the checks look at."""
        with no_collection():
            locks = {path: self._judging.timed(path, partial(self._parse, path)) for path in self.discovery.locks}
            self._refuse_unknown_parts(locks)
            anchor = anchor_of(self.root, self._configured_by, tuple(locks))
            inventory = self._judging.timed(anchor, lambda: self.inventory)
            return Facts(
                locks=locks,
                installed=None if (named := self.config.installed) is None else tuple(entry.lock for entry in named),
                inventory=inventory,
                project=read_project(self.root, self.files, anchor),
                integrity=self.config.integrity,
                offline=lambda path: self._judging.outcome(CheckId(path, "lock")),
                compiling=self.recompiler(locks, self._tell) if self._tell else None,
                parts={
                    each.lock: parts
                    for each in named or ()
                    if (parts := each.parts(locks[each.lock].usual)) is not None
                },
            )

    def _refuse_unknown_parts(self, locks: Mapping[str, Lock]) -> None:
        """Refuse groups and extras in `installed` that a lock does not have.

        Raises:
            SettingsError: there are some; all of them are told.
        """
        faults = [
            f"  installed[{index}].{key}[{place}]: {message}"
            for index, each in enumerate(self.config.installed or ())
            if each.groups or each.extras
            for key, place, message in unknown_in(locks[each.lock], each.groups or (), each.extras or (), self._offered)
        ]
        if faults:
            raise SettingsError("\n".join([f"{self.config.file} cannot be followed:", *sorted(faults)]))

    def recompiler(self, locks: Mapping[str, Lock], tell: Callable[[str], None]) -> Recompiler:
        """Give what compiles the locks again, on copies."""
        # Only where it is asked for, as it starts programs.
        from pytest_envrepro.recompiling import Recompiler  # noqa: PLC0415

        return Recompiler(
            files=self.files,
            folder=self._start,
            environ=self.environ,
            inventory=self.inventory,
            locks=locks,
            cache=self.cache_folder,
            read=self.read_as,
            tell=tell,
            offline=self._offline,
        )

    def read_as(self, path: str, data: bytes) -> Lock:
        """Read a lock as if it held something else."""
        return self.discovery.parse(path, tree_of(self.files.holding(path, data), self.environ))

    def lock(self, path: str) -> Lock:
        """Read a lock, which discovery need not have found."""
        if path in self.discovery.locks:
            return self._parse(path)
        return format_of(path).parse(path, self.tree, None)

    def _parse(self, path: str) -> Lock:
        return self.discovery.parse(path, self.tree)

    def require_lock(self) -> None:
        """Raise a SettingsError if there is no lock at all: nothing to check is not a pass."""
        if not self.discovery.locks:
            raise SettingsError(no_lock(self.root, self.discovery.seen))

    @property
    def plan(self) -> tuple[CheckId, ...]:
        """All checks of this project in the order in which they are shown: lock by lock, then the environment."""
        return self._judging.plan

    def judge(self, ids: Iterable[CheckId]) -> tuple[Result, ...]:
        """Judge some of the plan, in its order, with the severities and waivers of the table."""
        return self._judging.judge(ids)
