"""Matrices in the marker `environment`: a test is run once with each value, by names that stay, and by layers as they are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from borrowing import headed, lines

if TYPE_CHECKING:
    from borrowing import Suite

BOTH = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])
START = """
import pytest
from pytest_envrepro import matrix

env = pytest.mark.environment
PYTHONS = matrix("3.9", "3.12")

"""
TABLE = """
[tool.envrepro.environments.oldest]
requirements = ["alpha==1.0"]
[tool.envrepro.environments.newest]
python = "3.13"
requirements = ["alpha==2.0"]
"""
SEVERAL = (
    "is several values, and nothing has made a test of each: that is done when functions are collected that name "
    "'environment', 'throwaway_venv' or 'throwaway_container', or say inside=True, and not in classes of unittest; "
    "mark one test for each value"
)


def collected(suite: Suite, tests: str, table: str = TABLE, **files: str) -> list[str]:
    """Give the names of the runs that tests come to, in their order; nothing is made for that."""
    suite.write(f"{START}{tests}", table, **files)
    result = suite.run("--collect-only", "-q", "-p", "no:randomly")
    return [line.removeprefix("test_it.py::") for line in lines(result, "test_it.py::")]


@BOTH
def test_runs(suite: Suite, workers: tuple[str, ...]) -> None:
    """Each run is given what its name says, of settings and of names, and the function takes no argument for it."""
    suite.write(
        f"""{START}
def names(environment):
    return {{name: each.version for name, each in environment.inventory().items()}}

@env(requirements=matrix(["alpha==1.0"], ["alpha==2.0"]))
def test_settings(environment, request):
    version = "1.0" if request.node.name == "test_settings[requirements=alpha==1.0]" else "2.0"
    assert names(environment)["alpha"] == version
    assert environment.settings.origins["requirements"] == "@pytest.mark.environment on test_settings"

@env(matrix("oldest", "newest"), python=None, environment={{"MODE": "a"}})
def test_names(throwaway_venv, request):
    name = request.node.name.split("[")[1][:-1]
    assert throwaway_venv.name == name
    assert names(throwaway_venv)["alpha"] == {{"oldest": "1.0", "newest": "2.0"}}[name]
    assert throwaway_venv.settings.environment == {{"MODE": "a"}}

@env(requirements=matrix(["tool"], ["beta"]), environment=matrix({{"A": "1"}}, {{"A": "2"}}))
class TestClass:
    seen = []

    def test_product(self, environment):
        self.seen.append((*names(environment), environment.settings.environment["A"]))

    def test_nothing_of_ours(self):
        pass
""",
        TABLE,
    )

    result = suite.run("-rA", *workers)

    result.assert_outcomes(passed=9)
    assert sorted(line.removeprefix("PASSED test_it.py::") for line in lines(result, "PASSED")) == [
        "TestClass::test_nothing_of_ours",
        "TestClass::test_product[requirements=beta-environment=A:1]",
        "TestClass::test_product[requirements=beta-environment=A:2]",
        "TestClass::test_product[requirements=tool-environment=A:1]",
        "TestClass::test_product[requirements=tool-environment=A:2]",
        "test_names[newest]",
        "test_names[oldest]",
        "test_settings[requirements=alpha==1.0]",
        "test_settings[requirements=alpha==2.0]",
    ]


def test_names_of_runs(suite: Suite) -> None:
    """Values are called by their text; what is long, secret, no text, or there twice has its number."""
    assert collected(
        suite,
        """
@env(python=PYTHONS)
def test_text(environment): pass

@env(project=matrix(True, "editable", False), python=matrix(None))
def test_plain(environment): pass

@env(requirements=matrix(["alpha==1.0", "beta"], [], "more.txt", ("a" * 41,), ["alpha @ https://me:pw@host/a.whl"]))
def test_lists(environment): pass

@env(environment=matrix({"MODE": "fast"}, {"API_TOKEN": "fast"}, {"MODE": "no word, and so who knows"}, {}))
def test_variables(environment): pass

@env(compose=matrix("a.yaml", {"file": "b.yaml", "timeout": 9}), files=matrix({"etc/a": "b"}))
def test_tables(environment): pass

@env(groups=matrix(["same"], ("same",), ["other"]))
def test_twice(environment): pass

@env(matrix("oldest", "x" * 41, "https://me:pw@host"))
def test_name(environment): pass

