"""Installed and not asked for, the plugin does nothing; what it needs when asked is pytest and packaging alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from projects import Project

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    "arguments", [(), ("--env-strict",), ("--no-env-strict",), ("-p", "no:envrepro")], ids=" ".join
)
def test_nothing_asked(broken: Project, arguments: tuple[str, ...]) -> None:
    """Without `--env-lock` and `--env-report` there is no item, no header line, no section and no exit code."""
    result = broken.pytester.runpytest_inprocess("-p", "no:randomly", *arguments)

    result.assert_outcomes(passed=2)
    assert result.ret == 0
    result.stdout.no_fnmatch_line("envrepro:*")
    result.stdout.no_fnmatch_line("*environment reproducibility*")


def test_doctests_without_us(broken: Project) -> None:
    """Without `--env-lock` a user's doctests in text files are as they were."""
    broken.write({"requirements.txt": ">>> 1 + 1\n2\n"})

    result = broken.pytester.runpytest_inprocess("--doctest-glob=*.txt", "requirements.txt")

    result.assert_outcomes(passed=1)


def test_blocked(broken: Project) -> None:
    """With `-p no:envrepro` the options are unknown, as with any other plugin."""
    result = broken.run("-p", "no:envrepro")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*unrecognized arguments: --env-lock*"])


def test_by_module_name(broken: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pytest loads no plugins by itself, ours is loaded by the name of its module."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    result = broken.run("-p", "pytest_envrepro.plugin")

    result.assert_outcomes(passed=4, failed=1)
    assert result.ret == 1


def test_help(broken: Project) -> None:
    """The options have a group of their own in `--help`."""
    result = broken.run("--help")

    result.stdout.fnmatch_lines(["environment reproducibility:", "  --env-lock *", "  --env-report=FILE *"])


def test_import_is_light() -> None:
    """After pytest the plugin's own import loads some small modules, and nothing of packaging or of ours beside."""
    code = (
        "import sys, pytest; before = set(sys.modules); import pytest_envrepro.plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.split() == [
        "pytest_envrepro",
        "pytest_envrepro.fixtures",
        "pytest_envrepro.late",
        "pytest_envrepro.options",
        "pytest_envrepro.plugin",
    ]


def test_without_platformdirs(broken: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a dependency beside pytest and packaging is missing (`pip install --no-deps`), checks are the same."""
    monkeypatch.delenv("PYTEST_ENVREPRO_CACHE")
    broken.write({"conftest.py": "import sys\nsys.modules['platformdirs'] = None\n"})

    result = broken.run(subprocess=True)

    result.assert_outcomes(passed=4, failed=1)
    assert result.ret == 1


@pytest.mark.requires_integration("network", "pip")
def test_installed_without_dependencies(broken: Project, tmp_path: Path) -> None:
    """`pip install --no-deps` of the wheel, beside pytest alone, is enough for `--env-lock`."""
    root = Path(__file__).parents[2]
    folder = tmp_path / "venv"
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "pytest"], check=True, cwd=tmp_path)
    subprocess.run([*pip, "install", "--no-deps", root], check=True, cwd=tmp_path)

    result = subprocess.run(
        [python, "-m", "pytest", "--env-lock", "--no-header"],
        cwd=broken.path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "missing-direct  click" in result.stdout
    assert "missing-dependency" not in result.stdout
    assert result.stderr == ""
    assert result.returncode == 1
