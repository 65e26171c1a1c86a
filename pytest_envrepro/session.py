"""The middle: discovers, introduces the families to one another, and decides the verdict."""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import time
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pytest_envrepro.cache import VerdictCache, cache_folder
from pytest_envrepro.checks import Facts, checks, settle
from pytest_envrepro.discovery import anchor_of, discover, format_of, no_lock, read_project, tree_of
from pytest_envrepro.envs import host_inventory
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.files import Files
from pytest_envrepro.loading import load_config
from pytest_envrepro.offered import Offered
from pytest_envrepro.outcome import Finding, Outcome, Result, Status, with_findings, worst
from pytest_envrepro.policy import STALE_WAIVER, Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pytest_envrepro.catalogue import Catalogue
    from pytest_envrepro.checks import Check
    from pytest_envrepro.discovery import Discovery
    from pytest_envrepro.locks import Tree
    from pytest_envrepro.model import Inventory, Lock
    from pytest_envrepro.recompiling import Recompiler

Read = TypeVar("Read")


class CheckId(NamedTuple):
    """The name of a check on a subject; as text `requirements.txt::lock`."""

    subject: str
    check: str

    def __str__(self) -> str:
        """Write it as a node id."""
        return f"{self.subject}::{self.check}"


class Session:
    """One look at a project and its environment.

    Args:
        root: the project's folder.
        configured_by: the file that configured pytest, if any.
        environ: the environment variables.
        tell: is told what takes its time; None where locks are not to be compiled again (`--env-recompile`).
        offline: whether the network is left alone.

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
    ) -> None:
        self.root = root
        self._tell = tell
        self._offline = offline
        self.environ = environ
        self._configured_by = configured_by
        self.files = Files(root)
        self._reading: dict[str, float] = {}
        self._outcomes: dict[CheckId, tuple[Outcome, float]] = {}
        self._checks = {check.name: check for check in checks()}
        self._owners = _owners(self._checks.values())
        self.config = load_config(self.files, [*self._owners, STALE_WAIVER], Offered(self.tree))
        self.cache_folder = cache_folder(environ)
        self._cache = VerdictCache(self.cache_folder)

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
        with _no_collection():
            locks = {path: self._timed(path, partial(self._parse, path)) for path in self.discovery.locks}
            anchor = anchor_of(self.root, self._configured_by, tuple(locks))
            inventory = self._timed(anchor, lambda: self.inventory)
            return Facts(
                locks=locks,
                installed=None if (named := self.config.installed) is None else tuple(entry.lock for entry in named),
                inventory=inventory,
                project=read_project(self.root, self.files, anchor),
                integrity=self.config.integrity,
                offline=lambda path: self._outcome(CheckId(path, "lock"))[0],
                compiling=self.recompiler(locks, self._tell) if self._tell else None,
            )

    def recompiler(self, locks: Mapping[str, Lock], tell: Callable[[str], None]) -> Recompiler:
        """Give what compiles the locks again, on copies."""
        # Only where it is asked for, as it starts programs.
        from pytest_envrepro.recompiling import Recompiler  # noqa: PLC0415

        return Recompiler(
            files=self.files,
            folder=Path.cwd(),
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

    def _timed(self, subject: str, read: Callable[[], Read]) -> Read:
        """Read something, and note how long it took for the first check that is shown at the subject."""
        started = time.perf_counter()
        value = read()
        self._reading[subject] = self._reading.get(subject, 0.0) + time.perf_counter() - started
        return value

    def require_lock(self) -> None:
        """Raise a SettingsError if there is no lock at all: nothing to check is not a pass."""
        if not self.discovery.locks:
            raise SettingsError(no_lock(self.root, self.discovery.seen))

    @cached_property
    def plan(self) -> tuple[CheckId, ...]:
        """All checks of this project in the order in which they are shown: lock by lock, then the environment."""
        facts = self.facts
        each = {name: check.subjects(facts) for name, check in self._checks.items()}
        ids = [CheckId(path, name) for path in facts.locks for name, subjects in each.items() if path in subjects]
        ids += [CheckId(subject, name) for name, subjects in each.items() for subject in subjects]
        return tuple(dict.fromkeys(ids))

    def judge(self, ids: Iterable[CheckId]) -> tuple[Result, ...]:
        """Judge some of the plan, in its order, with the severities and waivers of the table."""
        wanted = set(ids)
        today = dt.datetime.now(tz=dt.timezone.utc).date()
        policy = Policy(self.config, today, self.inventory.interpreter.environment)
        with _no_collection():
            results = [self._judge(each, policy) for each in self.plan if each in wanted]
        settled = self._with_stale_waivers(settle(self.facts, results), policy)
        return tuple(self._without_refused(result) for result in settled)

    def _without_refused(self, result: Result) -> Result:
        """Leave out a command that a header tells and that we would not run ourselves: people paste what they are told."""
        lock = self.facts.locks.get(result.subject)
        findings = result.outcome.findings
        if (
            lock is None
            or lock.fix is None
            or lock.recipe is None
            or not any(each.fix == lock.fix for each in findings)
        ):
            return result
        # Only where something is broken.
        from pytest_envrepro.compilers import is_run  # noqa: PLC0415

        if is_run(lock.recipe, lock.path):
            return result
        kept = (replace(each, fix=None) if each.fix == lock.fix else each for each in findings)
        return replace(result, outcome=with_findings(result.outcome, kept))

    def _judge(self, each: CheckId, policy: Policy) -> Result:
        outcome, seconds = self._outcome(each)
        # What was read for a subject is counted with the first check that is shown there.
        seconds += self._reading.pop(each.subject, 0.0)
        return Result(check=each.check, subject=each.subject, outcome=policy.apply(outcome), seconds=seconds)

    def _outcome(self, each: CheckId) -> tuple[Outcome, float]:
        """Judge once, by the checks alone; with the seconds that it took."""
        if each not in self._outcomes:
            started = time.perf_counter()
            outcome = self._remembered(self._checks[each.check], each.subject)
            self._outcomes[each] = outcome, time.perf_counter() - started
        return self._outcomes[each]

    def _remembered(self, check: Check, subject: str) -> Outcome:
        """Give the outcome of an earlier session if all that it depends on is the same, else judge."""
        key = check.key(self.facts, subject)
        known = self._cache.get(key) if key else None
        if known is not None:
            return Result.unpack(known).outcome
        outcome = check.judge(self.facts, subject)
        if key and outcome.judged:
            self._cache.put(key, Result(check=check.name, subject=subject, outcome=outcome).pack())
        return outcome

    def _with_stale_waivers(self, results: list[Result], policy: Policy) -> Iterable[Result]:
        """Add what is wrong with the waivers to the first result of the check that owns the code."""
        judged = {(result.subject, result.check) for result in results}
        whole = {each.check for each in self.plan} - {
            each.check for each in self.plan if (each.subject, each.check) not in judged
        }
        stale: dict[str, list[Finding]] = {}
        for owner, finding in policy.stale(results, self._owners):
            if owner in whole:
                stale.setdefault(owner, []).append(finding)
        for result in results:
            found = stale.pop(result.check, [])
            outcome = with_findings(result.outcome, [*result.outcome.findings, *found]) if found else result.outcome
            yield replace(result, outcome=outcome)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Put off the collection of garbage, which would take half of the time.

    Thousands of small values are made here, few of them in a circle; and each full collection would look through all
    that pytest, its plugins and the conftests have imported.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # What was made here stays for the session: as old objects at once, it is not looked through when collection goes
        # on, which would take a tenth of the time again. (PyPy has no such generations.)
        if enabled and hasattr(gc, "freeze") and not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        if enabled:
            gc.enable()


def _owners(kinds: Iterable[Check]) -> dict[str, str]:
    """Give the check that owns each code: the first that may find it."""
    owners: dict[str, str] = {}
    for kind in kinds:
        for code in kind.codes:
            owners.setdefault(code, kind.name)
    return owners


def names_checks(plan: tuple[CheckId, ...], named: Iterable[str]) -> bool:
    """Tell whether there are node ids among what the command line names, and every one of them is a check."""
    node_ids = {name for name in named if "::" in name}
    return bool(node_ids) and node_ids <= {str(each) for each in plan}


def select(plan: tuple[CheckId, ...], named: tuple[str, ...]) -> tuple[CheckId, ...]:
    """Give the checks to judge: where every node id that was given is a check, only what was named; else all.

    Args:
        named: files, folders and node ids of the command line, relative to the root.
    """
    if not names_checks(plan, named):
        return plan
    return tuple(each for each in plan if str(each) in named or each.subject in named)


def verdict(results: Iterable[Result]) -> Status:
    """Give the worst of the outcomes; `unchecked` where nothing was judged."""
    return worst(result.outcome.status for result in results)


def fails(status: Status, *, strict: bool) -> bool:
    """Tell whether an outcome fails the session."""
    return status == "broken" or (strict and status == "unchecked")
