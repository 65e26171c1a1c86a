"""The JSON report is whole whenever somebody reads it: after an interrupt, after a kill, and beside other sessions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from making import pip_compiled

if TYPE_CHECKING:
    from pathlib import Path

    from projects import Project

pytestmark = pytest.mark.core

_COMMAND = (sys.executable, "-m", "pytest", "--env-lock", "--env-report=report.json", "-p", "no:randomly")
_SLEEPS = "import pathlib, time\ndef test_one():\n    pathlib.Path('started').touch()\n    time.sleep(60)\n"


def test_schema(broken: Project) -> None:
    """The report is schema 1, key by key and in this order; null is written as null."""
    data = broken.judge("lock")

    assert list(broken.report()) == [
        "schema",
        "verdict",
        "python",
        "fingerprint",
        "checks",
        "integrations",
        "tests",
        "environments",
    ]
    assert {**data, "seconds": 0} == {
        "check": "lock",
        "subject": "requirements.txt",
        "outcome": "broken",
        "reason": None,
        "proven": 1,
        "total": 1,
        "seconds": 0,
        "findings": [
            {
                "code": "missing-direct",
                "severity": "error",
                "package": "click",
                "expected": None,
                "actual": None,
                "file": "requirements.in",
                "line": 2,
                "message": "not pinned in requirements.txt",
                "fix": "pip-compile --output-file=requirements.txt requirements.in",
                "waived": None,
            }
        ],
    }
    assert list(data) == ["check", "subject", "outcome", "reason", "proven", "total", "seconds", "findings"]
    assert list(data["findings"][0]) == [
        "code",
        "severity",
        "package",
        "expected",
        "actual",
        "file",
        "line",
        "message",
        "fix",
        "waived",
    ]
    assert [(check["subject"], check["check"]) for check in broken.report()["checks"]] == [
        ("pyproject.toml", "conflicts"),
        ("requirements.txt", "installed"),
        ("requirements.txt", "lock"),
    ]


def test_skipped_in_part(clean: Project) -> None:
    """A test of which some parameters are skipped has the worst outcome of the others."""
    body = "    pytest.skip('no') if x == 0 else pytest.xfail('not yet') if x == 1 else None\n"
    for name, values, outcome in [("a", [0], "skipped"), ("b", [0, 1], "xfailed"), ("c", [2, 0, 1], "passed")]:
        test = f"import pytest\n@pytest.mark.parametrize('x', {values})\ndef test_{name}(x):\n{body}"
        clean.write({"tests/test_it.py": test})

        clean.run()

        nodeid = f"tests/test_it.py::test_{name}"
        assert clean.report()["tests"] == [{"nodeid": nodeid, "outcome": outcome, "needs": []}]


_LOGIN = "https://user:s3cret@example.org"
_LEAKING = {
    "requirements.txt": pip_compiled(
        f"--index-url {_LOGIN}\nflask @ {_LOGIN}/flask-3.0-py3-none-any.whl?token=s3cret\nb {_LOGIN}\n--c={_LOGIN}\n",
        f"pip-compile --extra-index-url={_LOGIN} --output-file=requirements.txt requirements.in",
    ),
    "requirements.in": f"click @ {_LOGIN}/click-1-py3-none-any.whl\n-r {_LOGIN}/other.txt\ngit+{_LOGIN}/d.git\n",
    "b.txt": "b==1\n",
    "b.in": f"c @ {_LOGIN}/c.zip\n",
    "envrepro.toml": f'[[locks]]\npath = "b.txt"\ninputs = ["b.in"]\ncommand = "pip-compile -i {_LOGIN} b.in -o b.txt"\n',
    "pyproject.toml": "",
}


def test_no_credential_is_told(clean: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a credential gets into a file, it is in no report, on no terminal and in no annotation."""
    clean.write(_LEAKING)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(clean.path / "summary"))

    result = clean.run("--junitxml=junit.xml", "-vv", "-rA")

    told = [(clean.path / name).read_text(encoding="utf-8") for name in ("report.json", "junit.xml", "summary")]
    told.append(result.stdout.str() + result.stderr.str())
    assert all("example.org" in text and "s3cret" not in text for text in told)


