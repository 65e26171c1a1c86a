from __future__ import annotations

import subprocess
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from expenses import add_up, write_workbook

if TYPE_CHECKING:
    from pathlib import Path

LINES = ("train,12.50", "food,8.20", "train,3.00")


def test_sums() -> None:
    assert add_up(LINES) == {"food": Decimal("8.20"), "train": Decimal("15.50")}


def test_no_expenses() -> None:
    assert add_up(()) == {}


@pytest.mark.requires_integration("workbook", reason="writes .xlsx")
class TestWorkbook:
    @pytest.mark.parametrize("lines", [LINES, ()], ids=["some", "none"])
    def test_total(self, lines: tuple[str, ...], tmp_path: Path) -> None:
        from openpyxl import load_workbook

        write_workbook(add_up(lines), tmp_path / "expenses.xlsx")

        rows = list(load_workbook(tmp_path / "expenses.xlsx").active.values)
        assert rows[-1] == ("total", float(sum(add_up(lines).values())))

    @pytest.mark.requires_tools("unzip")
    def test_is_a_zip_file(self, tmp_path: Path) -> None:
        path = tmp_path / "expenses.xlsx"
        write_workbook(add_up(LINES), path)

        listed = subprocess.run(["unzip", "-l", path], stdout=subprocess.PIPE, check=True)

        assert b"workbook.xml" in listed.stdout
