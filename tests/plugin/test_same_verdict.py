"""However a session runs and whatever it selects, verdict and report are the same (issue 2, done when 2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from projects import Project

pytestmark = pytest.mark.core

WAYS = {
    "no cache": ("-p", "no:cacheprovider"),
    "selected": ("-k", "test_one"),
    "nothing selected": ("-k", "nothing"),
    "by mark": ("-m", "nothing"),
    "by path": ("tests",),
    "by node id": ("tests/test_it.py::test_one",),
    "deselected": ("--deselect=requirements.txt",),
    "ignored": ("--ignore=requirements.txt",),
    "last failed": ("--lf",),
    "failed first": ("--ff",),
    "no items at all": ("--ignore=tests", "-k", "nothing"),
    "no terminal": ("-p", "no:terminal"),
    "doctests": ("--doctest-glob=*.txt",),
}
DISTRIBUTED = {
    "workers": ("-n2",),
    "loadfile": ("-n2", "--dist=loadfile"),
    "each": ("--dist=each", "--tx=2*popen"),
}


def _report(project: Project) -> str:
    text = (project.path / "report.json").read_text(encoding="utf-8")
    return re.sub(r'"seconds": [\d.e-]+', '"seconds": 0', text)


@pytest.mark.parametrize("arguments", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("state", ["clean", "broken"])
def test_same(request: pytest.FixtureRequest, state: str, arguments: tuple[str, ...]) -> None:
    """The report has the same bytes but for the times; broken ends with 1, clean with 0 or as pytest would end."""
    project: Project = request.getfixturevalue(state)
    plain = project.run()
    expected = _report(project)
    (project.path / "report.json").unlink()

    other = project.run(*arguments)

    assert _report(project) == expected
    assert plain.ret == {"clean": 0, "broken": 1}[state]
    assert other.ret in {"clean": (0, 5), "broken": (1,)}[state]


@pytest.mark.parametrize("arguments", DISTRIBUTED.values(), ids=DISTRIBUTED)
def test_same_distributed(broken: Project, arguments: tuple[str, ...]) -> None:
    """Workers change neither the report nor the exit code."""
    broken.run()
    expected = _report(broken)
    (broken.path / "report.json").unlink()

    result = broken.run(*arguments, subprocess=True)

    assert _report(broken) == expected
    assert result.ret == 1


def test_same_distributed_clean(clean: Project) -> None:
    """With workers a clean session ends with 0, each check has run once, and one line says so."""
    result = clean.run("-n2", subprocess=True)

    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["environment reproducibility: clean, 3 checks, 1 of 1 pin proven, * ms"])
    assert result.ret == 0


@pytest.mark.requires_integration("randomly")
def test_same_shuffled(broken: Project) -> None:
    """A shuffled session says the same, and shows the checks first and in their order."""
    broken.run()
    expected = _report(broken)

    result = broken.pytester.runpytest_subprocess(
        "--env-lock", "--env-report=report.json", "-v", "-p", "randomly", "-p", "no:cacheprovider"
    )

    assert _report(broken) == expected
    assert [line.split()[0] for line in result.outlines if re.search(r" (PASSED|FAILED) ", line)][:3] == [
        "requirements.txt::lock",
        "requirements.txt::installed",
        "pyproject.toml::conflicts",
    ]


def test_same_after_a_failed_test(broken: Project) -> None:
    """With `--lf` only a test runs that failed before, and the gate still fails the session."""
    broken.write({"requirements.in": "flask\n", "tests/test_it.py": "def test_one(): assert 0\ndef test_two(): pass\n"})
    assert broken.run().ret == 1
    broken.write({"requirements.in": "flask\nclick\n", "tests/test_it.py": "def test_one(): pass\n"})

    result = broken.run("--lf")

    result.assert_outcomes(passed=1)
    assert broken.report()["verdict"] == "broken"
    assert result.ret == 1


def test_same_skips(broken: Project) -> None:
    """The tests that are skipped are told without their parameters, modules too, and the same from workers."""
    broken.write(
        {
            "helper.py": "import pytest\ndef leave(): pytest.skip('no', allow_module_level=True)\n",
            "tests/test_a.py": "import helper\nhelper.leave()\n",
            "tests/test_b.py": "import helper\nhelper.leave()\n",
            "tests/test_it.py": """
import pytest

@pytest.mark.parametrize("x", ["a::b", "c[d]"])
def test_skipped(x):
    pytest.skip("no")

@pytest.mark.parametrize("x", [1, 2])
def test_half(x):
    if x == 1:
        pytest.skip("no")

@pytest.mark.xfail
def test_xfailed():
    assert 0

@pytest.mark.skip
@pytest.mark.xdist_group("g")
class TestClass:
    def test_method(self):
        pass
""",
        }
    )
    expected = [
        {"nodeid": "tests/test_a.py", "outcome": "skipped", "needs": []},
        {"nodeid": "tests/test_b.py", "outcome": "skipped", "needs": []},
        {"nodeid": "tests/test_it.py::TestClass::test_method", "outcome": "skipped", "needs": []},
        {"nodeid": "tests/test_it.py::test_half", "outcome": "passed", "needs": []},
        {"nodeid": "tests/test_it.py::test_skipped", "outcome": "skipped", "needs": []},
    ]
    for arguments in [(), ("-n2",), ("-n2", "--dist=loadgroup")]:
        broken.run(*arguments, subprocess=True)

        assert broken.report()["tests"] == expected


@pytest.mark.parametrize(
    "arguments",
    [("--co",), ("--co", "-n2"), ("--help",), ("--setup-plan",), ("--setup-only",), ("--fixtures",), ("--markers",)],
    ids=" ".join,
)
def test_listing_does_not_fail(broken: Project, arguments: tuple[str, ...]) -> None:
    """What only lists judges nothing, ends with 0 and leaves an earlier report alone."""
    broken.run()
    expected = _report(broken)

    result = broken.run(*arguments)

    assert result.ret == 0
    assert _report(broken) == expected
    result.stdout.no_fnmatch_line("*environment reproducibility =*")


def test_collect_only(broken: Project) -> None:
    """The checks are listed as items, first and in their order, and counted."""
    result = broken.run("--co", "-q")

    assert result.outlines[:6] == [
        "requirements.txt::lock",
        "requirements.txt::installed",
        "pyproject.toml::conflicts",
        "tests/test_it.py::test_one",
        "tests/test_it.py::test_two",
        "",
    ]
    result.stdout.fnmatch_lines(["5 tests collected in *"])


def test_cache_show(broken: Project) -> None:
    """`--cache-show` shows the cache, and judges nothing."""
    broken.run()

    result = broken.run("--cache-show")

    result.stdout.fnmatch_lines(["*'requirements.txt::lock': True*"])
    assert result.ret == 0