@pytest.mark.parametrize(
    "path", ["new/folder/report.json", "report", "größe and 'quotes'.json", "report.txt", "tests/../report.json"]
)
def test_path(clean: Project, path: str) -> None:
    """Folders are made, and a name without `.json` is JSON too."""
    clean.run(f"--env-report={path}")

    assert json.loads((clean.path / path).read_text(encoding="utf-8"))["verdict"] == "clean"


@pytest.mark.parametrize("redirected", ["file", "pipe"])
def test_standard_output(clean: Project, redirected: str) -> None:
    """`/dev/stdout` gets the report once, after all that pytest says, and loses nothing of that."""
    command = [*_COMMAND, "--env-report=/dev/stdout"]
    if redirected == "file":
        with (clean.path / "out").open("w", encoding="utf-8") as out:
            subprocess.run(command, cwd=clean.path, stdout=out, check=True)
        text = (clean.path / "out").read_text(encoding="utf-8")
    else:
        text = subprocess.run(command, cwd=clean.path, stdout=subprocess.PIPE, check=True, text=True).stdout

    said, brace, report = text.partition("\n{\n")
    assert "test session starts" in said.splitlines()[0]
    assert "5 passed" in said.splitlines()[-1]
    assert json.loads(brace + report)["verdict"] == "clean"


def _start(project: Project) -> subprocess.Popen[bytes]:
    project.write({"tests/test_it.py": _SLEEPS})
    process = subprocess.Popen(_COMMAND, cwd=project.path, stdout=subprocess.DEVNULL)
    for _ in range(600):
        if (project.path / "started").exists():
            return process
        time.sleep(0.05)
    process.kill()
    pytest.fail("the session did not reach its test")


@pytest.mark.skipif(os.name == "nt", reason="sends a signal")
def test_interrupted(broken: Project) -> None:
    """After Ctrl-C the report is there, and pytest's exit code."""
    process = _start(broken)
    process.send_signal(signal.SIGINT)

    assert process.wait(60) == 2
    assert broken.report()["verdict"] == "broken"


def test_killed(broken: Project) -> None:
    """A session that is killed leaves a report that is whole, and no other file of ours."""
    process = _start(broken)
    process.kill()
    process.wait(60)

    assert broken.report()["verdict"] == "broken"
    assert not list(broken.path.glob(".report*"))


def test_two_sessions_at_once(broken: Project) -> None:
    """Two sessions in one project disturb neither each other nor the file that both write."""
    processes = [subprocess.Popen(_COMMAND, cwd=broken.path, stdout=subprocess.DEVNULL) for _ in range(2)]

    assert [process.wait(60) for process in processes] == [1, 1]
    assert broken.report()["verdict"] == "broken"


def _listing(folder: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime for path in folder.rglob("*") if path.is_file()}


def test_nothing_else_is_written(broken: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the report that was asked for, no file of the project is touched."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # pytest's own, of the test modules.
    monkeypatch.setenv("PYTEST_ENVREPRO_CACHE", str(broken.path.parent / "cache"))
    before = _listing(broken.path)

    broken.run("-p", "no:cacheprovider")

    after = _listing(broken.path)
    assert after.pop(str(broken.path / "report.json"))
    assert after == before


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="a folder is not read-only for root, nor so on Windows"
)
def test_read_only_project(broken: Project) -> None:
    """A project that cannot be written to is checked all the same."""
    broken.path.chmod(0o555)
    try:
        result = broken.pytester.runpytest_inprocess("--env-lock", "-p", "no:cacheprovider")
    finally:
        broken.path.chmod(0o755)

    assert result.ret == 1
