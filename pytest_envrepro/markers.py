"""The hooks of a session whose tests say what they need: they translate between pytest and `wanted.Wanted`, and stop."""

from __future__ import annotations

import contextlib
import os
import sys
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.asking import Answer, Ask, explained
from pytest_envrepro.deciding import resolve_strict
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.options import MARKERS, is_listing, plain_id, registered_by_others
from pytest_envrepro.reports import NeedsSummary
from pytest_envrepro.reports import needs as report
from pytest_envrepro.reports.environments import explanation
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.session import Session
from pytest_envrepro.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from _pytest.terminal import TerminalReporter  # For its type alone: older versions of pytest do not export it.

    from pytest_envrepro.reports import Foreseen, IntegrationRows


class Markers:
    """Skips or fails the tests that lack what they need, and tells that at the end of the session."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.is_worker = hasattr(config, "workerinput")
        self.shadowed: set[str] = set()
        self.told: dict[pytest.Item, dict[str, Any]] = {}
        self._is_used = False
        self._wanted: Wanted | None = None
        self._known: dict[tuple[Any, ...], Answer | None] = {}
        self._tells_all = bool(config.getoption("env_report", default=None))

    def wanted(self) -> Wanted:
        """Give what is known of integrations. No property: pytest 8.0 reads those of each plugin when it is registered.

        Raises:
            SettingsError: the configuration cannot be followed.
        """
        self._is_used = True
        if self._wanted is None:
            self._wanted = self._start()
        return self._wanted

    def _start(self) -> Wanted:
        """Look at the project; a session that checks shares its look."""
        config = self.config
        gate: Any = config.pluginmanager.get_plugin("envrepro-gate")
        run = gate.run if gate is not None else None
        session = run.session if run else self._session()
        strict, automatic = resolve_strict(config.option.env_strict, os.environ, session.config.strict)
        wanted = Wanted(session, strict=strict, automatic=automatic, allowed=config.option.env_allow_missing)
        if run:
            run.wanted = wanted
        return wanted

    def _session(self) -> Session:
        config = self.config
        start = config.invocation_params.dir
        return Session(config.rootpath, configured_by=config.inipath, environ=os.environ, start=start)

    def look(self, item: pytest.Item, marks: Sequence[pytest.Mark]) -> None:
        """Let a test run, or skip or fail it, by all of its markers; the same markers are judged once."""
        key = tuple([(mark.name, mark.args, *mark.kwargs.items()) for mark in marks])
        try:
            answer = self._known[key]
        except KeyError:
            answer = self._known[key] = self._judge(marks)
        except TypeError:  # An argument that is a list, which is wrong anyway.
            answer = self._judge(marks)
        if answer is None:
            return
        self._tell(item, answer.pack(stops=False))
        if answer.reason:
            self.stop(item, answer)

    def stop(self, item: pytest.Item, answer: Answer) -> None:
        """Skip or fail a test, in its set-up, for what it lacks."""
        # Other reasons to skip come first: a test that is not for this platform lacks nothing here.
        self._skip_by_others(item)
        told = answer.pack(stops=True)
        self._tell(item, told)
        lacks = ("envrepro.lacks", printable(", ".join(sorted({line[0] for line in told["lacking"]}))))
        if lacks[1] and lacks not in item.user_properties:  # It may be run again.
            item.user_properties.append(lacks)
        stop = partial(pytest.fail, pytrace=False) if answer.fails else pytest.skip
        stop(printable_lines(answer.reason))

    def _skip_by_others(self, item: pytest.Item) -> None:
        """Skip a test as its own `skip` and `skipif` say, and `unittest`'s, or leave it as `xfail(run=False)` does."""
        for decorated in (getattr(item, "obj", None), getattr(item, "cls", None)):
            if getattr(decorated, "__unittest_skip__", False):
                pytest.skip(str(getattr(decorated, "__unittest_skip_why__", "")))
        skipping = self.config.pluginmanager.get_plugin("skipping")
        if skipping is not None:
            skipping.pytest_runtest_setup(item)

    def _judge(self, marks: Sequence[pytest.Mark]) -> Answer | None:
        """Judge markers, but for those that the suite has registered for itself; None where nobody has to know."""
        asks = self._asks(marks)
        if not asks:
            return None
        try:
            answer = self.wanted().answer(asks)
        except SettingsError as error:
            answer = Answer(reason=str(error), fails=True, fault=True)
        return answer if answer.reason or self._tells_all else None

    def _asks(self, marks: Iterable[pytest.Mark]) -> list[Ask]:
        shadowed = {mark.name for mark in marks} & registered_by_others(self.config)
        self.shadowed |= shadowed
        return [Ask(mark.name, mark.args, tuple(mark.kwargs.items())) for mark in marks if mark.name not in shadowed]

    def explain(
        self,
        items: Iterable[pytest.Item],
        skipped: Mapping[str, str],
        foresee: Callable[[pytest.Item], tuple[Foreseen, ...]],
    ) -> None:
        """Print what tests need, and whether that is met here.

        Args:
            skipped: the modules that are skipped as a whole, with the reasons.
            foresee: gives the environments that a test would be given.

        Raises:
            SettingsError: the configuration cannot be followed.
        """
        for node_id, reason in sorted(skipped.items()):
            fails = ", which fails a strict session" if self.wanted().strict else ""
            self._explain(node_id, (), f"is skipped as a whole{fails} ({reason})")
        for item in items:
            environments = foresee(item)
            asks = self._asks([mark for mark in item.iter_markers() if mark.name in MARKERS])
            asks += [Ask("requires_integration", (name,)) for each in environments for name in each.needs]
            answer = self.wanted().answer(asks)
            pieces, outcome = explained(answer, environments, strict=self.wanted().strict)
            try:
                self._skip_by_others(item)
            except (pytest.skip.Exception, pytest.xfail.Exception) as error:
                outcome = f"does not run, by a mark of its own: {error.msg or 'without a reason'}"
            self._explain(item.nodeid, pieces, outcome, environments)

    def _explain(
        self, node_id: str, pieces: Iterable[IntegrationRows], outcome: str, environments: Iterable[Foreseen] = ()
    ) -> None:
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        given = [line for each in environments for line in explanation(each)]
        ticks = report.ticks_for(sys.stdout.encoding)
        lines = report.explanation(node_id, pieces, printable_lines(outcome), ticks, given)
        for line in lines if reporter is not None else ():
            reporter.write_line(line.text, **({line.style: True} if line.style else {}))

    def _tell(self, item: pytest.Item, told: dict[str, Any]) -> None:
        """Have the report of a test tell what it needs; the hook for that is one that other sessions are spared."""
        self.told[item] = told
        self._register()

    def _register(self) -> None:
        if not self.config.pluginmanager.has_plugin(_Reports.NAME):
            self.config.pluginmanager.register(_Reports(self), _Reports.NAME)

    def tell_raised(self, item: pytest.Item, report: pytest.TestReport, answer: Answer) -> None:
        """Have the report of a test tell what it has found to be missing, beside what its markers name."""
        told = answer.pack(stops=True)
        if report.when == "setup":
            for key, values in self.told.get(item, {}).items():
                told[key] = [*values, *told[key]] if isinstance(values, list) else told[key]
            self.told[item] = told
        self._register()
        report.__dict__["envrepro_needs"] = told

    def note(self, node_id: str, told: Any) -> None:
        """Note what the report of a test tells."""
        with contextlib.suppress(SettingsError):  # Is told at the end.
            self.wanted().note(plain_id(self.config, node_id), told)

    def count_failures(self, skipped: Mapping[str, str] = MappingProxyType({})) -> int:
        """Count what fails the session beside its tests; modules that were skipped as a whole are among it.

        Raises:
            SettingsError: the configuration cannot be followed.
        """
        if not self._is_used and not skipped and self.shadowed:
            return 0
        self.wanted().modules.update(skipped)
        return self.wanted().count_failures()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Never end a session with 0 that lacks what it may not lack."""
        try:
            return (yield)
        except pytest.exit.Exception as error:
            error.returncode = self._exit_status(error.returncode)
            raise
        finally:
            session.exitstatus = self._exit_status(session.exitstatus)

    def _exit_status(self, status: Any) -> Any:
        """Give an exit status, but for a 0 that would be wrong."""
        return pytest.ExitCode.TESTS_FAILED if status == pytest.ExitCode.OK and self._fails() else status

    def _fails(self) -> bool:
        if self.is_worker or not self._is_used or is_listing(self.config):
            return False
        try:
            return self.wanted().fails
        except SettingsError:  # Its text has failed the tests.
            return True

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Say in one line for each what was missing."""
        try:
            summary = self.wanted().summary() if self._is_used else NeedsSummary()
        except SettingsError:  # Is told as an error.
            return
        lines = [*report.section(summary._replace(shadowed=tuple(sorted(self.shadowed))))]
        if not lines or is_listing(self.config):
            return
        if self.config.get_verbosity() > -2:  # noqa: PLR2004  # As often as `-q` was given.
            terminalreporter.write_sep("=", report.TITLE)
            for line in lines:
                terminalreporter.write_line(line.text, **({line.style: True} if line.style else {}))
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from pytest_envrepro.actions import tell_needs  # noqa: PLC0415

            for text in tell_needs(summary, self.config.rootpath, os.environ):
                terminalreporter.write_line(text)


