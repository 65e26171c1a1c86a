"""What the command of `replicate-local` prints beside requirements: it holds for what a test installs as well."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import making
import pytest

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

TESTS = """
def test_it(environments):
    private = environments.throwaway("replica")
    assert "private" in private.inventory()
    private.install("further")
    assert "further" in private.inventory()
"""
TABLE = """
[tool.envrepro.environments.replica]
KIND
replicate-local = ["PYTHON", "print.py"]
"""


def write(suite: Suite, kind: str) -> None:
    """Write a project whose command counts how often it runs."""
    making.wheel(suite.path / "the-wheels", "private", "1.0")
    making.wheel(suite.path / "the-wheels", "further", "1.0")
    printing = "print('--find-links the-wheels\\nprivate==1.0')\nopen('times', 'a').write('.')\n"
    suite.write(TESTS, TABLE.replace("KIND", kind).replace("PYTHON", sys.executable), print=printing)


@pytest.mark.requires_integration("docker-engine")
def test_container(boxes: Suite, base: Base) -> None:
    """In a container, as in a virtualenv; and the command runs once."""
    write(boxes, f'kind = "container"\nbase-image = "{base.reference}"\npull = "never"')

    boxes.run().assert_outcomes(passed=1)

    assert (boxes.path / "times").read_text() == "."


def test_virtualenv(suite: Suite) -> None:
    """In a virtualenv."""
    write(suite, "")

    suite.run().assert_outcomes(passed=1)

    assert (suite.path / "times").read_text() == "."
