"""The hooks that run in every session: add options and markers, and load the rest only where one of them is used."""

from __future__ import annotations

import contextlib
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro import options
from pytest_envrepro.errors import SettingsError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Iterator
    from importlib.machinery import ModuleSpec

    from pytest_envrepro.markers import Markers

_MARKERS = "envrepro-markers"
_ASKED = pytest.StashKey["argparse.Namespace"]()  # The command line, where it asks for an answer in the place of tests.


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    options.add(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Keep conftests, and options that only they know, from what is answered in the place of tests."""
    given: argparse.Namespace = early_config.known_args_namespace
    if (given.env_export or given.env_integrations) and not (given.help or given.version):
        early_config.stash[_ASKED] = given
        given.noconftest = True
        args.clear()


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer in the place of tests; or collect, in this process, the test alone that is to be explained."""
    asked = config.stash.get(_ASKED, None)
    if asked is not None:
        with _as_installed():
            from pytest_envrepro.answers import answer  # noqa: PLC0415
        with _usage_errors():
            return answer(asked, config.rootpath, config.inipath, config.invocation_params.dir)
    explained = config.getoption("env_explain", default=None)
    if explained:
        config.args[:] = [explained]
        for name, value in (("numprocesses", None), ("dist", "no"), ("tx", []), ("distload", False)):
            if hasattr(config.option, name):
                setattr(config.option, name, value)
    return None


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and the gate where it is asked for: its import is what a session without it is spared."""
    options.register_markers(config)
    config.pluginmanager.register(_Watch(config), "envrepro-watch")
    if options.is_asked(config):
        with _as_installed():
            from pytest_envrepro.gate import Gate  # noqa: PLC0415

        config.pluginmanager.register(Gate(config), "envrepro-gate")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test that lacks what its markers name."""
    marks = [mark for mark in item.iter_markers() if mark.name in options.MARKERS]
    if marks:
        _load(item.config).look(item, marks)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Explain what was collected, in the place of running it."""
    if not session.config.getoption("env_explain", default=None) or session.testsfailed:
        return None
    with _usage_errors():
        _load(session.config).explain(session.items)
    return True


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Listen to what the tests tell that workers of pytest-xdist run."""
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
            _load(self._config).note(report.nodeid, told)


class _Watch:
    """Sees what fails a session beside its tests: modules that are skipped as a whole, and what the table requires."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._is_worker = hasattr(config, "workerinput")
        self._skipped: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Look at the integrations where the project declares some, or a report will list them."""
        if self._decides and options.uses_integrations(self._config):
            with _usage_errors():
                _load(self._config).count_failures()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that is skipped as a whole."""
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self._skipped[report.nodeid] = reason.removeprefix("Skipped: ")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Note what a worker has told: pytest-xdist passes on one alone of modules that are skipped at the same line."""
        told = (getattr(node, "workeroutput", None) or {}).get("envrepro-markers", {})
        self._skipped.update(told.get("skipped", {}))
        if told:  # Of markers that were met nothing else is told.
            _load(self._config).shadowed.update(told["shadowed"])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Fail the session for what fails it beside its tests."""
        result = yield
        if self._decides and (_loaded(self._config) or (self._skipped and options.is_used(self._config))):
            with _usage_errors():
                session.testsfailed += _load(self._config).count_failures(self._skipped)
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Tell the controller of pytest-xdist, as a worker."""
        markers = _loaded(self._config)
        shadowed = sorted(markers.shadowed) if markers else []
        if self._is_worker and (markers or (self._skipped and options.is_used(self._config))):
            told = {"skipped": self._skipped, "shadowed": shadowed}
            self._config.__dict__["workeroutput"]["envrepro-markers"] = told

    @property
    def _decides(self) -> bool:
        return not self._is_worker and not options.is_listing(self._config)


def _loaded(config: pytest.Config) -> Markers | None:
    markers: Markers | None = config.pluginmanager.get_plugin(_MARKERS)
    return markers


def _load(config: pytest.Config) -> Markers:
    """Give what acts on markers; its import is what sessions without them are spared."""
    markers = _loaded(config)
    if markers is None:
        with _as_installed():
            from pytest_envrepro.markers import Markers  # noqa: PLC0415

        markers = Markers(config)
        config.pluginmanager.register(markers, _MARKERS)
    return markers


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    """Let pytest show what the user did wrong, as it shows its own errors."""
    try:
        yield
    except SettingsError as error:
        from pytest_envrepro.reports.wording import printable  # noqa: PLC0415

        raise pytest.UsageError("\n".join(map(printable, str(error).split("\n")))) from None


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
