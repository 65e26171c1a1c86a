"""What is answered in the place of tests: the table of integrations, requirements for pip, and why a test would skip."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import making
import pytest
from needing import TABLE, WAYS, write

if TYPE_CHECKING:
    from projects import Project, Site

pytestmark = pytest.mark.core

BROKEN = {"conftest.py": "raise SystemError\n"}
QUEUE = "@pytest.mark.requires_integration('queue', reason='posts jobs')\ndef test_one(): raise SystemError\n"


@WAYS
def test_export(project: Project, way: tuple[str, ...]) -> None:
    """The requirements of what is named, and nothing else: sorted, one a line, each once."""
    write(project, "", **BROKEN)

    result = project.test("--env-export=queue", "--env-export", "postgres", *way)

    assert result.outlines == ["kombu", "psycopg>=3.1"]
    assert result.errlines == []
    assert result.ret == 0


@WAYS
def test_export_all(project: Project, way: tuple[str, ...]) -> None:
    """`all` is what the table declares."""
    write(project, "", **BROKEN)

    assert project.test("--env-export", "all", *way).outlines == ["kombu", "psycopg>=3.1", "pytest"]


@pytest.mark.parametrize(
    ("files", "arguments"),
    [
        (BROKEN, ()),
        ({"pytest.ini": "[pytest]\naddopts = -n2 --option-of-a-conftest=1 -v -rA\n"}, ()),
        ({"test_it.py": "raise SystemError\n"}, ("test_it.py", "--co")),
        ({}, ("--env-lock", "--env-strict")),
    ],
    ids=["conftest", "addopts", "a module", "other options"],
)
@pytest.mark.skipif(sys.platform == "win32", reason="a shell that can give the output of a program as a file")
def test_export_for_pip(project: Project, files: dict[str, str], arguments: tuple[str, ...]) -> None:
    """Whatever the suite is like, all that is printed can be read by pip."""
    write(project, "", **files)
    command = [sys.executable, "-m", "pytest", "--env-export", "all", *arguments]

    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)

    assert done.stdout == "kombu\npsycopg>=3.1\npytest\n"
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.requires_tools("bash")
@pytest.mark.requires_integration("pip")
def test_export_into_pip(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pip install -r <(pytest --env-export all)` is typed as it is printed, beside a conftest that does not import."""
    table = '[tool.envrepro.integrations]\na = { requirements = ["app>=1", "lib"] }\nb = { requirements = ["app<2"] }\n'
    write(project, "", table, **BROKEN)
    for name, version in (("app", "1.5"), ("app", "2.0"), ("lib", "1.0")):
        making.wheel(project.path / "wheels", name, version)
    pip = f"{sys.executable} -m pip --isolated --disable-pip-version-check install --dry-run --no-index"
    command = f"{pip} --find-links=wheels -r <({sys.executable} -m pytest --env-export all)"
    monkeypatch.delenv("PYTHONPATH")

    done = subprocess.run(["bash", "-c", command], cwd=project.path, capture_output=True, text=True, check=False)

    assert done.stdout.splitlines()[-1] == "Would install app-1.5 lib-1.0"
    assert done.stderr == ""


PROJECT = '[project]\nname = "it"\nversion = "1"\n'
ADVICE = "let the table declare an integration with"
NONE_DECLARED = {
    "nothing": ("", ""),
    "groups and extras": (
        f'{PROJECT}optional-dependencies = {{ fast = ["x"] }}\n[dependency-groups]\ndocs = ["y"]\n',
        "; groups and extras are exported by their names: docs, fast",
    ),
    "an extra of that name": (
        f'{PROJECT}optional-dependencies = {{ all = ["x"] }}\n',
        f"; this project's extra 'all' is not exported by that name: {ADVICE} extras = [\"all\"]",
    ),
}


@pytest.mark.parametrize(("table", "more"), NONE_DECLARED.values(), ids=NONE_DECLARED)
def test_export_all_of_none(project: Project, table: str, more: str) -> None:
    """Where the table declares none, `all` is an error that says so, and which other names there are."""
    write(project, "", table)

    result = project.test("--env-export=all")

    said = "'all' means the integrations of the table, and it declares none"
    assert result.errlines == [f"ERROR: --env-export: {said}{more}", ""]
    assert result.outlines == []
    assert result.ret == 4


