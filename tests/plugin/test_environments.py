"""The fixtures `environment`, `throwaway_venv` and `environments`, and the marker, in whole sessions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from borrowing import headed

if TYPE_CHECKING:
    from borrowing import Suite

CLIENT = """
[tool.envrepro.environments.client]
requirements = ["alpha==1.0"]
"""
UNMARKED = (
    "the fixture 'environment' gives what a marker declares, and this test has none: "
    "@pytest.mark.environment('NAME'), or @pytest.mark.environment(requirements=[...])"
)
BOTH = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])


@BOTH
def test_given(suite: Suite, workers: tuple[str, ...]) -> None:
    """Each fixture gives what is declared: by name, by settings, by nothing."""
    suite.write(
        """
import pytest

@pytest.mark.environment("client")
def test_shared(environment):
    assert environment.name == "client"
    assert {name: each.version for name, each in environment.inventory().items()} == {"alpha": "1.0"}

@pytest.mark.environment(requirements=["alpha"])
def test_private(throwaway_venv):
    assert sorted(throwaway_venv.inventory()) == ["alpha", "beta"]
    throwaway_venv.install("tool")
    assert (throwaway_venv.scripts / "tool").exists()

def test_empty(throwaway_venv):
    assert not throwaway_venv.inventory()

def test_by_call(environments):
    client = environments.get("client")
    assert client.run_python("-c", "import alpha; print(alpha.version)").stdout == "1.0\\n"
    assert sorted(environments.get({"requirements": ["tool"]}).inventory()) == ["tool"]
    assert environments.get("client").prefix == client.prefix
    with environments.throwaway("client") as private:
        private.install("alpha==2.0")
        assert client.diff(private)
        assert private.prefix.exists()
    assert not private.prefix.exists()
    assert environments.host.kind == "host"

def test_lock(environments):
    assert sorted(environments.lock("pins.txt").inventory()) == ["alpha"]
""",
        CLIENT,
    )
    suite.project.write({"pins.txt": "alpha==1.0\n"})

    result = suite.run(*workers)

    result.assert_outcomes(passed=5)
    assert result.ret == 0


def test_merged(suite: Suite) -> None:
    """The closest setting wins per key; a list is appended by `extend_`; one with a name starts afresh."""
    suite.write(
        """
import pytest

pytestmark = pytest.mark.environment(requirements=["alpha==1.0"], environment={"FROM": "module", "ALSO": "module"})

def names(environment):
    return {name: each.version for name, each in environment.inventory().items()}

def test_of_module(environment):
    assert names(environment) == {"alpha": "1.0"}

@pytest.mark.environment(extend_requirements=["tool"], environment={"FROM": "class"})
class TestClass:
    def test_of_class(self, environment):
        assert names(environment) == {"alpha": "1.0", "tool": "1.0"}
        code = "import os; print(os.environ['FROM'], os.environ['ALSO'])"
        assert environment.run_python("-c", code).stdout == "class module\\n"

    @pytest.mark.environment(requirements=["beta"])
    def test_of_function(self, environment):
        assert names(environment) == {"beta": "1.0"}

    @pytest.mark.environment("client")
    def test_named(self, environment):
        assert names(environment) == {"alpha": "1.0"}
        assert environment.settings.environment == {}

@pytest.mark.parametrize("version", ["1.0", pytest.param("2.0", marks=pytest.mark.environment(requirements=["alpha"]))])
def test_of_param(environment, version):
    assert names(environment)["alpha"] == version
    origin = "@pytest.mark.environment on " + ("test_it.py" if version == "1.0" else "test_of_param")
    assert environment.settings.origins["requirements"] == origin
""",
        CLIENT,
    )

    suite.run().assert_outcomes(passed=6)


@BOTH
def test_faults(suite: Suite, workers: tuple[str, ...]) -> None:
    """What is written wrongly fails the test, with what may have been meant, and with nothing of ours around it."""
    suite.write(
        """
import pytest

def test_unmarked(environment): pass

