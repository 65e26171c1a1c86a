"""What settings ask for is what is in the environment: every source of requirements, and all together."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import making
from borrowing import headed

if TYPE_CHECKING:
    from borrowing import Suite

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "subject"
version = "1.2"
dependencies = ["alpha==1.0"]
optional-dependencies = { more = ["tool"] }
[dependency-groups]
dev = ["beta"]
[tool.envrepro.integrations.old]
requirements = ["gamma"]
[tool.envrepro.environments]
"""
BACKEND = making.backend(
    "subject",
    "1.2",
    ["Provides-Extra: more", "Requires-Dist: alpha==1.0", 'Requires-Dist: tool; extra == "more"'],
    files='{"subject.py": (HERE / "subject.py").read_text()}',
)
NAMES = """
import pytest

def names(environment):
    return {name: each.version for name, each in environment.inventory().items()}
"""


def test_sources(suite: Suite) -> None:
    """Groups, extras, integrations, files of requirements, constraints: all are asked for together."""
    suite.write(
        NAMES
        + """
@pytest.mark.environment(groups=["dev"])
def test_group(environment):
    assert names(environment) == {"beta": "1.0"}

@pytest.mark.environment(extras=["more"])
def test_extra(environment):
    assert names(environment) == {"tool": "1.0"}

@pytest.mark.environment(required_integrations=["old"])
def test_integration(environment):
    assert names(environment) == {"gamma": "1.0", "alpha": "1.0"}

@pytest.mark.environment(requirements="requirements.in")
def test_file(environment):
    assert names(environment) == {"alpha": "1.0", "tool": "1.0"}

@pytest.mark.environment(requirements=["alpha"], constraints=["alpha<2"])
def test_constraint(environment):
    assert names(environment) == {"alpha": "1.0"}

@pytest.mark.environment("child")
def test_extends(environment):
    assert names(environment) == {"alpha": "1.0", "beta": "1.0"}
    assert environment.run_python("-c", "import os; print(os.environ['PORT'])").stdout == "80\\n"
    assert (environment.prefix / "etc" / "app.ini").read_text() == "[app]\\n"

@pytest.mark.environment("child", files={"etc/app.ini": "gone.ini"})
def test_no_file(environment): pass

@pytest.mark.environment(files={"etc": "etc"})
def test_folder(environment): pass
""",
        PROJECT
        + """
base = { requirements = ["alpha<2"], environment = { PORT = "80" } }
child = { extends = "base", extend-requirements = ["beta"], files = { "etc/app.ini" = "app.ini" } }
""",
        backend=BACKEND,
        subject="",
    )
    suite.project.write({"requirements.in": "tool\n-r more.in\n", "more.in": "alpha\n-c bounds.txt\n"})
    suite.project.write({"bounds.txt": "alpha<2\n", "app.ini": "[app]\n", "etc/one.ini": ""})

    result = suite.run()

    result.assert_outcomes(passed=6, errors=2)
    assert headed(result, "ERROR at setup of test_no_file") == [
        "files: gone.ini does not exist (@pytest.mark.environment on test_no_file)"
    ]
    assert headed(result, "ERROR at setup of test_folder") == [
        "files: etc is no file: name each file by itself, as folders are not copied (@pytest.mark.environment on test_folder)"
    ]


def test_project(suite: Suite) -> None:
    """The project's wheel is what is built of it; an editable one is the source as it is."""
    suite.write(
        NAMES
        + """
import pathlib

ASK = "import subject; print(subject.__file__)"

@pytest.mark.environment(project="wheel", extras=["more"])
def test_wheel(environment):
    assert names(environment) == {"subject": "1.2", "alpha": "1.0", "tool": "1.0"}
    assert environment.run_python("-c", ASK).stdout.startswith(str(environment.prefix))

@pytest.mark.environment(project="editable")
def test_editable(environment):
    assert names(environment) == {"subject": "1.2", "alpha": "1.0"}
    assert environment.run_python("-c", ASK).stdout == f"{pathlib.Path.cwd() / 'subject.py'}\\n"
""",
        PROJECT,
        backend=BACKEND,
        subject="one = 1\n",
    )
    suite.run().assert_outcomes(passed=2)

    (suite.path / "subject.py").write_text("one = 2\n")
    (suite.path / "test_it.py").write_text(
        NAMES
        + """
@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.environment(project=kind)) for kind in ("wheel", "editable")])
def test_new(environment, kind):
    assert environment.run_python("-c", "import subject; print(subject.one)").stdout == "2\\n"
"""
    )
    suite.run().assert_outcomes(passed=2)


def test_lock(suite: Suite) -> None:
    """A lock alone is taken as it is; with others beside it, its pins hold, and what contradicts them is told."""
    suite.write(
        NAMES
        + """
@pytest.mark.environment(lock="requirements.txt")
def test_alone(environment):
    assert names(environment) == {"alpha": "1.0"}
    environment.assert_matches("requirements.txt")

@pytest.mark.environment(lock="requirements.txt", requirements=["tool"])
def test_with_others(environment):
    assert names(environment) == {"alpha": "1.0", "tool": "1.0"}

@pytest.mark.environment(lock="requirements.txt", requirements=["alpha>=2"])
def test_contradicted(environment): pass
"""
    )
    suite.project.write({"requirements.txt": making.pip_compiled("alpha==1.0\n")})

    result = suite.run()

    result.assert_outcomes(passed=2, errors=1)
    marker = "requirements of @pytest.mark.environment on test_contradicted"
    assert headed(result, "ERROR at setup of test_contradicted") == [
        "the requirements contradict each other, so nothing is installed:",
        f"  alpha: no version is ==1.0 (requirements.txt:7) and >=2 ({marker})",
    ]


