"""Lays items on pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from more_itertools import chunked

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def pages(items: Iterable[T], size: int, *, whole: bool = False) -> list[list[T]]:
    """Give lists of `size` items; the last may have fewer, unless all are to be whole."""
    return list(chunked(items, size, strict=whole))
