"""Small helpers that turn months and codes into columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .draws import Array, Draws

#: Month 0: when recording began.
FIRST_MONTH = np.datetime64("2022-01", "M")

#: The clock on whose wall all times are read.
ZONE = "Europe/Berlin"


def month_start(month: Array, known: Array | None = None) -> Array:
    """First moment of a month; not a time where it is not known."""
    moments = (FIRST_MONTH + np.asarray(month)).astype("datetime64[us]")
    return moments if known is None else np.where(known, moments, np.datetime64("NaT"))


def moment_in(month: Array, draws: Draws, *, days: int | None = None) -> Array:
    """A moment in a month, or in its first days, between 7 and 19 o'clock: never in a gap of the clock."""
    first = month_start(month)
    length = (month_start(np.asarray(month) + 1) - first) / np.timedelta64(1, "D") if days is None else days
    day = np.floor(length * draws.uniform(len(month))).astype("timedelta64[D]")
    second = np.floor(25_200 + 43_200 * draws.uniform(len(month))).astype("timedelta64[s]")
    return np.asarray(first + day + second)


def coded(codes: Array, names: Sequence[str]) -> Any:
    """Text by number: one copy of each text, however many rows there are; -1 is no text."""
    return pd.Categorical.from_codes(codes, categories=pd.Index(list(names)))
