"""The command that joins the reports of many jobs: what ran in none of them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from needing import TABLE, WAYS, write

from pytest_envrepro.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

    from projects import Project, Site

pytestmark = pytest.mark.core


def job(tests: dict[str, tuple[str, list[str]]], integrations: dict[str, str] | None = None) -> dict[str, Any]:
    """Give a report with tests (outcome and needs, by node id) and the statuses of integrations."""
    return {
        "schema": 1,
        "tests": [{"nodeid": name, "outcome": outcome, "needs": needs} for name, (outcome, needs) in tests.items()],
        "integrations": [
            {"name": name, "status": status, "needs": []} for name, status in (integrations or {}).items()
        ],
    }


def merge(folder: Path, capsys: pytest.CaptureFixture[str], *jobs: dict[str, Any]) -> tuple[int, list[str]]:
    """Join reports, and give the exit code with `--fail-on-never-run` and the lines."""
    files = []
    for index, data in enumerate(jobs):
        path = folder / f"{index}.json"
        path.write_text(json.dumps(data))
        files.append(str(path))
    assert main(["merge", *files]) == 0
    plain = capsys.readouterr().out
    code = main(["merge", "--fail-on-never-run", *files])
    assert capsys.readouterr().out == plain
    return code, plain.splitlines()


NEVER = {
    "skipped everywhere": (
        [job({"a::t": ("skipped", [])}), job({"a::t": ("skipped", [])})],
        ["a::t: ran in no job", "2 reports: 1 test and 0 integrations ran in none of them"],
    ),
    "skipped once, else not listed": (
        [job({"a::t": ("skipped", [])}), job({})],
        [
            "not known of 1 test, skipped in some reports and not listed in others: a::t",
            "2 reports: 0 tests and 0 integrations ran in none of them",
        ],
    ),
    "many of those": (
        [job({f"a::t{number}": ("skipped", []) for number in range(5)}), job({})],
        [
            "not known of 5 tests, skipped in some reports and not listed in others: a::t0, a::t1, a::t2, ...",
            "2 reports: 0 tests and 0 integrations ran in none of them",
        ],
    ),
    "skipped once, else as a module": (
        [job({"a::t": ("skipped", [])}), job({"a": ("skipped", [])})],
        ["a::t: ran in no job", "2 reports: 1 test and 0 integrations ran in none of them"],
    ),
    "a module that was collected elsewhere": (
        [job({"a": ("skipped", [])}), job({"a::other": ("passed", ["q"])}, {"q": "met"})],
        ["2 reports: 0 tests and 0 integrations ran in none of them"],
    ),
    "a module that is not listed elsewhere": (
        [job({"a": ("skipped", [])}), job({"ab::other": ("passed", ["q"])}, {"q": "met"})],
        [
            "not known of 1 test, skipped in some reports and not listed in others: a",
            "2 reports: 0 tests and 0 integrations ran in none of them",
        ],
    ),
    "a module that was skipped everywhere": (
        [job({"a": ("skipped", [])}), job({"a": ("skipped", [])})],
        ["a: ran in no job", "2 reports: 1 test and 0 integrations ran in none of them"],
    ),
    "marked, skipped once, else not selected": (
        [job({"a::t": ("skipped", ["q", "p"])}, {"q": "missing"}), job({}, {"q": "met"})],
        ["a::t: ran in no job (needs p, q)", "2 reports: 1 test and 0 integrations ran in none of them"],
    ),
    "marked, and ran once": (
        [job({"a::t": ("skipped", ["q"])}, {"q": "missing"}), job({"a::t": ("passed", ["q"])}, {"q": "met"})],
        ["2 reports: 0 tests and 0 integrations ran in none of them"],
    ),
    "failed, but ran": (
        [job({"a::t": ("failed", ["q"])}, {"q": "met"})],
        ["1 report: 0 tests and 0 integrations ran in none of them"],
    ),
    "expected to fail": (
        [job({"a::t": ("xfailed", ["q"])}, {"q": "met"})],
        ["1 report: 0 tests and 0 integrations ran in none of them"],
    ),
    "failed by what it lacks": (
        [job({"a::t": ("failed", ["q"])}, {"q": "partial"})],
        [
            "a::t: ran in no job (needs q)",
            "q: was met in no job",
            "1 report: 1 test and 1 integration ran in none of them",
        ],
    ),
    "integrations": (
        [job({}, {"a": "missing", "b": "allowed", "c": "partial", "d": "not-applicable", "e": "met"})],
        [
            "a: was met in no job",
            "b: was met in no job",
            "c: was met in no job",
            "d: is for the environment of no job",
            "1 report: 0 tests and 3 integrations ran in none of them",
        ],
    ),
    "not applicable": (
        [job({}, {"d": "not-applicable"}), job({}, {"d": "not-applicable"})],
        ["d: is for the environment of no job", "2 reports: 0 tests and 0 integrations ran in none of them"],
    ),
    "not applicable here, and missing there": (
        [job({}, {"d": "not-applicable"}), job({}, {"d": "missing"})],
        ["d: was met in no job", "2 reports: 0 tests and 1 integration ran in none of them"],
    ),
}


@pytest.mark.parametrize(("jobs", "lines"), NEVER.values(), ids=NEVER)
def test_never_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: list[dict[str, Any]], lines: list[str]
) -> None:
    """What ran in no job is listed, and fails where that is asked for."""
    code, said = merge(tmp_path, capsys, *jobs)

    assert said == lines
    assert code == int(not lines[-1].endswith(" 0 tests and 0 integrations ran in none of them"))


WRONG = {
    "nothing": (None, "cannot be read: No such file or directory"),
    "no text": (b"\xff", "is not JSON: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    "no JSON": (b"{", "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    "nested": (b"[" * 100_000, "is not JSON: *"),
    "a list": (b"[]", "is no report of --env-report that this version can read: it has no schema, not 1"),
    "another schema": (
        b'{"schema": 2}',
        "is no report of --env-report that this version can read: it is of schema 2, not 1",
    ),
    "half of it": (
        b'{"schema": 1, "tests": [{}]}',
        "is no report of --env-report: its tests or integrations are not as schema 1 has them",
    ),
    "something else": (
        b'{"schema": 1, "tests": 1, "integrations": 2}',
        "is no report of --env-report: its tests or integrations are not as schema 1 has them",
    ),
}


@pytest.mark.parametrize(("data", "message"), WRONG.values(), ids=WRONG)
def test_broken_files(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes | None, message: str) -> None:
    """Each file that is no report is one line, all of them are told, and the exit code is 2."""
    if data is not None:
        (tmp_path / "a.json").write_bytes(data)
    (tmp_path / "good.json").write_text(json.dumps(job({})))

    code = main(["merge", *(str(tmp_path / name) for name in ("a.json", "good.json", "b.json"))])

    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert first.startswith(f"{tmp_path}/a.json: {message.rstrip('*')}")
    assert message.endswith("*") or first.endswith(message)
    assert second == f"{tmp_path}/b.json: cannot be read: No such file or directory"
    assert out == ""
    assert code == 2


@WAYS
def test_as_a_command(project: Project, site: Site, way: tuple[str, ...]) -> None:
    """`python -m pytest_envrepro merge` joins the reports of two real sessions, of which one is strict."""
    write(
        project,
        """
