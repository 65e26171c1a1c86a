"""A broken session never ends with 0, whatever ends it; what the user did wrong ends it with 4 and no traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from making import pip_compiled

if TYPE_CHECKING:
    from projects import Project

pytestmark = pytest.mark.core

# What setup.py asks for is known only from installed metadata, and there is none.
UNCHECKED = {
    "setup.py": "",
    "requirements.txt": pip_compiled("flask==3.0\n", "pip-compile --output-file=requirements.txt setup.py"),
}
SKIPS_ALL = "def pytest_collection_modifyitems(items):\n    for item in items: item.add_marker(pytest.mark.{})\n"
CONFTESTS = {
    "skips all": (SKIPS_ALL.format("skip"), 1),
    "xfails all": (SKIPS_ALL.format("xfail"), 1),
    "skips in setup": ("def pytest_runtest_setup(item): pytest.skip('no')\n", 1),
    "drops all": ("def pytest_collection_modifyitems(items): items[:] = []\n", 1),
    "exits at once": ("def pytest_runtest_setup(item): pytest.exit('enough', returncode=0)\n", 1),
    "exits while collecting": ("def pytest_collection(): pytest.exit('enough', returncode=0)\n", 1),
    "exits at the end": ("def pytest_sessionfinish(): pytest.exit('enough', returncode=0)\n", 1),
    "says all is well": ("def pytest_sessionfinish(session): session.exitstatus = 0\n", 1),
    "exits with its own": ("def pytest_runtest_setup(item): pytest.exit('enough', returncode=7)\n", 7),
}


@pytest.mark.parametrize(("conftest", "code"), CONFTESTS.values(), ids=CONFTESTS)
def test_conftest_does_not_open_the_gate(broken: Project, conftest: str, code: int) -> None:
    """Whatever a conftest does to the items or to the session, a broken one does not end with 0."""
    broken.write({"conftest.py": f"import pytest\n\n{conftest}"})

    result = broken.run()

    assert result.ret == code
    assert broken.report()["verdict"] == "broken"


TESTS = {
    "exits with 0": ("import pytest\ndef test_it(): pytest.exit('enough', returncode=0)\n", (), 1),
    "interrupts": ("def test_it(): raise KeyboardInterrupt\n", (), 2),
    "does not compile": ("def test_it(:\n", (), 2),
    "does not compile, goes on": ("def test_it(:\n", ("--continue-on-collection-errors",), 1),
    "first failure": ("def test_it(): assert 0\n", ("-x",), 1),
    "two failures": ("def test_it(): assert 0\n", ("--maxfail=2",), 1),
    "stepwise": ("def test_it(): assert 0\n", ("--sw",), 2),
    "nothing selected": ("def test_it(): pass\n", ("-k", "nothing"), 1),
    "no such file": ("def test_it(): pass\n", ("nothing.py",), 4),
}


@pytest.mark.parametrize(("test", "arguments", "code"), TESTS.values(), ids=TESTS)
def test_session_that_ends_early(broken: Project, test: str, arguments: tuple[str, ...], code: int) -> None:
    """The exit code is 1, unless pytest ends the session for a reason of its own; the report is whole."""
    broken.write({"tests/test_it.py": test})

    result = broken.run(*arguments, subprocess="KeyboardInterrupt" in test)

    assert result.ret == code
    assert [check["outcome"] for check in broken.report()["checks"]] == ["clean", "clean", "broken"]


def test_maxfail_counts_no_check_twice(broken: Project) -> None:
    """A check that its item has reported is one failure, for `--maxfail` too."""
    broken.write({"tests/test_it.py": "def test_one(): assert 0\ndef test_two(): assert 0\n"})

    result = broken.run("--maxfail=3")

    result.assert_outcomes(passed=2, failed=3)


def test_clean_is_0(clean: Project) -> None:
    """A clean session ends as its tests do."""
    assert clean.run().ret == 0

    clean.write({"tests/test_it.py": "def test_one(): assert 0\n"})

    assert clean.run().ret == 1


def test_unchecked(clean: Project) -> None:
    """What could not be judged is skipped with the reason, and fails a strict session with the same reason."""
    clean.write(UNCHECKED)
    reason = clean.judge("lock")["reason"]
    assert reason

    lenient = clean.run("-rs")

    lenient.assert_outcomes(passed=2 + 2, skipped=1)
    lenient.stdout.fnmatch_lines(
        [
            "unchecked: 1 check could not be judged. The session does not fail.",
            f"SKIPPED [[]1] requirements.txt:1: {reason}",
        ]
    )
    assert lenient.ret == 0

    strict = clean.run("--env-strict")

    strict.assert_outcomes(passed=2 + 2, failed=1)
    strict.stdout.fnmatch_lines(
        [
            "*_ requirements.txt: lock _*",
            "unchecked, *",
            f"  {reason}",
            "this session is strict: what could not be checked fails it",
            "unchecked: 1 check could not be judged. The session fails.",
            f"FAILED requirements.txt::lock - unchecked: {reason[:10]}*",
        ]
    )
    assert strict.ret == 1
    assert clean.report()["verdict"] == "unchecked"


STRICT = {
    "laptop": ({}, (), "auto", 0),
    "CI": ({"CI": "true"}, (), "auto", 1),
    "BUILD_NUMBER": ({"BUILD_NUMBER": "12"}, (), "auto", 1),
    "CI=0": ({"CI": "0"}, (), "auto", 0),
    "CI=false": ({"CI": "false"}, (), "auto", 0),
    "CI is empty": ({"CI": ""}, (), "auto", 0),
    "table": ({}, (), True, 1),
    "variable before table": ({"PYTEST_ENVREPRO_STRICT": "0"}, (), True, 0),
    "command line before all": ({"PYTEST_ENVREPRO_STRICT": "1", "CI": "1"}, ("--no-env-strict",), True, 0),
    "the last option wins": ({}, ("--no-env-strict", "--env-strict"), False, 1),
}


@pytest.mark.parametrize(("environ", "arguments", "table", "code"), STRICT.values(), ids=STRICT)
def test_strict(
    clean: Project,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    arguments: tuple[str, ...],
    table: bool | str,  # noqa: FBT001  # A value of the table.
    code: int,
) -> None:
    """Strict is what the command line says, then the variable, then the table; `auto` asks for a CI."""
    value = str(table).lower() if isinstance(table, bool) else f'"{table}"'
    clean.write(
        {
            **UNCHECKED,
            "pyproject.toml": f'[tool.envrepro]\nstrict = {value}\nseverity = {{extraneous = "ignore"}}\n',
        }
    )
    for name, text in environ.items():
        monkeypatch.setenv(name, text)

    assert clean.run(*arguments).ret == code


def test_tox_hint(clean: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under tox, which hides CI, one line says so where something was let pass; not where strictness was chosen."""
    clean.write(UNCHECKED)
    monkeypatch.setenv("TOX_ENV_NAME", "py")
    hint = "tox hides CI from its environments: add 'pass_env = CI' for CI to be strict about this"

    clean.run().stdout.fnmatch_lines([hint])

    clean.run("--no-env-strict").stdout.no_fnmatch_line(hint)


