"""Environments beside other plugins and options of pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from borrowing import Suite

TESTS = """
import pytest

pytestmark = pytest.mark.environment(requirements=["tool"])

@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(3))
def test_shared(environment, number):
    assert list(environment.inventory()) == ["tool"]

@pytest.mark.parametrize("number", range(2))
def test_private(throwaway_venv, number):
    throwaway_venv.install("beta")
    assert sorted(throwaway_venv.inventory()) == ["beta", "tool"]

def test_by_call(environments, tmp_path):
    assert environments.get(requirements=["tool"]).run_python("-V", cwd=tmp_path).returncode == 0
"""


@pytest.mark.parametrize(
    "options",
    [
        ("-p", "no:cacheprovider"),
        ("-p", "no:terminal"),
        ("-p", "no:capture"),
        ("-s",),
        ("--basetemp=base",),
        ("-n0",),
        ("-n2", "--dist=loadgroup"),
        ("-n2", "--dist=worksteal"),
        ("-n2", "--dist=each"),
        ("--reruns=1",),
        ("--import-mode=importlib", "--lf"),
    ],
    ids=" ".join,
)
def test_options(suite: Suite, options: tuple[str, ...]) -> None:
    """None of them is in the way."""
    suite.write(TESTS)

    is_outside = not {"no:terminal", "no:capture", "-s"}.isdisjoint(options)  # Else it would be ours that are taken.

    result = suite.run(*options, subprocess=is_outside)

    assert result.ret == 0
    if "no:terminal" not in options:
        result.assert_outcomes(passed=12 if "--dist=each" in options else 6)
    assert [row["kind"] for row in suite.rows()] == ["virtualenv"]


def test_random_order(suite: Suite) -> None:
    """In another order the same comes out."""
    suite.write(TESTS)

    result = suite.project.pytester.runpytest_subprocess("-p", "randomly", "-p", "no:hypothesispytest")

    result.assert_outcomes(passed=6)


def test_reruns(suite: Suite) -> None:
    """A test that is run again has a new throwaway environment, and of the one that failed at last the last stays."""
    suite.use(suite.path / "fresh")
    suite.write(
        """
def test_it(throwaway_venv):
    assert not throwaway_venv.inventory()
    throwaway_venv.install("tool")
    assert False
"""
    )

    result = suite.run("--reruns=1", subprocess=True)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*1 rerun*"])
    assert len([line for line in result.outlines if "kept; to enter it" in line]) >= 1
    assert "['tool']" not in result.stdout.str()


def test_last_failed(suite: Suite) -> None:
    """With --lf, only what the failed tests need is made."""
    suite.use(suite.path / "fresh")
    suite.write(
        """
import pytest

@pytest.mark.environment(requirements=["tool"])
def test_passes(environment): pass

@pytest.mark.environment(requirements=["beta"])
def test_fails(environment): assert False
"""
    )
    suite.run()
    assert len(suite.rows()) == 2

    suite.run("--lf").assert_outcomes(failed=1)

    assert len(suite.rows()) == 1


def test_expected_failure(suite: Suite) -> None:
    """What a test that is expected to fail had is nobody's concern; a missing Python is no expected failure."""
    suite.use(suite.path / "fresh")
    suite.write(
        """
import pytest

@pytest.mark.xfail
def test_fails(throwaway_venv): assert False

@pytest.mark.xfail(run=False)
def test_not_run(throwaway_venv): assert False
"""
    )

    result = suite.run()

    result.assert_outcomes(xfailed=2)
    assert suite.privates() == []
