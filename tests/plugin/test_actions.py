"""A session in GitHub Actions annotates what it found, and writes it into the summary of the step."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from making import pip_compiled
from runner import Command, commands

if TYPE_CHECKING:
    from pathlib import Path

    from projects import Project, Site

pytestmark = pytest.mark.core

FIX = "pip-compile --output-file=requirements.txt requirements.in"
MISSING = f"::error file=requirements.in,line=2,title=missing-direct click::not pinned in requirements.txt (fix: {FIX})"
EARLIER = "what an earlier command of the step has written"


@pytest.fixture
def summary(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the file for the step's summary, on a runner that has checked the project out into its workspace."""
    path = project.path / "summary"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def _headings(summary: Path) -> list[str]:
    return [line for line in summary.read_text(encoding="utf-8").splitlines() if line.startswith("#")]


BROKEN = ["### Environment reproducibility: broken", "#### requirements.txt::lock"]


@pytest.mark.parametrize("arguments", [(), ("-n2",), ("-qq",), ("-x",), ("-k", "nothing")], ids=" ".join)
def test_annotations_end_the_section(broken: Project, summary: Path, arguments: tuple[str, ...]) -> None:
    """The commands stand after the section, each on a line of its own, and once; so is the summary."""
    result = broken.run(*arguments, subprocess="-n2" in arguments)

    result.stdout.fnmatch_lines(
        ["broken: 1 finding in 1 check. The session fails.", MISSING.replace("[", "[[]")], consecutive=True
    )
    assert [each.name for each in commands(result.outlines + result.errlines)] == ["error"]
    assert _headings(summary) == BROKEN


def test_without_a_terminal(broken: Project, summary: Path) -> None:
    """With `-p no:terminal` nothing is printed, and the summary is written."""
    result = broken.run("-p", "no:terminal", subprocess=True)

    assert "::error" not in result.stdout.str() + result.stderr.str()
    assert _headings(summary) == BROKEN