@env(matrix(None, "oldest"), environment=matrix({}))
def test_no_name(environment): pass

@env(python=matrix("3.9\\n", ""))
def test_unreadable(environment): pass

@env(extend_requirements=matrix(["a"], ["b"]), required_integrations=matrix(["pg"]))
def test_keys(environment): pass
""",
    ) == [
        "test_text[python=3.9]",
        "test_text[python=3.12]",
        "test_plain[project=True-python=None]",
        "test_plain[project=editable-python=None]",
        "test_plain[project=False-python=None]",
        "test_lists[requirements=alpha==1.0+beta]",
        "test_lists[requirements=none]",
        "test_lists[requirements=more.txt]",
        "test_lists[requirements3]",
        "test_lists[requirements4]",
        "test_variables[environment=MODE:fast]",
        "test_variables[environment1]",
        "test_variables[environment2]",
        "test_variables[environment=none]",
        "test_tables[compose=a.yaml-files=etc/a:b]",
        "test_tables[compose=file:b.yaml+timeout:9-files=etc/a:b]",
        "test_twice[groups0]",
        "test_twice[groups1]",
        "test_twice[groups=other]",
        "test_name[oldest]",
        "test_name[environment1]",
        "test_name[environment2]",
        "test_no_name[None-environment=none]",
        "test_no_name[oldest-environment=none]",
        "test_unreadable[python0]",
        "test_unreadable[python1]",
        "test_keys[extend_requirements=a-required_integrations=pg]",
        "test_keys[extend_requirements=b-required_integrations=pg]",
    ]


CLOSEST = """
@env(requirements=matrix(["alpha==1.0"], ["tool"]), environment=matrix({"A": "1", "B": "1"}, {"A": "2"}))
class TestClass:
    def test_both(self, environment): pass

    @env(requirements=["beta"], environment={"A": "3"})
    def test_plain(self, environment):
        assert sorted(environment.inventory()) == ["beta"]
        assert environment.settings.environment["A"] == "3"

    @env(requirements=["beta"], environment={"A": "3", "B": "3"})
    def test_all_plain(self, environment):
        assert environment.settings.environment == {"A": "3", "B": "3"}

    @env(requirements=matrix(["beta"], ["gamma"]), environment={"A": "3", "B": "3"})
    def test_closer(self, environment, request):
        assert f"requirements={sorted(environment.inventory())[-1]}]" in request.node.name

    @env("oldest")
    def test_afresh(self, environment):
        assert environment.settings.environment == {}

    @env(matrix("oldest"), extend_requirements=["tool"])
    def test_names(self, environment):
        assert sorted(environment.inventory()) == ["alpha", "tool"]

    @env(extends="oldest")
    def test_extended(self, environment):
        assert environment.inventory()["alpha"].version == "1.0"

    @env(extends=matrix("oldest", "newest"), python=None, environment={"A": "3", "B": "3"})
    def test_bases(self, environment, request):
        oldest = environment.inventory()["alpha"].version == "1.0"
        assert f"[extends={'oldest' if oldest else 'newest'}]" in request.node.name

    @env(extend_requirements=["gamma"], environment={"A": "3", "B": "3"})
    def test_more(self, environment, request):
        assert "gamma" in environment.inventory()
        assert ("tool" in environment.inventory()) is ("tool" in request.node.name)
"""


def test_closest(suite: Suite) -> None:
    """A matrix is one value of its layer: what takes the place of that takes the place of it, and no run is twice there."""
    names = collected(suite, CLOSEST)

    assert [name.removeprefix("TestClass::test_") for name in names] == [
        "both[requirements=alpha==1.0-environment=A:1+B:1]",
        "both[requirements=alpha==1.0-environment=A:2]",
        "both[requirements=tool-environment=A:1+B:1]",
        "both[requirements=tool-environment=A:2]",
        "plain[environment=A:1+B:1]",
        "plain[environment=A:2]",
        "all_plain",
        "closer[requirements=beta]",
        "closer[requirements=gamma]",
        "afresh",
        "names[oldest]",
        "extended[environment=A:1+B:1]",
        "extended[environment=A:2]",
        "bases[extends=oldest]",
        "bases[extends=newest]",
        "more[requirements=alpha==1.0]",
        "more[requirements=tool]",
    ]
    suite.run().assert_outcomes(passed=17)


def test_module(suite: Suite) -> None:
    """A matrix of the module is for all of its tests that are given an environment; the function's stands before it."""
    assert collected(
        suite,
        """
pytestmark = [env(python=PYTHONS), env("oldest")]

def test_one(environment): pass

@env(requirements=matrix(["alpha"], ["beta"]))
def test_two(environment): pass
""",
    ) == [
        "test_one[python=3.9]",
        "test_one[python=3.12]",
        "test_two[requirements=alpha-python=3.9]",
        "test_two[requirements=alpha-python=3.12]",
        "test_two[requirements=beta-python=3.9]",
        "test_two[requirements=beta-python=3.12]",
    ]


