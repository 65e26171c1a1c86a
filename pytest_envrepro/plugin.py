"""The hooks that run in every session: add options and markers, and load the rest only where one of them is used."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.late import (
    SKIPPED,
    are_known,
    as_installed,
    current_config,
    failing,
    load_lending,
    load_markers,
    load_multiplying,
    loaded_lending,
    loaded_markers,
    session_begins,
    session_ends,
    told_by_tests,
    usage_errors,
)

with as_installed():
    from pytest_envrepro.fixtures import environment, environments, throwaway_container, throwaway_venv
    from pytest_envrepro.options import (
        AUDITED,
        CACHE,
        ENVIRONMENT,
        FIXTURES,
        LOOK,
        MARKERS,
        POLICY_VARIABLES,
        add_options,
        borrowed,
        is_answer,
        is_asked,
        is_listing,
        is_used,
        refuse_what_cannot_be,
        register_markers,
        registered_by_others,
        uses_integrations,
    )

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Iterable

__all__ = ["environment", "environments", "throwaway_container", "throwaway_venv"]

_MATRICES = "pytest_envrepro.matrices"  # Whoever has written a matrix has imported this.
_ASKED = pytest.StashKey["argparse.Namespace"]()  # The command line, where it asks for an answer in the place of tests.


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Keep conftests, and options that only they know, from what is answered in the place of tests."""
    given: argparse.Namespace = early_config.known_args_namespace
    if (given.env_export or given.env_integrations or given.env_clean) and not (given.help or given.version):
        early_config.stash[_ASKED] = given
        given.noconftest = True
        args.clear()


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer in the place of tests; or collect in this process, where that is to be explained or audited."""
    asked = config.stash.get(_ASKED, None)
    refuse_what_cannot_be(config, asked or config.option)
    if asked is not None:
        with as_installed():
            from pytest_envrepro.answers import answer  # noqa: PLC0415
        with usage_errors():
            return answer(asked, config.rootpath, config.inipath, config.invocation_params.dir)
    if is_answer(config):
        config.args[:] = [config.option.env_explain] if config.option.env_explain else config.args
        for name, value in (("numprocesses", None), ("dist", "no"), ("tx", []), ("distload", False)):
            if hasattr(config.option, name):
                setattr(config.option, name, value)
    return None


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and the gate where it is asked for: its import is what a session without it is spared."""
    register_markers(config)
    cache = os.environ.get(CACHE)
    if cache and not os.path.isabs(cache):  # For whoever asks later, and from elsewhere.
        os.environ[CACHE] = os.path.join(config.invocation_params.dir, cache)
    if not POLICY_VARIABLES.isdisjoint(os.environ):
        from pytest_envrepro.deciding import resolve_keep, resolve_offline, resolve_strict  # noqa: PLC0415

        with usage_errors():
            resolve_offline(config.option.env_offline, os.environ)
            resolve_keep(config.option.env_keep, os.environ)
            resolve_strict(config.option.env_strict, os.environ, configured=False)
    session_begins(config)
    config.stash[SKIPPED] = {}
    config.stash[LOOK] = lambda: load_markers(config).wanted().session
    if is_answer(config):
        with as_installed():
            from pytest_envrepro.answering import Answering  # noqa: PLC0415

        config.pluginmanager.register(Answering(), "envrepro-answer")
    if is_asked(config):
        with as_installed():
            from pytest_envrepro.gate import Gate  # noqa: PLC0415

        config.pluginmanager.register(Gate(config), "envrepro-gate")


@pytest.hookimpl(wrapper=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> Generator[None, object, object]:
    """Have a test run once with each value of a matrix."""
    multiplying = load_multiplying(metafunc) if _MATRICES in sys.modules else None
    result = yield
    if multiplying is not None:
        multiplying.finish()
    return result


def pytest_unconfigure(config: pytest.Config) -> None:
    """Note that the session has ended."""
    session_ends(config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test that lacks what its markers name."""
    marks = [mark for mark in item.iter_markers() if mark.name in MARKERS or mark.name == ENVIRONMENT]
    needs = [mark for mark in marks if mark.name != ENVIRONMENT]
    if needs and not item.config.pluginmanager.has_plugin(AUDITED):
        load_markers(item.config).look(item, needs)
    declares = len(marks) > len(needs) and _declares(item, marks)
    if (declares or borrowed(item) or loaded_lending(item.config)) and not item.config.getoption("setupplan"):
        with failing():
            load_lending(item.config).begin(item)


def _has_use(item: pytest.Item) -> bool:
    """Tell whether a test is given an environment, or runs in one."""
    return bool(borrowed(item)) or _runs_inside(item.iter_markers(ENVIRONMENT))


def _runs_inside(marks: Iterable[pytest.Mark]) -> bool:
    return any(mark.name == ENVIRONMENT and mark.kwargs.get("inside", False) is not False for mark in marks)


def _declares(item: pytest.Item, marks: list[pytest.Mark]) -> bool:
    """Tell whether the marker `environment` of a test is to be followed, or told why it is not."""
    if ENVIRONMENT in registered_by_others(item.config):
        load_markers(item.config).shadowed.add(ENVIRONMENT)
        return False
    if _runs_inside(marks) or not FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
        return True
    # What nobody follows may be misspelt: `insid=True` would have the test run here, without a word.
    return not are_known(name for mark in marks if mark.name == ENVIRONMENT for name in mark.kwargs)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Look at the integrations where the project declares some, or a report will list them."""
    if _decides(session.config) and uses_integrations(session.config):
        with usage_errors():
            load_markers(session.config).count_failures()


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a module that is skipped as a whole: that can fail the session."""
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        current_config().stash[SKIPPED][report.nodeid] = reason.removeprefix("Skipped: ")


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Make the environments that tests ask for; and fail the session for what fails it beside its tests."""
    config = session.config
    is_to_run = not session.testsfailed or config.getoption("continue_on_collection_errors")
    if is_to_run and not is_listing(config) and any(map(_has_use, session.items)):
        with told_by_tests():
            load_lending(config).prepare(session.items)
    result = yield
    skipped = config.stash[SKIPPED]
    if _decides(config) and (loaded_markers(config) or (skipped and is_used(config))):
        with usage_errors():
            session.testsfailed += load_markers(config).count_failures(skipped)
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the controller of pytest-xdist, as a worker."""
    config = session.config
    markers, skipped = loaded_markers(config), config.stash[SKIPPED]
    if hasattr(config, "workerinput") and (markers or (skipped and is_used(config))):
        told = {"skipped": skipped, "shadowed": sorted(markers.shadowed) if markers else []}
        config.__dict__["workeroutput"]["envrepro-markers"] = told


def _decides(config: pytest.Config) -> bool:
    """Tell whether this process decides on the session: no worker does, and no list of tests is a session."""
    return not hasattr(config, "workerinput") and not is_listing(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist about the session, and listen to what it tells."""
    with as_installed():
        from pytest_envrepro.listening import Listening  # noqa: PLC0415

    plugins = node.config.pluginmanager
    listening = plugins.get_plugin(Listening.NAME)
    if listening is None:
        listening = Listening(node.config)
        plugins.register(listening, Listening.NAME)
    listening.greet(node)