@pytest.mark.requires_integration("queue")
def test_queue(): pass

@pytest.mark.requires_integration("postgres")
def test_postgres(): pass

@pytest.mark.requires_packages("nope")
def test_nope(): pass
""",
        TABLE,
    )
    project.test("--env-report=a.json", "--env-strict", *way)
    site.add("kombu", "5")
    project.test("--env-report=b.json", *way)
    command = [sys.executable, "-m", "pytest_envrepro", "merge", "a.json", "b.json", "--fail-on-never-run"]

    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)

    assert done.stdout.splitlines() == [
        "test_it.py::test_nope: ran in no job (needs nope)",
        "test_it.py::test_postgres: ran in no job (needs postgres)",
        "postgres: was met in no job",
        "2 reports: 2 tests and 1 integration ran in none of them",
    ]
    assert done.stderr == ""
    assert done.returncode == 1


def test_reports_of_parts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of another folder, of a list, or of a session that was interrupted is not taken for one that ran a test."""
    skipped = "import pytest\n@pytest.mark.skip\ndef test_one(): pass\n"
    write(project, "def test_other(): pass\n", "", **{"a/test_a.py": skipped, "b/test_b.py": "def test_two(): pass\n"})
    project.test("--env-report=a.json", "a")
    project.test("--env-report=b.json", "b")
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such.sock")
    project.test("--env-report=list.json", "--env-integrations")
    project.write({"conftest.py": "def pytest_runtest_protocol(item): raise KeyboardInterrupt\n"})
    project.test("--env-report=stopped.json", subprocess=True)
    files = ["a.json", "b.json", "list.json", "stopped.json"]
    command = [sys.executable, "-m", "pytest_envrepro", "merge", *files, "--fail-on-never-run"]

    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)

    assert done.stdout.splitlines() == [
        "docker-engine: was met in no job",
        "stopped.json: its session did not come to its end, so it does not tell all",
        "not known of 1 test, skipped in some reports and not listed in others: a/test_a.py::test_one",
        "4 reports: 0 tests and 1 integration ran in none of them",
    ]


