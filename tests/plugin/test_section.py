"""What a session prints beside its tests: one line, nothing, or all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from projects import Project

pytestmark = pytest.mark.core


def test_clean_is_one_line(clean: Project) -> None:
    """A clean session says one line, and what was discovered in the header."""
    result = clean.run()

    result.stdout.fnmatch_lines(
        [
            "envrepro: requirements.txt (pip-compile from requirements.in)",
            "environment reproducibility: clean, 3 checks, 1 of 1 pin proven, * ms",
        ]
    )
    result.stdout.no_fnmatch_line("*=== environment reproducibility ===*")


def test_clean_and_quiet(clean: Project) -> None:
    """With `-q` a clean session says its one line, with `-qq` nothing."""
    clean.run("-q").stdout.fnmatch_lines(["environment reproducibility: clean, *"])
    clean.run("-qq").stdout.no_fnmatch_line("*environment reproducibility*")


@pytest.mark.parametrize("arguments", [("-v",), ("-vv",)])
def test_clean_and_verbose(clean: Project, arguments: tuple[str, ...]) -> None:
    """With `-v` a clean session shows each check."""
    result = clean.run(*arguments)

    result.stdout.fnmatch_lines(
        [
            "requirements.txt::lock PASSED*",
            "*= environment reproducibility =*",
            "requirements.txt   lock        clean   1 of 1 pin proven*",
            "requirements.txt   installed   clean   1 pin*",
            "pyproject.toml     conflicts   clean   * distributions*",
            "clean.",
        ]
    )


@pytest.mark.parametrize("arguments", [(), ("-q",), ("--tb=no",), ("--no-summary",), ("-k", "nothing")], ids=" ".join)
def test_broken_is_complete(broken: Project, arguments: tuple[str, ...]) -> None:
    """A broken session shows the section, whatever else is hidden; its lines follow each other."""
    if arguments == ("--no-summary",):
        assert broken.run(*arguments).ret == 1  # pytest shows no summary of anybody then.
        return
    result = broken.run(*arguments)

    result.stdout.fnmatch_lines(
        [
            "*= environment reproducibility =*",
            "requirements.txt   lock        broken   1 of 1 pin proven*",
            "  missing-direct  click  requirements.in:2  not pinned in requirements.txt",
            "  fix: pip-compile --output-file=requirements.txt requirements.in",
            "requirements.txt   installed   clean    1 pin*",
            "pyproject.toml     conflicts   clean    * distributions*",
            "broken: 1 finding in 1 check. The session fails.",
        ],
        consecutive=True,
    )


def test_failure_and_short_summary(broken: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that fails is titled by its file, without a traceback; in a CI its summary is one line as well."""
    monkeypatch.setenv("CI", "1")

    result = broken.run()

    result.stdout.fnmatch_lines(
        [
            "*_ requirements.txt: lock _*",
            "broken, 1 of 1 pin proven",
            "  missing-direct  click  requirements.in:2  not pinned in requirements.txt",
            "  fix: pip-compile --output-file=requirements.txt requirements.in",
            "*= environment reproducibility =*",
        ],
        consecutive=True,
    )
    result.stdout.fnmatch_lines(
        [
            "*= short test summary info =*",
            "FAILED requirements.txt::lock - missing-direct click (requirements.in:2): not pinned in requirements.txt",
            "*= 1 failed, 4 passed in *",
        ],
        consecutive=True,
    )


def test_error_in_a_check_itself(broken: Project) -> None:
    """What is not a finding, such as a hook of a conftest that raises, keeps its traceback."""
    broken.write({"conftest.py": "def pytest_runtest_call(item): raise ValueError('of my own')\n"})

    result = broken.run()

    result.stdout.fnmatch_lines(["E   ValueError: of my own"])
    assert result.ret == 1
