"""A test says by markers what it needs: it is skipped or failed where that is missing, with all that is missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from needing import TABLE, WAYS, write

if TYPE_CHECKING:
    from projects import Project, Site

pytestmark = pytest.mark.core


def reasons(result: pytest.RunResult) -> list[str]:
    """Give the reasons of skips with their places, sorted."""
    lines = [re.sub(r"^SKIPPED \[\d+\] ", "", line) for line in result.outlines if line.startswith("SKIPPED ")]
    return sorted(lines)


MARKED = {
    "an integration": (
        "requires_integration('queue')",
        "requires integration 'queue': kombu is not installed (pip install 'kombu')",
    ),
    "every piece": (
        "requires_integration('postgres')",
        (
            "requires integration 'postgres': psycopg>=3.1 is not installed (pip install 'psycopg>=3.1'); "
            "no-such-tool>=15 is not on PATH"
        ),
    ),
    "two integrations": (
        "requires_integration('queue', 'plain', 'postgres', 'queue')",
        (
            "requires integration 'postgres': psycopg>=3.1 is not installed (pip install 'psycopg>=3.1'); "
            "no-such-tool>=15 is not on PATH; "
            "requires integration 'queue': kombu is not installed (pip install 'kombu')"
        ),
    ),
    "a reason": (
        "requires_integration('queue', reason='posts jobs')",
        "requires integration 'queue' (posts jobs): kombu is not installed (pip install 'kombu')",
    ),
    "packages": (
        "requires_packages('pytest>=99', 'pytest', 'kombu>5')",
        (
            f"requires packages: pytest>=99: {pytest.__version__} is installed (pip install 'pytest>=99'); "
            "kombu>5 is not installed (pip install 'kombu>5')"
        ),
    ),
    "tools": ("requires_tools('no-such-tool')", "requires tools: no-such-tool is not on PATH"),
}


@WAYS
def test_skipped_and_failed(project: Project, way: tuple[str, ...]) -> None:
    """A test that lacks something is skipped with all that it lacks at its own place; if strict it fails with the same."""
    tests = [
        f"@pytest.mark.{marker}\ndef test_{at}(): raise SystemError\n" for at, (marker, _) in enumerate(MARKED.values())
    ]
    write(project, "".join(tests))

    lenient = project.test("-rs", *way)

    lenient.assert_outcomes(skipped=len(MARKED))
    places = [f"test_it.py:{2 * at + 2}: {reason}" for at, (_, reason) in enumerate(MARKED.values())]
    assert reasons(lenient) == sorted(places)
    assert lenient.ret == 0

    strict = project.test("--env-strict", "--junitxml=junit.xml", *way)

    strict.assert_outcomes(errors=len(MARKED))
    assert strict.ret == 1
    strict.stdout.no_fnmatch_line("*markers.py*")
    strict.stdout.no_fnmatch_line("*Failed:*")
    for at, (_, reason) in enumerate(MARKED.values()):
        assert reason in strict.outlines
        strict.stdout.fnmatch_lines([f"ERROR test_it.py::test_{at} - {reason[:20].replace('[', '?')}*"])


@WAYS
def test_groups_and_extras(project: Project, way: tuple[str, ...]) -> None:
    """The dependency groups and the extras of this project can be asked for by name."""
    asked = {
        "requires_group('test-db')": "requires group 'test-db': psycopg>=3.1 is not installed*; sqlglot is not *",
        "requires_extra('fast')": "requires extra 'fast': orjson>=3 is not installed (*)",
    }
    tests = [f"@pytest.mark.{marker}\ndef test_{at}(): raise SystemError\n" for at, marker in enumerate(asked)]
    write(project, "".join(tests))

    result = project.test("-rs", *way)

    result.assert_outcomes(skipped=len(asked))
    for at, reason in enumerate(asked.values()):
        result.stdout.fnmatch_lines([f"SKIPPED [[]1] test_it.py:{2 * at + 2}: {reason}"])


@WAYS
@pytest.mark.parametrize("strictness", ["--env-strict", "--no-env-strict"])
def test_what_is_met_runs(project: Project, site: Site, way: tuple[str, ...], strictness: str) -> None:
    """A test whose needs are met runs, and nothing is said of it."""
    site.add("kombu", "5.1")
    write(project, "@pytest.mark.requires_integration('queue', 'plain')\ndef test_one(): pass\n")

    result = project.test(strictness, *way)

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*integrations*")
    assert result.ret == 0


@WAYS
def test_all_markers_hold_together(project: Project, way: tuple[str, ...]) -> None:
    """The markers of module, class, function and parameters are a union, and never only the closest of them."""
    write(
        project,
        """
