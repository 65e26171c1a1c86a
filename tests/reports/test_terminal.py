"""The report for people, line by line."""

from __future__ import annotations

import pytest

from pytest_envrepro.inventory import Interpreter
from pytest_envrepro.outcome import Finding, Outcome, Result, Waived
from pytest_envrepro.reports import Summary, terminal

pytestmark = pytest.mark.core

_FIX = "pip-compile --generate-hashes --output-file=requirements.txt requirements.in"
_PYTHON = Interpreter(implementation="cpython", version="3.11.7", platform="linux-x86_64", environment={})

LOCK = Result(
    check="lock",
    subject="requirements.txt",
    outcome=Outcome(
        findings=(
            Finding(
                code="missing-direct",
                package="flask",
                expected=">=3",
                file="requirements.in",
                line=3,
                message="not pinned in requirements.txt",
                fix=_FIX,
            ),
            Finding(
                code="violated-transitive",
                package="markupsafe",
                expected=">=2.0",
                actual="1.1.1",
                file="requirements.txt",
                line=88,
                message="jinja2 3.1.4 needs markupsafe>=2.0",
                fix=_FIX,
            ),
        ),
        detail="41 of 43 pins proven",
        proven=41,
        total=43,
    ),
    seconds=0.004,
)
INSTALLED = Result(check="installed", subject="requirements.txt", outcome=Outcome(detail="43 pins"), seconds=0.003)
CONFLICTS = Result(
    check="conflicts", subject="pyproject.toml", outcome=Outcome(detail="216 distributions"), seconds=0.012
)
PYTHON = Result(
    check="python",
    subject="pyproject.toml",
    outcome=Outcome(detail="3.11.7, as .python-version says"),
    seconds=0.0001,
)


def _summary(*results: Result, fails: bool = True, failures: int = 0, why: tuple[str, ...] = ()) -> Summary:
    statuses = [result.outcome.status for result in results]
    verdict = next((each for each in ("broken", "unchecked") if each in statuses), "clean")
    return Summary(
        verdict=verdict,  # type: ignore[arg-type]  # One of the words of the line before.
        results=results,
        fails=fails,
        strict=False,
        python=_PYTHON,
        fingerprint="sha256:0",
        failures=failures,
        why=why,
    )


def _section(summary: Summary, *, verbose: bool = False) -> list[str]:
    return [line.text for line in terminal.section(summary, verbose=verbose)]


def _warnings(number: int, code: str = "extraneous") -> tuple[Finding, ...]:
    return tuple(
        Finding(
            code=code,
            severity="warn",
            package=f"package-{index}",
            actual="1.0",
            file="requirements.txt",
            message="not in requirements.txt",
        )
        for index in range(number)
    )


def test_section() -> None:
    """The section is the one that the issue shows."""
    assert _section(_summary(LOCK, INSTALLED, CONFLICTS, PYTHON)) == [
        "requirements.txt   lock        broken   41 of 43 pins proven, 4 ms",
        "  missing-direct       flask>=3           requirements.in:3    not pinned in requirements.txt",
        "  violated-transitive  markupsafe==1.1.1  requirements.txt:88  jinja2 3.1.4 needs markupsafe>=2.0",
        f"  fix: {_FIX}",
        "requirements.txt   installed   clean    43 pins, 3 ms",
        "pyproject.toml     conflicts   clean    216 distributions, 12 ms",
        "pyproject.toml     python      clean    3.11.7, as .python-version says",
        "broken: 2 findings in 1 check. The session fails.",
    ]


def test_failure() -> None:
    """The text of a check that fails stands alone: what was looked at, the findings, the fix."""
    assert terminal.failure(LOCK).splitlines() == [
        "broken, 41 of 43 pins proven",
        "  missing-direct       flask>=3           requirements.in:3    not pinned in requirements.txt",
        "  violated-transitive  markupsafe==1.1.1  requirements.txt:88  jinja2 3.1.4 needs markupsafe>=2.0",
        f"  fix: {_FIX}",
    ]


def test_headline() -> None:
    """One line names the first finding, its place and how many more there are."""
    expected = "missing-direct flask>=3 (requirements.in:3): not pinned in requirements.txt, and 1 more"

    assert terminal.headline(LOCK) == expected
    assert terminal.place(LOCK) == ("requirements.in", 3)


def test_headline_of_unchecked() -> None:
    """What could not be judged is told by its reason, at the file itself."""
    result = Result(check="lock", subject="a.txt", outcome=Outcome(judged=False, reason="setup.py is not installed"))

    assert terminal.headline(result) == "unchecked: setup.py is not installed"
    assert terminal.place(result) == ("a.txt", 1)


