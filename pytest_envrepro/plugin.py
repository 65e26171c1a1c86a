"""The hooks that run in every session: add options and markers, and load the rest only where one of them is used."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro import options
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.fixtures import environment, environments, throwaway_venv
from pytest_envrepro.late import (
    as_installed,
    begin,
    end,
    failing,
    load_audit,
    load_lending,
    load_markers,
    load_returning,
    loaded_lending,
    loaded_markers,
    usage_errors,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator

__all__ = ["environment", "environments", "throwaway_venv"]

_ASKED = pytest.StashKey["argparse.Namespace"]()  # The command line, where it asks for an answer in the place of tests.


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    options.add(parser)


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
    options.refuse_what_cannot_be(config, asked or config.option)
    if asked is not None:
        with as_installed():
            from pytest_envrepro.answers import answer  # noqa: PLC0415
        with usage_errors():
            return answer(asked, config.rootpath, config.inipath, config.invocation_params.dir)
    explained = config.getoption("env_explain", default=None)
    if explained:
        config.args[:] = [explained]
    if explained or config.getoption("env_audit", default=False):
        for name, value in (("numprocesses", None), ("dist", "no"), ("tx", []), ("distload", False)):
            if hasattr(config.option, name):
                setattr(config.option, name, value)
    return None


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and the gate where it is asked for: its import is what a session without it is spared."""
    options.register_markers(config)
    if not options.POLICY_VARIABLES.isdisjoint(os.environ):
        from pytest_envrepro.deciding import resolve_keep, resolve_offline, resolve_strict  # noqa: PLC0415

        with usage_errors():
            resolve_offline(config.option.env_offline, os.environ)
            resolve_keep(config.option.env_keep, os.environ)
            resolve_strict(config.option.env_strict, os.environ, configured=False)
    begin(config)
    config.pluginmanager.register(_Watch(config), _Watch.NAME)
    if options.is_asked(config):
        with as_installed():
            from pytest_envrepro.gate import Gate  # noqa: PLC0415

        config.pluginmanager.register(Gate(config), "envrepro-gate")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Note that the session has ended."""
    end(config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test that lacks what its markers name."""
    marks = [mark for mark in item.iter_markers() if mark.name in options.MARKERS or mark.name == options.ENVIRONMENT]
    needs = [mark for mark in marks if mark.name != options.ENVIRONMENT]
    if needs and not item.config.pluginmanager.has_plugin(options.AUDITED):
        load_markers(item.config).look(item, needs)
    declares = len(marks) > len(needs) and _declares(item, marks)
    if (declares or _borrows(item) or loaded_lending(item.config)) and not item.config.getoption("setupplan"):
        with failing():
            load_lending(item.config).begin(item)


def _declares(item: pytest.Item, marks: list[pytest.Mark]) -> bool:
    """Tell whether the marker `environment` of a test is to be followed, or told why it is not."""
    if options.ENVIRONMENT in options.registered_by_others(item.config):
        load_markers(item.config).shadowed.add(options.ENVIRONMENT)
        return False
    is_inside = any(
        mark.name == options.ENVIRONMENT and mark.kwargs.get("inside", False) is not False for mark in marks
    )
    return is_inside or not options.FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Explain or audit what was collected, in the place of running it."""
    if session.testsfailed:
        return None
    if session.config.getoption("env_audit", default=False) and not session.config.option.collectonly:
        with usage_errors():
            load_audit()(session, load_markers(session.config).wanted().session)
        return True
    if not session.config.getoption("env_explain", default=None):
        return None
    watch: _Watch | None = session.config.pluginmanager.get_plugin(_Watch.NAME)
    with usage_errors():
        load_markers(session.config).explain(session.items, watch.skipped if watch else {})
    return True


def _borrows(item: pytest.Item) -> bool:
    """Tell whether a test asks for an environment."""
    return bool(options.borrowed(item))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell workers of pytest-xdist when the session began, and listen to what the tests tell that they run."""
    node.workerinput["envrepro-started"] = options.started(node.config)
    if not node.config.pluginmanager.has_plugin(_Listener.NAME):
        node.config.pluginmanager.register(_Listener(node.config), _Listener.NAME)


class _Listener:
    """On the controller of pytest-xdist, where no test is set up: notes what tests need."""

    NAME = "envrepro-listener"

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what a test needs."""
        told = report.__dict__.get("envrepro_needs")
        if told is not None:
            load_markers(self._config).note(report.nodeid, told)


class _Watch:
    """Sees what fails a session beside its tests: modules that are skipped as a whole, and what the table requires."""

    NAME = "envrepro-watch"

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._is_worker = hasattr(config, "workerinput")
        self.skipped: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Look at the integrations where the project declares some, or a report will list them."""
        if self._decides and options.uses_integrations(self._config):
            with usage_errors():
                load_markers(self._config).count_failures()

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Let a module that is skipped as a whole be explained: to pytest a test of it is one that does not exist."""
        try:
            return (yield)
        except pytest.UsageError:
            if self.skipped and self._config.getoption("env_explain", default=None):
                return None
            raise

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that is skipped as a whole."""
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.skipped[report.nodeid] = reason.removeprefix("Skipped: ")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Note what a worker has told: pytest-xdist passes on one alone of modules that are skipped at the same line."""
        told = (getattr(node, "workeroutput", None) or {}).get("envrepro-markers", {})
        self.skipped.update(told.get("skipped", {}))
        if told:  # Of markers that were met nothing else is told.
            load_markers(self._config).shadowed.update(told["shadowed"])
        ended = (getattr(node, "workeroutput", None) or {}).get(options.LENDING)
        if ended is not None:
            load_returning(self._config).note_worker(ended)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Make the environments that tests ask for; and fail the session for what fails it beside its tests."""
        is_to_run = not session.testsfailed or self._config.getoption("continue_on_collection_errors")
        if is_to_run and not options.is_listing(self._config) and any(map(_borrows, session.items)):
            with contextlib.suppress(SettingsError):  # Is told by the tests.
                load_lending(self._config).prepare(session.items)
        result = yield
        if self._decides and (loaded_markers(self._config) or (self.skipped and options.is_used(self._config))):
            with usage_errors():
                session.testsfailed += load_markers(self._config).count_failures(self.skipped)
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Tell the controller of pytest-xdist, as a worker."""
        markers = loaded_markers(self._config)
        shadowed = sorted(markers.shadowed) if markers else []
        if self._is_worker and (markers or (self.skipped and options.is_used(self._config))):
            told = {"skipped": self.skipped, "shadowed": shadowed}
            self._config.__dict__["workeroutput"]["envrepro-markers"] = told

    @property
    def _decides(self) -> bool:
        return not self._is_worker and not options.is_listing(self._config)