def test_foreign_lock(suite: Suite) -> None:
    """Of a lock of conda's no environment is made; what to name in its place is told."""
    suite.write(
        """
import pytest

@pytest.mark.environment(lock="conda-lock.yml")
def test_conda(environment): pass

def test_read(environments):
    environments.lock("sub/conda-lock.yaml")

def test_matched(throwaway_venv):
    throwaway_venv.assert_matches("conda-linux-64.lock")
"""
    )
    suite.project.write({"conda-lock.yml": "", "sub/conda-lock.yaml": "", "conda-linux-64.lock": ""})
    instead = "a lock of conda's, whose packages neither pip nor uv installs: name a lock of Python's packages"

    result = suite.run()

    result.assert_outcomes(errors=1, failed=2)
    assert headed(result, "ERROR at setup of test_conda") == [f"conda-lock.yml: {instead}"]
    for line in (f"sub/conda-lock.yaml: {instead}", f"conda-linux-64.lock: {instead}"):
        assert f"E       pytest_envrepro.errors.LockError: {line}" in result.outlines


def test_replicated(suite: Suite) -> None:
    """What a command prints is installed; one that fails is told."""
    suite.write(
        NAMES
        + """
import sys

@pytest.mark.environment(replicate_local=[sys.executable, "-c", "print('alpha==1.0'); print('tool')"])
def test_printed(environment):
    assert names(environment) == {"alpha": "1.0", "tool": "1.0"}

@pytest.mark.environment(replicate_local=[sys.executable, "-c", "raise SystemExit('no lock here')"])
def test_failing(environment): pass

@pytest.mark.environment(replicate_local=[sys.executable, "-c", "print('# none')"])
def test_empty(environment): pass
"""
    )

    result = suite.run()

    result.assert_outcomes(passed=1, errors=2)
    assert headed(result, "ERROR at setup of test_empty") == [
        (
            f"replicate-local: `{sys.executable} -c print('# none')` printed no requirement, and ended with 0 "
            "(@pytest.mark.environment on test_empty)"
        )
    ]
    command = f"{sys.executable} -c raise SystemExit('no lock here')"
    assert headed(result, "ERROR at setup of test_failing") == [
        f"replicate-local: `{command}` ended with 1: no lock here (@pytest.mark.environment on test_failing)"
    ]


def test_replicated_here(suite: Suite) -> None:
    """What is installed here is pinned; what no index has is told by its name."""
    suite.write(
        NAMES
        + """
@pytest.mark.environment(replicate_local=True)
def test_here(environment): pass
"""
    )
    making.install(suite.path / "site", "only-here", "7.0")

    told = "\n".join(headed(suite.run(), "ERROR at setup of test_here"))

    assert "what is installed here" in told


def test_parameters_are_closest(suite: Suite) -> None:
    """What a parameter declares goes over what its function does, by values and by names."""
    suite.write(
        """
import pytest

E = pytest.mark.environment

@E("one", environment={"WHO": "function"})
@pytest.mark.parametrize("who", [pytest.param("parameter", marks=E(environment={"WHO": "parameter"})), "function"])
def test_value(environment, who):
    assert (environment.name, environment.settings.environment["WHO"]) == ("one", who)

@pytest.mark.parametrize("name", [pytest.param("two", marks=E("two")), "one"])
@E("one")
def test_name(environment, name):
    assert environment.name == name
""",
        "[tool.envrepro.environments.one]\n[tool.envrepro.environments.two]\n",
    )

    suite.run().assert_outcomes(passed=4)


def test_unknown_names(suite: Suite) -> None:
    """Groups, extras and integrations that do not exist are told at once: of the table at the start, else by who names them."""
    project = '[project]\nname = "subject"\nversion = "1"\n[project.optional-dependencies]\nyaml = []\n[dependency-groups]\ncli = []\n'
    suite.write(
        """
import pytest

@pytest.mark.environment("client", extend_groups=["clii"], extras=["yml"], required_integrations=["stor"])
def test_it(environment): pass
""",
        f"{project}[tool.envrepro.integrations.store]\ntools = ['sh']\n[tool.envrepro.environments.client]\ngroups = ['cli']\n",
    )
    where = "@pytest.mark.environment on test_it"

    result = suite.run()

    result.assert_outcomes(errors=1)
    assert headed(result, "ERROR at setup of test_it") == [
        "the settings of the environment 'client' cannot be followed:",
        f"  {where}: groups: this project has no dependency group 'clii' (did you mean 'cli'?)",
        f"  {where}: extras: this project has no extra 'yml' (did you mean 'yaml'?)",
        f"  {where}: required-integrations: there is no integration 'stor' (did you mean 'store'?)",
    ]

    suite.write(
        "def test_it(): pass\n",
        f"""{project}
[tool.envrepro.integrations.store]
tools = ["sh"]
[tool.envrepro.environments.client]
groups = ["CLI", "clii"]
required-integrations = ["zenml:any", "docker-engine", "Store", "stor"]
[tool.envrepro.environments.server]
extends = "client"
extend-extras = ["yml"]
""",
    )
    result = suite.project.test("--env-integrations")

    assert result.ret == 4
    place = "  tool.envrepro.environments."
    assert [line for line in result.errlines if line.startswith(place)] == [
        f"{place}client.groups[1]: this project has no dependency group 'clii' (did you mean 'cli'?)",
        f"{place}client.required-integrations[3]: there is no integration 'stor' (did you mean 'store'?)",
        f"{place}server.extend-extras[0]: this project has no extra 'yml' (did you mean 'yaml'?)",
    ]