def test_beside_others(suite: Suite) -> None:
    """It stands beside what parametrises the test, and behind it; parameters with a matrix of their own become several."""
    assert collected(
        suite,
        """
class Thing: pass

@env(python=PYTHONS)
@pytest.mark.parametrize("word", ["a", "b"])
def test_beside(environment, word): pass

@pytest.mark.parametrize(
    ("one", "two"),
    [(1, 2), pytest.param(3, Thing(), marks=[env(python=PYTHONS), pytest.mark.slow]), pytest.param(5, None, id="five")],
)
def test_parameter(environment, one, two): pass

@pytest.mark.parametrize("one", [1, pytest.param(2, marks=env(python=PYTHONS))], ids=["first", "second"])
@pytest.mark.parametrize("two", [pytest.param(Thing, id="its own", marks=env(groups=matrix(["x"], ["y"]))), 4], ids=repr)
def test_ids(environment, one, two): pass

@pytest.mark.parametrize("one", (pytest.param(each, marks=env(python=matrix(each))) for each in ("3.9", "3.12")))
def test_generated(environment, one): pass

@pytest.fixture(params=["x", pytest.param("y", marks=env(python=PYTHONS))])
def word(request): return request.param

@env("oldest")
def test_fixture(environment, word): pass

@env(python=PYTHONS)
@pytest.mark.parametrize("one", [1, pytest.param(2, marks=env(python="3.13")), pytest.param(3, marks=env("newest"))])
def test_taken_out(environment, one): pass

def test_by_hook(environment, hooked): pass
""",
        conftest="""
import pytest
from pytest_envrepro import matrix

def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes long")

def pytest_generate_tests(metafunc):
    if "hooked" in metafunc.fixturenames:
        mark = pytest.mark.environment(matrix("oldest", "newest"))
        metafunc.parametrize(ids=lambda value: f"<{value}>", argvalues=[1, pytest.param(2, marks=mark)], argnames="hooked")
""",
    ) == [
        "test_beside[a-python=3.9]",
        "test_beside[a-python=3.12]",
        "test_beside[b-python=3.9]",
        "test_beside[b-python=3.12]",
        "test_parameter[1-2]",
        "test_parameter[3-two1-python=3.9]",
        "test_parameter[3-two1-python=3.12]",
        "test_parameter[five]",
        "test_ids[its own-groups=x-first]",
        "test_ids[its own-groups=x-second-python=3.9]",
        "test_ids[its own-groups=x-second-python=3.12]",
        "test_ids[its own-groups=y-first]",
        "test_ids[its own-groups=y-second-python=3.9]",
        "test_ids[its own-groups=y-second-python=3.12]",
        "test_ids[4-first]",
        "test_ids[4-second-python=3.9]",
        "test_ids[4-second-python=3.12]",
        "test_generated[3.9-python=3.9]",
        "test_generated[3.12-python=3.12]",
        "test_fixture[x]",
        "test_fixture[y-python=3.9]",
        "test_fixture[y-python=3.12]",
        "test_taken_out[1-python=3.9]",
        "test_taken_out[1-python=3.12]",
        "test_taken_out[2]",
        "test_taken_out[3]",
        "test_by_hook[<1>]",
        "test_by_hook[<2>-oldest]",
        "test_by_hook[<2>-newest]",
    ]


