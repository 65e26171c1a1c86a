"""The reports for GitHub Actions: the commands of annotations, and the Markdown of a step's summary."""

from __future__ import annotations

import html
import re

import pytest
from runner import Command, commands

from pytest_envrepro.inventory import Interpreter
from pytest_envrepro.outcome import Finding, Outcome, Result, Status, Waived, worst
from pytest_envrepro.reports import Summary
from pytest_envrepro.reports.github import command, log_commands, step_summary

pytestmark = pytest.mark.core

MISSING = Finding(
    code="missing-direct",
    package="flask",
    expected=">=3",
    file="requirements.in",
    line=3,
    message="not pinned in requirements.txt",
    fix="pip-compile requirements.in",
)
CONFLICT = Finding(code="conflict", package="awscli", expected="docutils<0.16", message="awscli 1.2 asks for it")
WARNING = Finding(code="extraneous", severity="warn", package="pdbpp", actual="1.0", message="in no lock")
WAIVED = Finding(code="conflict", package="boto", expected="six<1", message="why", waived=Waived(reason="works"))


def _result(*findings: Finding, check: str = "lock", reason: str | None = None, detail: str = "") -> Result:
    outcome = Outcome(findings=findings, reason=reason, judged=reason is None, detail=detail)
    return Result(check=check, subject="requirements.txt", outcome=outcome, seconds=0.004)


def _summary(*results: Result, strict: bool = False, why: tuple[str, ...] = ()) -> Summary:
    verdict: Status = worst(result.outcome.status for result in results)
    return Summary(
        verdict=verdict,
        results=results,
        fails=verdict == "broken" or (strict and verdict == "unchecked"),
        strict=strict,
        python=Interpreter(implementation="cpython", version="3.11.7", platform="linux-x86_64", environment={}),
        fingerprint="sha256:0",
        why=why,
    )


def _many(number: int, code: str, severity: str = "error") -> list[Finding]:
    return [
        Finding(code=code, severity=severity, package=f"p{index}", message="why")  # type: ignore[arg-type]  # Is one.
        for index in range(number)
    ]


def _cells(markdown: str) -> list[list[str]]:
    """Give the cells of all tables, as people read them."""
    rows = [line[2:-2].split(" | ") for line in markdown.splitlines() if line.startswith("| ")]
    return [[html.unescape(re.sub(r"</?code>", "", cell)) for cell in row] for row in rows]


def test_annotations() -> None:
    """A finding that counts is an error at its line, one that warns a warning; a waived one is none."""
    assert log_commands(_summary(_result(MISSING, WARNING, WAIVED), _result(CONFLICT, check="conflicts"))) == [
        (
            "::error file=requirements.in,line=3,title=missing-direct flask>=3::"
            "not pinned in requirements.txt (fix: pip-compile requirements.in)"
        ),
        "::error title=conflict docutils<0.16::awscli 1.2 asks for it",
        "::warning title=extraneous pdbpp==1.0::in no lock",
    ]


@pytest.mark.parametrize(("strict", "level"), [(False, "warning"), (True, "error")])
def test_annotations_of_the_unchecked(*, strict: bool, level: str) -> None:
    """What could not be judged warns at its file, and in a strict session it is an error, after what is broken."""
    unchecked = _result(WARNING, reason="setup.py was not read")

    assert log_commands(_summary(unchecked, strict=strict)) == sorted(
        [
            f"::{level} file=requirements.txt,title=unchecked lock::setup.py was not read",
            "::warning title=extraneous pdbpp==1.0::in no lock",
        ],
        key=lambda line: "extraneous" in line,
    )
    assert "conflict" in log_commands(_summary(unchecked, _result(CONFLICT), strict=True))[0]
    assert log_commands(_summary(_result(CONFLICT, reason="in part"), strict=True)) == [
        "::error title=conflict docutils<0.16::awscli 1.2 asks for it"
    ]


def test_annotations_of_a_clean_session() -> None:
    """Where there is nothing to say, nothing is said, and a reason alone is nothing."""
    outcome = Outcome(findings=(WAIVED,), reason="setup.py was not read")

    assert log_commands(_summary(Result(check="lock", subject="a.txt", outcome=outcome), strict=True)) == []


@pytest.mark.parametrize(
    ("folder", "file"), [("", "requirements.in"), ("services/api", "services/api/requirements.in")]
)
def test_paths_are_those_of_the_repository(folder: str, file: str) -> None:
    """A root below the repository's is put before every path."""
    found = commands(log_commands(_summary(_result(MISSING), _result(reason="why")), folder))

    assert [each.properties["file"] for each in found] == [file, file.replace(".in", ".txt")]


def test_most_important_first() -> None:
    """GitHub shows ten of a level: checks take turns, findings with a line come first, and the others are counted."""
    many = _result(*_many(14, "not-installed"), MISSING)
    said = log_commands(_summary(many, _result(CONFLICT), _result(*_many(12, "extraneous", "warn"))))

    assert [line.partition(" ")[0] for line in said] == ["::error"] * 10 + ["::warning"] * 10 + ["::notice"]
    assert [each.properties["title"].split()[0] for each in commands(said)[:4]] == [
        "missing-direct",
        "conflict",
        "not-installed",
        "not-installed",
    ]
    assert said[-1] == (
        "::notice title=environment reproducibility::"
        "6 more errors and 2 more warnings: GitHub shows 10 of each, the log has all"
    )
    assert log_commands(_summary(_result(*_many(11, "orphan"))))[-1].endswith(
        "::1 more error: GitHub shows 10 of each, the log has all"
    )
    assert len(log_commands(_summary(_result(*_many(10, "orphan"))))) == 10


