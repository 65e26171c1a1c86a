"""The fixtures that tests ask for environments by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.late import load_lending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_envrepro.envs.base import Environment
    from pytest_envrepro.given import Environments


@pytest.fixture(scope="session")
def environments(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Environments:
    """Environments by name or by settings: `.get`, `.throwaway`, `.host`, `.lock`."""
    return load_lending(request.config).given(tmp_path_factory)


@pytest.fixture
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """The environment that the test's marker declares: shared with other tests, and read-only."""
    lending = load_lending(request.config)
    lending.given(tmp_path_factory)
    yield from lending.shared(request.node)


@pytest.fixture
def throwaway_venv(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """A private virtualenv, which the test may change: as its marker declares it, else an empty one."""
    lending = load_lending(request.config)
    lending.given(tmp_path_factory)
    yield from lending.private(request.node, "throwaway_venv")


@pytest.fixture
def throwaway_container(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    """A private running container, which the test may change: as its marker declares it, else an empty one."""
    lending = load_lending(request.config)
    lending.given(tmp_path_factory)
    yield from lending.private(request.node, "throwaway_container")
