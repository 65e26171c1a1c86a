"""`replicate-local`: a command runs once in a session, and is told while it takes long; what is here comes at its versions."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest
from borrowing import lines
from packaging.version import Version

from pytest_envrepro.inventory import Distribution, Interpreter, Inventory, Source
from pytest_envrepro.replicating import installed_here

if TYPE_CHECKING:
    from borrowing import Suite

TABLE = f"""
[tool.envrepro.environments.copied]
replicate-local = ["{sys.executable}", "requires.py"]
"""
# Gives another version each time, as a command may whose index has moved on.
COUNTING = """
with open('ran.txt', 'a+') as file:
    file.write('x')
    file.seek(0)
    print(f'alpha=={len(file.read())}.0')
"""
SEVERAL = """
import pytest

@pytest.mark.environment("copied")
def test_one(environment): assert environment.inventory()["alpha"].version == "1.0"

@pytest.mark.environment("copied")
def test_two(throwaway_venv): assert throwaway_venv.inventory()["alpha"].version == "1.0"

@pytest.mark.environment("copied", environment={"A": "b"})
class TestThree:
    def test_three(self, environment): assert environment.inventory()["alpha"].version == "1.0"

def test_call(environments): assert environments.get("copied").inventory()["alpha"].version == "1.0"
"""


def test_once_for_several_tests(fresh: Suite) -> None:
    """Several tests and calls that ask for one environment get one answer of its command, which runs once."""
    fresh.write(SEVERAL, TABLE, requires=COUNTING)

    fresh.run().assert_outcomes(passed=4)

    assert (fresh.path / "ran.txt").read_text() == "x"


def test_once_for_a_worker(fresh: Suite) -> None:
    """With pytest-xdist it runs at most once in each worker, and not in the controller."""
    fresh.write(SEVERAL, TABLE, requires="open('ran.txt', 'a').write('x')\nprint('alpha==1.0')\n")

    fresh.run("-n2", subprocess=True).assert_outcomes(passed=4)

    assert (fresh.path / "ran.txt").read_text() in {"x", "xx"}


def test_failed_once(fresh: Suite) -> None:
    """A command that has failed is not run again for the next test, which is told the same."""
    fresh.write(SEVERAL, TABLE, requires="open('ran.txt', 'a').write('x')\nraise SystemExit('no network')\n")

    result = fresh.run("--tb=line")

    result.assert_outcomes(failed=1, errors=3)
    assert (fresh.path / "ran.txt").read_text() == "x"
    told = {line.partition("requires.py` ")[2] for line in result.outlines if "requires.py` " in line}
    assert told == {"ended with 1: no network (tool.envrepro.environments.copied in pyproject.toml)"}


def test_told(fresh: Suite) -> None:
    """A command that takes more than two seconds is told while it runs, with the name of its environment."""
    fresh.write(
        "import pytest\n@pytest.mark.environment('copied')\ndef test_it(environment): pass\n",
        TABLE,
        requires="import time\ntime.sleep(3.2)\nprint('alpha==1.0')\n",
    )

    result = fresh.run()

    result.assert_outcomes(passed=1)
    (told,) = lines(result, "envrepro: copied: running")
    shown = f"{sys.executable} requires.py"
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    assert re.fullmatch(
        rf"envrepro: copied: running `{re.escape(shown)}`, as replicate-local has it \.\.\. \([23] s\)", told
    )


def here(*distributions: Distribution) -> Inventory:
    """Give an inventory of these."""
    python = Interpreter(
        implementation="cpython", version="3.11.7", platform="linux-x86_64", environment={"python_version": "3.11"}
    )
    return Inventory(interpreter=python, distributions={each.name: each for each in distributions})


def given(*distributions: Distribution) -> list[str]:
    """Give what `replicate-local = true` stands for, where these are installed."""
    return [asked.text for asked in installed_here(here(*distributions))]


def of(name: str, version: str, *requires: str, source: Source | None = None) -> Distribution:
    """Give something that is installed."""
    return Distribution(name=name, version=Version(version), requires=requires, source=source)


TOOLS = (of("pip", "26.3"), of("setuptools", "84.2.1"), of("wheel", "0.45"))


def test_tools_that_nothing_needs() -> None:
    """pip, setuptools and wheel are left out where nothing needs them that is given, and so are this plugin and editables."""
    own = of("lib", "1.0", "wheel", source=Source(url="file:///lib", editable=True))

    assert given(*TOOLS, of("alpha", "1.0", 'pip ; extra == "x"'), of("pytest-envrepro", "1", "pip"), own) == [
        "alpha==1.0"
    ]


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        (["pip>=22"], ["pip==26.3"]),
        (["Setuptools", "wheel ; python_version < '3'"], ["setuptools==84.2.1"]),
        (["gone", "not a requirement"], []),
    ],
)
def test_tools_that_are_needed(requires: list[str], expected: list[str]) -> None:
    """What is given may need them, as pip-tools does: then they come at the versions that are here, and none of the day."""
    assert given(*TOOLS, of("alpha", "1.0", *requires)) == ["alpha==1.0", *expected]


def test_tools_that_tools_need() -> None:
    """What a tool that is given needs in turn is given too."""
    tools = (of("pip", "26.3"), of("setuptools", "84.2.1"), of("wheel", "0.45", "setuptools"))

    assert given(*tools, of("alpha", "1.0", "wheel")) == ["alpha==1.0", "setuptools==84.2.1", "wheel==0.45"]
