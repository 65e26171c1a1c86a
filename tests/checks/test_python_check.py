"""This Python is one that the project is for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from judging import Case
from making import pip_compiled

from pytest_envrepro.checks.python import PythonCheck

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.core


def case_of(folder: Path, files: dict[str, str], version: str = "3.11.7") -> Case:
    """Give a project that is judged as if CPython 3.11.7 ran this."""
    case = Case(folder, {"requirements.in": "", "requirements.txt": pip_compiled("", python="3.11"), **files})
    case.run_on(version)
    case.interpreter = replace(case.interpreter, implementation="cpython")
    return case


@pytest.mark.parametrize(
    "text",
    [
        *("3.11", "3.11.7", "3", "3.11.7\n3.12", "3.12\n3.11", "# ours\n3.11", "cpython-3.11.7-linux-x86_64-gnu"),
        *("cpython@3.11", "python3.11", "3.11-dev", ">=3.10", "==3.11.*"),
    ],
)
def test_meant(tmp_path: Path, text: str) -> None:
    """What pyenv and uv write into `.python-version`, for this Python; one of several lines is enough."""
    outcome = case_of(tmp_path, {".python-version": f"{text}\n"}).judge("python")

    assert (outcome.status, outcome.detail) == ("clean", "3.11.7, as .python-version says")


@pytest.mark.parametrize(
    "text", ["3.12", "3.11.8", "3.1", "2", "pypy3.11-7.3.17", "pypy@3.11", "graalpy3.11", ">=3.12", "3.12\n3.13"]
)
def test_not_meant(tmp_path: Path, text: str) -> None:
    """Another version or implementation is told at its line."""
    case = case_of(tmp_path, {".python-version": f"# ours\n{text}\n"})

    expected = text.partition("\n")[0]
    message = f"asks for {text.replace(chr(10), ' or ')}, this is cpython 3.11.7"
    assert case.findings("python") == [("python-mismatch", None, expected, "3.11.7", ".python-version:2", message)]


@pytest.mark.parametrize("text", ["myproject", "3.11.7/envs/myproject", "system", "miniconda3-4.7.12", "3.13t"])
@pytest.mark.parametrize("version", ["3.11.7", "3.13.0"])
def test_no_version(tmp_path: Path, text: str, version: str) -> None:
    """The name of a virtualenv tells no version: unchecked."""
    outcome = case_of(tmp_path, {".python-version": f"{text}\n"}, version).judge("python")

    assert (outcome.status, outcome.reason) == (
        "unchecked",
        f".python-version:1 says '{text}', which tells no version",
    )


@pytest.mark.parametrize("text", ["311", "pypy-7.3.17", "graalpy-24.1.0"])
def test_version_of_something_else(tmp_path: Path, text: str) -> None:
    """The version of PyPy itself, or one without its dots, cannot be compared."""
    assert case_of(tmp_path, {".python-version": f"{text}\n"}).judge("python").status == "unchecked"


def test_one_line_of_several_is_unclear(tmp_path: Path) -> None:
    """Where one line could mean this Python, it is not a mismatch."""
    assert case_of(tmp_path, {".python-version": "3.12\nmyproject\n"}).judge("python").status == "unchecked"


@pytest.mark.parametrize("version", ["3.14.0rc2", "3.14.0+"])
def test_pre_release(tmp_path: Path, version: str) -> None:
    """A pre-release, or a build from the sources, counts as that Python, as it does for pip."""
    project = '[project]\nname = "a"\nrequires-python = ">=3.14"\n'
    lock = pip_compiled("", python="3.14")
    files = {".python-version": "3.14\n", "pyproject.toml": project, "requirements.txt": lock}

    assert case_of(tmp_path, files, version).findings("python", "pyproject.toml") == []


def test_file_cannot_be_read(tmp_path: Path) -> None:
    """A file that is no text is unchecked, and never clean."""
    case = case_of(tmp_path, {})
    (case.root / ".python-version").write_bytes(b"\xff\xfe3")

    assert case.judge("python").status != "clean"


def test_requires_python(tmp_path: Path) -> None:
    """`requires-python` is told at its line."""
    case = case_of(tmp_path, {"pyproject.toml": '[project]\nname = "a"\nrequires-python = ">=3.12"\n'})

    assert case.findings("python", "pyproject.toml") == [
        (
            "python-mismatch",
            None,
            ">=3.12",
            "3.11.7",
            "pyproject.toml:3",
            "requires-python asks for >=3.12, this is 3.11.7",
        )
    ]


def test_requires_python_is_met(tmp_path: Path) -> None:
    """Both are told where both say so."""
    project = '[project]\nname = "a"\nrequires-python = ">=3.10"\n'
    case = case_of(tmp_path, {"pyproject.toml": project, ".python-version": "3.11\n"})

    assert case.judge("python", "pyproject.toml").detail == "3.11.7, as .python-version and requires-python say"


def test_requires_python_is_no_specifier(tmp_path: Path) -> None:
    """A specifier that is none is told."""
    case = case_of(tmp_path, {"pyproject.toml": '[project]\nname = "a"\nrequires-python = "three"\n'})

    message = "requires-python 'three' is not a valid specifier"
    assert case.findings("python", "pyproject.toml") == [
        ("python-mismatch", None, "three", "3.11.7", "pyproject.toml:3", message)
    ]


def test_left_out(tmp_path: Path) -> None:
    """Where nothing is declared and nothing disagrees there is no such check."""
    assert PythonCheck().subjects(case_of(tmp_path, {}).facts) == ()


def test_lock_of_another_python(tmp_path: Path) -> None:
    """A lock that was compiled for another Python gives its warning, with nothing else declared."""
    case = case_of(tmp_path, {"requirements.txt": pip_compiled("", python="3.9")})

    outcome = case.judge("python")

    assert PythonCheck().subjects(case.facts) == ("requirements.txt",)
    message = "compiled for Python 3.9, this is 3.11.7"
    assert case.findings("python") == [("python-mismatch", None, "3.9", "3.11.7", "requirements.txt:2", message)]
    assert (outcome.status, outcome.findings[0].severity) == ("clean", "warn")


def test_lock_that_is_not_installed(tmp_path: Path) -> None:
    """A lock that this environment is said not to be installed from may be for any Python."""
    case = case_of(
        tmp_path,
        {
            "other.in": "",
            "other.txt": pip_compiled("", python="3.9"),
            "envrepro.toml": 'installed = ["requirements.txt"]\n',
        },
    )

    assert PythonCheck().subjects(case.facts) == ()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--python-version 3.9", "3.9"),
        ("--universal --python-version 3.9", None),
        ("--universal --python-version 3.12", "3.12"),
        ("--python-version 3", None),
        ("--python-version latest", None),
        ("--python-platform windows", "windows"),
        ("--universal", None),
    ],
)
def test_uv_targets(tmp_path: Path, options: str, expected: str | None) -> None:
    """A universal lock is for all Pythons from its own on."""
    header = "# This file was autogenerated by uv via the following command:\n"
    command = f"#    uv pip compile {options} -o requirements.txt requirements.in\n"
    case = case_of(tmp_path, {"requirements.txt": header + command})
    case.run_on("3.11.7", sys_platform="linux", os_name="posix", platform_system="Linux")

    assert [finding.expected for finding in case.judge("python").findings] == ([expected] if expected else [])
