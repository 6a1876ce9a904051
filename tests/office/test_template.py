"""The formulas of the template, computed by LibreOffice, against kbind's numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

import kbind as kb
from kbind.report.template import write_template
from kbind.text.messages import LANGUAGES

FIRST, LAST = 6, 41
PERIODS = LAST - FIRST + 1
TYPED = ("first_day", "last_day", "customers_start", "gained", "lost")
REVENUE = ("revenue_start", "revenue_lost", "revenue_contraction", "revenue_expansion")
RATES = ("customers_end", "retention", "retention_ci_lower", "retention_ci_upper", "churn", "churn_year")
#: What is typed into the last rows: nothing, or what cannot be; and what the sheet says of it.
WRONG: tuple[tuple[tuple[Any, ...], str], ...] = (
    ((None, None, None, None, None), ""),
    ((None, None, 20, None, 1), "incomplete"),
    ((date(2090, 1, 1), date(2090, 1, 31), 20, 5, 21), "more_lost"),
    ((date(2091, 1, 1), date(2091, 1, 31), 0, 5, 0), "nobody"),
    ((date(2092, 1, 31), date(2092, 1, 1), 20, 5, 1), "backwards"),
    ((date(2093, 1, 1), date(2093, 1, 31), 20.5, 5, 1), "whole"),
    ((date(2093, 1, 15), date(2093, 2, 14), 20, 5, 1), "overlap"),
    ((date(2094, 1, 1), date(2094, 1, 31), "twenty", 5, 1), "incomplete"),
)

SAID = {
    "incomplete": {"de": "unvollständig", "en": "incomplete"},
    "more_lost": {"de": "mehr verloren als da waren", "en": "more lost than there were"},
    "nobody": {"de": "am Anfang war niemand da", "en": "nobody at the start"},
    "backwards": {"de": "endet vor dem Beginn", "en": "ends before it starts"},
    "whole": {"de": "nur ganze Zahlen ab 0", "en": "whole numbers from 0 only"},
    "overlap": {"de": "überschneidet die Zeile davor", "en": "overlaps the row above"},
}


class Filled(NamedTuple):
    lang: str
    path: Path
    rows: pd.DataFrame


def periods(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Random counts and revenue, limits among them: nobody lost, all lost, one customer, very many."""
    rows, day = [], date(2020, 1, 1)
    for i in range(n):
        last = day + timedelta(days=int(rng.integers(0, 400)))
        start = int(rng.choice([1, 20, 44, 1000, 10**7]) if i % 3 else rng.integers(1, 500))
        lost = [0, start, int(rng.integers(0, start + 1))][i % 3]
        revenue = round(float(rng.uniform(1, 1e6)), 2)
        gone = [round(float(rng.uniform(0, revenue / 2)), 2) for _ in range(2)] if i % 5 else [0.0, 0.0]
        rows.append(
            (day, last, start, int(rng.integers(0, 300)), lost, revenue, *gone, round(revenue * rng.random(), 2))
        )
        day = last + timedelta(days=int(rng.integers(1, 20)))
    return pd.DataFrame(rows, columns=[*TYPED, *REVENUE])


@pytest.fixture(scope="module")
def filled(
    tmp_path_factory: pytest.TempPathFactory, recalculate: Callable[[Sequence[Path]], list[Path]]
) -> list[Filled]:
    """A filled template in each language, as LibreOffice has computed and saved it."""
    folder, done = tmp_path_factory.mktemp("filled"), []
    for seed, lang in enumerate(LANGUAGES):
        path = write_template(folder / f"{lang}.xlsx", lang=lang)
        rows = periods(np.random.default_rng(seed), PERIODS - len(WRONG))
        book = load_workbook(path)
        customers, revenue, reasons = book.worksheets[1:4]
        for i, row in enumerate(rows.itertuples(index=False), start=FIRST):
            for letter, value in zip("ABCDE", row[:5], strict=True):
                customers[f"{letter}{i}"] = value
            for letter, value in zip("CDEF", row[5:], strict=True):
                revenue[f"{letter}{i}"] = value
            reasons[f"D{i}"], reasons[f"E{i}"] = row.lost // 2, row.lost // 4
        for i, (values, _) in enumerate(WRONG, start=FIRST + len(rows)):
            for letter, value in zip("ABCDE", values, strict=True):
                customers[f"{letter}{i}"] = value
        book.save(path)
        done.append((lang, path, rows))
    saved = recalculate([path for _, path, _ in done])
    return [Filled(lang, path, rows) for (lang, _, rows), path in zip(done, saved, strict=True)]


