"""Fixtures for tests of whole sessions that use environments, and of those that are ended meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from borrowing import Suite, filled
from boxing import Base, based

if TYPE_CHECKING:
    from collections.abc import Iterator
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


@pytest.fixture(scope="session")
def base(base_image: str, docker_api: Any) -> Iterator[Base]:  # noqa: ARG001  # It is made of that.
    """Give an image of this run's own that containers begin with; what comes of it is gone in the end."""
    with based(docker_api) as found:
        yield found


@pytest.fixture
def boxes(suite: Suite, base: Base, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Give a project whose tests ask for containers; no image is pulled."""
    monkeypatch.setenv("BASE", base.reference)
    return suite
