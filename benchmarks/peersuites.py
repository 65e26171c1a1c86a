"""The same two tests for each plugin that gives tests containers: a container each, of an image with one package in it."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LABEL = "envrepro-benchmark"  # Of each image that is made here, and so of each container of one.
_PROGRAM = ["/opt/environment/bin/python", "-c", "import alpha; print(alpha.version)"]

# `BOX` has the lines that make `box`, which runs a program and gives what that has written.
_TESTS = f"""
import json, os, signal, subprocess, time
from pathlib import Path
import pytest

{{box}}

def _noted(box):
    begin = time.monotonic()
    assert box({_PROGRAM!r}).strip() in ("1.0", b"1.0")
    with Path("taken").open("a") as file:
        file.write(f"{{{{begin}}}} {{{{time.monotonic()}}}}\\n")

def test_one(box):
    _noted(box)
    if "PAUSE" in os.environ:
        Path("ready").touch()
        signal.pause()

def test_two(box):
    _noted(box)
"""

# What we do with `requirements`, as people write it by hand: one more step would be one more layer.
_DOCKERFILE = """
FROM {base}
COPY wheels /wheels
RUN python3 -m venv /opt/environment
RUN /opt/environment/bin/pip install --no-index --find-links=/wheels alpha==1.0
"""

_OURS = """
pytestmark = pytest.mark.environment("box")

@pytest.fixture
def box(throwaway_container):
    return lambda argv: throwaway_container.run(*argv).stdout
"""

_TABLE = """
[tool.envrepro.environments.box]
kind = "container"
base-image = "{base}"
pull = "never"
requirements = ["alpha==1.0"]
"""

_TESTCONTAINERS = """
from testcontainers.core.container import DockerContainer
from testcontainers.core.image import DockerImage

@pytest.fixture(scope="session")
def image():
    with DockerImage(path=".", tag="{tag}", clean_up=False) as image:
        yield image

@pytest.fixture
def box(image):
    with DockerContainer(str(image)).with_command("sleep infinity") as container:
        yield lambda argv: container.exec(argv).output
"""

_TOOLS = """
from pytest_docker_tools import build, container

image = build(path=".", tag="{tag}")
container_of_it = container(image="{{image.id}}", command=["sleep", "infinity"])

@pytest.fixture
def box(container_of_it):
    return lambda argv: container_of_it.exec_run(argv).output
"""

# Its own commands are those of Compose 2; with 1.29 there is no `up --wait`, and the program is called otherwise.
_DOCKER = """
FILE = str(Path(__file__).with_name("docker-compose.yml"))

@pytest.fixture(scope="session")
def docker_compose_file():
    return FILE

@pytest.fixture(scope="session")
def docker_compose_command():
    return "docker-compose"

@pytest.fixture(scope="session")
def docker_setup():
    return ["up --build -d"]

@pytest.fixture
def box(docker_services, docker_compose_project_name):
    words = ["docker-compose", "-f", FILE, "-p", docker_compose_project_name, "exec", "-T", "box"]
    return lambda argv: subprocess.check_output([*words, *argv])
"""

_COMPOSE = """
version: "2.4"
services:
  box:
    build: .
    image: "{tag}"
    command: sleep infinity
    init: true
"""
_WHEEL = {
    "alpha.py": "version = '1.0'\n",
    "alpha-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: alpha\nVersion: 1.0\n",
    "alpha-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "alpha-1.0.dist-info/RECORD": (
        "alpha.py,,\nalpha-1.0.dist-info/METADATA,,\nalpha-1.0.dist-info/WHEEL,,\nalpha-1.0.dist-info/RECORD,,\n"
    ),
}


class Suite(NamedTuple):
    """One plugin's project.

    Attributes:
        box: its fixture.
        plugins: what pytest loads, and nothing else.
        options: further options of pytest.
        files: further files.
        variables: what it needs besides.
    """

    box: str
    plugins: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    files: Mapping[str, str] = {}
    variables: Mapping[str, str] = {}

    def written(self, base: str, tag: str) -> dict[str, str]:
        """Give all files of it, by name.

        Args:
            base: the image to start from.
            tag: how the image is called that is built.
        """
        box = self.box.format(base=base, tag=tag) if "{tag}" in self.box else self.box
        files = {name: text.format(base=base, tag=tag) for name, text in self.files.items()}
        return {"pytest.ini": "[pytest]\n", "test_it.py": _TESTS.format(box=box), **files}


SUITES = {
    "pytest-envrepro": Suite(_OURS, ("pytest_envrepro.plugin",), files={"pyproject.toml": _TABLE}),
    "testcontainers": Suite(
        _TESTCONTAINERS, files={"Dockerfile": _DOCKERFILE}, variables={"TESTCONTAINERS_RYUK_DISABLED": "true"}
    ),
    "pytest-docker": Suite(
        _DOCKER,
        ("pytest_docker",),
        ("--container-scope=function",),
        {"Dockerfile": _DOCKERFILE, "docker-compose.yml": _COMPOSE},
        # The builder that the others use.
        {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"},
    ),
    "pytest-docker-tools": Suite(_TOOLS, ("pytest_docker_tools.plugin",), files={"Dockerfile": _DOCKERFILE}),
}


def write_wheel(folder: Path) -> None:
    """Write the one package that all of them install, the same bytes each time."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "alpha-1.0-py3-none-any.whl", "w") as archive:
        for name, text in _WHEEL.items():
            archive.writestr(zipfile.ZipInfo(name), text)
