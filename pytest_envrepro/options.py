"""What pytest is told of us: the options and the markers; and what the command line says."""

from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

# What ends a session before its tests: lists of tests and of fixtures, plans, the content of the cache, explanations.
_CHECKING = frozenset({"--env-lock", "--env-recompile", "--env-fix"})
_LISTS = ("collectonly", "setuponly", "setupplan", "showfixtures", "show_fixtures_per_test", "cacheshow", "env_explain")

# By name: as `--markers` shows them.
MARKERS = MappingProxyType(
    {
        "requires_integration": "requires_integration(*names, reason=None): the test needs these integrations",
        "requires_packages": "requires_packages(*pep508): the test needs these packages, such as 'psycopg>=3.1'",
        "requires_tools": "requires_tools(*tools): the test needs these programs on PATH, such as 'git>=2.40'",
        "requires_group": "requires_group(*names): the test needs these dependency groups of the project",
        "requires_extra": "requires_extra(*names): the test needs these extras of the project",
    }
)


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
    group.addoption(
        "--env-allow-missing",
        metavar="NAME",
        action="append",
        help="an integration that may be missing also where this session is strict; may be repeated",
    )
    group.addoption(
        "--env-integrations",
        action="store_true",
        help="print the integrations with what is met here, and exit",
    )
    group.addoption(
        "--env-export",
        metavar="NAME",
        action="append",
        help="print the requirements of an integration (or of all), ready for pip, and exit; may be repeated",
    )
    group.addoption(
        "--env-explain",
        metavar="NODEID",
        help="say what a test needs and whether it is met here, and exit",
    )


def register_markers(config: pytest.Config) -> None:
    """Register our markers, but for those whose names the suite has registered already."""
    others = registered_by_others(config)
    for name, text in MARKERS.items():
        if name not in others:
            config.addinivalue_line("markers", text)


def registered_by_others(config: pytest.Config) -> set[str]:
    """Give the names of our markers that the suite has registered for itself; its conftests may do that until late."""
    lines = (line for line in config.getini("markers") if line.startswith("requires_"))
    found = {line.partition(":")[0].partition("(")[0].strip() for line in lines if line not in MARKERS.values()}
    return found.intersection(MARKERS)


def is_asked(config: pytest.Config) -> bool:
    """Tell whether checks or a report were asked for, and no answer in their place."""
    if config.getoption("env_explain", default=None):
        return False
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


def uses_integrations(config: pytest.Config) -> bool:
    """Tell whether integrations are to be looked at before any test asks: the project declares some, or a report was asked for."""
    asked = config.getoption("env_allow_missing", default=None) or config.getoption("env_report", default=None)
    return bool(asked) or any(b"integrations" in text for text in _tables(config.rootpath))


def is_used(config: pytest.Config) -> bool:
    """Tell whether somebody wants this plugin to judge the session: by an option, a variable, or a table."""
    is_told = config.getoption("env_strict", default=None) is not None or "PYTEST_ENVREPRO_STRICT" in os.environ
    return is_told or is_asked(config) or any(_tables(config.rootpath))


def _tables(root: Path) -> Iterator[bytes]:
    """Give the files that may hold our table, as far as a look at the bytes tells: to parse them takes longer."""
    for name in ("pyproject.toml", "envrepro.toml"):
        try:
            text = (root / name).read_bytes()
        except OSError:
            continue
        if b"envrepro" in text or name == "envrepro.toml":
            yield text


def plain_id(config: pytest.Config, node_id: str) -> str:
    """Give a node id without the group that `--dist=loadgroup` of pytest-xdist adds: `test_it.py::test_one@group`."""
    is_grouped = config.getoption("dist", default="no") == "loadgroup" and node_id.rfind("@") > node_id.rfind("]")
    return node_id.rpartition("@")[0] if is_grouped else node_id


def _below(root: Path, path: Path) -> str | None:
    """Give a path relative to the root; links are followed only where it takes that."""
    absolute = Path(os.path.normpath(path))
    if not absolute.is_relative_to(root):
        root, absolute = root.resolve(), absolute.resolve()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else None
