"""What tests of sessions with environments share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from borrowing import Suite, filled

import pytest_envrepro.lending
import pytest_envrepro.returning  # noqa: F401  # Once here, and not again in every session that a test runs.

if TYPE_CHECKING:
    from pathlib import Path

    from projects import Project
    from workbench import Bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Give the wheels; nobody adds to them."""
    return filled(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the cache of all tests that do not ask for one of their own."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def suite(project: Project, bench: Bench, shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Give a project whose tests ask for environments; what other tests have made is there already."""
    monkeypatch.delenv("PYTEST_ENVREPRO_OFFLINE", raising=False)
    monkeypatch.delenv("PYTEST_ENVREPRO_KEEP", raising=False)
    return Suite(project, bench, shared_cache, monkeypatch)


@pytest.fixture
def fresh(suite: Suite, tmp_path: Path) -> Suite:
    """Give the same, where nothing is made yet."""
    suite.use(tmp_path / "fresh")
    return suite
