"""The command line: the options, what they say, and what else it names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

# What ends a session before its tests: lists of tests and of fixtures, plans, and the content of the cache.
_CHECKING = frozenset({"--env-lock", "--env-recompile", "--env-fix"})
_LISTS = ("collectonly", "setuponly", "setupplan", "showfixtures", "show_fixtures_per_test", "cacheshow")


def add(parser: pytest.Parser) -> None:
    """Add the options; every one starts with `--env-`."""
    group = parser.getgroup("envrepro", "environment reproducibility")
    group.addoption(
        "--env-lock",
        action="store_true",
        help="check locks, this environment and its conflicts; fail the session where one is broken",
    )
    group.addoption(
        "--env-recompile",
        action="store_true",
        help="besides, compile each lock again with its own tool, on copies, and compare the pins",
    )
    group.addoption(
        "--env-fix",
        action="store_true",
        help="run the recorded commands of the locks that are broken, then check again; nothing is installed",
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
    return checks_locks(config) or bool(config.getoption("env_report", default=None))


def checks_locks(config: pytest.Config) -> bool:
    """Tell whether locks are to be checked: `--env-lock`, or what implies it."""
    return any(config.getoption(name, default=False) for name in ("env_lock", "env_recompile", "env_fix"))


def is_listing(config: pytest.Config) -> bool:
    """Tell whether this session only lists things, and runs no test: `--collect-only`, `--fixtures`, `--setup-plan`."""
    return any(config.getoption(name, default=None) not in (None, False) for name in _LISTS)


def is_typed(config: pytest.Config) -> bool:
    """Tell whether `--env-lock`, or what implies it, was typed, and does not merely stand in `addopts` or an environment variable.

    What stands in an `@file` of the command line is as good as typed.
    """
    return any(argument in _CHECKING or argument.startswith("@") for argument in config.invocation_params.args)


def report_path(config: pytest.Config) -> Path | None:
    """Give the file for the report; a test that changes the folder does not move it."""
    given: str | None = config.option.env_report
    return config.invocation_params.dir / os.path.expanduser(given) if given else None


def named(config: pytest.Config) -> tuple[str, ...]:
    """Give what the command line names: files, folders and node ids (with `::`), relative to the root."""
    found = []
    for argument in config.args:
        path, separator, rest = argument.partition("::")
        found.append(f"{_below(config.rootpath, config.invocation_params.dir / path) or path}{separator}{rest}")
    return tuple(found)


def _below(root: Path, path: Path) -> str | None:
    """Give a path relative to the root; links are followed only where it takes that."""
    absolute = Path(os.path.normpath(path))
    if not absolute.is_relative_to(root):
        root, absolute = root.resolve(), absolute.resolve()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else None