def test_usage() -> None:
    """Without a command, or without a file, it says how it is used."""
    for arguments in ([], ["merge"]):
        done = subprocess.run(
            [sys.executable, "-m", "pytest_envrepro", *arguments], capture_output=True, text=True, check=False
        )
        assert done.stderr.startswith("usage: python -m pytest_envrepro")
        assert done.returncode == 2


LACKING = {
    "packages": "requires_packages('nope')",
    "tools": "requires_tools('no-such-tool')",
    "a group": "requires_group('test-db')",
    "an extra": "requires_extra('fast')",
    "a misspelled integration": "requires_integration('postgress')",
    "a marker without a name": "requires_tools()",
}


@WAYS
def test_what_fails_at_set_up_has_not_run(
    project: Project, capsys: pytest.CaptureFixture[str], way: tuple[str, ...]
) -> None:
    """In a strict session a test that lacks something fails: whatever it lacks, it has not run, and one that fails has."""
    tests = "".join(f"@pytest.mark.{marker}\ndef test_{n}(): pass\n" for n, marker in enumerate(LACKING.values()))
    more = """
@pytest.mark.requires_packages("pytest")
def test_that_runs(): assert False
@pytest.mark.requires_packages("pytest")
@pytest.mark.xfail(run=False)
def test_that_is_not_run(): pass
@pytest.mark.requires_packages("pytest")
@pytest.mark.xfail
def test_that_is_expected_to_fail(): assert False
@pytest.fixture
def broken(): raise OSError
@pytest.mark.requires_packages("pytest")
def test_without_its_fixture(broken): pass
@pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.requires_integration("queue"))])
def test_in_part(x): pass
"""
    write(project, tests + more)
    project.test("--env-report=a.json", "--env-strict", *way)
    capsys.readouterr()

    code = main(["merge", "--fail-on-never-run", str(project.path / "a.json")])

    ran_in_none = [
        line.partition(": ran in no job")[0] for line in capsys.readouterr().out.splitlines() if "::" in line
    ]
    never = [*(f"test_{number}" for number in range(len(LACKING))), "test_that_is_not_run", "test_without_its_fixture"]
    assert ran_in_none == [f"test_it.py::{name}" for name in never]
    assert code == 1


def test_report_says_what_ran(project: Project) -> None:
    """Of a test that failed the report says whether it ran; of others its outcome says it."""
    test = """
@pytest.mark.requires_tools("no-such-tool")
def test_lacks(): pass
@pytest.mark.requires_packages("pytest")
def test_fails(): assert False
@pytest.mark.requires_packages("pytest")
def test_passes(): pass
"""
    write(project, test)
    project.test("--env-report=report.json", "--env-strict")

    assert project.report()["tests"] == [
        {"nodeid": "test_it.py::test_fails", "outcome": "failed", "ran": True, "needs": ["pytest"]},
        {"nodeid": "test_it.py::test_lacks", "outcome": "failed", "ran": False, "needs": ["no-such-tool"]},
        {"nodeid": "test_it.py::test_passes", "outcome": "passed", "needs": ["pytest"]},
    ]
    assert "unfinished" not in project.report()


ENDINGS = {
    "killed": "def pytest_runtest_protocol(item):\n    import os\n    os._exit(3)\n",
    "interrupted": "def pytest_runtest_protocol(item): raise KeyboardInterrupt\n",
    "stopped": "def pytest_runtest_setup(item): item.session.shouldstop = 'enough'\n",
}


@pytest.mark.parametrize("conftest", ENDINGS.values(), ids=ENDINGS)
def test_session_that_has_not_ended(project: Project, capsys: pytest.CaptureFixture[str], conftest: str) -> None:
    """The report of a session that did not come to its end says so, and is not taken for all."""
    write(project, "def test_one(): pass\n", "", **{"conftest.py": conftest})
    project.test("--env-report=report.json", subprocess=True)
    path = str(project.path / "report.json")
    capsys.readouterr()

    assert project.report()["unfinished"] is True
    assert main(["merge", path]) == 0
    assert main(["merge", path, "--fail-on-never-run"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}: its session did not come to its end, so it does not tell all"


def test_first_failure_ends_it(project: Project) -> None:
    """So does that of a session which `-x`, or an error while collecting, has ended; a test that fails does not."""
    write(project, "def test_one(): assert False\ndef test_two(): pass\n", "")

    project.test("--env-report=report.json", "-x")
    assert project.report()["unfinished"] is True
    project.test("--env-report=report.json")
    assert "unfinished" not in project.report()
    project.write({"test_other.py": "raise SystemError\n"})
    project.test("--env-report=report.json")
    assert project.report()["unfinished"] is True
