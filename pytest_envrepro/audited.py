"""The plugin of a session that an audit starts: runs what it is told to, and writes down what comes of each test.

It is loaded by `-p`, and does nothing where no audit has started the session.
"""

from __future__ import annotations

import json
import os
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.options import AUDITED

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

_JOB = "_PYTEST_ENVREPRO_AUDIT"  # The variable that holds the place of the job; tests do not see it.
# What would write a file of the user's, ask a question, spread the tests, leave some out, or run them again.
_SET_ASIDE: dict[str, Any] = {
    **dict.fromkeys(("numprocesses", "reruns", "xmlpath", "report_log", "htmlpath", "pastebin", "env_report")),
    **dict.fromkeys(("distload", "usepdb", "trace", "json_report", "lf", "failedfirst", "newfirst", "stepwise"), False),
    **dict.fromkeys(("cacheclear", "env_audit", "env_lock", "env_recompile", "env_fix"), False),
    **dict.fromkeys(("no_cov", "continue_on_collection_errors"), True),
    "dist": "no",
    "tx": [],
    "maxfail": 0,
    "cov_source": [],
}
_SET_ASIDE_EARLY = ("cov_source", "no_cov")  # Are looked at before the options are settled.
_STASHED = pytest.StashKey["_Audited"]()


def pytest_configure(config: pytest.Config) -> None:
    """Take the job."""
    if _STASHED in config.stash:
        config.pluginmanager.register(config.stash[_STASHED], AUDITED)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Find the job, before anything of the suite is imported."""
    place = os.environ.pop(_JOB, None)
    if place is not None:
        early_config.stash[_STASHED] = _Audited(json.loads(Path(place).read_text(encoding="utf-8")))
        _set_aside(early_config.known_args_namespace, _SET_ASIDE_EARLY)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Set options aside that are not for this session."""
    if _STASHED in config.stash:
        _set_aside(config.option, _SET_ASIDE)


def _set_aside(given: Any, names: Iterable[str]) -> None:
    for name in names:
        if hasattr(given, name):
            setattr(given, name, _SET_ASIDE[name])


class _Audited:
    """Runs the tests of a job.

    Args:
        job: `tests`, the node ids; `results`, the file for what comes of them, a line of JSON each; and what is taken
            away: `distributions`, `tools`, `variables`.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        self._job = job
        self._outcome = ("passed", "")

    def _write(self, **told: object) -> None:
        # Line by line: the session may end at any moment.
        with open(self._job["results"], "a", encoding="utf-8") as file:
            file.write(f"{json.dumps(told)}\n")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that cannot be imported, or that skips itself."""
        if not report.passed:
            self._write(module=report.nodeid, outcome=report.outcome, why=_why(report))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None]:
        """Leave out all other tests, whatever else is chosen or put in order."""
        yield
        wanted = set(self._job["tests"])
        items[:] = [item for item in items if item.nodeid in wanted]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what is to be run, and what is there all the same, now that the suite is imported."""
        self._write(collected=[item.nodeid for item in session.items], there=[*self._there()])

    def _there(self) -> Generator[str]:
        for name in self._job["distributions"]:
            try:
                found = distribution(name)
            except PackageNotFoundError:
                continue
            yield f"{name} is found all the same, in {found.locate_file('')}"
        for name in self._job["tools"]:
            path = shutil.which(name)
            if path is not None:
                yield f"{name} is found all the same: {path}"
        for name in self._job["variables"]:
            if os.environ.get(name):
                yield f"${name} is set by the suite itself"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note which test is at work."""
        self._outcome = ("passed", "")
        self._write(started=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what comes of a part of a test: a failure counts before a skip."""
        if report.skipped and self._outcome[0] == "passed":
            expected = getattr(report, "wasxfail", None)
            self._outcome = ("skipped", _why(report)) if expected is None else ("expected", _words(expected))
        elif report.failed:
            self._outcome = ("failed", _why(report))

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Write what has come of a test."""
        outcome, why = self._outcome
        self._write(ended=nodeid, outcome=outcome, why=why)


def _why(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Give the last line of what a report says."""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    said = crash.message.partition("\n")[0] if crash is not None else _last_line(str(report.longrepr or ""))
    return _words(said)


def _words(text: str) -> str:
    return " ".join(text.removeprefix("reason: ").split())


def _last_line(text: str) -> str:
    lines = [line.removeprefix("E ") for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