def test_export_all_beside_a_group_of_that_name(project: Project) -> None:
    """A group that is called `all` is not meant, which is told; an integration of the table exports it."""
    table = '[dependency-groups]\nall = ["x"]\n[tool.envrepro.integrations]\na = { requirements = ["y"] }\n'
    write(project, "", table)

    result = project.test("--env-export=all")

    assert result.outlines == ["y"]
    assert result.errlines == [f"this project's group 'all' is not exported by that name: {ADVICE} groups = [\"all\"]"]
    assert result.ret == 0

    write(project, "", f'{table}everything = {{ groups = ["all"] }}\n')

    assert project.test("--env-export=everything").outlines == ["x"]


def test_export_with_a_credential(project: Project) -> None:
    """A credential in a URL is not printed, and that pip cannot use the line is told; a variable of pip's is none."""
    table = """
[tool.envrepro.integrations]
a = { requirements = ["x @ https://me:secret@example.org/x.whl", "y"] }
b = { requirements = ["z @ https://${TOKEN}@example.org/z.whl"] }
"""
    write(project, "", table)

    result = project.test("--env-export=all")

    assert result.outlines == ["x @ https://****@example.org/x.whl", "y", "z @ https://${TOKEN}@example.org/z.whl"]
    advice = "write it as a variable, such as ${TOKEN}, which pip fills in"
    said = f"x: the credential in its URL is not printed, and pip cannot do without it: {advice} (a)"
    assert result.errlines == [said]
    assert result.ret == 1
    assert project.test("--env-export=b").ret == 0


def test_contradictions(project: Project) -> None:
    """What cannot be met together is told on standard error, and the exit code is 1."""
    table = '[tool.envrepro.integrations]\na = { requirements = ["x>=2"] }\nb = { requirements = ["x<2"] }\n'
    write(project, "", table)

    result = project.test("--env-export=all")

    assert len(result.errlines) == 1
    assert all(word in result.errlines[0] for word in ("x", "<2", ">=2"))
    assert result.ret == 1


WRONG = {
    "no such name": (("--env-export=queu",), TABLE, "--env-export: *'queu' (did you mean 'queue'?)"),
    "both": (("--env-export=all", "--env-integrations"), TABLE, "*ask for one at a time"),
    "an explanation too": (
        ("--env-explain=x", "--env-export=all"),
        TABLE,
        "--env-explain and --env-export: ask for one*",
    ),
    "an explanation of nothing": (
        ("--env-explain=",),
        TABLE,
        "--env-explain: has to be a node id, a file or a folder*",
    ),
    "a report nowhere": (("--env-report=",), TABLE, "--env-report: has to be a file, not empty"),
    "a report nowhere, of a table": (
        ("--env-integrations", "--env-report", ""),
        TABLE,
        "--env-report: has to be a file*",
    ),
    "a report of an explanation": (
        ("--env-explain=test_it.py", "--env-report=a.json"),
        TABLE,
        "--env-explain and --env-report: an explanation has no report; ask for one at a time",
    ),
    "a table": (("--env-export=all",), "[tool.envrepro]\nwrong = 1\n", "pyproject.toml cannot be followed:"),
    "an allowance": (("--env-integrations", "--env-allow-missing=x"), TABLE, "--env-allow-missing*'x'*"),
}


@pytest.mark.parametrize(("arguments", "table", "message"), WRONG.values(), ids=WRONG)
def test_wrong_questions(project: Project, arguments: tuple[str, ...], table: str, message: str) -> None:
    """What cannot be answered is one error: exit code 4, nothing on standard output."""
    write(project, "", table)

    result = project.test(*arguments)

    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert result.outlines == []
    assert result.ret == 4