def test_escapes() -> None:
    """Messages and properties are escaped as GitHub's toolkit does it, and read by its runner as they were."""
    text = "100%: a,b\r\nc%0A::d"

    line = command("error", text, title=text, file=None, line=3)

    assert line == "::error title=100%25%3A a%2Cb%0D%0Ac%250A%3A%3Ad,line=3::100%25: a,b%0D%0Ac%250A::d"
    assert commands([line]) == [Command("error", {"title": text, "line": "3"}, text)]


HOSTILE = "x\n::error::pwned\r##[error]pwned ::add-mask::e%0A::error::,line=9::\x1b[31m\u2028###[group]##vso[task]"


def test_hostile_texts_are_one_annotation() -> None:
    """Whatever a lock holds, in whatever place, it is one line and one command."""
    finding = Finding(code="unreadable", package=HOSTILE, file=HOSTILE, line=1, message=HOSTILE, fix=HOSTILE)
    result = Result(check=HOSTILE, subject=HOSTILE, outcome=Outcome(reason=HOSTILE, judged=False))

    said = log_commands(_summary(_result(finding), result), HOSTILE)

    assert [each.name for each in commands("\n".join(said).splitlines())] == ["error", "warning"]
    assert all(line.isprintable() and "##[" not in line for line in said)
    assert [set(each.properties) for each in commands(said)] == [{"file", "line", "title"}, {"file", "title"}]


def test_summary() -> None:
    """The summary has the verdict, a table of the checks, and one of the findings of each check."""
    lock = _result(MISSING, WARNING, WAIVED, detail="41 of 43 pins proven")
    installed = _result(check="installed", detail="43 pins", reason="several locks")

    assert step_summary(_summary(lock, installed, strict=True, why=("this session is strict",))).splitlines() == [
        "### Environment reproducibility: broken",
        "",
        "1 finding in 1 check. The session fails. On cpython 3.11.7, linux-x86&#95;64.",
        "",
        "this session is strict",
        "",
        "| check | outcome | detail |",
        "|---|---|---|",
        "| <code>requirements.txt::lock</code> | broken | 41 of 43 pins proven |",
        "| <code>requirements.txt::installed</code> | unchecked | 43 pins; several locks |",
        "",
        "#### requirements.txt::lock",
        "",
        "| code | package | place | message | fix |",
        "|---|---|---|---|---|",
        (
            "| <code>missing-direct</code> | flask&#62;=3 | requirements.in:3 | not pinned in requirements.txt "
            "| <code>pip-compile requirements.in</code> |"
        ),
        "",
        "<details><summary>1 warning</summary>",
        "",
        "| code | package | place | message | fix |",
        "|---|---|---|---|---|",
        "| <code>extraneous</code> | pdbpp==1.0 |  | in no lock |  |",
        "",
        "</details>",
        "",
        "<details><summary>1 waived finding</summary>",
        "",
        "| code | package | place | message | fix |",
        "|---|---|---|---|---|",
        "| <code>conflict</code> | six&#60;1 |  | why (waived: works) |  |",
        "",
        "</details>",
    ]


def test_summary_of_a_clean_session() -> None:
    """A clean session says what was looked at; the folder tells several of one job apart."""
    assert step_summary(_summary(_result(detail="43 pins")), "services/api").splitlines() == [
        "### Environment reproducibility of services/api: clean",
        "",
        "1 check, 4 ms. On cpython 3.11.7, linux-x86&#95;64.",
    ]


def test_markup_in_texts_is_text() -> None:
    """Pipes, backticks, brackets, stars and line ends are shown as they are, in the one cell that they belong to."""
    text = "a|b `c` <b>d</b> [e](f) *g* _h_ \\| ~i~ $j$ #1 &lt; <!-- é"
    finding = Finding(code="unreadable", package="k", file=text, message=f"{text}\nl", fix=text)

    markdown = step_summary(_summary(_result(finding)))

    assert _cells(markdown)[-1] == ["unreadable", "k", text, f"{text}\\nl", text]
    row = markdown.splitlines()[-1]
    assert not set("`[]*_\\~$!") & set(row)
    assert re.findall(r"<[^>]*>", row) == ["<code>", "</code>"] * 2
    assert row.count("|") == 6


@pytest.mark.parametrize("kind", ["error", "warn"])
def test_summary_has_a_limit(kind: str) -> None:
    """What does not fit is left out by the row, with a line that says so, and no fold is left open."""
    whole = step_summary(_summary(_result(*_many(50, "orphän", kind))))
    for room in range(len(whole.encode()) + 2):
        cut = step_summary(_summary(_result(*_many(50, "orphän", kind))), room=room)

        assert len(cut.encode()) <= room
        assert not cut or cut.endswith("GitHub takes 1024 KiB of a step, and there was more: the log has all of it.\n")
        assert all(len(row) in (3, 5) for row in _cells(cut))
        assert cut.count("<details>") == cut.count("</details>")
    assert step_summary(_summary(_result(*_many(50, "orphän", kind))), room=len(whole.encode()) + 200) == whole