@pytest.mark.environment("clinet")
def test_name(environment): pass

@pytest.mark.environment(requirments=["alpha"])
def test_key(throwaway_venv): pass

@pytest.mark.environment("client", "other")
def test_two(environment): pass

@pytest.mark.environment(inside="yes")
def test_inside(): pass

def test_call(environments): environments.get("clinet")

def test_key_of_call(environments): environments.throwaway(requirments=["alpha"])

@pytest.mark.environment(lock="gone.txt")
def test_lock(environment): pass
""",
        CLIENT,
    )

    result = suite.run(*workers)

    result.assert_outcomes(errors=6, failed=2)
    assert result.ret == 1
    place = "@pytest.mark.environment on"
    for title, *told in [
        (
            "ERROR at setup of test_unmarked",
            UNMARKED,
        ),
        (
            "ERROR at setup of test_name",
            "the settings of the environment 'clinet' cannot be followed:",
            f"  {place} test_name: there is no environment 'clinet' (did you mean 'client'?)",
        ),
        (
            "ERROR at setup of test_key",
            "the settings of an environment cannot be followed:",
            f"  {place} test_key: requirments: unknown key (did you mean 'requirements'?)",
        ),
        ("ERROR at setup of test_two", f"{place} test_two: takes one name, and settings by their names, not 2 names"),
        ("ERROR at setup of test_inside", f"{place} test_inside: inside has to be True or False, not a string ('yes')"),
        ("ERROR at setup of test_lock", f"the lock gone.txt of {place} test_lock does not exist"),
    ]:
        assert [line for line in headed(result, title) if not line.startswith("[gw")] == told
    told = headed(result, "test_call") + headed(result, "test_key_of_call")
    assert [line for line in told if line.startswith("E ")] == [
        "E   pytest_envrepro.errors.SettingsError: the settings of the environment 'clinet' cannot be followed:",
        "E     environments.get(...): there is no environment 'clinet' (did you mean 'client'?)",
        "E   pytest_envrepro.errors.SettingsError: the settings of an environment cannot be followed:",
        "E     environments.throwaway(...): requirments: unknown key (did you mean 'requirements'?)",
    ]
    assert "pytest_envrepro/" not in "\n".join(told)


@BOTH
def test_inside(suite: Suite, workers: tuple[str, ...]) -> None:
    """The closest marker that says whether a test runs inside decides; the environment itself cannot go there."""
    suite.write(
        """
import pytest
import sys

pytestmark = pytest.mark.environment("client", inside=True)

def test_without():
    assert sys.prefix != HERE

@pytest.mark.environment("client")
def test_with(environment):
    pass

@pytest.mark.environment(inside=False)
def test_outside():
    assert sys.prefix == HERE

HERE = {sys.prefix!r}
""".replace("{sys.prefix!r}", repr(sys.prefix)),
        CLIENT,
    )

    result = suite.run(*workers)

    assert next(line for line in headed(result, "test_with") if not line.startswith("[gw")) == (
        "fixture 'environment' is of the process that runs pytest, and cannot travel into environment 'client': the body runs "
        "in the environment itself: use sys.executable and subprocess there, or leave inside=True out"
    )
    result.assert_outcomes(passed=2, failed=1)


def test_wider_fixtures(suite: Suite) -> None:
    """What a fixture of a module asks for lives as long as that fixture, and is gone then; its last use included."""
    suite.write(
        """
import pytest

prefixes = []

@pytest.fixture(scope="module")
def server(environments):
    private = environments.throwaway(requirements=["tool"])
    prefixes.append(private.prefix)
    yield private
    private.run_python("-V")

def test_first(server):
    server.install("beta")

def test_second(server):
    assert sorted(server.inventory()) == ["beta", "tool"]
""",
        test_later="""
from test_it import prefixes

def test_gone():
    assert prefixes and not prefixes[0].exists()
""",
    )

    result = suite.run("test_it.py", "test_later.py")

    result.assert_outcomes(passed=3)
    result.stdout.no_fnmatch_line("*= environments =*")