class _Reports:
    """Puts what a test needs into its reports, which also pass between processes, and shows where it stands."""

    NAME = "envrepro-marked"

    def __init__(self, markers: Markers) -> None:
        self._markers = markers

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add to the report of the set-up; a failure of ours stays one, whatever else is expected of the test."""
        report = yield
        told = self._markers.told.get(item) if call.when == "setup" else None
        if told is None:
            return report
        report.__dict__["envrepro_needs"] = told
        path, line, _ = item.reportinfo()
        longrepr: Any = report.longrepr
        if told["outcome"] == "failed":
            report.outcome = "failed"
            report.__dict__.pop("wasxfail", None)
            crash = getattr(longrepr, "reprcrash", None)
            if crash is not None:
                crash.path, crash.lineno, crash.message = str(path), (line or 0) + 1, str(longrepr)
        elif told["outcome"] == "skipped" and isinstance(longrepr, tuple):
            report.longrepr = (str(path), (line or 0) + 1, longrepr[2])
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what a test needs."""
        told = report.__dict__.get("envrepro_needs")
        if told is not None and not self._markers.is_worker:
            self._markers.note(report.nodeid, told)


def printable_lines(text: str) -> str:
    """Escape what a terminal would obey, line by line."""
    return "\n".join(map(printable, text.split("\n")))