def test_integrations(project: Project, site: Site) -> None:
    """The table has a tick or a cross before each need, what was found, and what mends it; a conftest is not imported."""
    site.add("kombu", "5.1")
    write(project, "", **BROKEN)

    result = project.test("--env-integrations", "-n2", subprocess=True)

    lines = [line.split() for line in result.outlines]
    start = lines.index(["plain", "met"])
    assert lines[start : start + 4] == [
        ["plain", "met"],
        ["✓", "pytest", pytest.__version__],
        ["postgres", "missing"],
        ["✗", "psycopg>=3.1", "is", "not", "installed:", "pip", "install", "'psycopg>=3.1'"],
    ]
    assert ["queue", "met"] in lines
    assert ["✓", "kombu", "5.1"] in lines
    assert result.errlines == []
    assert result.ret == 0


def test_integrations_in_ascii(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the output has no ticks, there are other signs."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("PYTHONUTF8", "0")
    write(project, "", TABLE + 'odd = { variables = ["GR\u00d6SSE"] }\n')

    result = project.test("--env-integrations", subprocess=True)

    result.stdout.fnmatch_lines(["  x *$GR\\xd6SSE *is not set", "  + *pytest *", "  x *psycopg>=3.1 *"])
    assert result.errlines == []
    assert result.ret == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--env-strict",), 1),
        (("--env-strict", "--env-allow-missing=postgres"), 1),
        (("--env-strict", "--env-allow-missing=postgres", "--env-allow-missing=queue"), 0),
        (("--no-env-strict",), 0),
    ],
)
@WAYS
def test_integrations_exit_code(project: Project, way: tuple[str, ...], arguments: tuple[str, ...], code: int) -> None:
    """It is 1 in strict mode where one that the table declares is not met, and may not be missing."""
    write(project, "")

    assert project.test("--env-integrations", *arguments, *way).ret == code


@WAYS
def test_integrations_as_json(project: Project, way: tuple[str, ...]) -> None:
    """With `--env-report` the report has the same integrations, groups and extras of the project among them."""
    write(project, "")

    result = project.test("--env-integrations", "--env-report=report.json", *way)

    listed = {each["name"]: each["status"] for each in project.report()["integrations"]}
    shown = dict(line.split() for line in result.outlines if line and not line.startswith(" "))
    assert listed == shown
    assert {"plain", "postgres", "queue"} < set(listed)
    assert project.report()["tests"] == []


def test_help_comes_first(project: Project) -> None:
    """With `--help` there is help, whatever else is asked."""
    write(project, "")

    result = project.test("--help", "--env-export=queu", "--env-integrations")

    result.stdout.fnmatch_lines(["environment reproducibility:", "  --env-export=NAME *"])
    assert result.ret == 0


@WAYS
@pytest.mark.parametrize("more", [(), ("--env-lock",), ("-o", "addopts=--env-report=report.json")], ids=" ".join)
def test_explain(project: Project, way: tuple[str, ...], more: tuple[str, ...]) -> None:
    """It says requirement by requirement what is met, what was found and what would come of it, and runs nothing."""
    other = "\n@pytest.mark.requires_packages('pytest', 'pytest>=99')\ndef test_two(): raise SystemError\n"
    write(project, QUEUE + other)

    result = project.test("--env-explain", "test_it.py::test_one", *more, *way)

    start = result.outlines.index("test_it.py::test_one")
    assert result.outlines[start : start + 4] == [
        "test_it.py::test_one",
        "  integration 'queue'   missing",
        "    ✗  kombu  is not installed: pip install 'kombu'",
        "  is skipped here",
    ]
    result.stdout.no_fnmatch_line("*test_two*")
    result.stdout.fnmatch_lines(["*no tests ran*"])
    assert not (project.path / "report.json").exists()
    assert result.ret == 0


