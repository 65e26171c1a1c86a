"""`poetry.lock`: what Poetry's locks have of their own."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
import toolshed
from natives import changed

if TYPE_CHECKING:
    from natives import Native

pytestmark = [
    pytest.mark.requires_integration("network", "compilers"),
    pytest.mark.parametrize("native", ["poetry"], indirect=True),
]


def test_schema_of_another_version(native: Native) -> None:
    """A lock of Poetry 2.0 tells of no groups: what only the new one tells is no change."""
    text = re.sub(r"(?m)^(groups|markers) = .*\n", "", native.lock.read_text())
    native.lock.write_text(text.replace('lock-version = "2.1"', 'lock-version = "2.0"'))

    assert native.judge()["outcome"] == "clean"


def test_poetry_1(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    """Poetry 1 keeps pins where it is told to; its version is that of the distribution beside the program."""
    program = native.project.path / "old" / "bin" / "poetry"
    native.project.write(
        {
            "old/bin/poetry": '#!/bin/sh\necho "error: $*" >&2\nexit 1\n',
            "old/lib/python3.11/site-packages/poetry-1.8.5.dist-info/METADATA": "",
        }
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(program.parent), os.defpath]))

    assert native.judge()["reason"] == "poetry 1.8.5 has failed: error: lock --no-update"


def shim(native: Native, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Put a script in the place of Poetry, as pyenv and asdf do, with nothing installed beside it."""
    program = native.project.path / "shims" / "poetry"
    native.project.write({"shims/poetry": f"#!/bin/sh\n{body}\n"})
    program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(program.parent), os.defpath]))


def test_shim(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a shim starts may be another version tomorrow: its word is not remembered."""
    chosen = native.home / "poetry"
    chosen.symlink_to(toolshed.program("poetry"))
    shim(native, monkeypatch, f'exec {chosen} "$@"')
    native.index.add("markupsafe", "3.0")
    assert native.judge()["outcome"] == "clean"

    chosen.unlink()

    assert native.judge()["outcome"] == "unchecked"


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("Poetry (version 1.8.5)", "the poetry on PATH has failed: error: lock --no-update"),
        ("Poetry (version 2.0.0.dev0)", "the poetry on PATH has failed: error: lock"),
        ("", "the poetry on PATH does not tell its version, which decides how it is told to keep pins"),
    ],
)
def test_version_of_a_shim(native: Native, monkeypatch: pytest.MonkeyPatch, version: str, reason: str) -> None:
    """Poetry 1 keeps pins where it is told to, and nothing beside a shim tells which it is: it is asked."""
    body = f'[ "$1" = --version ] && echo "{version}" && exit\necho "error: $*" >&2\nexit 1'
    shim(native, monkeypatch, body)

    assert native.judge()["reason"] == reason


def test_extras(native: Native) -> None:
    """An extra of the project is locked too."""
    native.edit(
        "pyproject.toml",
        "[dependency-groups]",
        '[project.optional-dependencies]\nweb = ["httpx"]\n\n[dependency-groups]',
    )

    assert changed(native.judge()) == [("anyio", None, "4.0"), ("httpx", None, "1.0")]


def test_folder_of_the_project(native: Native) -> None:
    """A package in a folder of the project is read there: all is copied, and nothing is remembered."""
    native.edit("pyproject.toml", '    "flask>=2",\n', '    "flask>=2",\n    "lib",\n')
    native.edit(
        "pyproject.toml",
        "[[tool.poetry.source]]",
        '[tool.poetry.dependencies]\nlib = { path = "lib" }\n\n[[tool.poetry.source]]',
    )
    inner = '[project]\nname = "lib"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["{}"]\n'
    native.project.write({"lib/pyproject.toml": inner.format("anyio"), "lib/lib/__init__.py": ""})
    native.compile()
    assert native.judge()["outcome"] == "clean"
    native.project.write({"lib/pyproject.toml": inner.format("httpx")})

    assert changed(native.judge()) == [("httpx", None, "1.0")]


def test_python_outside(native: Native) -> None:
    """A project that this Python is not for: Poetry's own words."""
    native.edit("pyproject.toml", '">=3.9"', '">=3.98"')

    check = native.judge()

    assert check["outcome"] == "unchecked"
    assert ">=3.98" in check["reason"]
