"""Files of containers below links, as tests read and write them: a link may lead into memory, which no archive has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from boxing import table

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

pytestmark = pytest.mark.requires_integration("docker-engine")

TESTS = """
import pytest

@pytest.mark.environment("box")
def test_shared(environment):
    environment.run("sh", "-c", "echo 7 > /run/app.pid")

    assert environment.read("/var/run/app.pid") == b"7\\n"

@pytest.mark.environment("box")
def test_own(throwaway_container):
    throwaway_container.run("sh", "-c", "ln -s /dev/shm /data; echo old > /orig; ln -s orig /l1; cd /app; ln -s /data d")

    throwaway_container.write("/data/x", "hello")
    throwaway_container.write("d/y", "here")
    throwaway_container.write("/l1", "new")

    assert throwaway_container.run("cat", "/data/x", "/dev/shm/y", "/orig").stdout == "helloherenew"
    assert throwaway_container.read("/data/x") == b"hello"
    assert throwaway_container.run("readlink", "/l1").stdout == "orig\\n"
"""


def test_files_below_links(boxes: Suite, base: Base) -> None:
    """What is written is where programs find it, and what they have written is read."""
    boxes.write(TESTS, table(base.reference))

    boxes.run().assert_outcomes(passed=2)
