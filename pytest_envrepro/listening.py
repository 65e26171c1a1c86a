"""On the controller of pytest-xdist, where no test is set up: what workers are told of the session, and what they tell of it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.late import SKIPPED, load_markers, load_returning
from pytest_envrepro.options import ENDED, SERVICES, TELLING, session_word, started

if TYPE_CHECKING:
    from collections.abc import Generator


class Listening:
    """Notes what tests need, and tells what workers tell.

    What they have brought up for all goes with the session, and so with this process: they may be gone by then.
    """

    NAME = "envrepro-listening"

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._guard = threading.RLock()  # Is held while the terminal may be written to by a hook.
        self._has_services = False

    def greet(self, node: Any) -> None:
        """Tell a worker when the session began and whose it is, and listen to what it tells while its tests run."""
        node.workerinput["envrepro-started"] = started(self._config)
        node.workerinput["envrepro-controller"] = os.getpid()
        node.workerinput["envrepro-session"] = session_word(self._config)
        channel = node.gateway.newchannel()
        channel.setcallback(lambda told: self._take(node.gateway.id, told))
        node.workerinput[TELLING] = channel

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Note what a worker has told: pytest-xdist passes on one alone of modules that are skipped at the same line."""
        output = getattr(node, "workeroutput", None) or {}
        told = output.get("envrepro-markers", {})
        self._config.stash[SKIPPED].update(told.get("skipped", {}))
        if told:  # Of markers that were met nothing else is told.
            load_markers(self._config).shadowed.update(told["shadowed"])
        ended = output.get(ENDED)
        if ended is not None:
            load_returning(self._config).note_worker(ended)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, object, object]:
        """Note what a test needs."""
        told = report.__dict__.get("envrepro_needs")
        if told is not None:
            load_markers(self._config).note(report.nodeid, told)
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

    # The innermost: all workers are gone when pytest-xdist has come out of this hook.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        """Take down the services that workers have had brought up."""
        try:
            return (yield)
        finally:
            if self._has_services:
                load_returning(self._config).take_down_services()

    def _take(self, worker: str, told: str | bytes) -> None:
        """Take what a worker tells, in a thread of its own."""
        if told == SERVICES:
            self._has_services = True
        else:
            self._tell(worker, str(told))

    def _tell(self, worker: str, text: str) -> None:
        """Write a line of a worker's: on a line of its own, also between the dots of tests."""
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or self._config.get_verbosity() < -1:  # With `-q` a worker tells little.
            return
        with self._guard:
            reporter.ensure_newline()
            if reporter._tw.width_of_current_line:  # noqa: SLF001  # Dots are no line to pytest, and it has no word for that.
                reporter.line("")
            reporter.write_line(f"envrepro: {worker}: {text}")