def test_ids_of_a_class(suite: Suite) -> None:
    """Names that a class gives its parameters are those of each of its tests, given an environment or not."""
    assert collected(
        suite,
        """
@pytest.mark.parametrize("one", [1, pytest.param(2, marks=env(python=PYTHONS))], ids=["first", "second"])
class TestClass:
    def test_without(self, one): pass
    def test_with(self, environment, one): pass
    def test_again(self, one): pass
""",
    ) == [
        "TestClass::test_without[first]",
        "TestClass::test_without[second]",
        "TestClass::test_with[first]",
        "TestClass::test_with[second-python=3.9]",
        "TestClass::test_with[second-python=3.12]",
        "TestClass::test_again[first]",
        "TestClass::test_again[second]",
    ]


def test_who_is_run_several_times(suite: Suite) -> None:
    """Only who is given what the marker declares, by a fixture of ours or by running in it."""
    assert collected(
        suite,
        """
pytestmark = env(python=PYTHONS)

def test_nothing(): pass
def test_by_calls(environments): pass

@pytest.fixture
def server(environment): pass
def test_indirectly(server): pass
@pytest.mark.usefixtures("throwaway_container")
def test_used(): pass

@env(inside=True)
def test_inside(): pass
@pytest.mark.parametrize("word", ["out", pytest.param("in", marks=env(inside=True))])
def test_one_inside(word): pass

class TestOwn:
    @pytest.fixture
    def environment(self): pass
    def test_own(self, environment): pass
""",
    ) == [
        "test_nothing",
        "test_by_calls",
        "test_indirectly[python=3.9]",
        "test_indirectly[python=3.12]",
        "test_used[python=3.9]",
        "test_used[python=3.12]",
        "test_inside[python=3.9]",
        "test_inside[python=3.12]",
        "test_one_inside[out]",
        "test_one_inside[in-python=3.9]",
        "test_one_inside[in-python=3.12]",
        "TestOwn::test_own",
    ]


def test_registered_by_the_suite(suite: Suite) -> None:
    """A suite's own marker of that name is left alone, whatever it is given."""
    tests = f"{START}@env(python=PYTHONS)\ndef test_it(throwaway_venv): assert not throwaway_venv.inventory()\n"
    suite.write(tests, 'markers = ["environment: of this suite"]\n')

    suite.run("--strict-markers").assert_outcomes(passed=1)


def test_where_it_cannot_be_followed(suite: Suite) -> None:
    """Where pytest makes no tests of it, none runs with one value of several: it fails, and says how to write that."""
    suite.write(
        f"""{START}
import unittest

@env(python=PYTHONS)
class TestUnit(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def given(self, environment): pass
    def test_unit(self): pass

@env(matrix("oldest", "newest"))
def test_late(request):
    request.getfixturevalue("environment")

@env(python="3.9", inside=matrix(True, False))
def test_inside(environment): pass

@env("oldest", matrix("newest"))
def test_two(environment): pass
""",
        TABLE,
    )

    result = suite.run()

    result.assert_outcomes(errors=3, failed=1)
    place = "@pytest.mark.environment on"
    for title, told in [
        ("ERROR at setup of TestUnit.test_unit", f"{place} TestUnit: python: matrix('3.9', '3.12') {SEVERAL}"),
        ("test_late", f"{place} test_late: the name: matrix('oldest', 'newest') {SEVERAL}"),
        (
            "ERROR at setup of test_inside",
            f"{place} test_inside: inside has to be True or False, not matrix(True, False)",
        ),
        ("ERROR at setup of test_two", f"{place} test_two: takes one name, and settings by their names, not 2 names"),
    ]:
        assert headed(result, title) == [told]


def test_written_wrongly(suite: Suite) -> None:
    """A matrix without a value, and one in another, is told where it is written, and with nothing of ours around it."""
    suite.write(
        f"{START}env(python=matrix())\n",
        test_nested=f'{START}env(python=matrix("3.9", matrix("3.12")))\n',
        test_within=f'{START}@env(groups=["a", PYTHONS])\ndef test_it(environment): pass\n',
    )

    result = suite.run("--continue-on-collection-errors", "--tb=short")

    result.assert_outcomes(errors=3)
    assert headed(result, "ERROR collecting test_it.py") == [
        "test_it.py:8: in <module>",
        "    env(python=matrix())",
        *(["               ^^^^^^^^"] if sys.version_info >= (3, 11) else []),
        "E   pytest_envrepro.errors.SettingsError: matrix() needs at least one value",
    ]
    assert headed(result, "ERROR collecting test_nested.py")[-1] == (
        "E   pytest_envrepro.errors.SettingsError: matrix('3.9', matrix('3.12')): a matrix cannot hold another one; "
        "write all values side by side"
    )
    assert headed(result, "ERROR at setup of test_it")[-1] == (
        "  @pytest.mark.environment on test_it: groups: holds a matrix: it stands for a whole value, as in "
        "groups=matrix(..., ...)"
    )


