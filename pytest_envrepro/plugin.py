"""The hooks that run in every session: add the options, and load the rest only where one of them is used."""

from __future__ import annotations

import contextlib
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

from pytest_envrepro import options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the gate where it is asked for: this import is what a session without it is spared."""
    if options.is_asked(config):
        with _as_installed():
            from pytest_envrepro.gate import Gate  # noqa: PLC0415

        config.pluginmanager.register(Gate(config), "envrepro-gate")


@contextlib.contextmanager
def _as_installed() -> Iterator[None]:
    """Import our own modules as they were compiled when they were installed.

    pytest rewrites the assertions in all modules of a plugin, and compiles them anew in a fresh environment or where no
    bytecode is written, as in most containers: that takes longer than all the checks do, and there is no assertion.
    """
    finder: Any = _OurModules
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _OurModules:
    """Finds the modules of this package, before pytest's finder does."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return PathFinder.find_spec(name, path, target) if name.startswith("pytest_envrepro.") else None
