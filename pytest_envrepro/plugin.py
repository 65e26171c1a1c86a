"""The hooks that run in every session: add options and markers, and load the rest only where one of them is used."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro import late

with late.as_installed():
    from pytest_envrepro import options
    from pytest_envrepro.fixtures import environment, environments, throwaway_container, throwaway_venv

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator

    from pytest_envrepro.reports import Foreseen

__all__ = ["environment", "environments", "throwaway_container", "throwaway_venv"]

_ASKED = pytest.StashKey["argparse.Namespace"]()  # The command line, where it asks for an answer in the place of tests.
_SKIPPED = pytest.StashKey[dict[str, str]]()  # The modules that are skipped as a whole, by node id, and why.


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
        with late.as_installed():
            from pytest_envrepro.answers import answer  # noqa: PLC0415
        with late.usage_errors():
            return answer(asked, config.rootpath, config.inipath, config.invocation_params.dir)
    if options.is_answer(config):
        config.args[:] = [config.option.env_explain] if config.option.env_explain else config.args
        for name, value in (("numprocesses", None), ("dist", "no"), ("tx", []), ("distload", False)):
            if hasattr(config.option, name):
                setattr(config.option, name, value)
    return None


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and the gate where it is asked for: its import is what a session without it is spared."""
    options.register_markers(config)
    cache = os.environ.get(options.CACHE)
    if cache and not os.path.isabs(cache):  # For whoever asks later, and from elsewhere.
        os.environ[options.CACHE] = os.path.join(config.invocation_params.dir, cache)
    if not options.POLICY_VARIABLES.isdisjoint(os.environ):
        from pytest_envrepro.deciding import resolve_keep, resolve_offline, resolve_strict  # noqa: PLC0415

        with late.usage_errors():
            resolve_offline(config.option.env_offline, os.environ)
            resolve_keep(config.option.env_keep, os.environ)
            resolve_strict(config.option.env_strict, os.environ, configured=False)
    late.begin(config)
    config.stash[_SKIPPED] = {}
    if options.is_answer(config):
        config.pluginmanager.register(_Answer(), "envrepro-answer")
    if options.is_asked(config):
        with late.as_installed():
            from pytest_envrepro.gate import Gate  # noqa: PLC0415

        config.pluginmanager.register(Gate(config), "envrepro-gate")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Note that the session has ended."""
    late.end(config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test that lacks what its markers name."""
    marks = [mark for mark in item.iter_markers() if mark.name in options.MARKERS or mark.name == options.ENVIRONMENT]
    needs = [mark for mark in marks if mark.name != options.ENVIRONMENT]
    if needs and not item.config.pluginmanager.has_plugin(options.AUDITED):
        late.load_markers(item.config).look(item, needs)
    declares = len(marks) > len(needs) and _declares(item, marks)
    if (declares or options.borrowed(item) or late.loaded_lending(item.config)) and not item.config.getoption(
        "setupplan"
    ):
        with late.failing():
            late.load_lending(item.config).begin(item)


def _declares(item: pytest.Item, marks: list[pytest.Mark]) -> bool:
    """Tell whether the marker `environment` of a test is to be followed, or told why it is not."""
    if options.ENVIRONMENT in options.registered_by_others(item.config):
        late.load_markers(item.config).shadowed.add(options.ENVIRONMENT)
        return False
    is_inside = any(
        mark.name == options.ENVIRONMENT and mark.kwargs.get("inside", False) is not False for mark in marks
    )
    return is_inside or not options.FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Look at the integrations where the project declares some, or a report will list them."""
    if _decides(session.config) and options.uses_integrations(session.config):
        with late.usage_errors():
            late.load_markers(session.config).count_failures()


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a module that is skipped as a whole: that can fail the session."""
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        late.current().stash[_SKIPPED][report.nodeid] = reason.removeprefix("Skipped: ")


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Make the environments that tests ask for; and fail the session for what fails it beside its tests."""
    config = session.config
    is_to_run = not session.testsfailed or config.getoption("continue_on_collection_errors")
    if is_to_run and not options.is_listing(config) and any(map(options.borrowed, session.items)):
        with late.told_by_tests():
            late.load_lending(config).prepare(session.items)
    result = yield
    skipped = config.stash[_SKIPPED]
    if _decides(config) and (late.loaded_markers(config) or (skipped and options.is_used(config))):
        with late.usage_errors():
            session.testsfailed += late.load_markers(config).count_failures(skipped)
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the controller of pytest-xdist, as a worker."""
    config = session.config
    markers, skipped = late.loaded_markers(config), config.stash[_SKIPPED]
    if hasattr(config, "workerinput") and (markers or (skipped and options.is_used(config))):
        told = {"skipped": skipped, "shadowed": sorted(markers.shadowed) if markers else []}
        config.__dict__["workeroutput"]["envrepro-markers"] = told