STANDS_AT_THE_PLACE = [
    ("violated-direct", "flask", ">=3.2", "2.0", "flask>=3.2"),
    ("violated-constraint", "flask", "<3", "3.1", "flask<3"),
    ("missing-transitive", "flask", ">=3", None, "flask>=3"),
    ("missing-direct", "flask", None, None, "flask"),
    ("missing-direct", "app", "git+https://e.org/app@v1", None, "app @ git+https://e.org/app@v1"),
    ("missing-direct", None, "./lib", None, "./lib"),
    ("not-installed", "flask", "==3.0", None, "flask==3.0"),
    ("wrong-version", "flask", "==3.0", "2.0", "flask==3.0"),
    ("wrong-version", "flask", "===3.0", "2.0", "flask===3.0"),
    ("wrong-source", "flask", "==3.0", "an index", "flask==3.0"),
    ("unpinned", "flask", "==", ">=3", "flask>=3"),
    ("unpinned", "flask", "==", None, "flask"),
    ("unpinned", "app", "a commit", "git+https://e.org/app", "app @ git+https://e.org/app"),
    ("orphan", "six", None, "1.17.0", "six==1.17.0"),
    ("ambiguous-pin", "flask", "==3.1", "3.0", "flask==3.0"),
    ("duplicate", "six", None, "six-1.dist-info and six-2.dist-info", "six"),
    ("wrong-python", "six", "<3", "3.11.7", "six"),
    ("wrong-platform", "six", None, "cp27-cp27m-win32", "six"),
    ("host-leak", None, None, "--find-links /srv", ""),
    ("python-mismatch", None, "3.8", "3.11.7", ""),
    ("conflict", "awscli", "docutils<0.16", "0.17", "docutils<0.16"),
]


@pytest.mark.parametrize(("code", "package", "expected", "actual", "shown"), STANDS_AT_THE_PLACE)
def test_second_column(code: str, package: str | None, expected: str | None, actual: str | None, shown: str) -> None:
    """The second column is what stands at the place: the demand that is not met, or the pin that is at fault."""
    finding = Finding(code=code, package=package, expected=expected, actual=actual, message="why", file="a.txt")
    result = Result(check="lock", subject="a.txt", outcome=Outcome(findings=(finding,)))

    assert [line.text.split("  ") for line in terminal.details(result)] == [
        ["", *filter(None, [code, shown, "a.txt", "why"])]
    ]


def test_warnings_are_one_line_for_each_code() -> None:
    """What only warns comes last, in one line for each code; `-v` gives each its own."""
    outcome = Outcome(findings=(*_warnings(7), *_warnings(1, "orphan"), LOCK.outcome.findings[0]))
    result = Result(check="installed", subject="a.txt", outcome=outcome)

    assert [line.text for line in terminal.details(result)] == [
        "  missing-direct  flask>=3  requirements.in:3  not pinned in requirements.txt",
        "  extraneous  7 warnings (see -v): package-0, package-1, package-2, package-3, package-4, ...",
        "  orphan  package-0==1.0  requirements.txt  not in requirements.txt",
        f"  fix: {_FIX}",
    ]
    assert len([*terminal.details(result, verbose=True)]) == 7 + 1 + 1 + 1


def test_lines_fit() -> None:
    """Usual lines stay within 100 columns."""
    result = Result(check="installed", subject="requirements.txt", outcome=Outcome(findings=_warnings(40)))

    lines = [*_section(_summary(LOCK, result)), terminal.one_line(_summary(result)).text]

    assert max(map(len, lines)) <= 100


def test_one_line() -> None:
    """A clean session is told in one line: what was looked at, what warns, and what was left out."""
    outcome = Outcome(findings=_warnings(2), proven=2, total=3, reason="setup.py was not read")
    result = Result(check="lock", subject="a.txt", outcome=outcome, seconds=0.0021)

    assert terminal.one_line(_summary(result, INSTALLED)).text == (
        "environment reproducibility: clean, 2 checks, 2 of 3 pins proven, 5 ms; "
        "warnings: 2 extraneous (-v shows them); setup.py was not read"
    )


def test_one_line_tells_waived_from_warnings() -> None:
    """What is accepted is no warning."""
    outcome = Outcome(findings=(*_warnings(1), *_WAIVED), proven=1, total=1)
    result = Result(check="lock", subject="a.txt", outcome=outcome)

    assert terminal.one_line(_summary(result)).text == (
        "environment reproducibility: clean, 1 check, 1 of 1 pin proven, 0 ms; "
        "warnings: 1 extraneous, waived: 2 conflict (-v shows them)"
    )
    assert [line.text for line in terminal.details(result)][-1] == "  conflict  2 waived (see -v): awscli, boto"


