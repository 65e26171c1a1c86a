"""A project in a folder of its own, and an environment beside the real one, for tests of whole sessions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import making

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest


class Site:
    """A folder on the search path of this process and of those that it starts, for distributions of a test's own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, name: str, version: str, requires: tuple[str, ...] = (), **options: Any) -> Path:
        """Install a distribution's metadata; the options are those of `making.install`."""
        return making.install(self.path, name, version, requires, **options)


class Project:
    """A project to run pytest in."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.path = pytester.path

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files, by path."""
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def run(self, *args: str, subprocess: bool = False) -> pytest.RunResult:
        """Run pytest with `--env-lock` and a report; the checks alone, unless the project has tests."""
        return self._run(("--env-lock", "--env-report=report.json", *args), is_outside=subprocess)

    def test(self, *args: str, subprocess: bool = False) -> pytest.RunResult:
        """Run pytest as it is; with `-n2` among the arguments its workers are processes of their own."""
        # pytest-xdist gives its workers the search path that this process had at first: without a test's own packages.
        is_outside = subprocess or ("-n2" in args and any((self.pytester.path / "site").glob("*")))
        return self._run(args, is_outside=is_outside)

    def _run(self, args: tuple[str, ...], *, is_outside: bool) -> pytest.RunResult:
        reruns = any("rerun" in each for each in args) or any(
            "flaky" in path.read_text(encoding="utf-8", errors="replace")
            for path in self.pytester.path.glob("test_*.py")
        )
        # A session of pytest-rerunfailures leaves a socket open, and threads: in this process they would take the time,
        # and at last the files, of all further tests.
        quiet = () if reruns else ("-p", "no:rerunfailures")
        arguments = ("-p", "no:randomly", "-p", "no:hypothesispytest", *quiet, *args)
        if is_outside or reruns:
            return self.pytester.runpytest_subprocess(*arguments)
        return self.pytester.runpytest_inprocess(*arguments)

    def report(self) -> dict[str, Any]:
        """Read the report of the last run."""
        data: dict[str, Any] = json.loads((self.path / "report.json").read_text(encoding="utf-8"))
        return data

    def judge(self, check: str, subject: str = "requirements.txt", *args: str) -> dict[str, Any]:
        """Run, and give what the report says of one check."""
        self.run(*args)
        return next(each for each in self.report()["checks"] if (each["check"], each["subject"]) == (check, subject))

    def findings(self, check: str = "lock", subject: str = "requirements.txt") -> list[tuple[Any, ...]]:
        """Run, and give a check's findings as (code, package, expected, actual, place, message)."""
        keys = ("code", "package", "expected", "actual")
        return [
            (*(finding[key] for key in keys), f"{finding['file']}:{finding['line']}", finding["message"])
            for finding in self.judge(check, subject)["findings"]
        ]
