"""Adds up expenses, and writes them as a workbook where that part is installed."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def add_up(lines: Iterable[str]) -> dict[str, Decimal]:
    """Give the sum of each kind in lines of `kind,amount`."""
    sums: Counter[str] = Counter()
    for kind, amount in csv.reader(lines):
        sums[kind] += Decimal(amount)
    return dict(sorted(sums.items()))


def write_workbook(sums: Mapping[str, Decimal], path: Path) -> None:
    """Write a workbook with a row for each kind, and the total."""
    from openpyxl import Workbook

    workbook = Workbook()
    for row in (*sums.items(), ("total", sum(sums.values()))):
        workbook.active.append(row)
    workbook.save(path)
