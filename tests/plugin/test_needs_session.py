"""What the needs of tests do to the whole session: allowances, what is required, skipped modules, the summary, the report."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from needing import TABLE, WAYS, rows, write
from runner import Command, commands

if TYPE_CHECKING:
    from projects import Project, Site

pytestmark = pytest.mark.core

QUEUE = "@pytest.mark.requires_integration('queue')\ndef test_one(): pass\n"
LINE = "queue: 1 test {} (kombu is not installed): pip install 'kombu'"
ALLOWED = LINE.format("skipped, as is allowed")
MISSPELLED = {
    "option": ({}, ("--env-allow-missing=queu",), "--env-allow-missing: *'queu' (did you mean 'queue'?)"),
    "table": ({"table": 'allow-missing = ["queu"]'}, (), "*allow-missing*'queu'*(did you mean 'queue'?)*"),
}


def with_keys(keys: str) -> str:
    """Give the table with more keys at its top."""
    return f"[tool.envrepro]\n{keys}\n{TABLE}"


def section(result: pytest.RunResult) -> list[str]:
    """Give the lines of the section in the summary."""
    lines = result.outlines
    starts = [index for index, line in enumerate(lines) if re.fullmatch(r"=+ integrations =+", line)]
    if not starts:
        return []
    assert len(starts) == 1
    rest = lines[starts[0] + 1 :]
    return rest[: next(index for index, line in enumerate(rest) if line.startswith("==="))]


ALLOWANCES = {
    "nobody": ("", None, (), False),
    "table": ('allow-missing = ["queue"]', None, (), True),
    "variable": ("", "plain, queue", (), True),
    "option": ("", None, ("--env-allow-missing=plain", "--env-allow-missing", "queue"), True),
    "variable before table": ('allow-missing = ["queue"]', "postgres", (), False),
    "option before variable": ("", "queue", ("--env-allow-missing=postgres",), False),
}


@pytest.mark.parametrize(
    ("way", "keys", "variable", "arguments", "is_allowed"), rows(ALLOWANCES, ["table", "variable", "option"])
)
def test_allowances(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    way: tuple[str, ...],
    keys: str,
    variable: str | None,
    arguments: tuple[str, ...],
    *,
    is_allowed: bool,
) -> None:
    """What may be missing skips in a strict session: the option says which, else the variable, else the table."""
    write(project, QUEUE, with_keys(keys))
    if variable is not None:
        monkeypatch.setenv("PYTEST_ENVREPRO_ALLOW_MISSING", variable)

    result = project.test("--env-strict", *arguments, *way)

    result.assert_outcomes(skipped=int(is_allowed), errors=int(not is_allowed))
    assert section(result)[0] == (ALLOWED if is_allowed else LINE.format("failed"))
    assert result.ret == int(not is_allowed)


@WAYS
def test_allowance_in_part(project: Project, way: tuple[str, ...]) -> None:
    """A test that also lacks what may not be missing fails, and that alone is blamed."""
    write(project, "@pytest.mark.requires_integration('queue', 'postgres')\ndef test_one(): pass\n")

    result = project.test("--env-strict", "--env-allow-missing=queue", *way)

    result.assert_outcomes(errors=1)
    assert [line.partition(":")[0] for line in section(result)] == ["postgres"]


BY_NAME = {
    "group": ("requires_group('Test_DB')", "group Test_DB", "test-db"),
    "extra": ("requires_extra('fast')", "extra fast", "Fast"),
}


@WAYS
@pytest.mark.parametrize(("marker", "name", "allowed"), BY_NAME.values(), ids=BY_NAME)
def test_allowance_of_a_group_or_an_extra(
    project: Project, way: tuple[str, ...], marker: str, name: str, allowed: str
) -> None:
    """Where the integration that a group or an extra is may be missing, so may what a marker asks for by that name."""
    write(project, f"@pytest.mark.{marker}\ndef test_one(): pass\n")

    refused = project.test("--env-strict", "--env-allow-missing=queue", *way)
    result = project.test("--env-strict", f"--env-allow-missing={allowed}", *way)

    refused.assert_outcomes(errors=1)
    result.assert_outcomes(skipped=1)
    assert section(result)[0].startswith(f"{name}: 1 test skipped, as is allowed (")
    assert result.ret == 0


@WAYS
def test_allowance_that_is_not_needed(project: Project, site: Site, way: tuple[str, ...]) -> None:
    """An allowance of what is met is one line in a strict session, and fails nothing."""
    site.add("kombu", "5")
    write(project, QUEUE, with_keys('allow-missing = ["queue"]'))
    line = "queue: may be missing, and is not: that allowance is no longer needed"

    strict = project.test("--env-strict", *way)

    strict.assert_outcomes(passed=1)
    assert section(strict) == [line]
    assert strict.ret == 0
    assert section(project.test("--no-env-strict", *way)) == []


@WAYS
@pytest.mark.parametrize(("keys", "arguments", "message"), MISSPELLED.values(), ids=MISSPELLED)
def test_misspelled_allowance(
    project: Project, way: tuple[str, ...], keys: dict[str, str], arguments: tuple[str, ...], message: str
) -> None:
    """An allowance of what does not exist ends the session at its start."""
    write(project, "def test_one(): pass\n", with_keys(keys.get("table", "")))

    result = project.test(*arguments, *way)

    result.stderr.fnmatch_lines([f"*{message}"])
    assert result.ret == 4


STRICTNESS: dict[str, tuple[dict[str, str], tuple[str, ...], str, bool]] = {
    "nobody": ({}, (), "", False),
    "CI": ({"CI": "1"}, (), "", True),
    "table before CI": ({"CI": "1"}, (), "strict = false", False),
    "variable before table": ({"CI": "1", "PYTEST_ENVREPRO_STRICT": "0"}, (), "strict = true", False),
    "option before variable": ({"PYTEST_ENVREPRO_STRICT": "0"}, ("--env-strict",), "", True),
    "option before table": ({}, ("--no-env-strict",), "strict = true", False),
}


@pytest.mark.parametrize(
    ("way", "variables", "arguments", "keys", "fails"),
    rows(STRICTNESS, ["CI", "variable before table", "option before variable"]),
)
def test_strictness(  # As for checks, by the same code: a row for each way in.
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    way: tuple[str, ...],
    variables: dict[str, str],
    arguments: tuple[str, ...],
    keys: str,
    *,
    fails: bool,
) -> None:
    """Whether it skips or fails is decided as for checks: command line, variable, table, CI."""
    write(project, QUEUE, with_keys(keys))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert project.test(*arguments, *way).ret == int(fails)


def test_tox_hint(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under tox, which hides CI, one line says so where `auto` let something be skipped."""
    write(project, QUEUE)
    monkeypatch.setenv("TOX_ENV_NAME", "py")
    hint = "tox hides CI from its environments: add 'pass_env = CI' for CI to be strict about this"

    assert section(project.test()) == [LINE.format("skipped"), hint]
    assert section(project.test("--no-env-strict")) == [LINE.format("skipped")]