@WAYS
def test_explain_what_is_met(project: Project, way: tuple[str, ...]) -> None:
    """A class is explained test by test: what is found where it is met, and what would fail if strict."""
    test = """
class TestClass:
    @pytest.mark.requires_packages('pytest>=8')
    def test_one(self): raise SystemError
    @pytest.mark.requires_packages('pytest', 'pytest>=99')
    def test_two(self): raise SystemError
    def test_three(self): raise SystemError
    @pytest.mark.requires_integration('queu')
    def test_four(self): raise SystemError
"""
    write(project, test)

    result = project.test("--env-explain=test_it.py::TestClass", "--env-strict", "-q", *way)

    version = pytest.__version__
    assert result.outlines[: result.outlines.index("")] == [
        "test_it.py::TestClass::test_one",
        "  packages   met",
        f"    ✓  pytest>=8  {version}",
        "  runs here",
        "test_it.py::TestClass::test_two",
        "  packages   partial",
        f"    ✓  pytest      {version}",
        f"    ✗  pytest>=99  {version} is installed: pip install 'pytest>=99'",
        "  fails here, as this session is strict",
        "test_it.py::TestClass::test_three",
        "  names nothing that it needs, and runs",
        "test_it.py::TestClass::test_four",
        "  fails: requires_integration: there is no integration 'queu' (did you mean 'queue'?)",
    ]


def test_explain_marks_of_its_own(project: Project) -> None:
    """A test that its own marks keep from running is not said to run, to skip or to fail for what it needs."""
    test = """
import pytest
@pytest.mark.skipif(True, reason='not here')
@pytest.mark.requires_packages('pytest>=99')
def test_one(): pass
@pytest.mark.skip
def test_two(): pass
@pytest.mark.xfail(run=False, reason='crashes')
def test_three(): pass
"""
    write(project, test)

    lines = project.test("--env-explain=test_it.py", "--env-strict", "-q").outlines

    assert [line for line in lines if "runs" in line or "run," in line or "fails" in line] == [
        "  does not run, by a mark of its own: not here",
        "  does not run, by a mark of its own: unconditional skip",
        "  does not run, by a mark of its own: [NOTRUN] crashes",
    ]


@WAYS
@pytest.mark.parametrize("node_id", ["test_gpu.py", "test_gpu.py::test_one"])
@pytest.mark.parametrize(
    ("strictness", "fails"), [("--no-env-strict", ""), ("--env-strict", ", which fails a strict session")]
)
def test_explain_a_skipped_module(
    project: Project, way: tuple[str, ...], node_id: str, strictness: str, fails: str
) -> None:
    """Of a module that is skipped as a whole the reason is told, whether it or a test in it is asked for."""
    module = "import pytest\npytest.importorskip('no_such_module')\ndef test_one(): pass\n"
    write(project, "", **{"test_gpu.py": module})

    result = project.test("--env-explain", node_id, "-q", strictness, *way)

    reason = "could not import 'no_such_module': No module named 'no_such_module'"
    assert result.outlines[:2] == ["test_gpu.py", f"  is skipped as a whole{fails} ({reason})"]
    assert result.errlines == []
    assert result.ret == 5


def test_explain_what_may_be_missing(project: Project) -> None:
    """What may be missing is said to be allowed: an integration, and a group that is asked for by its own marker."""
    marks = "@pytest.mark.requires_integration('queue')\n@pytest.mark.requires_group('test-db')\n"
    write(project, f"{marks}def test_one(): pass\n")
    allowed = ("--env-allow-missing=queue", "--env-allow-missing=test-db")

    lines = project.test("--env-explain=test_it.py", "-q", "--env-strict", *allowed).outlines

    assert [line.split() for line in lines if line.startswith("  ") and not line.startswith("    ")] == [
        ["group", "'test-db'", "allowed"],
        ["integration", "'queue'", "allowed"],
        ["is", "skipped", "here"],
    ]


def test_explain_faults(project: Project) -> None:
    """Each fault of a marker has a line of its own."""
    write(project, "@pytest.mark.requires_integration('queu', 'plian')\ndef test_one(): pass\n")

    lines = project.test("--env-explain=test_it.py", "-q").outlines

    assert lines[:3] == [
        "test_it.py::test_one",
        "  fails: requires_integration: there is no integration 'plian' (did you mean 'plain'?)",
        "  requires_integration: there is no integration 'queu' (did you mean 'queue'?)",
    ]


def test_explain_what_is_not_there(project: Project) -> None:
    """A test that does not exist is pytest's own error."""
    write(project, QUEUE)

    result = project.test("--env-explain=test_it.py::test_none")

    result.stderr.fnmatch_lines(["ERROR: not found: *test_none*"])
    assert result.ret == 4
