"""The hooks that run in every session: add the options, and load the rest only where one of them is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_envrepro import options

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the gate where it is asked for: this import is what a session without it is spared."""
    if options.is_asked(config):
        from pytest_envrepro.gate import Gate  # noqa: PLC0415

        config.pluginmanager.register(Gate(config), "envrepro-gate")
