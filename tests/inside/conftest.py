"""The fixtures of these tests."""

from __future__ import annotations

import pytest
from inside.sessions import Sessions
from suites import base, bench, boxes, fresh, shared_cache, suite  # noqa: F401  # Fixtures.

import pytest_envrepro.inside
import pytest_envrepro.returning  # noqa: F401  # Once here, and not again in every session that a test runs.


@pytest.fixture(scope="session")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Sessions:
    """Give what runs sessions in a folder."""
    return Sessions(tmp_path_factory.mktemp("inside") / "project")
