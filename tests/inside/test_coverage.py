"""Coverage of what runs in an environment: the same lines and branches as if it had run here."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import making
import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from borrowing import Suite

pytestmark = pytest.mark.requires_packages("coverage>=7.10")

LIBRARY = """
def choose(n):
    if n:
        return "some"
    return "none"

class Never:
    def called(self):
        return 1
"""
HELPER = """
def helped(n):
    for each in range(n):
        if each > 5:
            return each
    return n

def never():
    return 1
"""
TESTS = """
import pytest

@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.environment("there", inside={inside})
def test_it(n):
    import helper
    import library
    assert library.choose(n) == "some"
    assert helper.helped(n) == n
    if n == 3:
        assert False

@pytest.mark.environment("there")
def test_by_call({fixture}):
    assert {called} == "none"

def choose():
    import library
    value = library.choose(0)
    return value

def test_here():
    assert 1 == 1
"""
UNMEASURED = "what runs there is not measured: name coverage in its requirements to have it measured"
WAYS = {
    "coverage run": ("coverage", "run", "--source=library,tests", "-m", "pytest"),
    "coverage run --branch": ("coverage", "run", "--branch", "--source=library,tests", "-m", "pytest"),
    "coverage run --include": ("coverage", "run", "--include=*/tests/*,*/library/*", "-m", "pytest"),
    "pytest-cov": ("pytest", "--cov=library", "--cov=tests", "--cov-report="),
    "pytest-cov branch": ("pytest", "--cov=library", "--cov=tests", "--cov-branch", "--cov-report="),
    "pytest-cov -n2": ("pytest", "--cov=library", "--cov=tests", "--cov-report=", "-n2"),
}


def of_this_python(package: str) -> dict[str, bytes]:
    """Give the files of a package that is installed here."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in files}


def packed(folder: Path, name: str, files: Mapping[str, bytes]) -> Path:
    """Write a wheel for this Python, and give its path."""
    info = f"{name}-1.0.dist-info"
    tag = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    more = {f"{info}/METADATA": making.metadata(name, "1.0", ()).encode(), f"{info}/WHEEL": tag.encode()}
    record = "".join(f"{each},,\n" for each in (*files, *more, f"{info}/RECORD"))
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in {**files, **more, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(zipfile.ZipInfo(each), content)
    return path


def laid(suite: Suite, layout: str, *, is_inside: bool, has_coverage: bool = True) -> None:
    """Write a project: the environment has its library installed, and coverage where that is said; here it is imported."""
    wheels = [packed(suite.path, "library", {"library/__init__.py": LIBRARY.encode()})]
    if has_coverage:
        wheels.append(packed(suite.path, "coverage", of_this_python("coverage")))
    requirements = json.dumps([f"{path.name.partition('-')[0]} @ {path.as_uri()}" for path in wheels])
    text = TESTS.replace("{inside}", str(is_inside)).replace("{fixture}", "environment" if is_inside else "")
    suite.project.write(
        {
            "pyproject.toml": f"[tool.pytest.ini_options]\npythonpath = [{layout or '.'!r}]\n"
            f"[tool.envrepro.environments.there]\nrequirements = {requirements}\n",
            str(Path(layout, "library", "__init__.py")): LIBRARY,
            "tests/helper.py": HELPER,
            "tests/test_it.py": text.replace("{called}", "environment.call(choose)" if is_inside else "choose()"),
        }
    )


def measured(suite: Suite, way: str) -> dict[str, Any]:
    """Run the tests, and give the lines and branches of each file."""
    for path in suite.path.glob(".coverage*"):
        path.unlink()
    plain = ("-p", "no:randomly", "-p", "no:rerunfailures", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    done = run(suite, *WAYS[way], *plain)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "what runs there is not measured" not in done.stdout
    told = run(suite, "coverage", "json", "-q", "-o", "-")
    assert told.returncode == 0, told.stdout + told.stderr
    keys = ("executed_lines", "missing_lines", "executed_branches", "missing_branches")
    return {name: {key: each.get(key) for key in keys} for name, each in json.loads(told.stdout)["files"].items()}


def run(suite: Suite, *args: str) -> subprocess.CompletedProcess[str]:
    """Run a module of this Python in the project."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "COVERAGE"))}
    return subprocess.run(
        [sys.executable, "-m", *args], cwd=suite.path, env=environ, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("layout", ["src", ""], ids=["src", "flat"])
@pytest.mark.parametrize(
    "way",
    [
        pytest.param(way, marks=pytest.mark.requires_packages("pytest-cov>=6")) if "pytest-cov" in way else way
        for way in WAYS
    ],
)
def test_measured(suite: Suite, way: str, layout: str) -> None:
    """Bodies, calls, helpers beside the tests, and the project's own package, which is installed there."""
    laid(suite, layout, is_inside=False)
    expected = measured(suite, way)
    laid(suite, layout, is_inside=True)

    found = measured(suite, way)

    library = str(Path(layout, "library", "__init__.py"))
    assert sorted(found) == sorted([library, "tests/helper.py", "tests/test_it.py"])
    assert found == expected
    assert found[library]["executed_lines"][-1] < found[library]["missing_lines"][-1]


def test_without_coverage(suite: Suite) -> None:
    """An environment without coverage is told once, with what to do; what has run here is measured."""
    laid(suite, "src", is_inside=True, has_coverage=False)

    done = run(suite, *WAYS["coverage run"], "-p", "no:randomly", "-p", "no:hypothesispytest")

    assert done.returncode == 0, done.stdout
    told = [line for line in done.stdout.splitlines() if "not measured" in line]
    assert told == [f"envrepro: environment 'there': {UNMEASURED}"]
