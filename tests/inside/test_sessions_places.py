"""Where projects, tests and helpers lie, and what a body does to the environment that it shares."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from ending import line_of

if TYPE_CHECKING:
    from borrowing import Suite

TABLE = "[tool.envrepro.environments.there]\n"
TESTS = """
import sys

import pytest

from helper import VALUE

pytestmark = pytest.mark.environment("there", inside=True)

def test_it(given):
    import helper
    assert given == helper.VALUE == VALUE == 3
    assert __file__.endswith("test_it.py")
    print("prefix", sys.prefix)

def test_fails(given):
    assert given == VALUE + 1
"""
CONFTEST = "import pytest\n\n@pytest.fixture\ndef given():\n    return 3\n"


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
@pytest.mark.parametrize("folder", ["tests", "tests/with space", 'tests/it\'s "quoted"', "tests/übung/inner"])
def test_folders(suite: Suite, folder: str, mode: str) -> None:
    """Tests below the root, with a helper beside them and a conftest above, by each way to import them."""
    table = f"[tool.pytest.ini_options]\npythonpath = [{folder!r}]\n" if "'" not in folder else ""
    beside = table or f"[tool.pytest.ini_options]\npythonpath = ['''{folder}''']\n"
    suite.project.write(
        {
            "pyproject.toml": beside + TABLE,
            "tests/conftest.py": CONFTEST,
            f"{folder}/helper.py": "VALUE = 3\n",
            f"{folder}/test_it.py": TESTS,
        }
    )

    result = suite.run(f"--import-mode={mode}", "--tb=short", folder, subprocess=True)

    result.assert_outcomes(passed=1, failed=1)
    assert f"{folder}/test_it.py:{line_of(TESTS, 'VALUE + 1')}: in test_fails" in result.outlines
    assert "E   assert 3 == (3 + 1)" in result.outlines


def test_root_above(suite: Suite) -> None:
    """The root lies above the folder that the session was started in."""
    suite.project.write(
        {
            "pyproject.toml": "[tool.pytest.ini_options]\n" + TABLE,
            "part/tests/conftest.py": CONFTEST,
            "part/tests/helper.py": "VALUE = 3\n",
            "part/tests/test_it.py": TESTS,
        }
    )

    result = suite.run(f"--rootdir={suite.path}", "part/tests", subprocess=True)

    result.assert_outcomes(passed=1, failed=1)


WRITES = """
import pytest
import sys

pytestmark = pytest.mark.environment("there", inside=True)

def test_writes():
    import os
    import sysconfig
    with open(os.path.join(sysconfig.get_path("purelib"), "left.py"), "w") as file:
        file.write("x = 1")

def test_after():
    with pytest.raises(ModuleNotFoundError):
        import left
"""


def test_shared_one_is_changed(suite: Suite) -> None:
    """A body that changes the environment that it shares fails, and the next one has it as it was."""
    suite.write(WRITES, TABLE)

    result = suite.run("--tb=short")

    result.assert_outcomes(passed=1, failed=1)
    minor = ".".join(map(str, sys.version_info[:2]))
    assert f"  lib/python{minor}/site-packages/left.py is new" in result.outlines


VARIABLES = """
import pytest
import sys

@pytest.mark.environment("there", inside=True)
def test_it():
    import os
    assert os.environ["OWN"] == "it's \\"quoted\\""
    assert os.environ["PYTHONHASHSEED"] == "0"
    assert hash("a") == NUMBER
    assert "PYTEST_ENVREPRO_CACHE" not in os.environ
"""


def test_variables(suite: Suite) -> None:
    """A body has the variables of the settings, and none of the session's."""
    variables = "environment = { OWN = '''it's \"quoted\"''', PYTHONHASHSEED = '0' }\n"
    found = subprocess.run(
        [sys.executable, "-c", "print(hash('a'))"],
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    suite.write(VARIABLES.replace("NUMBER", found.stdout.strip()), TABLE + variables)

    result = suite.run()

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONWARNINGS"])
def test_variables_of_python(suite: Suite, name: str) -> None:
    """What would bring other packages is refused with the settings; filters of warnings hold in a body."""
    test = 'import pytest\n@pytest.mark.environment("there", inside=True)\ndef test_it():\n'
    tests = f'{test}    import os\n    assert "NAME" in os.environ\n'
    suite.write(tests.replace("NAME", name), f"{TABLE}environment = {{ {name} = 'error' }}\n")

    result = suite.run()

    if name == "PYTHONPATH":
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert "tool.envrepro.environments.there.environment.PYTHONPATH: cannot be set: " in result.stderr.str()
    else:
        result.assert_outcomes(passed=1)