pytestmark = pytest.mark.requires_integration("queue")

@pytest.mark.requires_packages("alpha")
class TestClass:
    @pytest.mark.requires_integration("plain")
    @pytest.mark.requires_packages("beta")
    @pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.requires_tools("no-such-tool"))])
    def test_one(self, x): raise SystemError
""",
    )
    common = (
        "requires integration 'queue': kombu is not installed (pip install 'kombu'); "
        "requires packages: alpha is not installed (pip install 'alpha'); "
        "requires packages: beta is not installed (pip install 'beta')"
    )

    result = project.test("-rs", *way)

    assert reasons(result) == [
        f"test_it.py:7: {common}",
        f"test_it.py:7: {common}; requires tools: no-such-tool is not on PATH",
    ]


WRONG = {
    "misspelled": ("requires_integration('postgress')", "*'postgress' (did you mean 'postgres'?)"),
    "no requirement": ("requires_packages('a b')", "*a b*"),
    "no such group": ("requires_group('test-bd')", "*'test-bd'*(did you mean 'test-db'?)"),
    "no such extra": ("requires_extra('fats')", "*'fats'*(did you mean 'fast'?)"),
    "no name": ("requires_integration()", "requires_integration: names nothing that is needed"),
    "not called": ("requires_integration", "requires_integration: names nothing that is needed"),
    "two lines": (r"requires_tools('a\nb')", r"requires_tools: takes strings, one for each, not 'a\nb'"),
    "a list": ("requires_packages(['a'])", "requires_packages: takes strings, one for each, not ['a']"),
    "a wrong argument": (
        "requires_integration('queue', resaon='x')",
        "requires_integration: unknown argument 'resaon' (did you mean 'reason'?)",
    ),
    "an argument too many": ("requires_tools('git', reason='x')", "requires_tools: unknown argument 'reason'"),
    "no such provider": (
        "requires_integration('corp:gpu')",
        (
            "requires_integration: there is no integration 'corp:gpu': there is no provider 'corp:' (known: zenml:); "
            "is the distribution that adds it installed?"
        ),
    ),
    "a reason that is none": ("requires_integration('queue', reason=1)", "*the reason has to be a string, not 1"),
}


@pytest.mark.parametrize("strictness", ["--env-strict", "--no-env-strict"])
@pytest.mark.parametrize(("marker", "message"), WRONG.values(), ids=WRONG)
def test_wrong_markers(project: Project, marker: str, message: str, strictness: str) -> None:
    """A marker that cannot be followed fails its test, strict or not, and leaves the others alone."""
    write(project, f"@pytest.mark.{marker}\ndef test_one(): pass\ndef test_two(): pass\n")

    result = project.test(strictness)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*_ ERROR at setup of test_one _*", message.replace("[", "[[]")])
    result.stdout.no_fnmatch_line("*Error:*")
    assert result.ret == 1


def test_wrong_markers_on_workers(project: Project) -> None:
    """With workers it is the same: no error while collecting, which would end the session."""
    tests = [f"@pytest.mark.{marker}\ndef test_{index}(): pass\n" for index, (marker, _) in enumerate(WRONG.values())]
    write(project, "".join(tests) + "def test_other(): pass\n")

    result = project.test("-n2")

    result.assert_outcomes(passed=1, errors=len(WRONG))
    for _, message in WRONG.values():
        result.stdout.fnmatch_lines([message.replace("[", "[[]")])
    assert result.ret == 1


def test_wrong_markers_are_collected(project: Project) -> None:
    """They are listed as any other test, and nothing is raised where they are collected."""
    write(project, "@pytest.mark.requires_integration('postgress')\ndef test_one(): pass\n")

    result = project.test("--collect-only", "-q")

    assert result.outlines[0] == "test_it.py::test_one"
    assert result.errlines == []
    assert result.ret == 0


FAULTS = """
@pytest.mark.requires_integration("postgress", "queeue", "queue")
@pytest.mark.requires_packages("a >> 1", "pytest", "b >> 1")
@pytest.mark.requires_tools("no tool", "git", "no-version >= x")
@pytest.mark.requires_group("test-bd", "tset-db")
@pytest.mark.requires_extra(1, 2, name="fast")
def test_one(): pass
"""


@WAYS
def test_all_faults_at_once(project: Project, way: tuple[str, ...]) -> None:
    """All that is wrong with the markers of a test is told, and not only the first of each."""
    write(project, FAULTS)

    result = project.test(*way)

    start = next(index for index, line in enumerate(result.outlines) if "ERROR at setup of test_one" in line)
    told = [line for line in result.outlines[start:] if line.startswith("requires_")]
    no_tool = "is not a program with an optional version, such as pg_ctl>=15"
    assert [line for line in told if not line.startswith("requires_packages")] == [
        "requires_extra: takes strings, one for each, not 1 and 2",
        "requires_extra: unknown argument 'name'",
        "requires_group: this project has no dependency group 'test-bd' (did you mean 'test-db'?)",
        "requires_group: this project has no dependency group 'tset-db' (did you mean 'test-db'?)",
        "requires_integration: there is no integration 'postgress' (did you mean 'postgres'?)",
        "requires_integration: there is no integration 'queeue' (did you mean 'queue'?)",
        f"requires_tools: 'no tool' {no_tool}",
        f"requires_tools: 'no-version >= x' {no_tool}",
    ]
    packages = [line.partition(" (PEP 508)")[0] for line in told if line.startswith("requires_packages")]
    assert packages == [f"requires_packages: '{name} >> 1' is not a requirement" for name in "ab"]


OTHERWISE = {
    "skip": ("skip(reason='no')", {"skipped": 1}),
    "skipif": ("skipif(True, reason='no')", {"skipped": 1}),
    "skipif, as text": ("skipif('1 == 1', reason='no')", {"skipped": 1}),
    "skipif that does not hold": ("skipif(False, reason='no')", {"errors": 1}),
    "xfail": ("xfail(reason='no')", {"errors": 1}),
    "xfail, any": ("xfail(raises=BaseException)", {"errors": 1}),
    "xfail without a run": ("xfail(run=False)", {"xfailed": 1}),
}


@pytest.mark.parametrize(("marker", "outcome"), OTHERWISE.values(), ids=OTHERWISE)
def test_beside_other_reasons(project: Project, marker: str, outcome: dict[str, int]) -> None:
    """A test that is skipped anyway is not failed by what it lacks; one that is expected to fail is."""
    write(project, f"@pytest.mark.{marker}\n@pytest.mark.requires_integration('queue')\ndef test_one(): pass\n")

    result = project.test("--env-strict")

    result.assert_outcomes(**outcome)
    assert result.ret == (1 if "errors" in outcome else 0)


def test_beside_other_reasons_on_workers(project: Project) -> None:
    """With workers it is the same, test by test."""
    queue = "@pytest.mark.requires_integration('queue')"
    tests = [
        f"@pytest.mark.{marker}\n{queue}\ndef test_{at}(): pass\n" for at, (marker, _) in enumerate(OTHERWISE.values())
    ]
    write(project, "".join(tests))

    result = project.test("--env-strict", "-n2", "-rEsx")

    lines = [line.partition(" - ")[0] for line in result.outlines if line.startswith(("ERROR ", "XFAIL "))]
    told = {(line.split()[0], line.rpartition("::")[2]) for line in lines}
    words = {"errors": "ERROR", "xfailed": "XFAIL"}
    outcomes = [next(iter(outcome)) for _, outcome in OTHERWISE.values()]
    assert told == {(words[each], f"test_{at}") for at, each in enumerate(outcomes) if each in words}
    result.assert_outcomes(**{each: outcomes.count(each) for each in outcomes})
    assert result.ret == 1


@WAYS
def test_before_other_hooks(project: Project, way: tuple[str, ...]) -> None:
    """What a conftest does at set-up, and fixtures, do not run where something is missing."""
    conftest = "def pytest_runtest_setup(item): raise SystemError\n"
    write(project, "@pytest.mark.requires_integration('queue')\ndef test_one(): pass\n", **{"conftest.py": conftest})

    project.test(*way).assert_outcomes(skipped=1)


@pytest.mark.requires_integration("rerunfailures")
def test_reruns(project: Project) -> None:
    """A test that fails by what it lacks and is run again counts once."""
    write(project, "@pytest.mark.requires_integration('queue')\ndef test_one(): pass\n")

    result = project.test("--env-strict", "--reruns=1")

    result.stdout.fnmatch_lines(["queue: 1 test failed (kombu is not installed): pip install 'kombu'"])
    assert result.ret == 1


def test_markers_are_registered(project: Project) -> None:
    """`--markers` shows the signatures, and `--strict-markers` accepts them."""
    write(project, "@pytest.mark.requires_integration('plain')\ndef test_one(): pass\n")

    shown = project.test("--markers")

    for signature in (
        "requires_integration(*names, reason=None)",
        "requires_packages(*pep508)",
        "requires_tools(*tools)",
        "requires_group(*names)",
        "requires_extra(*names)",
    ):
        assert any(line.startswith(f"@pytest.mark.{signature}: ") for line in shown.outlines)
    project.test("--strict-markers").assert_outcomes(passed=1)


OWN = {
    "ini": {"pytest.ini": "[pytest]\nmarkers =\n    requires_tools(x): ours\n"},
    "conftest": {
        "conftest.py": "def pytest_configure(config): config.addinivalue_line('markers', 'requires_tools: ours')\n"
    },
    "late conftest": {
        "sub/conftest.py": "def pytest_configure(config): config.addinivalue_line('markers', 'requires_tools: ours')\n"
    },
}


@WAYS
@pytest.mark.parametrize("files", OWN.values(), ids=OWN)
def test_suite_keeps_its_own_marker(project: Project, way: tuple[str, ...], files: dict[str, str]) -> None:
    """A name that the suite has registered for itself is left alone, one line says so, and the others act."""
    test = """