_WAIVED = tuple(
    Finding(code="conflict", package=name, message="why", waived=Waived(reason="works")) for name in ("awscli", "boto")
)
CLOSINGS = [
    ((LOCK,), True, "broken: 2 findings in 1 check. The session fails."),
    ((LOCK, LOCK), False, "broken: 4 findings in 2 checks. The session does not fail."),
    (
        (Result(check="lock", subject="a.txt", outcome=Outcome(judged=False, reason="why")),),
        False,
        "unchecked: 1 check could not be judged. The session does not fail.",
    ),
    ((INSTALLED,), False, "clean."),
    (
        (Result(check="lock", subject="a.txt", outcome=Outcome(findings=_warnings(1))),),
        False,
        "clean, with 1 warning.",
    ),
    (
        (Result(check="lock", subject="a.txt", outcome=Outcome(findings=_WAIVED)),),
        False,
        "clean, with 2 findings waived.",
    ),
    (
        (Result(check="lock", subject="a.txt", outcome=Outcome(findings=(*_warnings(2), *_WAIVED[:1]))),),
        False,
        "clean, with 2 warnings and 1 finding waived.",
    ),
]


@pytest.mark.parametrize(("results", "fails", "said"), CLOSINGS)
def test_closing(results: tuple[Result, ...], *, fails: bool, said: str) -> None:
    """The last line says the verdict, and whether it fails the session."""
    assert _section(_summary(*results, fails=fails))[-1] == said


def test_beside_failures() -> None:
    """Beside tests that failed, the section names the packages in which the environment is not the lock."""
    findings = [
        Finding(code="wrong-version", package="flask", expected="==3.1", actual="3.0", message="3.0 is installed"),
        *(Finding(code="not-installed", package=name, expected="==1", message="is missing") for name in "abcd"),
    ]
    result = Result(check="installed", subject="a.txt", outcome=Outcome(findings=tuple(findings)))
    said = "1 failure in an environment that is not the lock: "
    said += "flask 3.0 (locked: 3.1), a missing (locked: 1), b missing (locked: 1), and 2 more"

    assert said in _section(_summary(result, failures=1))
    assert not any("is not the lock" in line for line in _section(_summary(result)))
    assert not any("is not the lock" in line for line in _section(_summary(LOCK, INSTALLED, failures=1)))


def test_beside_failures_names_sources() -> None:
    """What came from elsewhere is told by where from, and what has no name by its place."""
    findings = (
        Finding(code="wrong-source", package="flask", expected="==3.1", actual="file:///srv/flask", message="why"),
        Finding(code="not-installed", expected="./lib", message="why"),
    )
    result = Result(check="installed", subject="a.txt", outcome=Outcome(findings=findings))
    said = "1 failure in an environment that is not the lock: "
    said += "flask from file:///srv/flask (locked: 3.1), ./lib missing"

    assert said in _section(_summary(result, failures=1))


def test_waived() -> None:
    """What is accepted does not count, and says why and how long it is."""
    finding = Finding(
        code="conflict",
        package="awscli",
        expected="docutils<0.16",
        actual="0.17",
        message="awscli 1.2 asks for it, 0.17 is installed",
        waived=Waived(reason="works", until="2027-03-01"),
    )
    result = Result(check="conflicts", subject="pyproject.toml", outcome=Outcome(findings=(finding,)))

    assert [line.text for line in terminal.details(result)] == [
        "  conflict  docutils<0.16  awscli 1.2 asks for it, 0.17 is installed (waived until 2027-03-01: works)"
    ]


def test_control_characters() -> None:
    """What a terminal would obey is escaped: the text of locks is nobody's to trust."""
    finding = Finding(code="unreadable", file="a\u202e.txt", line=1, message="is no requirement: \x1b[31mred\t\r")
    result = Result(check="lock", subject="a.txt", outcome=Outcome(findings=(finding,)))

    shown = terminal.failure(result) + terminal.headline(result)

    assert shown.replace("\n", "").isprintable()
    assert r"a\u202e.txt:1  is no requirement: \x1b[31mred\t\r" in shown


COMMANDS = {
    "::error::x": r"\x3a:error::x",
    "  ::error::x": r"  \x3a:error::x",
    "a ::error::x": "a ::error::x",
    "requirements.txt::lock": "requirements.txt::lock",
    "a ##[error]x": r"a \x23#[error]x",
    "a ###[error]x": r"a #\x23#[error]x",
    "a ##vso[task.setvariable variable=x]y": r"a \x23#vso[task.setvariable variable=x]y",
    "a ## b [c] # d": "a ## b [c] # d",
    "::a ##[b": r"\x3a:a \x23#[b",
}


@pytest.mark.parametrize(("text", "shown"), COMMANDS.items(), ids=str)
def test_commands_of_a_log(text: str, shown: str) -> None:
    """What the log of a CI would take for a command is escaped, and nothing else."""
    assert terminal.Line(text).text == shown


def test_header() -> None:
    """The header names each lock, what wrote it and what from, one a line."""
    locks = [("a.txt", "pip-compile", ("a.in", "b.in")), ("b.txt", None, ()), ("c.txt", "uv", ())]

    assert terminal.header(locks, strict=True) == [
        "envrepro (strict): a.txt (pip-compile from a.in, b.in)",
        "                   b.txt",
        "                   c.txt (uv)",
    ]
    assert terminal.header(locks[1:2], strict=False) == ["envrepro: b.txt"]