def values(sheet: Any, row: int, letters: str) -> list[Any]:
    found = [sheet[f"{letter}{row}"].value for letter in letters]
    return [None if value == "" else value for value in found]


def expected(rows: pd.DataFrame) -> pd.DataFrame:
    return kb.period_rates(kb.open_dataset({"periods": rows})).to_frame()


def test_formulas_give_kbinds_numbers(filled: list[Filled]) -> None:
    """Every rate and limit of every row, to a millionth of a millionth."""
    for lang, path, rows in filled:
        book, numbers = load_workbook(path, data_only=True), expected(rows)
        for i, row in enumerate(numbers.itertuples(index=False), start=FIRST):
            found = values(book.worksheets[1], i, "FGHIJK")
            assert found == pytest.approx([getattr(row, name) for name in RATES], rel=1e-12, abs=1e-12), (lang, i)
            assert values(book.worksheets[2], i, "HI") == pytest.approx([row.grr, row.nrr], rel=1e-12, abs=1e-12)
            assert values(book.worksheets[3], i, "L") == [row.lost - row.lost // 2 - row.lost // 4]


def test_limits_stand_in_the_right_columns(filled: list[Filled]) -> None:
    """The first example by hand: 19 of 20 stay, Wilson's limits as printed for it."""
    for _, path, _ in filled:
        sheet = load_workbook(path, data_only=True).worksheets[4]
        assert values(sheet, FIRST, "FGHIJ") == pytest.approx([24, 0.95, 0.7638688, 0.9911186, 0.05], abs=1e-7)
        assert values(sheet, FIRST + 1, "FGHI") == pytest.approx([43, 31 / 44, 0.5577980, 0.8184447], abs=1e-7)


def test_what_cannot_be_is_named_and_not_computed(filled: list[Filled]) -> None:
    """Rows that are empty, incomplete or impossible stay empty and say why; nowhere is there an error value."""
    for lang, path, rows in filled:
        book = load_workbook(path, data_only=True)
        sheet = book.worksheets[1]
        for i, (_, key) in enumerate(WRONG, start=FIRST + len(rows)):
            assert values(sheet, i, "L") == [SAID[key][lang] if key else None], (lang, i)
            if key in ("", "incomplete", "more_lost", "nobody"):
                assert values(sheet, i, "GHIJK") == [None] * 5, (lang, i)
        assert not [cell.coordinate for page in book for line in page for cell in line if cell.data_type == "e"]


def test_a_workbook_that_libreoffice_has_saved_is_read(filled: list[Filled], tmp_path: Path) -> None:
    """The same counts come back, and impossible rows are named by their cells."""
    for _, path, rows in filled:
        book = load_workbook(path)
        for i in range(FIRST + len(rows), LAST + 1):
            for letter in "ABCDE":
                book.worksheets[1][f"{letter}{i}"] = None
        copy = tmp_path / path.name
        book.save(copy)
        read = kb.open_dataset(copy).table("periods")
        assert read[list(TYPED[2:])].astype(int).equals(rows[list(TYPED[2:])])
        assert read[list(REVENUE)].equals(rows[list(REVENUE)])
        assert read["first_day"].dt.date.tolist() == rows["first_day"].tolist()
        with pytest.raises(kb.DatasetError, match=f"cell C{LAST} "):
            kb.open_dataset(path)
