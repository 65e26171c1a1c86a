"""The command that joins the reports of many jobs: what ran in none of them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from needing import TABLE, write

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
    "skipped once, else not marked": (
        [job({"a::t": ("skipped", [])}), job({})],
        ["2 reports: 0 tests and 0 integrations ran in none of them"],
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
            "d: was met in no job",
            "1 report: 0 tests and 4 integrations ran in none of them",
        ],
    ),
}


@pytest.mark.parametrize(("jobs", "lines"), NEVER.values(), ids=NEVER)
def test_never_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: list[dict[str, Any]], lines: list[str]
) -> None:
    """What ran in no job is listed, and fails where that is asked for."""
    code, said = merge(tmp_path, capsys, *jobs)

    assert said == lines
    assert code == int(len(lines) > 1)


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


def test_as_a_command(project: Project, site: Site) -> None:
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
    project.test("--env-report=a.json", "--env-strict")
    site.add("kombu", "5")
    project.test("--env-report=b.json")
    command = [sys.executable, "-m", "pytest_envrepro", "merge", "a.json", "b.json", "--fail-on-never-run"]

    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)

    assert done.stdout.splitlines() == [
        "test_it.py::test_postgres: ran in no job (needs postgres)",
        "postgres: was met in no job",
        "2 reports: 1 test and 1 integration ran in none of them",
    ]
    assert done.stderr == ""
    assert done.returncode == 1


def test_usage() -> None:
    """Without a command, or without a file, it says how it is used."""
    for arguments in ([], ["merge"]):
        done = subprocess.run(
            [sys.executable, "-m", "pytest_envrepro", *arguments], capture_output=True, text=True, check=False
        )
        assert done.stderr.startswith("usage: python -m pytest_envrepro")
        assert done.returncode == 2
