"""The checks as pytest sees them: test items below real files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.reports import junit, terminal
from pytest_envrepro.reports.wording import printable

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pytest_envrepro.outcome import Result
    from pytest_envrepro.run import Run


class CheckFailed(Exception):  # noqa: N818  # Is a report, not an error.
    """A check fails; the text is the whole report."""

    def __init__(self, result: Result) -> None:
        self.result = result
        super().__init__(terminal.failure(result))


class CheckFile(pytest.File):
    """A lock, or the file that checks of the whole environment are shown at."""

    run: Run
    subject: str

    @classmethod
    def of(cls, parent: pytest.Collector, path: Path, *, run: Run, subject: str) -> CheckFile:
        """Make one."""
        file: CheckFile = cls.from_parent(parent, path=path)
        file.run = run
        file.subject = subject
        return file

    def collect(self) -> Iterator[CheckItem]:
        """Give the checks that are shown at this file."""
        for id_ in self.run.plan:
            if id_.subject == self.subject:
                item: CheckItem = CheckItem.from_parent(self, name=id_.check)
                item.check_id = str(id_)
                item.run = self.run
                if item.result is not None:
                    item.user_properties += junit.of_check(item.result)
                if self.config.pluginmanager.hasplugin("rerunfailures"):
                    item.add_marker(pytest.mark.flaky(reruns=0))
                yield item


class CheckItem(pytest.Item):
    """One check."""

    run: Run
    check_id: str

    @property
    def result(self) -> Result | None:
        """What was judged at the start of the session."""
        return self.run.results.get(self.check_id)

    def runtest(self) -> None:
        """Pass, fail or skip, as the outcome and strictness say."""
        result = self.result
        if result is None:
            pytest.skip("was not asked for")
        if self.run.is_failing(result):
            raise CheckFailed(result)
        if result.outcome.status == "unchecked":
            pytest.skip(printable(result.outcome.reason or "could not be judged"))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **kwargs: Any) -> Any:
        """Show the findings without a traceback; the first of them is the message and the place of the failure.

        Where a whole text is too much, others show those: the short summary, JUnit's XML, annotations of a CI.
        """
        error = excinfo.value
        if not isinstance(error, CheckFailed):
            return super().repr_failure(excinfo, *args, **kwargs)
        shown = excinfo.getrepr(style="value")
        if shown.reprcrash is not None:
            file, line = terminal.place(error.result)
            shown.reprcrash.path = str(self.config.rootpath / file)
            shown.reprcrash.lineno = line
            shown.reprcrash.message = terminal.headline(error.result)
        return shown

    def reportinfo(self) -> tuple[os.PathLike[str], int | None, str]:
        """Give the place and the title that reports show."""
        return self.path, 0, printable(self.check_id.replace("::", ": "))


def add_suite_properties(config: pytest.Config, properties: Iterable[tuple[str, str]]) -> None:
    """Add properties to the suite in JUnit's XML, if there is one.

    pytest's own way, a fixture, needs a test, and does nothing under pytest-xdist.
    """
    for plugin in config.pluginmanager.get_plugins():
        if type(plugin).__module__ == "_pytest.junitxml" and hasattr(plugin, "add_global_property"):
            for name, value in properties:
                plugin.add_global_property(name, value)
