"""Sessions that run the same tests, here or in an environment, and write down all that pytest knows of each."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ENVIRONMENT = "there"
MARK = '\n\npytestmark = pytest.mark.environment("there", inside={is_inside})\n'
RECORDER = """
import json
import os

import pytest


def _write(kind, what):
    with open(os.environ["CASES_RECORD"], "a") as file:
        file.write(json.dumps([kind, what]) + "\\n")


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    class Recorder:
        def pytest_runtest_logreport(self, report):
            _write("report", config.hook.pytest_report_to_serializable(config=config, report=report))

        def pytest_warning_recorded(self, warning_message, when, nodeid, location):
            told = warning_message
            kinds = [f"{kind.__module__}.{kind.__qualname__}" for kind in told.category.__mro__[:-2]]
            _write("warning", [nodeid, when, kinds, str(told.message), told.filename, told.lineno, location])

    config.pluginmanager.register(Recorder())
"""
# Also where one was cut: `<function sh...7f2e74f989a0>`; and what mocks have for a name.
_ADDRESS = re.compile(r"\b0x[0-9a-f]+|(?<=\.\.\.)[0-9a-f]{6,12}(?=>)|(?<=id=')\d+")
_LIBRARY = re.compile(r"[^\s'\"]*/lib/python3\.\d+/")
_OF_THREADS = re.compile(r'\b(threading\.py\\?", line )\d+')  # Lines of each Python's own file.
_SECONDS = re.compile(r"\bin \d+\.\d+s(?: \(\d+:\d+:\d+\))?( =+)?")
_SUMMARY = re.compile(r"^=+ environments =+\n((?:(?!=).*\n)*)", re.MULTILINE)
_OURS = re.compile(r"^-+ envrepro: environment '.*' -+\n(?:(?![-_=]{3}).*\n)*", re.MULTILINE)
# The list of what has failed begins after the dots, among which we tell how an environment is made.
_BEGINNING = re.compile(r"\A=+ test session starts =+\n.*?(?=^[=!]+ )", re.MULTILINE | re.DOTALL)
_CARETS = re.compile(r"^[ E>]*[~^]+\n?|\n[ E>]*[~^]+(?=\n|\Z)", re.MULTILINE)
_TIMES = ("duration", "start", "stop")


class Told(NamedTuple):
    """What a session tells.

    Attributes:
        reports: of each phase of each test, by its name and that of the phase.
        warnings: in their order.
        status: the exit code.
        text: what it has printed after the dots, but for what we have to say ourselves.
        ours: the lines of that.
    """

    reports: dict[str, Any]
    warnings: list[Any]
    status: int
    text: str
    ours: list[str]

    def without_carets(self) -> Told:
        """Leave out where in its line each call was: Python tells that from 3.11 on, and not always the same."""
        return self._replace(reports=_without(self.reports), text=_CARETS.sub("", self.text))


def _without(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: _without(value) for key, value in told.items()}
    if isinstance(told, list):
        return [_without(each) for each in told if not (isinstance(each, str) and each and not _CARETS.sub("", each))]
    return _CARETS.sub("", told) if isinstance(told, str) else told


class Sessions:
    """Runs sessions, here and in an environment, in one folder: reports name its files.

    Args:
        path: the folder; what it has beside it is used too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, files: Mapping[str, str], *args: str, settings: str | None = None) -> Told:
        """Run the tests of a project.

        Args:
            files: of the project, by their names.
            args: of pytest.
            settings: of the environment that they run in, a line of TOML each; None for here.
        """
        shutil.rmtree(self.path, ignore_errors=True)
        table = f"[tool.pytest.ini_options]\n[tool.envrepro.environments.{ENVIRONMENT}]\n{settings or ''}"
        for name, text in {"pyproject.toml": table, **files}.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            mark = MARK.format(is_inside=settings is not None) if path.name.startswith("test_") else ""
            path.write_text(text + mark, encoding="utf-8")
        record = self.path.parent / f"{self.path.name}.jsonl"
        record.write_text("")
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", *_QUIET, f"--basetemp={self.path.parent / 'temporary'}", *args],
            cwd=self.path,
            env=self._environ(record),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.stderr == ""
        return _told(record.read_text(), ended.returncode, ended.stdout)

    def _environ(self, record: Path) -> dict[str, str]:
        plain = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_ENVREPRO", "PYTEST_XDIST", "PYTEST_ADDOPTS", "CI", "GITHUB"))
        }
        return {
            **plain,
            "CASES_RECORD": str(record),
            "COLUMNS": "100",
            "PYTEST_ENVREPRO_CACHE": str(self.path.parent / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",  # Files are written twice within a second.
        }


_QUIET = ("-p", "no:randomly", "-p", "no:hypothesispytest", "-p", "no:cacheprovider", "-p", "no:rerunfailures", "-rA")


def _told(record: str, status: int, text: str) -> Told:
    reports, warnings = {}, []
    for line in _alike(record).splitlines():
        kind, told = json.loads(line)
        if kind == "warning":
            warnings.append(told)
            continue
        longrepr = told["longrepr"] if isinstance(told["longrepr"], dict) else {"sections": []}
        for held in (told, longrepr):
            held["sections"] = [each for each in held["sections"] if not each[0].startswith("envrepro: environment ")]
        reports[f"{told['nodeid']} ({told['when']})"] = {key: told[key] for key in told if key not in _TIMES}
    said = _OURS.sub("", _BEGINNING.sub("", _alike(text)))
    ours = [line for each in _SUMMARY.findall(said) for line in each.splitlines()]
    return Told(reports, warnings, status, _SECONDS.sub("", _SUMMARY.sub("", said)), ours)


def _alike(text: str) -> str:
    """Leave out what is another in each process, and in each Python."""
    return _OF_THREADS.sub(r"\1N", _LIBRARY.sub("", _ADDRESS.sub("0x", text)))
