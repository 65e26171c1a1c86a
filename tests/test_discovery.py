"""Locks are found where docs/reference.md says, in what the table says, and the project's own word is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from making import pip_compiled

from pytest_envrepro.config import Config, DeclaredLock, InstalledFrom
from pytest_envrepro.discovery import anchor_of, discover, no_lock, read_project, tree_of
from pytest_envrepro.errors import SettingsError
from pytest_envrepro.files import Files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from projects import Project

    from pytest_envrepro.discovery import Discovery

pytestmark = pytest.mark.core


def found(root: Path, files: Mapping[str, str], config: Config | None = None) -> Discovery:
    """Write some files, and discover."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    reader = Files(root)
    return discover(reader, tree_of(reader, {}), config or Config())


def test_locks(tmp_path: Path) -> None:
    """Every lock at the root and two levels below it is found, whatever its name, and what is none has a reason."""
    discovery = found(
        tmp_path,
        {
            "requirements.txt": pip_compiled("a==1\n"),
            "requirements-dev.txt": "a\n",
            "a/b/prod.txt": pip_compiled("a==1\n"),
            "a/b/c/deep.txt": pip_compiled("a==1\n"),
            "constraints.txt": "a==1\n",
            "uv.lock": "",
            "README.md": "",
        },
    )

    assert list(discovery.locks) == ["a/b/prod.txt", "requirements.txt", "uv.lock"]
    assert sorted(discovery.seen) == [
        ("constraints.txt", "no header of a compiler, no 'via' comments, and no .in file beside it"),
        ("requirements-dev.txt", "line 1 is not pinned: a"),
    ]


def test_table(tmp_path: Path) -> None:
    """What the table names is a lock, wherever it lies and however it looks."""
    config = Config(
        locks=(DeclaredLock(path="a/b/c/deep.txt", inputs=("x.in",)),),
        installed=(InstalledFrom(lock="frozen.list"),),
    )

    discovery = found(tmp_path, {"a/b/c/deep.txt": "a==1\n", "x.in": "a\n", "frozen.list": "b==1\n"}, config)

    assert list(discovery.locks) == ["a/b/c/deep.txt", "frozen.list"]
    tree = tree_of(Files(tmp_path), {})
    assert discovery.parse("a/b/c/deep.txt", tree).inputs == ("x.in",)
    assert [pin.name for pin in discovery.parse("frozen.list", tree).pins] == ["b"]


def test_table_names_an_input(tmp_path: Path) -> None:
    """An `.in` file that the table names is judged as a lock, and is no input of its own."""
    discovery = found(tmp_path, {"requirements.in": "a\n"}, Config(locks=(DeclaredLock(path="requirements.in"),)))

    lock = discovery.parse("requirements.in", tree_of(Files(tmp_path), {}))

    assert (lock.inputs, [fault.code for fault in lock.faults]) == ((), ["unpinned"])


def test_table_is_wrong(tmp_path: Path) -> None:
    """All that the table names and cannot be used is told at once, sorted."""
    config = Config(
        file="pyproject.toml",
        locks=(DeclaredLock(path="requirments.txt"), DeclaredLock(path="gone.txt")),
        installed=(InstalledFrom(lock="requirements.txt", extras=("dev",)),),
    )

    with pytest.raises(SettingsError) as raised:
        found(tmp_path, {"requirements.txt": "a==1\n"}, config)

    assert str(raised.value) == (
        "pyproject.toml names locks that cannot be used:\n"
        "  gone.txt does not exist (known: requirements.txt)\n"
        "  requirements.txt has no groups and no extras to choose from\n"
        "  requirments.txt does not exist (did you mean 'requirements.txt'?)"
    )


def test_no_lock(tmp_path: Path) -> None:
    """The error for no lock says what was seen and why it is none."""
    discovery = found(tmp_path, {"requirements.txt": "a\n"})

    assert no_lock(tmp_path, discovery.seen) == (
        f"--env-lock: no lock was found in {tmp_path} and two levels below it\n"
        "  requirements.txt: line 1 is not pinned: a\n"
        "  Compile one (pip-compile requirements.in), or name it under [[tool.envrepro.locks]]."
    )
    assert "  no file there has the name of a lock" in no_lock(tmp_path, [])


def test_unknown_schema(project: Project) -> None:
    """A lock that is not known how to read is unchecked, with the reason."""
    project.write({"uv.lock": "version = 99\n", "requirements.txt": "a==1\n"})

    judged = project.judge("lock", "uv.lock")

    assert (judged["outcome"], judged["reason"]) == (
        "unchecked",
        "uv.lock has schema 99, and the latest that is known here is 1",
    )


def test_read_project(tmp_path: Path) -> None:
    """The name comes from the first file that tells it, the Pythons from the files that declare them."""
    found(
        tmp_path,
        {
            "pyproject.toml": "[project]\nname = 'My_Project'\nrequires-python = '>=3.10'\n",
            "setup.cfg": "[metadata]\nname = other\n",
            ".python-version": "# ours\n3.11\n\n3.12.1\n",
        },
    )

    project = read_project(tmp_path, Files(tmp_path), "pyproject.toml")

    assert project.name == "my-project"
    assert project.requires_python is not None
    assert (project.requires_python.text, project.requires_python.line) == (">=3.10", 3)
    assert [(declared.text, declared.line) for declared in project.python_versions] == [("3.11", 2), ("3.12.1", 4)]


def test_read_project_without_a_word(tmp_path: Path) -> None:
    """A file that cannot be read declares nothing here; the version file is told of."""
    found(tmp_path, {"pyproject.toml": "[project", "setup.cfg": "[metadata]\nname = x\n"})
    (tmp_path / ".python-version").write_bytes(b"\xff\n")

    project = read_project(tmp_path, Files(tmp_path), "pyproject.toml")

    assert (project.name, project.requires_python) == ("x", None)
    assert [(declared.text, declared.line) for declared in project.python_versions] == [("", 1)]


def test_anchor(tmp_path: Path) -> None:
    """Checks of the whole environment are shown at the project's file, at what configured pytest, or at a lock."""
    configured_by = tmp_path / "tox.ini"
    configured_by.touch()

    assert anchor_of(tmp_path, configured_by, ["a.txt"]) == "tox.ini"
    assert anchor_of(tmp_path, tmp_path.parent / "pytest.ini", ["a.txt"]) == "a.txt"
    (tmp_path / "pyproject.toml").touch()
    assert anchor_of(tmp_path, configured_by, ["a.txt"]) == "pyproject.toml"
