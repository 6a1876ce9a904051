"""Rows of a data set by period, as facts."""

from __future__ import annotations

import pandas as pd

from kbind.dataset.quality import Quality
from kbind.text.facts import Fact

_LOGS = ("events", "subscriptions", "customers")


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
        Fact(f"rows.{row['period']}", float(row["rows"]), "count", definition, source="quality(data)")
        for _, row in by_period(found).iterrows()
    ]