def test_in_calls(suite: Suite) -> None:
    """A call gives one environment, and takes no several."""
    suite.write(
        f"""{START}
def test_name(environments): environments.get(matrix("oldest", "newest"))

def test_setting(environments): environments.throwaway("oldest", python=PYTHONS)
""",
        TABLE,
    )

    result = suite.run()

    told = [headed(result, title) for title in ("test_name", "test_setting")]
    name, *setting = [line for each in told for line in each if line.startswith("E ")]
    assert name == (
        "E   pytest_envrepro.errors.SettingsError: environments.get(...): takes one environment, and "
        "matrix('oldest', 'newest') is several: a matrix stands in a test's marker"
    )
    several = "is matrix('3.9', '3.12'), and an environment has one value: a matrix stands in a test's marker"
    assert setting == [
        "E   pytest_envrepro.errors.SettingsError: the settings of the environment 'oldest' cannot be followed:",
        f"E     environments.throwaway(...): python: {several}",
    ]


def test_wrong_values(suite: Suite) -> None:
    """A value that is wrong fails its own run, and no other."""
    suite.write(f'{START}@env(requirements=matrix(["tool"], ["no requirement"]))\ndef test_it(environment): pass\n')

    result = suite.run("-p", "no:randomly")

    result.assert_outcomes(passed=1, errors=1)
    title = "ERROR at setup of test_it[requirements=no requirement]"
    assert headed(result, title)[1].startswith(
        "  @pytest.mark.environment on test_it: requirements[0]: 'no requirement' is not a requirement (PEP 508)"
    )


def test_chosen_and_again(suite: Suite) -> None:
    """Node ids and `-k` choose runs, and `--lf` those that have failed."""
    suite.write(
        f"""{START}
@env(requirements=matrix(["alpha==1.0"], ["alpha==2.0"], ["tool"]))
def test_it(environment): assert "tool" not in environment.inventory()
"""
    )

    suite.run("test_it.py::test_it[requirements=alpha==2.0]").assert_outcomes(passed=1)
    suite.run("-k", "1.0 or tool").assert_outcomes(passed=1, failed=1, deselected=1)
    again = suite.run("--lf", "-v")

    again.assert_outcomes(failed=1)
    assert lines(again, "test_it.py::test_it[requirements=tool] FAILED")


def test_told_before(fresh: Suite) -> None:
    """What each run is given is made before the first, is told by `--env-explain`, and an audit tries each."""
    fresh.write(
        f"""{START}
import os
from pathlib import Path

@pytest.mark.requires_packages("packaging")
@env(matrix("oldest", "newest"), python=None)
def test_it(environment):
    made = [path.name for path in Path(os.environ["PYTEST_ENVREPRO_CACHE"], "envs", "at").glob("*/env")]
    assert len(made) == 2
""",
        TABLE,
    )
    explained = fresh.project.test("--env-explain", "test_it.py", "-p", "no:randomly").outlines

    fresh.run().assert_outcomes(passed=2)

    assert sorted(row["name"] for row in fresh.rows()) == ["newest", "oldest"]
    at = explained.index("test_it.py::test_it[newest]")
    assert [explained[at + 3], *explained[at + 5 : at + 7]] == [
        "  environment 'newest', by 'environment'",
        "    settings  python = (none)                # @pytest.mark.environment on test_it",
        '              requirements = ["alpha==2.0"]  # tool.envrepro.environments.newest in pyproject.toml',
    ]
    audited = fresh.project.test("--env-audit").outlines
    assert "package packaging   2       0         0      0        2" in audited


def test_not_loaded(suite: Suite) -> None:
    """A session without a matrix is spared what makes tests of them."""
    suite.write(
        """
import sys
import pytest

@pytest.mark.environment(requirements=["tool"])
def test_it(environment):
    assert "pytest_envrepro.lending" in sys.modules
    assert "pytest_envrepro.multiplying" not in sys.modules
"""
    )

    suite.run(subprocess=True).assert_outcomes(passed=1)
