"""The hooks of a session that checks: they translate between pytest and `run.Run`, and stop."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.deciding import resolve_offline, resolve_strict
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.items import CheckFile, CheckItem, add_suite_properties
from pytest_envrepro.options import checks_locks, is_listing, is_typed, named, plain_id, report_path
from pytest_envrepro.outcome import Result
from pytest_envrepro.reports import junit, report_for, terminal
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.run import Request, Run
from pytest_envrepro.session import Session
from pytest_envrepro.writing import is_stream, write_whole

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from _pytest.terminal import TerminalReporter  # For its type alone: older versions of pytest do not export it.

# How a session ends that has run all that it selected.
_ENDS = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


class Gate:
    """Checks at the start of the session, shows each check as an item, and fails the session for what no item told."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
        self.run: Run | None = None
        self._log_commands: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Judge, once; a worker of pytest-xdist is told."""
        try:
            self.run = self._start()
        except SettingsError as error:
            raise pytest.UsageError("\n".join(map(printable, str(error).split("\n")))) from None
        self._write_report(self.run, is_last=False)

    def _start(self) -> Run:
        config = self.config
        session = self._look()
        strict, automatic = resolve_strict(config.option.env_strict, os.environ, session.config.strict)
        request = Request(
            lock=checks_locks(config),
            named=named(config),
            listing=is_listing(config),
            typed=is_typed(config),
            fix=config.option.env_fix,
            strict=strict,
            automatic=automatic,
        )
        if self.worker_input is not None:
            return Run.from_payload(session, request, self.worker_input["envrepro"])
        if (request.fix or config.option.env_recompile) and not request.listing:
            # It may take minutes: who interrupts it finds a report of a session that has judged nothing.
            self.run = Run(request=request, session=session)
            self._write_report(self.run, is_last=False)
        if request.fix and not request.listing:
            session.require_lock()
            # Only where it is asked for, as it starts programs.
            from pytest_envrepro.mending import mend  # noqa: PLC0415

            session, mended = mend(self._look, self._tell, request.named)
            run = Run.start(session, request)
            run.mended = mended
            return run
        return Run.start(session, request)

    def _look(self) -> Session:
        """Look at the project, and whatever a tool has made of it meanwhile."""
        config = self.config
        compiles = config.option.env_recompile and self.worker_input is None and not is_listing(config)
        tell = self._tell if compiles else None
        offline = resolve_offline(config.option.env_offline, os.environ)
        return Session(
            config.rootpath,
            configured_by=config.inipath,
            environ=os.environ,
            tell=tell,
            offline=offline,
            start=config.invocation_params.dir,
        )

    def _tell(self, text: str) -> None:
        """Say what takes its time."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and self.config.get_verbosity() >= 0:
            reporter.write_line(f"envrepro: {printable(text)}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist what was judged."""
        if self.run is not None:
            node.workerinput["envrepro"] = self.run.payload()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Note what a worker has told at its end; one that crashed has told nothing."""
        output = getattr(node, "workeroutput", None) or {}
        if self.run is not None and "envrepro" in output:
            self.run.note_worker(output["envrepro"])

    def pytest_report_header(self) -> list[str]:
        """Say what was discovered."""
        if self.run is None or not self.run.plan:
            return []
        locks = self.run.session.facts.locks.values()
        strict = self.run.request.strict
        return terminal.header(((lock.path, lock.tool, lock.inputs) for lock in locks), strict=strict)

    @cached_property
    def _anchors(self) -> dict[Path, str]:
        """The files that have checks, as pytest may spell their paths, and as node ids do."""
        root = self.config.rootpath
        plan = self.run.plan if self.run else ()
        return {base / id_.subject: id_.subject for base in (root.resolve(), root) for id_ in plan}

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Put the checks before all that the session collects, but for files that it collects by their names."""
        report = yield
        run = self.run
        if isinstance(collector, pytest.Session) and run is not None and run.adds_items:
            subjects = dict.fromkeys(id_.subject for id_ in run.plan if id_.subject not in run.request.named)
            paths = [(self.config.rootpath / subject, subject) for subject in subjects]
            report.result[:0] = [
                CheckFile.of(collector, path, run=run, subject=subject)
                for path, subject in paths
                if not collector.gethookproxy(path).pytest_ignore_collect(collection_path=path, config=self.config)
            ]
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> Generator[None, list[Any], list[Any]]:
        """Collect the checks of a file that is named on the command line; doctests have no business in it."""
        nodes = yield
        subject = self._anchors.get(file_path)
        if subject is None or self.run is None:
            return nodes
        others = [node for node in nodes if type(node).__module__ != "_pytest.doctest"]
        names = {name.partition("::")[0] for name in self.run.request.named}
        own = [CheckFile.of(parent, file_path, run=self.run, subject=subject)] if subject in names else []
        return [*own, *others]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, object, object]:
        """Put the checks first again, in their order, whatever has shuffled them."""
        result = yield
        order = {str(id_): index for index, id_ in enumerate(self.run.plan)} if self.run else {}
        items.sort(key=lambda item: order[item.check_id] if isinstance(item, CheckItem) else len(order))
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send what a check has found with its report, which also passes between processes."""
        report = yield
        if isinstance(item, CheckItem) and call.when == "call" and item.result is not None:
            report.__dict__["envrepro"] = item.result.pack()
            if isinstance(report.longrepr, tuple):  # Of a skip: our own code is not the place to look at.
                report.longrepr = (*terminal.place(item.result), report.longrepr[2])
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what tests and checks report."""
        run = self.run
        if run is None or self.worker_input is not None:
            return
        found = getattr(report, "envrepro", None)
        if found is not None:
            run.note_check(Result.unpack(found), failed=report.failed)
        elif report.nodeid not in run.results and (report.when == "call" or not report.passed):
            is_xfail = report.skipped and hasattr(report, "wasxfail")
            node_id = plain_id(self.config, report.nodeid)
            run.note_test(node_id, "xfailed" if is_xfail else report.outcome, ran=report.when == "call")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that is skipped as a whole, or that cannot be collected."""
        if self.run is not None and not report.passed:
            self.run.note_test(report.nodeid, report.outcome)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Fail the session for what no item reported: deselected, not added, or skipped by somebody."""
        result = yield
        if self._judges is not None:
            session.testsfailed += self._judges.count_unreported()
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Write the report, also of a session that was interrupted; and never end a broken one with 0."""
        if self.run is not None and self.worker_input is not None:
            self.config.__dict__["workeroutput"]["envrepro"] = self.run.worker_output()
        try:
            if self._judges is not None and self._judges.results:
                self._tell_others(self._judges)
            return (yield)
        except pytest.exit.Exception as error:
            error.returncode = self._exit_status(error.returncode)
            raise
        finally:
            session.exitstatus = self._exit_status(session.exitstatus)
            if self.run is not None:
                self._write_report(self.run, is_last=True, is_whole=_came_to_its_end(session))

    def _tell_others(self, run: Run) -> None:
        """Tell the verdict to JUnit's XML, and what was found to GitHub Actions, where these are at work."""
        summary = run.summary()
        add_suite_properties(self.config, junit.of_session(summary))
        if run.session.environ.get("GITHUB_ACTIONS") == "true":
            from pytest_envrepro.actions import tell  # noqa: PLC0415

            self._log_commands = tell(summary, self.config.rootpath, run.session.environ)

    def _exit_status(self, status: Any) -> Any:
        """Give an exit status, but for a 0 that would be wrong."""
        fails = self._judges is not None and self._judges.fails
        return pytest.ExitCode.TESTS_FAILED if fails and status == pytest.ExitCode.OK else status

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Show one line where all is clean, else the section."""
        if self.run is None or not self.run.results:
            return
        summary = self.run.summary()
        verbosity = self.config.get_verbosity()
        if summary.verdict == "clean" and verbosity <= 0 and not summary.mended:
            lines = [terminal.one_line(summary)] if verbosity >= -1 else []
        else:
            terminalreporter.write_sep("=", terminal.TITLE)
            lines = [*terminal.section(summary, verbose=verbosity > 0)]
        for line in lines:
            terminalreporter.write_line(line.text, **({line.style: True} if line.style else {}))
        for text in self._log_commands:
            terminalreporter.write_line(text)

    @property
    def _judges(self) -> Run | None:
        """The run, where this process is the one that decides: no worker, and no session that only lists."""
        return self.run if self.worker_input is None and self.run and not self.run.request.listing else None

    def _write_report(self, run: Run, *, is_last: bool, is_whole: bool = False) -> None:
        """Write the report, as far as the session has come; what is no file is written once, at the end."""
        path = report_path(self.config)
        if path is None or self._judges is None or (not is_last and is_stream(path)):
            return
        try:
            write_whole(path, report_for(path.name).render(run.summary()._replace(unfinished=not is_whole)))
        except OSError as error:
            message = f"--env-report: cannot write {self.config.option.env_report}: {error.strerror or error}"
            raise pytest.UsageError(message) from None


def _came_to_its_end(session: pytest.Session) -> bool:
    """Tell whether a session has run all that it selected; not so after Ctrl-C, `-x`, or errors while collecting."""
    stopped = session.shouldstop or session.shouldfail
    return not stopped and session.exitstatus in _ENDS
