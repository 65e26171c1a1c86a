"""Most of it runs inside four environments: on two Pythons, each with the oldest and with the newest dependencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_envrepro import matrix

if TYPE_CHECKING:
    from pytest_envrepro import Environments

everywhere = pytest.mark.environment(
    "library",
    inside=True,
    python=matrix("3.9", "3.13"),
    resolution=matrix("lowest-direct", "highest"),
)


@everywhere
@pytest.mark.parametrize(("count", "laid"), [(0, []), (2, [[0, 1]]), (5, [[0, 1], [2, 3], [4]])])
def test_pages(count: int, laid: list[list[int]]) -> None:
    from paging import pages

    assert pages(range(count), 2) == laid


@everywhere
def test_whole_pages() -> None:
    from paging import pages

    with pytest.raises(ValueError, match="not divisible by"):
        pages(range(5), 2, whole=True)


def test_the_oldest_is_what_is_promised(environments: Environments) -> None:
    """This one runs outside, and looks: `more-itertools>=8.7` was tested with 8.7.0, and with no later one."""
    oldest = environments.get("library", python="3.9", resolution="lowest-direct")

    assert str(oldest.inventory()["more-itertools"].version) == "8.7.0"
