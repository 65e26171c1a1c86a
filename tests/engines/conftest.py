"""The fixtures of these tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.engine import Order
from pytest_envrepro.engines import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.engine import Container


@pytest.fixture(scope="module")
def shared(base_image: str) -> Iterator[Container]:
    """Give a container that the tests of a module share: none changes it but in a folder of its own."""
    engine = connect(os.environ)
    yield engine.start(
        Order(image=base_image, title="shared", network="none", scratch=("/tmp",), workdir="/app")  # noqa: S108  # There.
    )
    engine.close()
