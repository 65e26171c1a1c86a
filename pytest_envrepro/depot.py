"""The environments of a session: each is planned from its settings, made once, handed out, and taken back."""

from __future__ import annotations

import contextlib
import threading
from functools import cached_property, partial
from typing import TYPE_CHECKING

from pytest_envrepro.asserting import Asserting
from pytest_envrepro.cache import is_named
from pytest_envrepro.choosing import Choosing
from pytest_envrepro.envs.hosting import HostEnvironment
from pytest_envrepro.envs.locked import LockEnvironment
from pytest_envrepro.errors import BuildError, InterpreterNotFound, SettingsError
from pytest_envrepro.identities import Copies
from pytest_envrepro.lockparts import parts_of, refuse_unknown_parts
from pytest_envrepro.lockpins import pins_of, read_lock
from pytest_envrepro.offered import Offered
from pytest_envrepro.outcome import counted
from pytest_envrepro.planning import key_of, plan_of
from pytest_envrepro.plans import ContainerPlan, digest_of
from pytest_envrepro.programs import Programs
from pytest_envrepro.progress import Progress
from pytest_envrepro.pythons import Finder
from pytest_envrepro.settings import Settings
from pytest_envrepro.settingtext import is_of_table
from pytest_envrepro.store.store import Damaged, Store
from pytest_envrepro.virtualenvs import Made, Virtualenvs

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pytest_envrepro.containers import Containers
    from pytest_envrepro.envs.virtualenv import VirtualEnvironment
    from pytest_envrepro.interpreter import Python
    from pytest_envrepro.plans import Plan, Policy
    from pytest_envrepro.session import Session
    from pytest_envrepro.store.entries import Entry


