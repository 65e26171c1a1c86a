"""The command-line options, and how to read them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def add(parser: pytest.Parser) -> None:
    """Add the options; every one starts with `--env-`."""
    group = parser.getgroup("envrepro", "environment reproducibility")
    group.addoption(
        "--env-lock",
        action="store_true",
        help="check locks, this environment and its conflicts; fail the session where one is broken",
    )
    group.addoption(
        "--env-strict",
        action="store_true",
        default=None,
        help="what could not be checked fails the session (the default where CI is set)",
    )
    group.addoption(
        "--no-env-strict",
        action="store_false",
        dest="env_strict",
        help="what could not be checked is skipped, and does not fail the session",
    )
    group.addoption("--env-report", metavar="FILE", help="write what was found to FILE, as JSON")


def is_asked(config: pytest.Config) -> bool:
    """Tell whether anything of this plugin was asked for."""
    return bool(config.option.env_lock or config.option.env_report)


def is_listing(config: pytest.Config) -> bool:
    """Tell whether this session only lists things, and runs nothing: `--collect-only`, `--fixtures`, `--setup-plan`."""
    names = ("collectonly", "setupplan", "showfixtures", "show_fixtures_per_test")
    return any(config.getoption(name, default=False) for name in names)


def is_typed(config: pytest.Config) -> bool:
    """Tell whether `--env-lock` was typed, and does not merely stand in `addopts` or an environment variable."""
    return "--env-lock" in config.invocation_params.args
