"""Folders and archives of this machine, by their paths: in a list, in a call of `install`, and under another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import making
import pytest
from borrowing import headed

if TYPE_CHECKING:
    from borrowing import Suite

BUILD = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def folder_of(suite: Suite, path: str, name: str) -> None:
    """Write a folder that a package is built of."""
    files = f'{{"{name}.py": "value = 1\\n"}}'
    suite.project.write(
        {
            f"{path}/pyproject.toml": f'{BUILD}[project]\nname = "{name}"\nversion = "1"\n',
            f"{path}/backend.py": making.backend(name, "1", files=files),
        }
    )


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_in_a_list(suite: Suite, installer: str) -> None:
    """A path stands in a list as in a requirements file: with and without a name, as editable, with a space in it."""
    folder_of(suite, "first", "first")
    folder_of(suite, "the second", "second")
    folder_of(suite, "third", "third")
    folder_of(suite, "fourth one", "fourth")
    making.wheel(suite.path / "dist", "fifth", "1.0")
    suite.write(
        """
def test_all(environments):
    packages = environments.get("client").inventory()

    assert list(packages) == ["fifth", "first", "fourth", "second", "third"]
    assert packages["second"].source.url.endswith("/the%20second")
    assert [name for name, each in packages.items() if each.source.editable] == ["third"]
""",
        f"""
[tool.envrepro.environments.client]
installer = "{installer}"
requirements = [
    "./first", "second @ ./the second ; python_version > '3'", "-e ./third", "./fourth one",
    "./dist/fifth-1.0-py3-none-any.whl", "./absent ; python_version < '3'",
]
""",
    )

    suite.run().assert_outcomes(passed=1)


def test_installed(suite: Suite) -> None:
    """`install` takes paths from the project's folder, wherever the session was started or the test has gone."""
    folder_of(suite, "first", "first")
    folder_of(suite, "the second", "second")
    suite.write(
        """
def test_all(throwaway_venv, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    throwaway_venv.install("./first", "second @ ./the second")

    assert list(throwaway_venv.inventory()) == ["first", "second"]
"""
    )

    suite.run().assert_outcomes(passed=1)


def test_another_name(suite: Suite) -> None:
    """A folder whose package is called otherwise than was asked for is not installed."""
    folder_of(suite, "lib", "first")
    suite.write(
        """
import pytest

@pytest.mark.environment(requirements=["lib @ ./lib"])
def test_it(environment): pass
"""
    )
    folder = suite.path / "lib"

    result = suite.run()

    result.assert_outcomes(errors=1)
    assert headed(result, "ERROR at setup of test_it") == [
        (
            f"lib @ {folder.as_uri()} (requirements of @pytest.mark.environment on test_it) cannot be installed: the package in "
            f"{folder} is called 'first', not 'lib'"
        )
    ]


def test_constraints(suite: Suite) -> None:
    """A path is no constraint: those say which versions, and not where they are."""
    suite.write("def test_it(environments): environments.get(requirements=['alpha'], constraints=['./lib'])\n")

    result = suite.run()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E   *  environments.get(...): constraints[[]0]: './lib' is not a requirement (PEP 508): Expected package name*"
        ]
    )