class Depot:
    """The environments of one session.

    Args:
        session: the project.
        policy: how they are made.
        scratch: makes an empty folder for what programs in an environment write beside it.
        tell: is told what takes its time, for people; may be called from several threads, never from two at once.
        quiet: whether that is to be little.
    """

    def __init__(
        self,
        session: Session,
        policy: Policy,
        *,
        scratch: Callable[[], Path],
        tell: Callable[[str], None],
        quiet: bool = False,
    ) -> None:
        self.session = session
        self.policy = policy
        self._scratch = scratch
        self._progress = Progress(tell, quiet=quiet)
        self._finder = Finder(root=session.root, environ=session.environ, cache=session.cache_folder)
        self._copies = Copies()
        self._made: dict[str, Made] = {}
        self._guards: dict[str, threading.Lock] = {}

    @cached_property
    def _cache(self) -> Path:
        folder = self.session.cache_folder
        if folder is None:
            raise BuildError("there is no folder to keep environments in: name one in PYTEST_ENVREPRO_CACHE")
        return folder.absolute()

    @cached_property
    def store(self) -> Store:
        """Where they are kept."""
        return Store(
            self._cache / "envs",
            tell=self._progress.tell,
            since=self.policy.since,
            run=self.policy.run,
            may_move=not is_named(self.session.environ),
        )

    @cached_property
    def containers(self) -> Containers:
        """The containers among them."""
        from pytest_envrepro.containers import Containers  # noqa: PLC0415  # A session without them is spared it.

        return Containers(
            self.session,
            self.policy,
            cache=self._cache,
            scratch=self._scratch,
            progress=self._progress,
            finder=self._finder,
            judge=self.judge,
        )

    def tell(self, text: str) -> None:
        """Tell people something, from any thread."""
        self._progress.tell(text)

    def cancel(self) -> None:
        """Cancel what engines are doing for it, in any thread."""
        if "containers" in self.__dict__:
            self.containers.cancel()

    @cached_property
    def _virtualenvs(self) -> Virtualenvs:
        return Virtualenvs(*(self.session, self.policy), cache=self._cache, progress=self._progress, judge=self.judge)

    @cached_property
    def _choosing(self) -> Choosing:
        return Choosing(self.session, self.policy, cache=self._cache, tell=self._progress.say)

    def plan(self, settings: Settings) -> Plan:
        """Decide what an environment is made of.

        Raises:
            SettingsError: the settings name what does not exist.
            InterpreterNotFound: there is no such Python here.
            BuildError: nothing here can install for it; or a command of theirs fails.
        """
        python = self.python(settings)
        if not isinstance(settings.replicate_local, tuple):
            return plan_of(settings, self.session, python, offline=self.policy.offline, tell=self._progress.say)
        with self._progress.of(settings.title or f"{settings.kind} of replicate-local"):
            return plan_of(settings, self.session, python, offline=self.policy.offline, tell=self._progress.say)

    def python(self, settings: Settings) -> Python:
        """Give the Python that settings ask for.

        Raises:
            InterpreterNotFound: there is none here.
        """
        try:
            return self._finder.find(settings.python)
        except InterpreterNotFound as error:
            origin = settings.origins["python"]
            raise error.again(by=origin if is_of_table(origin) else "") from None

    def foreseen(self, plan: Plan) -> tuple[Entry | None, bool]:
        """Find what is made of a plan already, and tell whether that is known without a program being run for it.

        Raises:
            BuildError: it cannot be made.
        """
        programs = Programs()
        programs.end()
        try:
            with programs.here():
                ready, resolved = self._choosing.chosen(plan)
        except BuildError:
            if programs.refused:
                return None, False
            raise
        return self.store.find(key_of(ready, resolved, self._choosing.states(resolved))), True

    def copied(self, plan: Plan | ContainerPlan) -> str:
        """Digest what an environment copies, as it is now; where that cannot be read, say why."""
        try:
            return self.containers.copied(plan) if isinstance(plan, ContainerPlan) else self._copied(plan)
        except SettingsError as error:
            return str(error)

    def _copied(self, plan: Plan) -> str:
        return digest_of([plan.identity, self._copies.of(plan.files)])

    def make(self, plan: Plan) -> Made:
        """Make an environment, or take the one that is there; from any thread.

        Raises:
            SettingsError: what it copies is not there any more.
            BuildError: it cannot be made.
        """
        identity = self._copied(plan)
        with self._guards.setdefault(identity, threading.Lock()):
            made = self._made.get(identity)
            if made is None or self.store.find(made.entry.key) is None:
                with self._progress.of(plan.title):
                    made = self._made[identity] = self._make(plan)
            return made._replace(plan=plan)

    def _make(self, plan: Plan) -> Made:
        plan, resolved = self._choosing.chosen(plan)
        key = key_of(plan, resolved, self._choosing.states(resolved))
        rebuild = self.policy.since is not None
        entry = self.store.get(key, partial(self._virtualenvs.build, plan, resolved), rebuild=rebuild, title=plan.title)
        if not entry.cached:
            packages = counted(len(resolved.pins), "package")
            python = plan.python.interpreter.version
            self._progress.done("made", f"{packages}, Python {python}, {plan.installer.label}")
        return Made(plan, resolved, entry)

    def shared(self, made: Made, scratch: Path | None = None) -> VirtualEnvironment:
        """Give the environment that all tests share that declare it.

        Args:
            scratch: an empty folder for what programs write; a new one unless given.
        """
        verify = partial(self.store.verify, made.entry)
        return self._virtualenvs.handle(made, made.entry.path, scratch or self._scratch(), verify=verify)

    def prepare(self, made: Made, copies: int) -> None:
        """Make ready what private copies of an environment are taken from; where that fails, the copy says so.

        Args:
            copies: how many tests take one; each process has one test at work.
        """
        with contextlib.suppress(BuildError):
            self.store.prepare(made.entry, min(copies, self.policy.workers))

    def private(self, made: Made, name: str) -> VirtualEnvironment:
        """Give an environment that one test may change.

        Args:
            name: of the test, for people who look at the folder.

        Raises:
            BuildError: there is no room for it.
        """
        try:
            path = self.store.private(made.entry, name)
        except Damaged:
            path = self.store.private(self.make(made.plan).entry, name)
        return self._virtualenvs.handle(made, path, self._scratch(), is_private=True)

    def afresh(self, plan: Plan, times: int) -> AbstractContextManager[tuple[VirtualEnvironment, ...]]:
        """Make an environment several times from nothing, as `Virtualenvs.afresh` does.

        Raises:
            BuildError: it cannot be made.
        """
        return self._virtualenvs.afresh(plan, times)

    @cached_property
    def judge(self) -> Asserting:
        """What judges environments of tests."""
        return Asserting(self.session)

    @cached_property
    def host(self) -> HostEnvironment:
        """The environment that runs pytest."""
        return HostEnvironment(root=self.session.root, scratch=self._scratch(), judge=self.judge)

    def lock(
        self, path: str, python: str | None, groups: tuple[str, ...] = (), extras: tuple[str, ...] = ()
    ) -> LockEnvironment:
        """Give a lock, read as an environment of a Python.

        Args:
            groups, extras: the parts of the project that are meant; none for what the lock's tool installs.

        Raises:
            SettingsError: there is no such lock or no such part of it, or nothing could be such a Python.
            LockError: what it pins is not known.
            InterpreterNotFound: there is no such Python here.
        """
        call = f"environments.lock({path!r})"
        lock = read_lock(self.session, path, call)
        refuse_unknown_parts(lock, groups, extras, Offered(self.session.tree), lambda key: f"{call}: {key}")
        interpreter = self.python(Settings(python=python)).interpreter
        choose = partial(pins_of, lock, parts=parts_of(lock, groups, extras), root=self.session.root)
        return LockEnvironment(lock=lock, interpreter=interpreter, judge=self.judge, choose=choose)
