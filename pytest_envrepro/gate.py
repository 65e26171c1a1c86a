"""The hooks of a session that checks: they translate between pytest and `run.Run`, and stop."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro import options
from pytest_envrepro.config import resolve_strict
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.items import CheckFile, CheckItem
from pytest_envrepro.reports import report_for, terminal
from pytest_envrepro.run import Request, Run
from pytest_envrepro.session import Session, pack, unpack
from pytest_envrepro.writing import write_whole

if TYPE_CHECKING:
    from collections.abc import Generator

    from _pytest.terminal import TerminalReporter  # For its type alone: pytest does not export it.

_EXIT_FAILED = 1


class Gate:
    """Checks at the start of the session, shows each check as an item, and fails the session for what no item told."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
        self.run: Run | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Judge, once; a worker of pytest-xdist is told."""
        try:
            self.run = self._start()
            if self.worker_input is None:
                self._write_report()
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None
        except OSError as error:
            message = f"--env-report: cannot write {self.config.option.env_report}: {error.strerror or error}"
            raise pytest.UsageError(message) from None

    def _start(self) -> Run:
        config = self.config
        session = Session(config.rootpath, configured_by=config.inipath, environ=os.environ)
        strict, automatic = resolve_strict(config.option.env_strict, os.environ, session.config.strict)
        request = Request(
            lock=config.option.env_lock,
            node_ids=tuple(_node_ids(config)),
            listing=options.is_listing(config),
            typed=options.is_typed(config),
            strict=strict,
            automatic=automatic,
        )
        if self.worker_input is not None:
            return Run.from_payload(session, request, self.worker_input["envrepro"])
        return Run.start(session, request)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist what was judged."""
        if self.run is not None:
            node.workerinput["envrepro"] = self.run.payload()

    def pytest_report_header(self) -> list[str]:
        """Say what was discovered."""
        if self.run is None or not self.run.plan:
            return []
        locks = self.run.session.facts.locks.values()
        strict = self.run.request.strict
        return terminal.header(((lock.path, lock.tool, lock.inputs) for lock in locks), strict=strict)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Put the checks before all that the session collects."""
        report = yield
        if isinstance(collector, pytest.Session) and self.run is not None and self.run.adds_items:
            named = set(_named_files(self.config))
            subjects = dict.fromkeys(id_.subject for id_ in self.run.plan if id_.subject not in named)
            files = [CheckFile.of(collector, self.config.rootpath / subject, self.run) for subject in subjects]
            report.result[:0] = files
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> Generator[None, list[Any], list[Any]]:
        """Collect the checks of a file that is named on the command line; doctests have no business in it."""
        nodes = yield
        run = self.run
        subject = _below(self.config.rootpath, file_path)
        if run is None or subject is None or all(id_.subject != subject for id_ in run.plan):
            return nodes
        others = [node for node in nodes if type(node).__module__ != "_pytest.doctest"]
        is_named = subject in _named_files(self.config)
        return [*([CheckFile.of(parent, file_path, run)] if is_named else []), *others]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the checks first again, in their order, whatever has shuffled them."""
        order = {str(id_): index for index, id_ in enumerate(self.run.plan)} if self.run else {}
        items.sort(key=lambda item: order[item.check_id] if isinstance(item, CheckItem) else len(order))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send what a check has found with its report, which also passes between processes."""
        report = yield
        if isinstance(item, CheckItem) and call.when == "call" and item.result is not None:
            report.__dict__["envrepro"] = pack(item.result)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what tests and checks report."""
        run = self.run
        if run is None or self.worker_input is not None:
            return
        found = getattr(report, "envrepro", None)
        if found is not None:
            run.note_check(report.nodeid, unpack(found), failed=report.failed)
        elif report.nodeid not in run.results and (report.when == "call" or not report.passed):
            run.note_test(report.nodeid, "xfailed" if hasattr(report, "wasxfail") else report.outcome)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that is skipped as a whole."""
        if self.run is not None and report.skipped:
            self.run.note_test(report.nodeid, "skipped")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Fail the session for what no item reported: deselected, not added, or skipped by somebody."""
        result = yield
        if self._is_gate:
            session.testsfailed += self.run.count_unreported() if self.run else 0
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report, also of a session that was interrupted; and never end a broken one with 0."""
        if self.worker_input is not None or self.run is None:
            return
        if self._is_gate and self.run.fails and session.exitstatus == 0:
            session.exitstatus = _EXIT_FAILED
        self._write_report()

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Show one line where all is clean, else the section."""
        if self.run is None or not self.run.results:
            return
        summary = self.run.summary()
        verbosity = self.config.get_verbosity()
        if summary.verdict == "clean" and verbosity <= 0:
            if verbosity == 0:
                _print(terminalreporter, terminal.one_line(summary))
            return
        terminalreporter.section(terminal.TITLE)
        for line in terminal.section(summary, verbose=verbosity > 0):
            _print(terminalreporter, line)

    @property
    def _is_gate(self) -> bool:
        return self.worker_input is None and self.run is not None and not self.run.request.listing

    def _write_report(self) -> None:
        path = self.config.option.env_report
        if path and self.run is not None:
            write_whole(Path(path), report_for(path).render(self.run.summary()))


def _print(reporter: TerminalReporter, line: terminal.Line) -> None:
    reporter.write_line(line.text, **({line.style: True} if line.style else {}))


def _node_ids(config: pytest.Config) -> list[str]:
    """Give the node ids (with `::`) of the command line, relative to the root."""
    found = []
    for argument in config.args:
        path, separator, rest = argument.partition("::")
        if separator:
            below = _below(config.rootpath, config.invocation_params.dir / path)
            found.append(f"{below or path}::{rest}")
    return found


def _named_files(config: pytest.Config) -> list[str]:
    """Give the files of the command line, relative to the root."""
    paths = (config.invocation_params.dir / argument.partition("::")[0] for argument in config.args)
    return [below for below in (_below(config.rootpath, path) for path in paths) if below is not None]


def _below(root: Path, path: Path) -> str | None:
    absolute = Path(os.path.normpath(path))
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else None
