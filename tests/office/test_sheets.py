"""A workbook of somebody's, computed and saved by LibreOffice, read as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path

from openpyxl import Workbook

import kbind as kb


def test_a_sheet_that_libreoffice_has_saved_is_read(
    tmp_path: Path, recalculate: Callable[[Sequence[Path]], list[Path]]
) -> None:
    """Results of formulas, errors of cells, dates and ids are what the spreadsheet shows."""
    book = Workbook()
    for row in (
        ["Orders"],
        [],
        ["customer_id", "timestamp", "amount", "day", "shop", "bonus"],
        ["007", datetime(2024, 1, 5, 10, 30), "=1+0.5", date(2024, 1, 5), '=IF(1=1,"","x")', 1],
        ["8", "=B4+30", "=C4*2", "=D4+1", "b", "=1/0"],
    ):
        book.active.append(row)
    for cell, form in (("B5", "yyyy-mm-dd hh:mm"), ("D5", "yyyy-mm-dd")):
        book.active[cell].number_format = form
    path = tmp_path / "events.xlsx"
    book.save(path)
    data = kb.open_dataset(recalculate([path])[0])
    read = data.table("events")
    assert read["customer_id"].tolist() == ["007", "8"]
    assert read["timestamp"].tolist() == [datetime(2024, 1, 5, 10, 30), datetime(2024, 2, 4, 10, 30)]
    assert read["amount"].tolist() == [1.5, 3]
    assert data.tables["events"].columns["day"] == "DATE"
    assert read["shop"].tolist() == [None, "b"]
    assert read["bonus"].fillna(-1).tolist() == [1, -1]