def _decides(config: pytest.Config) -> bool:
    """Tell whether this process decides on the session: no worker does, and no list of tests is a session."""
    return not hasattr(config, "workerinput") and not options.is_listing(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell workers of pytest-xdist when the session began, and listen to what the tests tell that they run."""
    node.workerinput["envrepro-started"] = options.started(node.config)
    node.workerinput["envrepro-controller"] = os.getpid()
    if not node.config.pluginmanager.has_plugin(_Listener.NAME):
        node.config.pluginmanager.register(_Listener(node.config), _Listener.NAME)
    listener: _Listener = node.config.pluginmanager.get_plugin(_Listener.NAME)
    channel = node.gateway.newchannel()
    channel.setcallback(lambda text: listener.tell(node.gateway.id, text))
    node.workerinput[options.TELLING] = channel


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Note what a worker has told: pytest-xdist passes on one alone of modules that are skipped at the same line."""
    output = getattr(node, "workeroutput", None) or {}
    told = output.get("envrepro-markers", {})
    node.config.stash[_SKIPPED].update(told.get("skipped", {}))
    if told:  # Of markers that were met nothing else is told.
        late.load_markers(node.config).shadowed.update(told["shadowed"])
    ended = output.get(options.ENDED)
    if ended is not None:
        late.load_returning(node.config).note_worker(ended)


class _Listener:
    """On the controller of pytest-xdist, where no test is set up: notes what tests need, and tells what workers tell."""

    NAME = "envrepro-listener"

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._guard = threading.RLock()  # Is held while the terminal may be written to by a hook.

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, object, object]:
        """Note what a test needs."""
        told = report.__dict__.get("envrepro_needs")
        if told is not None:
            late.load_markers(self._config).note(report.nodeid, told)
        with self._guard:
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self) -> Generator[None, object, object]:
        """Let no line come between what is told of a test."""
        with self._guard:
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True, optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> Generator[None, object, object]:
        """Let no line come into the one that says what workers do."""
        with self._guard:
            return (yield)

    def tell(self, worker: str, text: str) -> None:
        """Write a line of a worker's, in a thread of its own: on a line of its own, also between the dots of tests."""
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or self._config.get_verbosity() < 0:
            return
        with self._guard:
            reporter.ensure_newline()
            if reporter._tw.width_of_current_line:  # noqa: SLF001  # Dots are no line to pytest, and it has no word for that.
                reporter.line("")
            reporter.write_line(f"envrepro: {worker}: {text}")


def _foresee(item: pytest.Item) -> tuple[Foreseen, ...]:
    """Say which environments a test would be given."""
    return late.load_lending(item.config).foresee(item) if options.borrowed(item) else ()


class _Answer:
    """In a session that explains or audits what was collected, in the place of running it."""

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self, session: pytest.Session) -> Generator[None, object, object]:
        """Let a module that is skipped as a whole be explained: to pytest a test of it is one that does not exist."""
        try:
            return (yield)
        except pytest.UsageError:
            if session.config.stash[_SKIPPED] and session.config.getoption("env_explain"):
                return None
            raise

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Explain, or audit."""
        config = session.config
        if session.testsfailed:
            return None
        if config.getoption("env_audit") and not config.option.collectonly:
            with late.usage_errors():
                late.load_audit()(session, late.load_markers(config).wanted().session)
            return True
        if not config.getoption("env_explain"):
            return None
        skipped = config.stash[_SKIPPED]
        with late.usage_errors():
            late.load_markers(config).explain(session.items, skipped, _foresee)
        return True
