"""Containers that could not be made, and are asked for again in the same session when what was wrong is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from boxing import base_of_a_test, table  # noqa: F401  # One is a fixture.

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

pytestmark = pytest.mark.requires_integration("docker-engine")

OWN = """
[tool.envrepro.environments.mine]
kind = "container"
dockerfile = "Dockerfile"
pull = "never"
"""
MENDED = """
import pathlib
import pytest
import pytest_envrepro

FILE = pathlib.Path(__file__).with_name("Dockerfile")
TIMES = pathlib.Path(__file__).with_name("times")

@pytest.mark.environment("mine")
def test_marked(environment): pass

def test_again(environments):
    with pytest.raises(pytest_envrepro.BuildError, match="the Dockerfile: see the first test that asked for it"):
        environments.get("mine")

def test_mended(environments):
    FILE.write_text(FILE.read_text().replace("RUN false", "RUN echo mended > /said"))
    assert environments.get("mine").run("cat", "/said").stdout == "mended\\n"

def test_broken_again(environments):
    FILE.write_text(FILE.read_text().replace("RUN echo", "RUN false; false"))
    with pytest.raises(pytest_envrepro.BuildError, match="RUN false; false mended"):
        environments.get("mine")

def test_gone(environments):
    text = FILE.read_text()
    FILE.unlink()
    with pytest.raises(pytest_envrepro.SettingsError, match="Dockerfile"):
        environments.get("mine")
    FILE.write_text(text.replace("RUN false; false", "RUN echo"))
    assert environments.get("mine").run("cat", "/said").stdout == "mended\\n"
"""


def test_dockerfile(boxes: Suite, base: Base) -> None:
    """A Dockerfile that failed and is mended is built; what has not changed is not tried again."""
    boxes.write(MENDED, OWN)
    boxes.project.write({"Dockerfile": f"FROM {base.reference}\nRUN false\n"})

    result = boxes.run("-v")

    result.assert_outcomes(passed=4, errors=1)
    assert [line for line in result.outlines if "test_marked ERROR" in line]


BASE = """
import docker
import pytest
import pytest_envrepro

def test_missing(environments):
    with pytest.raises(pytest_envrepro.EngineError, match=" is not on "):
        environments.get("box")

def test_there(environments):
    api = docker.APIClient(version="auto")
    api.tag("BASE", "TAGGED", "later")
    api.close()
    assert environments.get("box").run("true")
"""


def test_base(boxes: Suite, base: Base) -> None:
    """A base image that was not there, and is now, as a fixture makes it, is looked for again."""
    tagged = base.reference.partition(":")[0]
    boxes.write(BASE.replace("BASE", base.reference).replace("TAGGED", tagged), table(f"{tagged}:later"))

    result = boxes.run()

    result.assert_outcomes(passed=2)
