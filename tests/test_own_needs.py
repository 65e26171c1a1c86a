"""Our own suite says by markers what it needs: a machine without it skips on a laptop, and fails in CI."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from pytest_envrepro.session import Session

TESTS = Path(__file__).parent
ROOT = TESTS.parent

# A test of each that needs it: one that the machine below does not have.
NEEDS = {
    "compilers": "compilers/test_header.py",
    "compose": "test_services.py::test_offline",
    "conda": "locks/test_conda_lock.py",
    "disks": "store/test_cloning.py::test_shared_blocks",
    "git": "test_comparison.py::test_cell[state-1-pip-compile]",
    "network": "plugin/test_inert.py::test_installed_without_dependencies",
    "nox": "test_recipes.py::test_tool[nox]",
    "pip": "plugin/test_needs_answers.py::test_export_into_pip",
    "randomly": "plugin/test_same_verdict.py::test_same_shuffled",
    "rerunfailures": "plugin/test_items.py::test_no_reruns",
    "setuptools": "checks/test_integrity.py::TestInstallers::test_editable",
    "tox": "test_recipes.py::test_tool[tox]",
    "yaml": "test_recipes.py::test_github_uploads_the_report",
}
# Those that other parts of the suite declare and test.
ELSEWHERE = {"pyenv"}
# What looks for a package, a program or a disk by hand.
LOOKS = re.compile(r"\b(which|find_spec|find_loader)\(|ImportError|ModuleNotFoundError|is not installed|\bmount")
# Must not be there, for the tests of an example that shows what is missing.
ABSENT = "openpyxl"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a machine that has Python, pytest and this plugin, and nothing else: no programs, no index."""
    site = tmp_path / "site"
    site.mkdir()
    for name in (
        "pytest",
        "pluggy",
        "iniconfig",
        "packaging",
        "exceptiongroup",
        "tomli",
        "typing_extensions",
        "pygments",
    ):
        try:
            files = distribution(name).files or ()
        except ModuleNotFoundError:
            continue
        for top in {path.parts[0] for path in files if path.parts[0] not in ("..", "__pycache__")}:
            (site / top).symlink_to(Path(str(distribution(name).locate_file(top))))
    for name in list(os.environ):
        if name.startswith(("ENVREPRO_", "PYTEST", "PYTHON", "CI", "COV", "TOX")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{ROOT}")
    monkeypatch.setenv("PYTEST_ENVREPRO_CACHE", str(tmp_path / "cache"))
    return tmp_path


def run(folder: Path, *tests: str, **variables: str) -> tuple[int, list[str]]:
    """Run tests of ours there, and give the exit code and the lines of the output."""
    argv = [sys.executable, "-S", "-m", "pytest", "-p", "pytest_envrepro.plugin", "-p", "no:cacheprovider", "-rs"]
    done = subprocess.run(
        [*argv, "--override-ini=filterwarnings=", *(f"{TESTS}/{test}" for test in tests)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


@pytest.mark.skipif(os.name == "nt", reason="the machine is made of symbolic links")
def test_machine_without_them(machine: Path) -> None:
    """The tests skip there on a laptop, and fail there in CI, and each says what it needs; of an index, what to set."""
    code, lines = run(machine, *NEEDS.values())

    said = [line for line in lines if line.startswith("SKIPPED")]
    assert code == 0, lines
    files = {name: {re.split(r" (?:tests/)?|:\d", line)[2] for line in said if f"'{name}'" in line} for name in NEEDS}
    assert [name for name, test in NEEDS.items() if test.partition("::")[0] not in files[name]] == []
    assert all("requires integration '" in line for line in said)
    assert re.fullmatch(r"=+ \d+ skipped in .*=+", lines[-1])
    assert any("$ENVREPRO_NETWORK is not set" in line for line in said)

    code, lines = run(machine, *NEEDS.values(), CI="true")

    assert code == 1
    assert re.fullmatch(r"=+ \d+ errors? in .*=+", lines[-1])


def test_none_is_left_out() -> None:
    """Each integration of our own table stands above."""
    declared = set(Session(ROOT, configured_by=ROOT / "pyproject.toml", environ={}).config.integrations)

    assert declared - ELSEWHERE == set(NEEDS)


def test_tox_has_an_index() -> None:
    """tox, and so CI, says that there is an index: without one these tests fail there, and are not skipped."""
    text = (ROOT / "tox.ini").read_text(encoding="utf-8")

    assert "set_env = ENVREPRO_NETWORK = 1" in text.partition("[testenv]\n")[2].partition("\n[")[0]


def test_skips_by_hand() -> None:
    """For a package, a program or a disk nothing is skipped by hand: `importorskip` and its like would stay green in CI."""
    found = []
    for path in TESTS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = ast.unparse(node) if isinstance(node, (ast.If, ast.Try, ast.Call)) else ""
            skips = isinstance(node, (ast.If, ast.Try)) and "pytest.skip(" in text
            marks = isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.skipif"
            imports = isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.importorskip"
            if imports or ((skips or marks) and LOOKS.search(text) and ABSENT not in text):
                found.append(f"{path.relative_to(TESTS)}: {text}")

    assert found == []


def test_machine_is_bare(machine: Path) -> None:
    """It has pytest, and no pip and no program."""
    done = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            "import pytest, importlib.util as u; print(u.find_spec('pip'), u.find_spec('yaml'))",
        ],
        cwd=machine,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "None None\n"
    assert shutil.which("git") is None
