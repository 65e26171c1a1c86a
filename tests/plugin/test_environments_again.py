"""`assert_reproducible`, and comparisons that explain themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import making
from borrowing import headed

if TYPE_CHECKING:
    from borrowing import Suite

# A project whose build never comes out the same.
UNSTEADY = making.backend("unsteady", "1", files='{"unsteady.py": f"built_by = {os.urandom(8)!r}\\n"}')
TABLE = """
[tool.envrepro.environments.client]
requirements = ["alpha"]
"""


def test_reproducible(fresh: Suite) -> None:
    """What comes out the same passes, and leaves nothing behind; what does not is named, file by file."""
    fresh.write(
        """
import pathlib
import pytest
import pytest_envrepro

def test_same():
    pytest_envrepro.assert_reproducible("client")
    pytest_envrepro.assert_reproducible({"requirements": ["tool"]}, times=3)
    pytest_envrepro.assert_reproducible("client", requirements=["beta"], installer="pip")

def test_unsteady():
    url = (pathlib.Path.cwd() / "unsteady").as_uri()
    pytest_envrepro.assert_reproducible({"requirements": [f"unsteady @ {url}"]})

def test_project():
    pytest_envrepro.assert_reproducible({"project": "wheel"})

def test_once():
    with pytest.raises(ValueError, match="times=1: to be compared, it has to be made twice or more"):
        pytest_envrepro.assert_reproducible("client", times=1)

def test_nothing():
    with pytest.raises(TypeError, match=r"assert_reproducible\\(\\) has nothing to make: name an environment of the table, or"):
        pytest_envrepro.assert_reproducible(times=3)

def test_unknown():
    pytest_envrepro.assert_reproducible("clinet")
""",
        f"""
[build-system]
requires = []
build-backend = "b"
backend-path = ["unsteady"]
[project]
name = "unsteady"
version = "1"
{TABLE}""",
    )
    fresh.project.write(
        {
            "unsteady/pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n',
            "unsteady/b.py": UNSTEADY,
        }
    )

    result = fresh.run()

    result.assert_outcomes(passed=3, failed=3)
    for name in ("test_unsteady", "test_project"):
        told = [line for line in headed(result, name) if line.startswith("E ")]
        assert "unsteady.py" in "\n".join(told)
        assert "pytest_envrepro/" not in "\n".join(headed(result, name))
    told = [line for line in headed(result, "test_unknown") if line.startswith("E ")]
    assert told[1:] == ["E         assert_reproducible(...): there is no environment 'clinet' (did you mean 'client'?)"]
    assert not list((fresh.cache / "work").glob("tmp*"))
    assert not fresh.rows()


def test_compared(suite: Suite) -> None:
    """Two inventories that differ are told package by package."""
    suite.write(
        """
def test_it(environments):
    with environments.throwaway("client") as old:
        old.install("alpha==1.0")
        new = environments.get("client", extend_requirements=["tool"])
        assert old.inventory() == new.inventory()

def test_same(environments):
    assert environments.get("client").inventory() == environments.throwaway("client").inventory()
""",
        TABLE,
    )

    result = suite.run()

    result.assert_outcomes(passed=1, failed=1)
    told = [line[1:].strip() for line in headed(result, "test_it") if line.startswith("E ")]
    assert told[1:] == [
        "packages of client == packages of client",
        "package  client (left)  client (right)",
        "alpha    1.0            2.0",
        "tool     -              1.0",
        "2 of 3 packages differ",
    ]
