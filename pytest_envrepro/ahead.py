"""What can be known of the next test while the body of one runs: the source that it will come with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.declarations import marks
from pytest_envrepro.declaring import is_inside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_envrepro.shipments import Shipment
    from pytest_envrepro.shipping import Shipper


def source_ahead(
    item: pytest.Item | None, now: Shipment, shipper: Callable[[pytest.Item], Shipper]
) -> Mapping[str, Any] | None:
    """Give the source that a test will come with; None where it has none of its own, or that cannot be known yet.

    Args:
        item: the next one, if any.
        now: the one that runs: with other values of its parameters it comes with the same source.
        shipper: gives what writes a test down.
    """
    try:
        told = _source(item, shipper) if isinstance(item, pytest.Function) and is_inside(marks(item)) else None
    except Exception:  # noqa: BLE001  # Whatever is wrong with it, it is told when it is its turn, and no fault of this one's.
        return None
    return None if told is None or (now.module or {}).get("source") == told["source"] else told


def _source(item: pytest.Function, shipper: Callable[[pytest.Item], Shipper]) -> Mapping[str, Any] | None:
    if item.cls is None:
        return shipper(item).ahead(item.obj, item.module.__name__, None)
    # Its object is made when it is set up: nothing of that is touched before.
    function: Any = getattr(item.cls, item.originalname)
    holder = item.cls.__qualname__.partition(".")[0]
    return shipper(item).ahead(getattr(function, "__func__", function), item.module.__name__, holder)