REQUIRED = '[tool.envrepro.integrations]\nqueue = { requirements = ["kombu"], required = true }\n'


REQUIRING = {
    " ".join(each): (each,) for each in [(), ("--no-env-strict",), ("-k", "nothing"), ("test_it.py::test_one",)]
}


@pytest.mark.parametrize(("way", "arguments"), rows(REQUIRING, ["", "-k nothing"]))
def test_required(project: Project, way: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    """What is required and missing fails the session even where no test asks, and is named."""
    write(project, "def test_one(): pass\n", REQUIRED)

    result = project.test(*arguments, *way)

    line = "queue: is required, which fails the session (kombu is not installed): pip install 'kombu'"
    assert section(result) == [line]
    assert result.ret == 1


@pytest.mark.parametrize("arguments", [("--env-allow-missing=queue",), ("--co",), ("--setup-plan",), ("--fixtures",)])
def test_required_but(project: Project, arguments: tuple[str, ...]) -> None:
    """What is required may be missing where that is allowed, and where nothing but a list was asked for."""
    write(project, "def test_one(): pass\n", REQUIRED)

    result = project.test(*arguments)

    result.stdout.no_fnmatch_line("*is required, which fails*")
    allowed = "queue: is required, and missing, as is allowed (kombu is not installed): pip install 'kombu'"
    assert section(result) == ([allowed] if "--env-allow-missing=queue" in arguments else [])
    assert result.ret == 0


def test_required_and_met(project: Project, site: Site) -> None:
    """What is required and met fails nothing."""
    site.add("kombu", "5")
    write(project, "def test_one(): pass\n", REQUIRED)

    assert project.test().ret == 0


GREEN = {
    "says all is well": "def pytest_sessionfinish(session): session.exitstatus = 0\n",
    "exits at the end": "def pytest_sessionfinish(): pytest.exit('enough', returncode=0)\n",
    "exits while collecting": "def pytest_collection(): pytest.exit('enough', returncode=0)\n",
    "drops all": "def pytest_collection_modifyitems(items): items[:] = []\n",
}


@pytest.mark.parametrize("conftest", GREEN.values(), ids=GREEN)
def test_conftest_does_not_make_it_green(project: Project, conftest: str) -> None:
    """Whatever a conftest does to the session, it does not end with 0 without what is required."""
    write(project, "def test_one(): pass\n", REQUIRED, **{"conftest.py": f"import pytest\n{conftest}"})

    assert project.test().ret == 1


def test_strict_failure_stays_one(project: Project) -> None:
    """A conftest that forgets the failures of a session does not hide a test that failed by what it lacks."""
    conftest = "def pytest_sessionfinish(session): session.exitstatus = 0\n"
    write(project, QUEUE, **{"conftest.py": conftest})

    assert project.test("--env-strict").ret == 1
    assert project.test("--no-env-strict").ret == 0


MODULES = {
    "test_a.py": "import helper\nhelper.leave()\n",
    "test_b.py": "import helper\nhelper.leave()\n",
    "test_c.py": "import pytest\npytest.importorskip('no_such_module')\ndef test_one(): pass\n",
    "helper.py": "import pytest\ndef leave(): pytest.skip('not today', allow_module_level=True)\n",
}
SKIPPED = [
    "test_a.py: skipped as a whole, which fails a strict session (not today)",
    "test_b.py: skipped as a whole, which fails a strict session (not today)",
    (
        "test_c.py: skipped as a whole, which fails a strict session "
        "(could not import 'no_such_module': No module named 'no_such_module')"
    ),
]


@WAYS
def test_skipped_modules(project: Project, way: tuple[str, ...]) -> None:
    """A strict session fails for each module that is skipped as a whole, and names it with its reason."""
    write(project, "def test_one(): pass\n", "", **MODULES)

    strict = project.test("--env-strict", *way)

    assert section(strict) == SKIPPED
    assert strict.ret == 1
    lenient = project.test("--no-env-strict", *way)
    assert section(lenient) == []
    assert lenient.ret == 0


@WAYS
@pytest.mark.parametrize(
    ("table", "test", "fails"),
    [
        ("", "def test_one(): pass\n", False),
        ("[tool.envrepro]\n", "def test_one(): pass\n", True),
        ("", "@pytest.mark.requires_packages('pytest')\ndef test_one(): pass\n", True),
    ],
    ids=["not asked", "a table", "a marker"],
)
def test_skipped_modules_in_a_ci(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    test: str,
    fails: bool,  # noqa: FBT001  # A column of the table.
    way: tuple[str, ...],
) -> None:
    """In a CI they fail the sessions of a project that uses the plugin, by a table or a marker, and no others."""
    monkeypatch.setenv("CI", "true")
    write(project, test, table, **MODULES)

    assert project.test(*way).ret == int(fails)


@WAYS
def test_one_line_for_each(project: Project, way: tuple[str, ...]) -> None:
    """The summary has a line for each integration, not for each test, and counts the tests."""
    parameters = "@pytest.mark.parametrize('x', range(40))\n"
    write(project, f"{parameters}@pytest.mark.requires_integration('queue')\ndef test_many(x): pass\n{QUEUE}")

    assert section(project.test(*way)) == [
        "queue: 41 tests skipped (kombu is not installed): pip install 'kombu'",
    ]


@WAYS
def test_one_command(project: Project, way: tuple[str, ...]) -> None:
    """What several packages need is one command, which can be pasted; other ways stand behind it."""
    test = "@pytest.mark.requires_integration('both')\ndef test_one(): pass\n"
    write(project, test, '[tool.envrepro.integrations.both]\nrequirements = ["kombu>=5,<6", "amqp"]\n')

    assert section(project.test(*way))[0] == (
        "both: 1 test skipped (kombu>=5,<6 is not installed; amqp is not installed): pip install 'kombu>=5,<6' 'amqp'"
    )


ANNOTATED = """
@pytest.mark.requires_integration("queue")
@pytest.mark.parametrize("x", [1, 2])
def test_one(x): pass
@pytest.mark.requires_tools("no-such-tool")
def test_two(): pass
"""
COMMANDS = [
    Command("error", {"title": "no-such-tool"}, "1 test failed: not on PATH"),
    Command("error", {"title": "queue"}, "2 tests failed: kombu is not installed (fix: pip install 'kombu')"),
    Command("error", {"title": "queue"}, "is required: kombu is not installed (fix: pip install 'kombu')"),
]


@WAYS
def test_annotations(project: Project, monkeypatch: pytest.MonkeyPatch, way: tuple[str, ...]) -> None:
    """In GitHub Actions all that fails the session is an error, one for each; what is skipped or allowed is none."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path.parent))
    write(project, ANNOTATED, REQUIRED, **{name: MODULES[name] for name in ("test_a.py", "helper.py")})
    place = {"title": "skipped as a whole", "file": f"{project.path.name}/test_a.py"}
    module = Command("error", place, "not today")

    assert commands(project.test("--env-strict", *way).outlines) == [*COMMANDS, module]
    allowed = project.test("--env-strict", "--env-allow-missing=queue", *way)
    assert commands(allowed.outlines) == [COMMANDS[0], module]
    assert commands(project.test("--no-env-strict", *way).outlines) == [COMMANDS[2]]


def test_annotations_are_ten_at_most(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub shows ten of a step: how many more there are is one line."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    write(project, "".join(f"@pytest.mark.requires_tools('no-tool-{n}')\ndef test_{n}(): pass\n" for n in range(12)))

    said = commands(project.test("--env-strict").outlines)

    assert [each.name for each in said] == ["error"] * 10 + ["notice"]
    assert said[-1].data == "2 more errors: GitHub shows 10 of each, the log has all"


@WAYS
@pytest.mark.parametrize("strictness", ["--env-strict", "--no-env-strict"])
def test_junit(project: Project, way: tuple[str, ...], strictness: str) -> None:
    """In JUnit's XML a test that was skipped or failed has what it lacks as a property, and one that ran has none."""
    test = "@pytest.mark.requires_integration('queue')\n@pytest.mark.requires_packages('nope>=2', 'pytest')\n"
    write(project, f"{test}def test_one(): pass\n@pytest.mark.requires_integration('plain')\ndef test_two(): pass\n")

    project.test("--junitxml=junit.xml", strictness, *way)

    cases = ET.parse(project.path / "junit.xml").getroot().iter("testcase")  # noqa: S314  # pytest has written it.
    found = {case.get("name"): [each.attrib for each in case.iter("property")] for case in cases}
    assert found == {"test_one": [{"name": "envrepro.lacks", "value": "nope>=2, queue"}], "test_two": []}


def test_summary_and_verbosity(project: Project) -> None:
    """The section is there with `-q`, not with `-qq`, and beside that of the checks."""
    write(project, QUEUE, TABLE, **{"requirements.txt": "pytest==0\n"})

    assert "integrations" in project.test("-q").stdout.str()
    assert "integrations" not in project.test("-qq").stdout.str()
    both = project.test("--env-lock")
    assert section(both)[0] == LINE.format("skipped")
    both.stdout.fnmatch_lines(["*= environment reproducibility =*"])


def report_bytes(project: Project, *args: str) -> str:
    """Run with a report, and give its text."""
    project.test("--env-report=report.json", *args)
    return (project.path / "report.json").read_text(encoding="utf-8")


def test_report(project: Project, site: Site) -> None:
    """The report lists the integrations of the table and of tests, and the tests that are marked or skipped."""
    site.add("kombu", "5.1")
    write(
        project,
        """
@pytest.mark.requires_integration("postgres")
@pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.requires_packages("nope>=2"))])
def test_missing(x): pass

@pytest.mark.requires_integration("queue")
@pytest.mark.requires_tools("no-such-tool")
@pytest.mark.skip(reason="no")
def test_skipped(): pass

@pytest.mark.requires_integration("queue")
def test_met(): pass

def test_unmarked(): pass
""",
    )

    text = report_bytes(project)

    data = project.report()
    assert data["verdict"] == "unchecked"
    assert data["environments"] == []
    assert data["integrations"] == [
        {
            "name": "plain",
            "status": "met",
            "needs": [{"requirement": "pytest", "found": pytest.__version__, "met": True}],
        },
        {
            "name": "postgres",
            "status": "missing",
            "needs": [
                {"requirement": "psycopg>=3.1", "found": None, "met": False},
                {"requirement": "no-such-tool>=15", "found": None, "met": False},
            ],
        },
        {"name": "queue", "status": "met", "needs": [{"requirement": "kombu", "found": "5.1", "met": True}]},
    ]
    assert data["tests"] == [
        {"nodeid": "test_it.py::test_met", "outcome": "passed", "needs": ["queue"]},
        {"nodeid": "test_it.py::test_missing", "outcome": "skipped", "needs": ["nope>=2", "postgres"]},
        {"nodeid": "test_it.py::test_skipped", "outcome": "skipped", "needs": ["no-such-tool", "queue"]},
    ]
    assert report_bytes(project, "-n2") == text
    assert report_bytes(project, "-n2", "--dist=loadgroup") == text


def test_report_of_what_is_allowed(project: Project) -> None:
    """An integration that is missing and may be is `allowed`; one that no test asks for is listed too."""
    write(project, "def test_one(): pass\n")

    report_bytes(project, "--env-allow-missing=queue")

    statuses = {each["name"]: each["status"] for each in project.report()["integrations"]}
    assert statuses == {"plain": "met", "postgres": "missing", "queue": "allowed"}


def test_another_environment(project: Project, site: Site) -> None:
    """A worker whose environment is another judges by itself, and what it lacks is told."""
    site.add("kombu", "5")
    # As if the worker were started by another interpreter: what it sees on its path is not the same.
    conftest = f"""
import sys

def pytest_configure(config):
    if hasattr(config, "workerinput"):
        sys.path.remove({str(site.path)!r})
"""
    write(project, QUEUE, **{"conftest.py": conftest})

    result = project.test("-n2", "--env-report=report.json")

    assert section(result) == [LINE.format("skipped")]
    assert {each["name"]: each["status"] for each in project.report()["integrations"]}["queue"] == "missing"


def test_crashed_worker(project: Project) -> None:
    """What a worker told before it crashed is in the summary."""
    write(project, f"{QUEUE}def test_two():\n    import os\n    os._exit(1)\n")

    result = project.test("-n2", "--dist=loadfile")

    assert section(result) == [LINE.format("skipped")]
    assert result.ret == 1


def test_nothing_is_loaded(project: Project) -> None:
    """A session whose tests have no markers of ours loads what it loaded without us: some small modules."""
    write(
        project,
        """
import sys
@pytest.mark.skip
def test_skipped(): pass
def test_one():
    assert sorted(name for name in sys.modules if name.startswith("pytest_envrepro")) == [
        "pytest_envrepro", "pytest_envrepro.fixtures", "pytest_envrepro.late", "pytest_envrepro.options",
        "pytest_envrepro.plugin"]
    assert "packaging.requirements" not in sys.modules
""",
        "",
    )

    project.test(subprocess=True).assert_outcomes(passed=1, skipped=1)


def test_without_the_plugin(project: Project) -> None:
    """With `-p no:envrepro` a marked test simply runs."""
    write(project, "@pytest.mark.requires_packages('kombu')\ndef test_one(): pass\n")

    project.test("-p", "no:envrepro").assert_outcomes(passed=1)


TOGETHER = """
[project]
name = "it"
version = "1"
optional-dependencies = { both = ["kombu"] }
[dependency-groups]
both = ["amqp"]
[tool.envrepro.integrations]
mixed = { requirements = ["vine"], groups = ["both"], tools = ["no-such-tool"], variables = ["ENVREPRO_NO_SUCH"] }
"""
COMMANDS_OF = {
    "a group and an extra": (
        "both",
        {},
        "(kombu is not installed; amqp is not installed): pip install 'kombu' 'amqp', or '.[both]' --group both",
    ),
    "with uv": (
        "both",
        {"uv.lock": ""},
        "(kombu is not installed; amqp is not installed): uv sync --extra both --group both",
    ),
    "and what no command brings": (
        "mixed",
        {},
        (
            "(vine is not installed; amqp is not installed; no-such-tool is not on PATH; $ENVREPRO_NO_SUCH is not set): "
            "pip install 'vine' 'amqp', or 'vine' --group both, which leaves: no-such-tool, $ENVREPRO_NO_SUCH"
        ),
    ),
    "with uv, and a package besides": (
        "mixed",
        {"uv.lock": ""},
        (
            "(vine is not installed; amqp is not installed; no-such-tool is not on PATH; $ENVREPRO_NO_SUCH is not set): "
            "uv sync --group both && pip install 'vine', which leaves: no-such-tool, $ENVREPRO_NO_SUCH"
        ),
    ),
}


@pytest.mark.parametrize(("name", "files", "line"), COMMANDS_OF.values(), ids=COMMANDS_OF)
def test_command_brings_all(project: Project, name: str, files: dict[str, str], line: str) -> None:
    """The command of the summary brings all that a command can, in an order that keeps it, and says what is left."""
    test = f"@pytest.mark.requires_integration({name!r})\ndef test_one(): pass\n"
    write(project, test, TOGETHER, **files)

    assert section(project.test()) == [f"{name}: 1 test skipped {line}"]


def test_many_needs(project: Project) -> None:
    """A line of the summary has ten of what is missing, and a command that a shell takes."""
    names = ", ".join(f'"nope-{number}"' for number in range(3000))
    table = (
        f"[tool.envrepro.integrations]\nbig = {{ requirements = [{names}] }}\n[dependency-groups]\nlarge = [{names}]\n"
    )
    tests = "@pytest.mark.requires_integration('big')\ndef test_one(): pass\n@pytest.mark.requires_group('large')\ndef test_two(): pass\n"
    write(project, tests, table)

    missing = "; ".join([*(f"nope-{number} is not installed" for number in range(10)), "and 2,990 more"])
    assert section(project.test()) == [
        f"big: 1 test skipped ({missing}): pytest --env-export big > needs.txt && pip install -r needs.txt",
        f"group large: 1 test skipped ({missing}): pip install --group large",
    ]


FAULTY = {
    "an unknown provider": ('includes = ["corp:gpu"]', "there is no provider 'corp:'"),
    "a provider that does not load": (
        'includes = ["lost:gpu"]',
        "the entry point 'lost' of lost (no_such_lost:Lost) does not load",
    ),
}


ASKED = {" ".join(each): (each,) for each in [(), ("--env-integrations",), ("--env-strict",)]}


@pytest.mark.parametrize(("way", "arguments"), rows(ASKED, [""]))
@pytest.mark.parametrize(("keys", "fault"), FAULTY.values(), ids=FAULTY)
def test_report_of_what_cannot_be_told(
    project: Project, site: Site, way: tuple[str, ...], arguments: tuple[str, ...], keys: str, fault: str
) -> None:
    """An integration of which it cannot be told what it needs is missing in the report, with the fault as its need."""
    folder = site.add("lost", "1")
    (folder / "entry_points.txt").write_text("[pytest_envrepro.integrations]\nlost = no_such_lost:Lost\n")
    write(project, "def test_one(): pass\n", f'[tool.envrepro.integrations.it]\n{keys}\ntools = ["git"]\n')

    result = project.test("--env-report=report.json", *arguments, *way)

    (found,) = [each for each in project.report()["integrations"] if each["name"] == "it"]
    assert found["status"] == "missing"
    ((need, met),) = [(each["requirement"], each["met"]) for each in found["needs"]]
    assert need.startswith("the integration 'it' includes ")
    assert fault in need
    assert met is False
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert result.ret == 0
    listed = any(line.split()[:2] == ["lost:", "missing"] for line in result.outlines)
    assert listed == ("--env-integrations" in arguments)


@WAYS
def test_wrong_variable_is_told_once(project: Project, monkeypatch: pytest.MonkeyPatch, way: tuple[str, ...]) -> None:
    """A policy that is none ends the session at its start, and is not told by each test."""
    monkeypatch.setenv("PYTEST_ENVREPRO_STRICT", "maybe")
    marked = "@pytest.mark.requires_tools('no-such-tool')\n"
    write(project, f"{marked}def test_one(): pass\n{marked}def test_two(): pass\n", "")

    result = project.test(*way)

    said = "PYTEST_ENVREPRO_STRICT: has to be true, false or auto, not 'maybe'"
    assert (result.stderr.str() + result.stdout.str()).count(said) == 1
    assert result.ret == 4
