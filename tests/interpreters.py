"""Pythons for tests: those of this machine, and installations of their own that a test may break."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.errors import InterpreterNotFound
from pytest_envrepro.pythons.interpreters import Finder

if TYPE_CHECKING:
    from pytest_envrepro.interpreter import Python

VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")  # Environments are made with them.
HERE = Path(os.path.realpath(sys.executable))


def need(version: str, cache: Path) -> Python:
    """Give a Python of this machine; a laptop that lacks it skips, CI fails unless it says that it has no pyenv."""
    try:
        return Finder(root=Path("/"), environ=os.environ, cache=cache).find(version)
    except InterpreterNotFound as error:
        may_be_missing = "pyenv" in os.environ.get("ENVREPRO_OPTIONS", "")
        if os.environ.get("CI", "").lower() not in {"", "0", "false"} and not may_be_missing:
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def copied(prefix: Path, source: Path = HERE) -> Path:
    """Give the interpreter of an installation of its own: a copy of the program, with the same library."""
    program = prefix / "bin" / source.name
    program.parent.mkdir(parents=True)
    shutil.copy2(source, program)
    (prefix / "lib").mkdir()
    (prefix / "lib" / source.name).symlink_to(source.parent.parent / "lib" / source.name)
    for name in ("python", "python3"):
        (program.parent / name).symlink_to(source.name)
    return program


def script(path: Path, text: str) -> Path:
    """Write a program of `sh`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path