USAGE = {
    "no lock": ({"requirements.txt": "flask>=2\n", "requirements.in": None}, (), "--env-lock: no lock was found in *"),
    "unknown key": ({"pyproject.toml": "[tool.envrepro]\nstrickt = true\n"}, (), "pyproject.toml cannot be followed:"),
    "no TOML": ({"pyproject.toml": "[tool.envrepro\n"}, (), "*pyproject.toml*"),
    "two tables": ({"envrepro.toml": "", "pyproject.toml": "[tool.envrepro]\n"}, (), "both envrepro.toml and *"),
    "no folder": ({"file": ""}, ("--env-report=file/report.json",), "--env-report: cannot write file/report.json: *"),
    "a folder": ({}, ("--env-report=tests",), "--env-report: cannot write tests: Is a directory"),
}


@pytest.mark.parametrize(("files", "arguments", "message"), USAGE.values(), ids=USAGE)
def test_usage_errors(clean: Project, files: dict[str, str | None], arguments: tuple[str, ...], message: str) -> None:
    """What the user did wrong is one error before anything runs: exit code 4, no traceback."""
    for name, content in files.items():
        if content is None:
            (clean.path / name).unlink()
        else:
            clean.write({name: content})

    result = clean.run(*arguments)

    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert "test_it" not in result.stdout.str()


def test_no_lock_tells_what_was_seen(project: Project) -> None:
    """Without any lock the error lists what could have been one, and why it is none."""
    project.write({"requirements.txt": "flask>=2\n"})

    result = project.run()

    result.stderr.fnmatch_lines(["ERROR: --env-lock: no lock was found in *", "  requirements.txt: *"])
    assert result.ret == 4


def test_no_lock_but_only_a_report_asked(project: Project) -> None:
    """`--env-report` alone checks nothing, and says so: unchecked, exit code as ever."""
    project.write({"test_it.py": "def test_one(): pass\n"})

    result = project.pytester.runpytest_inprocess("--env-report=report.json")

    assert result.ret == 0
    assert project.report()["verdict"] == "unchecked"
    assert project.report()["checks"] == []


def test_report_that_cannot_be_written_at_the_end(clean: Project) -> None:
    """A full disk is an error with exit code 4, after the summary was shown."""
    result = clean.run("--env-report=/dev/full")

    result.stdout.fnmatch_lines(["environment reproducibility: clean, *"])
    result.stderr.fnmatch_lines(["ERROR: --env-report: cannot write /dev/full: No space left on device"])
    assert result.ret == 4
