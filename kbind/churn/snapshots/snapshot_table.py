"""Snapshots: features as of observation dates, with the outcome that followed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from kbind.dataset.provenance import Provenance
from kbind.result import Shown
from kbind.typing import Bools, Dates, Floats, Objects


@dataclass(frozen=True)
class Feature:
    """What a column of the features means, in parts that words can be made of.

    Parameters
    ----------
    name : str
        Its column.
    measure : str
        What is measured: "attribute", "tenure", "count", "sum", "days_since", ...
    table : str
        Table it is made from.
    column : str
        Column it is made from; empty for counts of rows.
    level : str
        Kind of row that is counted, such as "login"; empty for all.
    window : int
        Days it looks back; 0 for all of the past.
    """

    name: str
    measure: str
    table: str
    column: str = ""
    level: str = ""
    window: int = 0


@dataclass(frozen=True, eq=False)
class Snapshots(Shown):
    """Customers as they were known at observation dates. Made by `snapshots`.

    Attributes
    ----------
    customer : ndarray of object, shape (n,)
        Whom a row is about.
    as_of : ndarray of datetime64[us], shape (n,)
        When; NaT for data without dates, such as one table with a flag.
    features : DataFrame, shape (n, k)
        Numbers (missing: NaN), and categories for what is no number.
    target : ndarray of float, shape (n,)
        1 for customers who decide to leave within the horizon, 0 for those who do not, NaN where not yet known.
    lost_in_lead : ndarray of bool, shape (n,)
        Gone before the horizon begins: excluded from training, lost calls in a backtest.
    value : ndarray of float, shape (n,)
        Money a month at that date; NaN where unknown.
    consent : ndarray of float, shape (n,)
        1 may be contacted, 0 may not; NaN where the data does not say.
    meanings : tuple of Feature
        One a column of the features.
    lead, horizon : int
        Days before the window in which leaving counts, and its length.
    notes : tuple of str
        Columns left out because they may hold the future, and other things to know.
    """

    customer: Objects = field(repr=False)
    as_of: Dates = field(repr=False)
    features: pd.DataFrame = field(repr=False)
    target: Floats = field(repr=False)
    lost_in_lead: Bools = field(repr=False)
    value: Floats = field(repr=False)
    consent: Floats = field(repr=False)
    meanings: tuple[Feature, ...] = field(repr=False)
    lead: int
    horizon: int
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def definition(self) -> str:
        """Who counts as leaving."""
        if np.isnat(self.as_of).all():
            return "One row per customer; target: the flag that says who has left."
        return (
            f"One row per customer and observation date; target: decides to leave between {self.lead} and "
            f"{self.lead + self.horizon} days later."
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a snapshot: customer_id, as_of, the features, target."""
        ends = {"customer_id": self.customer, "as_of": self.as_of}
        front: dict[str, Any] = {name: values for name, values in ends.items() if name not in self.features}
        return pd.concat([pd.DataFrame(front, index=self.features.index), self.features], axis=1).assign(
            target=self.target
        )