import pytest

@pytest.mark.requires_tools("no-such-tool", 42)
def test_own(): pass

@pytest.mark.requires_tools("no-such-tool", 42)
@pytest.mark.requires_packages("kombu")
def test_both(): pass
"""
    project.write({"pyproject.toml": TABLE, "sub/test_it.py": test, **files})

    result = project.test("-rs", *way)

    result.assert_outcomes(passed=1, skipped=1)
    assert reasons(result) == ["sub/test_it.py:7: requires packages: kombu is not installed (pip install 'kombu')"]
    said = "requires_tools: this suite has registered a marker of that name, so it is left alone"
    assert result.outlines.count(said) == 1


def test_own_marker_alone(project: Project) -> None:
    """A suite that has all by itself gets that line, whatever our table is like, and nothing else."""
    files = {**OWN["ini"], "pyproject.toml": "[tool.envrepro]\nwrong = 1\n"}
    project.write({"test_it.py": "import pytest\n@pytest.mark.requires_tools(1)\ndef test_one(): pass\n", **files})

    result = project.test("--strict-markers")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["requires_tools: this suite has registered*"])
    assert result.ret == 0


@WAYS
def test_table_that_cannot_be_followed(project: Project, way: tuple[str, ...]) -> None:
    """A table that declares integrations wrongly ends the session at its start: exit code 4, no test runs."""
    table = '[tool.envrepro.integrations.queue]\nrequirments = ["kombu"]\n'
    write(project, "@pytest.mark.requires_integration('queue')\ndef test_one(): pass\n", table)

    result = project.test(*way)

    said = result.stderr.str() + result.stdout.str()
    assert "tool.envrepro.integrations.queue.requirments: unknown key (did you mean 'requirements'?)" in said
    assert "Traceback" not in said
    assert result.ret == 4


@WAYS
def test_other_table_that_cannot_be_followed(project: Project, way: tuple[str, ...]) -> None:
    """A table that is wrong elsewhere fails the marked tests with its text, and the session ends with 4."""
    write(
        project,
        "@pytest.mark.requires_packages('kombu')\ndef test_one(): pass\ndef test_two(): pass\n",
        "[tool.envrepro]\nstrickt = true\n",
    )

    result = project.test(*way)

    result.assert_outcomes(passed=1, errors=1)
    result.stderr.fnmatch_lines(["ERROR: pyproject.toml cannot be followed:", "*strickt: unknown key*"])
    assert result.ret == 4


UNITTEST = """
import unittest

@pytest.mark.requires_integration("queue")
class TestClass(unittest.TestCase):
    @unittest.skip("not today")
    def test_method(self): pass

@unittest.skipIf(True, "not today")
@pytest.mark.requires_integration("queue")
class TestSkipped(unittest.TestCase):
    def test_method(self): pass

@unittest.skip("not today")
@pytest.mark.requires_integration("queue")
def test_function(): pass
"""


@WAYS
def test_beside_unittest(project: Project, way: tuple[str, ...]) -> None:
    """A test that `unittest` skips is skipped for that reason, as by pytest's own marks."""
    write(project, UNITTEST)

    result = project.test("--env-strict", "-rs", *way)

    result.assert_outcomes(skipped=3)
    assert [reason.partition(": ")[2] for reason in reasons(result)] == ["not today"] * len(reasons(result))
    assert result.ret == 0
