"""The virtualenvs among a session's environments: built of what was chosen, as tests hold them, and several from nothing."""

from __future__ import annotations

import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.absolute import absolute
from pytest_envrepro.choosing import Choosing
from pytest_envrepro.credentials import redact
from pytest_envrepro.envs.virtualenv import VirtualEnvironment
from pytest_envrepro.installers import build, install_into
from pytest_envrepro.plans import digest_of
from pytest_envrepro.pythons import check_built
from pytest_envrepro.store.store import Store
from pytest_envrepro.workspace import workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_envrepro.asserting import Asserting
    from pytest_envrepro.installers import Resolved
    from pytest_envrepro.plans import Plan, Policy
    from pytest_envrepro.progress import Progress
    from pytest_envrepro.session import Session
    from pytest_envrepro.store.entries import Entry
    from pytest_envrepro.store.manifest import Change


_ANEW = {"UV_NO_CACHE": "1", "PIP_NO_CACHE_DIR": "1"}  # They keep the wheels that they have built.


class Made(NamedTuple):
    """An environment in the store, and the pins that it is made of."""

    plan: Plan
    resolved: Resolved
    entry: Entry


class Virtualenvs:
    """The virtualenvs of one session.

    Args:
        session: the project.
        policy: how they are made.
        cache: the user's cache folder.
        progress: tells what takes its time.
        judge: judges environments.
    """

    def __init__(self, session: Session, policy: Policy, *, cache: Path, progress: Progress, judge: Asserting) -> None:
        self._session = session
        self._policy = policy
        self._cache = cache
        self._progress = progress
        self._judge = judge

    def build(
        self, plan: Plan, resolved: Resolved, folder: Path, *, environ: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Build one into a folder, prove that its Python is the one that was meant, and give facts about it.

        Args:
            environ: the variables of the tools, where they are not the session's.

        Raises:
            BuildError: it cannot be made.
        """
        started = time.perf_counter()
        with workspace(self._cache) as working:
            facts = build(
                folder,
                plan.python,
                resolved,
                plan.installer,
                prove=lambda made: check_built(made, plan.python, self._session.environ),
                files=plan.files,
                folders=plan.folders,
                environ=self._session.tool_environ if environ is None else environ,
                workspace=working,
                app_data=self._cache / "virtualenv",
                offline=self._policy.offline,
                tell=self._progress.say,
                timeout=self._policy.timeout,
            )
        return {**facts, "made in": time.perf_counter() - started, "made at": time.time()}

    def handle(
        self,
        made: Made,
        path: Path,
        scratch: Path,
        *,
        is_private: bool = False,
        verify: Callable[[], Sequence[Change]] | None = None,
    ) -> VirtualEnvironment:
        """Give one that is made, as tests hold it.

        Args:
            path: where it is: the one in the store, or a copy.
            scratch: a folder for what programs in it write beside it.
            is_private: whether it is one test's own, which may change it.
            verify: tells what of it is not as it was made.
        """
        plan = made.plan
        key = made.entry.key
        if plan.settings.environment:
            key = digest_of([key, sorted(plan.settings.environment.items())])
        return VirtualEnvironment(
            name=plan.settings.name,
            settings=plan.settings,
            key=key,
            prefix=path,
            python=plan.python,
            scratch=scratch,
            judge=self._judge,
            is_private=is_private,
            install=partial(self._install, plan, path) if is_private else None,
            verify=verify,
            named=frozenset(pin.name for pin in made.resolved.pins),
        )

    def _install(self, plan: Plan, path: Path, requirements: Sequence[str]) -> None:
        with self._progress.of(plan.title), workspace(self._cache) as folder:
            self._progress.say(f"installing {redact(', '.join(requirements))} with {plan.installer.label}")
            install_into(
                path,
                [absolute(each, self._session.root) for each in requirements],
                plan.python,
                installer=plan.installer,
                environ=self._session.tool_environ,
                workspace=folder,
                offline=self._policy.offline,
                timeout=self._policy.timeout,
            )

    @contextlib.contextmanager
    def afresh(self, plan: Plan, times: int) -> Iterator[tuple[VirtualEnvironment, ...]]:
        """Make an environment several times from nothing: versions are chosen anew, and nothing that was made is taken.

        That goes for what pip and uv keep of earlier builds too; offline, it may be all that there is, and is taken.
        They are gone when the block ends.

        Raises:
            BuildError: it cannot be made.
        """
        environ = {**self._session.tool_environ, **({} if self._policy.offline else _ANEW)}
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(workspace(self._cache))
            made = []
            for number in range(1, times + 1):
                title = f"{plan.title}, build {number} of {times}"
                with self._progress.of(title):
                    choosing = Choosing(
                        self._session,
                        self._policy,
                        cache=folder / f"cache-{number}",
                        tell=self._progress.say,
                        environ=environ,
                    )
                    wanted, resolved = choosing.chosen(plan, anew=True)
                    store = Store(folder / str(number), tell=self._progress.tell)
                    stack.callback(store.close)
                    building = partial(self.build, wanted, resolved, environ=environ)
                    entry = store.get(plan.identity, building, title=title)
                made.append(self.handle(Made(wanted, resolved, entry), entry.path, folder / f"scratch-{number}"))
            yield tuple(made)
