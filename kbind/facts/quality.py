"""Rows of a data set by period, as facts, and what is to be settled about them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from kbind.dataset.quality import Quality
from kbind.text.facts import Fact

_LOGS = ("events", "subscriptions", "customers")
#: Chapters that use a table; without the table that most chapters rest on, which is in `USES`.
TOUCHED = {
    "customers": ("03", "04", "05"),
    "events": ("01", "01d", "02", "03"),
    "subscriptions": ("01", "01b", "02", "03", "04", "05"),
    "cancellations": ("02", "04"),
    "tickets": ("03", "04", "06"),
    "feedback": ("03", "04", "06"),
    "contacts": ("02", "03", "06"),
    "campaigns": ("03", "06", "07"),
}
#: Of these, the ones that look at money only.
OF_MONEY = ("01b", "01d", "05")


@dataclass(frozen=True)
class Concern:
    """Something to be settled.

    Parameters
    ----------
    text : str
        One sentence.
    brief : str
        The same as the end of a sentence: "in „Kunden“ fehlen viele Angaben".
    ask : str
        What to do about it: whom to ask what.
    chapters : tuple of str
        Numbers of the chapters that it may spoil.
    facts : tuple of Fact
        The numbers in the sentences.
    """

    text: str
    brief: str
    ask: str
    chapters: tuple[str, ...]
    facts: tuple[Fact, ...] = ()


def main_table(found: Quality) -> str:
    """The table that most chapters rest on."""
    return next(name for name in _LOGS if name in set(found.tables["table"]))


def by_period(found: Quality) -> pd.DataFrame:
    """Rows by period of the main table."""
    frame = found.calendar
    return frame[frame["table"] == main_table(found)].reset_index(drop=True)


def rows_of_periods(found: Quality) -> list[Fact]:
    """Rows of the main table in every period."""
    definition = f"rows of {main_table(found)} in the {found.period}"
    return [
        Fact(f"rows.{row['period']}", float(row["rows"]), "rows", definition, source="quality(data)")
        for _, row in by_period(found).iterrows()
    ]
