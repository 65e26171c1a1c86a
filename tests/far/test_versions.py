"""The order of versions elsewhere, where packaging cannot be counted on: it is that of packaging."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from pytest_envrepro.far.versions import InvalidVersion, order

if TYPE_CHECKING:
    from collections.abc import Sequence


def versions() -> Sequence[str]:
    """Give spellings of versions, of which many are equal."""
    releases, pres = ("1", "v1.0.0", "1.0.1", "1!0.5", "2.10", " 2.9"), ("", "a", "-beta.2", "_c1", "rc2", ".preview3")
    ends = ("", ".post", "-1", "r2", ".dev", "_dev3", ".post1.dev2", "+a.1", "+a.b", "+2", "+A-1")
    return ["".join(parts) for parts in product(releases, pres, ends)]


def test_order_of_versions() -> None:
    """Versions come in the order that packaging has them in, and equal ones are equal."""
    spelt = sorted(versions(), key=lambda text: (Version(text), text))

    assert sorted(spelt, key=lambda text: (order(text), text)) == spelt
    for one, other in pairwise(spelt):
        assert (order(one) == order(other)) == (Version(one) == Version(other)), (one, other)


@pytest.mark.parametrize("text", ["many", "", "1..2", "1+", "1.0-", "1 2", "\u0661"])
def test_no_version(text: str) -> None:
    """What is no version is said to be none."""
    with pytest.raises(InvalidVersion, match="Invalid version: "):
        order(text)
