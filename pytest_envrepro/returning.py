"""The hooks of a session that lends environments: shared ones come back as they were, and a failure says what it ran in."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.holders import of_test
from pytest_envrepro.markers import printable_lines
from pytest_envrepro.options import ENDED
from pytest_envrepro.reports import Ended
from pytest_envrepro.reports import environments as report
from pytest_envrepro.reports.wording import printable
from pytest_envrepro.signals import ignored
from pytest_envrepro.tidying import FAULTS, Tidying

if TYPE_CHECKING:
    from collections.abc import Generator

    from _pytest.terminal import TerminalReporter  # For its type alone: older versions of pytest do not export it.

    from pytest_envrepro.books import Books
    from pytest_envrepro.lending import Lending


class Returning:
    """Takes environments back, and tells what a failure was about and what there is to know at the end."""

    def __init__(self, lending: Lending) -> None:
        self._lending = lending
        self._config = lending.config
        self._ended = Ended()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Look at what fixtures had that have ended: with another parameter they are set up again for this test."""
        result = yield
        opened = self._lending.opened
        _fail_for(opened.loans.look_at_ended(of_test(item), self._lending.over) if opened else None)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail a test that has changed an environment which it shares with others."""
        result = yield
        self._look(item)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Look once more, for what its fixtures have changed; from then on, what it has is to be taken back."""
        try:
            return (yield)
        finally:
            opened = self._lending.opened
            if opened is not None:
                try:
                    self._look(item)
                finally:
                    self._lending.end(of_test(item))

    def _look(self, item: pytest.Item) -> None:
        opened = self._lending.opened
        _fail_for(opened.loans.look(of_test(item), self._lending.over) if opened else None)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self,
        item: pytest.Item,
        call: pytest.CallInfo[None],
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Say with a failure what there is to know of the environments that the test has, and take back what is over."""
        told = yield
        if call.excinfo is not None and not hasattr(told, "wasxfail"):
            self._lending.note_raised(item, told, call.excinfo.value)
        opened = self._lending.opened
        if told.failed and opened is not None:
            for books in (opened.loans, opened.boxes):
                books.fail(of_test(item))
                for title, text in books.details(of_test(item)):
                    _add(told, title, printable_lines(text))
            for title, text in self._lending.remarks:
                _add(told, title, printable_lines(text))
            self._lending.remarks = []
        self._lending.take_back()
        return told

    # The innermost: pytest-xdist sends what a worker tells when it has come out of this hook.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, exitstatus: int | pytest.ExitCode) -> Generator[None, object, object]:
        """Take back all that is left; a worker of pytest-xdist tells what there is to tell."""
        try:
            return (yield)
        finally:
            with self._undisturbed():
                self._close(is_over=exitstatus != pytest.ExitCode.INTERRUPTED)

    def _undisturbed(self) -> contextlib.AbstractContextManager[None]:
        # A worker of pytest-xdist is sent SIGINT by execnet five seconds after its controller has ended: that is not
        # somebody who cannot wait, and a build that is cancelled may take longer to be put away.
        return ignored(signal.SIGINT) if self._lending.is_worker else contextlib.nullcontext()

    def _close(self, *, is_over: bool) -> None:
        demand = self._lending.demand
        self.note(Ended(notes=tuple(demand.notes), rots=tuple(demand.rots)))
        if self._lending.opened is not None:
            try:
                self._put_away(self._lending.opened, is_over=is_over)
            finally:
                self._report()
        else:
            self._report()

    def _report(self) -> None:
        if self._lending.is_worker:
            self._config.__dict__["workeroutput"][ENDED] = self._ended.pack()

    def _put_away(self, opened: Books, *, is_over: bool) -> None:
        """Put all away, whatever becomes of a part; of a cache that is gone, or full, the end of the session tells.

        Args:
            is_over: whether all tests are over, and nobody has interrupted them.
        """
        depot, loans, boxes, preparing = opened
        tidying = Tidying()
        with tidying.step():
            self._lending.end_calls()
        with tidying.step():
            preparing.stop(is_over=is_over)
        for books in (loans, boxes):
            with tidying.step():
                books.close()
            self.note(books.ended())
        with tidying.step():
            depot.store.close()
        self.note(Ended(notes=tuple(f"not all environments could be put away: {error}" for error in tidying.told())))

    def take_down_services(self) -> None:
        """Take down the services of the session, as the controller of pytest-xdist; workers may be gone before it."""
        try:
            self._lending.take_down_services()
        except FAULTS as error:  # The session has its verdict by now, and the next one takes them down.
            self.note(Ended(notes=(f"not all services could be taken down: {error}",)))

    def note(self, ended: Ended) -> None:
        """Note what there is to say at the end, of this process or of a worker."""
        self._ended = self._ended.joined(ended)
        gate: Any = self._config.pluginmanager.get_plugin("envrepro-gate")
        if gate is not None and gate.run is not None:
            gate.run.environments = self._ended.rows

    def note_worker(self, told: Any) -> None:
        """Note what a worker has told at its end."""
        self.note(Ended.unpack(told))

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Say which private environments stay, and what else there is to know."""
        lines = [*report.section(self._ended)]
        if lines and self._config.get_verbosity() > -2:  # noqa: PLR2004  # As often as `-q` was given.
            terminalreporter.write_sep("=", report.TITLE)
            for line in lines:
                terminalreporter.write_line(printable(line.text), **({line.style: True} if line.style else {}))


def _fail_for(told: str | None) -> None:
    if told:
        pytest.fail(printable_lines(told), pytrace=False)


def _add(told: pytest.TestReport, title: str, text: str) -> None:
    """Add to the failure itself: that is what stands in a JUnit file, and is shown whatever is captured."""
    add: Any = getattr(told.longrepr, "addsection", None)
    if add is not None:
        add(title, text)
    else:
        told.sections.append((title, text))
