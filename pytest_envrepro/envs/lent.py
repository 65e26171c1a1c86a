"""An environment that is lent to tests: to all that ask for it, who may not change it, or to one alone, who may."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pytest_envrepro.envs.asked import is_shared, requirements_of
from pytest_envrepro.envs.base import Environment
from pytest_envrepro.errors import EnvReproError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Self


class LentEnvironment(Environment):
    """What virtualenvs and containers of tests share.

    Attributes:
        fixture: what gives one of a test's own.
        is_private: whether it is one test's own, which may change it.
        installed: the requirements that `install` has installed, in this order.
        has_installed: whether it was asked to, also where that has failed.
        is_held: whether somebody has it who has not ended.
        ended_with: after what it is gone, for people.
    """

    fixture: ClassVar[str]
    is_private: bool
    installed: tuple[str, ...] = ()
    has_installed: bool = False
    is_held: bool = False
    ended_with: str
    _install: Callable[[Sequence[str]], object] | None
    _end: Callable[[], None] | None = None

    def on_exit(self, end: Callable[[], None]) -> None:
        """Call this when the block ends that is entered with this environment."""
        self._end = end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        # After an error it is left to the end of the test, which knows whether it has failed.
        if kind is None and self._end is not None:
            self._end()
            self.ended_with = "its 'with' block"

    def install(self, *requirements: str) -> None:
        """Install packages, where it is private: see `Environment.install`."""
        __tracebackhide__ = True
        words = requirements_of(requirements)
        if not self.is_private:
            raise is_shared(self.label, self.name, words, self.fixture)
        if self._install is None:
            raise RefusedError(f"{self.label} has no virtualenv to install into: its image is used as it is")
        self.has_installed = True
        try:
            self._install(words)
            self.installed += words
        except EnvReproError as error:  # To the one who asked, its message is all.
            raise error.with_traceback(None) from None
