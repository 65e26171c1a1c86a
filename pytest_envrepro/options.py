"""What pytest is told of us: the options and the markers; and what the command line says.

Longer than other files: every session loads it, used or not, and a second module would cost each of them its import.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

    from pytest_envrepro.session import Session

_STARTED = pytest.StashKey[float]()
_BY_OTHERS = pytest.StashKey[tuple[int, set[str]]]()  # With how many markers were registered then.
_WORD = pytest.StashKey[str]()
LOOK: pytest.StashKey[Callable[[], Session]] = (
    pytest.StashKey()
)  # Gives the look at the project, once it may be asked for.
# What ends a session before its tests: lists of tests and of fixtures, plans, the content of the cache, explanations.
_CHECKING = frozenset({"--env-lock", "--env-recompile", "--env-fix"})
_LISTS = (
    "collectonly",
    "setuponly",
    "setupplan",
    "showfixtures",
    "show_fixtures_per_test",
    "cacheshow",
    "env_explain",
    "env_audit",
)

# The options of reports: pytest's own, ours, and those of pytest-html, pytest-json-report and pytest-reportlog.
_REPORTS = ("xmlpath", "log_file", "env_report", "htmlpath", "json_report_file", "report_log")
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
# The one that declares, and demands nothing.
ENVIRONMENT = "environment"
_ENVIRONMENT_TEXT = "environment(name=None, /, *, inside=False, **settings): the environment that 'environment', 'throwaway_venv' and 'throwaway_container' give"
_NEEDED = MappingProxyType({"env-explain": "a node id, a file or a folder", "env-report": "a file"})
POLICY_VARIABLES = frozenset(
    {"PYTEST_ENVREPRO_KEEP", "PYTEST_ENVREPRO_OFFLINE", "PYTEST_ENVREPRO_STRICT"}
)  # Are checked when a session begins.
KEEPS = ("failed", "all", "none")
CACHE = "PYTEST_ENVREPRO_CACHE"
TELLING = "envrepro-telling"  # Among what a worker is given: where it tells what it is doing.
SERVICES = b"services"  # Is told there, in the place of a line to show, by a worker that has services brought up.
ENDED = "envrepro-ended"  # What a worker of pytest-xdist tells of environments.
FIXTURES = frozenset({"environment", "environments", "throwaway_venv", "throwaway_container"})
_FIXTURES_MODULE = "pytest_envrepro.fixtures"
AUDITED = "envrepro-audited"  # The one that a session has which an audit has started.


# By name, what `argparse` is told of each; in the order of `--help`.
_OPTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "--env-lock": {
            "action": "store_true",
            "help": "check locks, this environment and its conflicts; fail the session where one is broken",
        },
        "--env-recompile": {
            "action": "store_true",
            "help": "besides, compile each lock again with its own tool, on copies, and compare the pins",
        },
        "--env-fix": {
            "action": "store_true",
            "help": "run the recorded commands of the locks that are broken, then check again; nothing is installed",
        },
        "--env-strict": {
            "action": "store_true",
            "default": None,
            "help": "what could not be checked fails the session (the default where CI is set)",
        },
        "--no-env-strict": {
            "action": "store_false",
            "dest": "env_strict",
            "help": "what could not be checked is skipped, and does not fail the session",
        },
        "--env-report": {"metavar": "FILE", "help": "write what was found to FILE, as JSON"},
        "--env-allow-missing": {
            "metavar": "NAME",
            "action": "append",
            "help": "an integration that may be missing also where this session is strict; may be repeated",
        },
        "--env-integrations": {
            "action": "store_true",
            "help": "print the integrations with what is met here, and exit",
        },
        "--env-export": {
            "metavar": "NAME",
            "action": "append",
            "help": "print the requirements of an integration (or of all), ready for pip, and exit; may be repeated",
        },
        "--env-explain": {"metavar": "NODEID", "help": "say what a test needs and whether it is met here, and exit"},
        "--env-offline": {
            "action": "store_true",
            "help": "make environments and compile locks without the network; what would need it is an error, or unchecked",
        },
        "--env-audit": {
            "action": "store_true",
            "help": "run each marked test without what its markers name, and tell which markers are not needed",
        },
        "--env-rebuild": {
            "action": "store_true",
            "help": "resolve and make environments anew, whatever is there from earlier sessions",
        },
        "--env-keep": {
            "choices": KEEPS,
            "help": "which throwaway environments survive the session: those of failed tests (the default), all, or none",
        },
        "--env-clean": {
            "action": "store_true",
            "help": "remove the environments that earlier sessions have made, and exit",
        },
    }
)


def add_options(parser: pytest.Parser) -> None:
    """Add the options; every one starts with `--env-`."""
    group = parser.getgroup("envrepro", "environment reproducibility")
    for name, words in _OPTIONS.items():
        group.addoption(name, **words)


def register_markers(config: pytest.Config) -> None:
    """Register our markers, but for those whose names the suite has registered already."""
    others = registered_by_others(config)
    for name, text in (*MARKERS.items(), (ENVIRONMENT, _ENVIRONMENT_TEXT)):
        if name not in others:
            config.addinivalue_line("markers", text)


def registered_by_others(config: pytest.Config) -> set[str]:
    """Give the names of our markers that the suite has registered for itself; its conftests may do that until late."""
    registered: list[str] = config.getini("markers")
    known = config.stash.get(_BY_OTHERS, None)
    if known is not None and known[0] == len(registered):  # Each test asks several times; what is added stays.
        return known[1]
    ours = {*MARKERS.values(), _ENVIRONMENT_TEXT}
    lines = (line for line in registered if line.startswith(("requires_", ENVIRONMENT)))
    found = {line.partition(":")[0].partition("(")[0].strip() for line in lines if line not in ours}
    config.stash[_BY_OTHERS] = len(registered), found.intersection({*MARKERS, ENVIRONMENT})
    return config.stash[_BY_OTHERS][1]


def started(config: pytest.Config) -> float:
    """Give when this session began, in seconds since the epoch: to a worker of pytest-xdist, when its controller did."""
    told: dict[str, float] = getattr(config, "workerinput", {})
    if "envrepro-started" in told:
        return told["envrepro-started"]
    return config.stash.setdefault(_STARTED, time.time())


def session_word(config: pytest.Config) -> str:
    """Give a word that no other session has: to a worker of pytest-xdist, that of its controller."""
    told: dict[str, str] = getattr(config, "workerinput", {})
    if "envrepro-session" in told:
        return told["envrepro-session"]
    return config.stash.setdefault(_WORD, os.urandom(4).hex())


def refuse_what_cannot_be(config: pytest.Config, values: argparse.Namespace) -> None:
    """Refuse options that say nothing, and those of which one would leave the other undone.

    Args:
        values: of the options.

    Raises:
        pytest.UsageError: one line for each.
    """
    given = {name: getattr(values, name.replace("-", "_"), None) for name in _NEEDED}
    wrong = [f"--{name}: has to be {_NEEDED[name]}, not empty" for name, value in given.items() if value == ""]
    if given["env-explain"] and _types(config, "--env-report"):
        wrong.append("--env-explain and --env-report: an explanation has no report; ask for one at a time")
    if wrong:
        raise pytest.UsageError("\n".join(wrong))


def _types(config: pytest.Config, option: str) -> bool:
    return any(each == option or each.startswith(f"{option}=") for each in config.invocation_params.args)


def tell_controller(config: pytest.Config, told: str | bytes) -> None:
    """Tell the controller of pytest-xdist something, as a worker; where it is gone, nobody is to be told.

    Args:
        told: a line to show, or `SERVICES`.
    """
    channel: Any = config.__dict__["workerinput"].get(TELLING)
    if channel is not None:
        with contextlib.suppress(OSError):
            channel.send(told)


def is_answer(config: pytest.Config) -> bool:
    """Tell whether what was collected is to be explained or audited, in the place of running it."""
    return bool(config.getoption("env_explain", default=None) or config.getoption("env_audit", default=False))


def is_asked(config: pytest.Config) -> bool:
    """Tell whether checks or a report were asked for, and no answer in their place."""
    return not is_answer(config) and (checks_locks(config) or bool(config.getoption("env_report", default=None)))


def written(config: pytest.Config) -> tuple[Path, ...]:
    """Give the files and folders that this session writes its reports to, as far as its options name them."""
    option, folder = config.option, config.invocation_params.dir
    named = [getattr(option, name, None) for name in _REPORTS]
    coverage = getattr(option, "cov_report", None)  # pytest-cov's: by the kind of report.
    named += coverage.values() if isinstance(coverage, dict) else ()
    return tuple(folder / name for name in named if isinstance(name, str) and name)


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
    """Tell whether the table is to be read before any test asks: it declares something, or a report was asked for."""
    asked = config.getoption("env_allow_missing", default=None) or config.getoption("env_report", default=None)
    words = (b"integrations", b"environments")
    return bool(asked) or any(word in text for text in _tables(config.rootpath) for word in words)


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


def borrowed(item: pytest.Item) -> frozenset[str]:
    """Give which of our fixtures a test is given; one of a suite's own that has the same name is none of them."""
    return frozenset(name for name in FIXTURES.intersection(getattr(item, "fixturenames", ())) if _is_ours(item, name))


def _is_ours(item: pytest.Item, name: str) -> bool:
    """Tell whether a fixture is ours, or one that is given ours; where pytest does not tell, it is."""
    known: Any = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {}).get(name)
    for definition in reversed(known or ()):
        if getattr(definition.func, "__module__", None) == _FIXTURES_MODULE:
            return True
        if name not in definition.argnames:
            return False
    return not known


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
