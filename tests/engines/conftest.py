"""The fixtures of these tests."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from pytest_envrepro.engines import connect
from pytest_envrepro.enginevalues import Order

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


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process on a machine of its own: what it leaves is not swept by sessions of other tests."""
    name = uuid4().hex
    monkeypatch.setattr(platform, "node", lambda: name)
