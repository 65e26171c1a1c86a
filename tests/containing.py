"""Fixtures for tests with a real engine: the image that they start from, and what is left of ours on it.

A test that uses one says `requires_integration("docker-engine")`.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.engines import connect
from pytest_envrepro.enginevalues import Order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.engine import Container, Engine

BASE = "envrepro-tests/python:3.11"


@pytest.fixture(scope="session")
def base_image() -> str:
    """Give the reference of the image that tests start from: Debian 12 with `/usr/bin/python3`, and no more.

    It is made where it is not there, which takes a minute or two; CI makes it before the suite.
    """
    done = subprocess.run(
        ["bash", str(Path(__file__).parent / "base_image.sh")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return BASE


@pytest.fixture(scope="session")
def docker_api() -> Iterator[Any]:
    """Give docker-py's own client, for a look at the engine that is not ours."""
    import docker  # noqa: PLC0415  # Where there is no engine, nothing of this is loaded.

    client = docker.APIClient(version="auto")
    yield client
    client.close()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Give our engine; what the test starts is ended after it."""
    engine = connect(os.environ)
    yield engine
    engine.close()


@pytest.fixture
def box(engine: Engine, base_image: str) -> Container:
    """Give a container that has no network."""
    return engine.start(Order(image=base_image, title="box", network="none"))