@pytest.mark.parametrize("value", ["", "false", None])
def test_elsewhere(broken: Project, summary: Path, monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """Where GitHub does not run the session, none of this happens."""
    if value is None:
        monkeypatch.delenv("GITHUB_ACTIONS")
    else:
        monkeypatch.setenv("GITHUB_ACTIONS", value)

    assert commands(broken.run().outlines) == []
    assert not summary.exists()


@pytest.mark.parametrize("arguments", [("--env-lock", "--co"), ("--env-report=report.json",)], ids=" ".join)
def test_nothing_judged(broken: Project, summary: Path, arguments: tuple[str, ...]) -> None:
    """Where nothing was judged, nothing is told."""
    assert commands(broken.pytester.runpytest_inprocess(*arguments).outlines) == []
    assert not summary.exists()


def test_summary_is_appended(clean: Project, summary: Path) -> None:
    """What an earlier command of the step has written stays, and a clean session is told in short."""
    summary.write_text(EARLIER)

    result = clean.run()

    assert commands(result.outlines) == []
    earlier, heading, empty, text = summary.read_text(encoding="utf-8").splitlines()
    assert (earlier, heading, empty) == (EARLIER, "### Environment reproducibility: clean", "")
    assert text.startswith("3 checks, 1 of 1 pin proven, ")


def test_summary_that_cannot_be_written(broken: Project, summary: Path) -> None:
    """One line says so, and the session ends as it would."""
    summary.mkdir()

    result = broken.run()

    result.stdout.fnmatch_lines(
        [MISSING.replace("[", "[[]"), f"GITHUB_STEP_SUMMARY: cannot write {summary}: Is a directory"], consecutive=True
    )
    assert result.ret == 1


def test_no_summary_asked(broken: Project, summary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner that names no file for the summary, as those of others do, gets the annotations alone."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")

    assert len(commands(broken.run().outlines)) == 1
    assert not summary.exists()


@pytest.mark.parametrize("left", [0, 60, 400])
def test_summary_keeps_to_the_limit(broken: Project, summary: Path, left: int) -> None:
    """Together with what stands there already it is at most 1 MiB, which is all that GitHub takes."""
    summary.write_bytes(b"x" * (1024 * 1024 - left))

    broken.run()

    assert 1024 * 1024 - left <= summary.stat().st_size <= 1024 * 1024
    assert summary.read_bytes()[-23:] == (b"x" * 23 if left < 100 else b"the log has all of it.\n")


@pytest.mark.parametrize(
    ("workspace", "file"),
    [
        ("{}/..", "{}/requirements.in"),
        ("{}", "requirements.in"),
        ("{}/tests", "requirements.in"),
        ("", "requirements.in"),
    ],
)
def test_paths(broken: Project, summary: Path, monkeypatch: pytest.MonkeyPatch, workspace: str, file: str) -> None:
    """Paths are those from the workspace; where the root does not lie there, those from the root."""
    monkeypatch.setenv("GITHUB_WORKSPACE", workspace.format(broken.path))

    (found,) = commands(broken.run().outlines)

    name = broken.path.name
    assert found.properties["file"] == file.format(name)
    of = f" of {name.replace('_', '&#95;')}" if ".." in workspace else ""
    assert _headings(summary)[0] == f"### Environment reproducibility{of}: broken"


def test_workspace_behind_a_link(
    broken: Project, summary: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A workspace that is named by a link is the folder that it leads to."""
    link = tmp_path_factory.mktemp("links") / "workspace"
    link.symlink_to(broken.path.parent, target_is_directory=True)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(link))

    (found,) = commands(broken.run().outlines)

    assert found.properties["file"] == f"{broken.path.name}/requirements.in"
    assert summary.exists()


@pytest.mark.parametrize(("arguments", "level"), [((), "error"), (("--no-env-strict",), "warning")])
def test_unchecked(
    clean: Project, summary: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], level: str
) -> None:
    """What could not be judged is an error, since GitHub sets CI, and a warning where the session is not strict."""
    monkeypatch.setenv("CI", "true")
    clean.write({"setup.py": "", "requirements.txt": pip_compiled("flask==3.0\n", "pip-compile setup.py")})

    (found,) = commands(clean.run(*arguments).outlines)

    assert (found.name, found.properties) == (level, {"file": "requirements.txt", "title": "unchecked lock"})
    assert _headings(summary) == ["### Environment reproducibility: unchecked"]


HOSTILE = {
    "a line": {"requirements.in": "::error::pwned\n  ::add-mask::e\nflask##[error]pwned\n"},
    "a lock": {
        "requirements.txt": pip_compiled("flask==3.0\n::error::pwned\na===##[group]x\nb @ file:///##[error]y\n")
    },
    "a command": {"requirements.txt": pip_compiled("flask==3.0\n", "pip-compile -o requirements.txt '##[error]x.in'")},
    "a path": {"##[error]pwned/requirements.txt": pip_compiled("x==1\n"), "##[error]pwned/requirements.in": "y\n"},
    "a table": {"pyproject.toml": '[tool.envrepro]\n"##[error]pwned" = 1\n'},
    "a name that is no lock": {"requirements.txt": "flask>1\n", "requirements.in": None, "##[error]x.txt": "flask>2\n"},
}


@pytest.mark.parametrize("files", HOSTILE.values(), ids=HOSTILE)
def test_texts_are_no_commands(broken: Project, summary: Path, files: dict[str, str | None]) -> None:
    """What files hold and are called gets into what we print, and is never a command of its own."""
    for name, text in files.items():
        if text is None:
            (broken.path / name).unlink()
        else:
            broken.write({name: text})

    result = broken.run("-rA")

    own = [line for line in result.outlines if line.startswith(("::error ", "::warning ", "::notice "))]
    other = [line for line in result.outlines + result.errlines if "collected" not in line and line not in own]
    # pytest itself prints the paths of items.
    other = [line for line in other if not line.startswith(("##[error]pwned/", "PASSED ", "FAILED ", "SKIPPED "))]
    assert commands(other) == []
    assert {each.name for each in commands(own)} <= {"error", "warning"}
    assert own or result.ret == 4
    assert all("pwned" not in str(each.properties.get("name")) for each in commands(own))
    assert summary.exists() == (result.ret != 4)


def test_report_in_the_log_is_no_command(broken: Project, summary: Path) -> None:
    """A report that is printed (`cat report.json`) holds no command, and a program reads the same text."""
    broken.write({"requirements.in": "flask###[error]pwned\n"})

    broken.run()

    text = (broken.path / "report.json").read_text(encoding="utf-8")
    assert commands(text.splitlines()) == []
    assert "flask###[error]pwned" in str(broken.report())
    assert summary.exists()


def test_loaded_there_alone(broken: Project, summary: Path) -> None:
    """The module for GitHub is imported where GitHub runs the session, and nowhere else."""
    code = (
        "import sys, pytest; pytest.main(['--env-lock', '-qq']); print('pytest_envrepro.reports.github' in sys.modules)"
    )
    found = []
    for value in ("true", "false"):
        environ = {**os.environ, "GITHUB_ACTIONS": value}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=broken.path, env=environ, capture_output=True, text=True, check=True
        )
        found.append(done.stdout.splitlines()[-1])

    assert found == ["True", "False"]
    assert summary.exists()


def test_what_it_does_not_load(broken: Project) -> None:
    """A session with `--env-lock` whose tests ask for nothing imports none of what looks at what tests ask for."""
    code = (
        "import sys, pytest; pytest.main(['--env-lock', '-qq']); print([name for name in sys.modules "
        "if 'integrations' in name or name.endswith(('.wanted', '.asking', '.lending', '.depot'))])"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=broken.path, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_runner_reads_as_told() -> None:
    """The runner of these tests finds commands where that of GitHub does."""
    lines = ["  ::error file=a%2Cb,line=1::50%25", "text ##[group]x", "text ::error::x", "::error", "a::b::c"]

    assert commands(lines) == [Command("error", {"file": "a,b", "line": "1"}, "50%"), Command("group", {}, "x")]


def test_worker_in_another_environment(clean: Project, site: Site, summary: Path) -> None:
    """What a worker finds that runs in another environment is told too."""
    leaves = f"import sys\ndef pytest_configure(config):\n    hasattr(config, 'workerinput') and sys.path.remove({str(site.path)!r})\n"
    clean.write({"conftest.py": leaves})

    result = clean.run("-n2", "--junitxml=junit.xml", subprocess=True)

    assert "not-installed flask==3.0" in [each.properties["title"] for each in commands(result.outlines)]
    assert _headings(summary)[0] == "### Environment reproducibility: broken"
    assert 'name="envrepro.verdict" value="broken"' in (clean.path / "junit.xml").read_text(encoding="utf-8")
