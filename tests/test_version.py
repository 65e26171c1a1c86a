"""The version: one line says it, and all others follow."""

from __future__ import annotations

from importlib.metadata import version

import pytest_envrepro


def test_version() -> None:
    """What the package says is what was built."""
    assert pytest_envrepro.__version__ == version("pytest-envrepro")
