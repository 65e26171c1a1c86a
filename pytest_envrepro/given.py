"""What the fixture `environments` gives to tests: environments by name or by settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from pytest_envrepro.declaring import settings_of_call
from pytest_envrepro.errors import EnvReproError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    import pytest

    from pytest_envrepro.depot import Depot
    from pytest_envrepro.envs.base import Environment
    from pytest_envrepro.envs.container import ContainerEnvironment
    from pytest_envrepro.envs.virtualenv import VirtualEnvironment
    from pytest_envrepro.plans import ContainerPlan, Plan
    from pytest_envrepro.settings import Layer, Settings


class Lender(Protocol):
    """Makes environments for tests, and explains why it cannot in the words of pytest."""

    def depot(self) -> Depot:
        """Give where they come from."""

    def plan(self, settings: Callable[[Mapping[str, Layer]], Settings]) -> Plan | ContainerPlan:
        """Decide what one is made of."""

    def lend(self, plan: Plan | ContainerPlan, *, is_private: bool) -> VirtualEnvironment | ContainerEnvironment:
        """Make one, or take the one that is there."""

    def host(self) -> Environment:
        """Give the environment that runs pytest."""

    def give_back(self, environment: VirtualEnvironment | ContainerEnvironment) -> None:
        """Take back one before its test has ended; of what is shared, nothing ends with that."""

    def skipping(self) -> AbstractContextManager[None]:
        """Skip the test where there is no such Python, unless the session is strict."""


class Runner(Protocol):
    """Runs functions, and tests, in the environments that are lent."""

    def foresee(self, item: pytest.Item) -> None:
        """Note of a test that it is to run in its environment, before any other test has begun."""

    def begin(self, item: pytest.Item) -> None:
        """Prepare for a test that is to run in its environment."""

    def call(
        self, environment: Environment, function: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any]
    ) -> Any:
        """Call a function in an environment."""

    def end(self, *environments: Environment) -> None:
        """End what waits in environments for functions to call; in all where none is named."""


class Environments:
    """Environments for tests.

    Example behaviour, in a test:
        client = environments.get("client")
        other = environments.get(python="3.12", requirements=["flask>=3"])
        with environments.throwaway("client") as private:
            private.install("flask==2.3.3")
    """

    def __init__(self, lender: Lender) -> None:
        self._lender = lender
        self._plans: dict[Settings, Plan | ContainerPlan] = {}

    def get(self, declared: str | Settings | Mapping[str, Any] | None = None, /, **settings: Any) -> Any:
        """Give an environment that is shared with other tests, and is not to be changed.

        Args:
            declared: the name of one in the table, or settings.
            settings: further ones, in `snake_case`; they go over those of the name.

        Raises:
            SettingsError, LockError, BuildError: it cannot be made.
            InterpreterNotFound: there is no such Python, and the session is strict; else that skips the test.
        """
        __tracebackhide__ = True
        return self._lent(declared, settings, is_private=False)

    def throwaway(self, declared: str | Settings | Mapping[str, Any] | None = None, /, **settings: Any) -> Any:
        """Give an environment that the test may change. It ends with the test, or with a `with` block.

        Args:
            declared: the name of one in the table, or settings; nothing for an empty one.
            settings: further ones, in `snake_case`.

        Raises:
            SettingsError, LockError, BuildError, InterpreterNotFound: as `get`.
        """
        __tracebackhide__ = True
        return self._lent(declared, settings, is_private=True)

    def _lent(
        self, declared: Any, settings: Mapping[str, Any], *, is_private: bool
    ) -> VirtualEnvironment | ContainerEnvironment:
        __tracebackhide__ = True
        call = f"environments.{'throwaway' if is_private else 'get'}(...)"
        try:
            with self._lender.skipping():
                environment = self._lender.lend(self._plan(call, declared, settings), is_private=is_private)
        except EnvReproError as error:  # To the one who asked, its message is all.
            raise error.with_traceback(None) from None
        environment.on_exit(lambda: self._lender.give_back(environment))
        return environment

    def _plan(self, call: str, declared: Any, values: Mapping[str, Any]) -> Plan | ContainerPlan:
        """Decide once in a session what settings are made of: files are read, and a command runs, for the first call alone."""
        named = self._lender.depot().session.config.environments
        settings = settings_of_call(call, declared, values, named)
        if settings not in self._plans:
            self._plans[settings] = self._lender.plan(lambda _: settings)
        # Two that are equal may have other origins.
        return self._plans[settings]._replace(settings=settings)

    @property
    def host(self) -> Environment:
        """The environment that runs pytest."""
        return self._lender.host()

    def lock(
        self,
        path: str | os.PathLike[str],
        *,
        python: str | None = None,
        groups: Iterable[str] = (),
        extras: Iterable[str] = (),
    ) -> Environment:
        """Give a lock, read as an environment: it can be looked at and compared.

        Args:
            path: relative to the root.
            python: whose markers decide; as in settings.
            groups, extras: what of a project's lock is meant; as in settings beside such a `lock`.

        Raises:
            SettingsError: there is no such lock, or it has no such group or extra.
            LockError: what it pins is not known.
        """
        __tracebackhide__ = True
        try:
            with self._lender.skipping():
                return self._lender.depot().lock(os.fspath(path), python, tuple(groups), tuple(extras))
        except EnvReproError as error:
            raise error.with_traceback(None) from None
