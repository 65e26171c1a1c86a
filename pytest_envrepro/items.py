"""The checks as pytest sees them: test items below real files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.reports.terminal import failure

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_envrepro.outcome import Result
    from pytest_envrepro.run import Run


class CheckFailed(Exception):  # noqa: N818  # Is a report, not an error.
    """A check fails; the text is the whole report."""


class CheckFile(pytest.File):
    """A lock, or the file that checks of the whole environment are shown at."""

    run: Run

    @classmethod
    def of(cls, parent: pytest.Collector, path: Path, run: Run) -> CheckFile:
        """Make one."""
        file: CheckFile = cls.from_parent(parent, path=path)
        file.run = run
        return file

    def collect(self) -> Iterator[CheckItem]:
        """Give the checks that are shown at this file."""
        subject = self.path.relative_to(self.config.rootpath).as_posix()
        for id_ in self.run.plan:
            if id_.subject == subject:
                item: CheckItem = CheckItem.from_parent(self, name=id_.check)
                item.check_id = str(id_)
                item.run = self.run
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
            raise CheckFailed(failure(result))
        if result.outcome.status == "unchecked":
            pytest.skip(result.outcome.reason or "could not be judged")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **kwargs: Any) -> Any:
        """Show the findings, without a traceback."""
        if isinstance(excinfo.value, CheckFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args, **kwargs)

    def reportinfo(self) -> tuple[os.PathLike[str], int | None, str]:
        """Give the place and the title that reports show."""
        return self.path, None, self.check_id
