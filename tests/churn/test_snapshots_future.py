"""Whatever happens from an observation date on, the features stay as they are, to the last bit."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.churn.snapshots.snapshot_table import Snapshots
from simulations.company import simulate_saas

DATES = ["2023-09-01", "2024-02-10"]
#: When a row happens, and columns that may be filled in later.
TIMES = {
    "events": ("timestamp", ()),
    "feedback": ("timestamp", ()),
    "cancellations": ("timestamp", ()),
    "tickets": ("opened", ("closed",)),
    "campaigns": ("assigned_at", ()),
    "contacts": ("start", ("end",)),
    "subscriptions": ("start", ("end", "notice_at")),
    "customers": ("acquired_at", ()),
}


@cache
def tables(scenario: str) -> dict[str, pd.DataFrame]:
    data = simulate_saas(200, scenario=scenario, rng=5)
    return {name: data.table(name) for name in data.tables}


def opened(frames: dict[str, pd.DataFrame]) -> kb.Dataset:
    """With a lapse that is declared: where it is not, the whole log says how long a silence is to be."""
    return kb.open_dataset(frames, timezone="Europe/Berlin", as_of="2025-01-01", lapse="56D")


@cache
def untouched(scenario: str) -> Snapshots:
    return kb.snapshots(opened(tables(scenario)), as_of=DATES)


def scrambled(
    frame: pd.DataFrame, time: str, later: tuple[str, ...], at: pd.Timestamp, rng: np.random.Generator
) -> pd.DataFrame:
    """The table with everything from a moment on dropped, moved, exchanged and added to."""
    past, future = frame[frame[time] < at].copy(), frame[frame[time] >= at]
    for name in later:
        ahead = (past[name] >= at).to_numpy()
        moved = at + pd.to_timedelta(rng.integers(0, 500 * 86_400, ahead.sum()), unit="s")
        past.loc[ahead, name] = moved.where(rng.random(ahead.sum()) < 0.6)
    n = int(len(future) * rng.uniform(0, 1.5))
    if n:
        drawn = future.iloc[rng.integers(0, len(future), n)]
        future = drawn.apply(lambda column: column.to_numpy()[rng.permutation(len(drawn))]).astype(
            frame.dtypes.to_dict()
        )
        future = future.drop(columns=list(later)).assign(**dict.fromkeys(later, pd.NaT)).astype(frame.dtypes.to_dict())
        if time != "acquired_at":
            future[time] = at + pd.to_timedelta(rng.integers(0, 300 * 86_400, len(future)), unit="s")
    whole = pd.concat([past, future[frame.columns]]) if n else past
    if time == "acquired_at":
        return whole.drop_duplicates("customer_id")
    return whole.iloc[rng.permutation(len(whole))]


@pytest.mark.parametrize("scenario", ["baseline", "b2c"])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_features_do_not_read_the_future(scenario: str, seed: int) -> None:
    at, rng = pd.Timestamp(DATES[-1]), np.random.default_rng(seed)
    frames = {name: scrambled(frame, *TIMES[name], at, rng) for name, frame in tables(scenario).items()}
    found, wanted = kb.snapshots(opened(frames), as_of=DATES), untouched(scenario)
    assert found.customer.tolist() == wanted.customer.tolist()
    assert (found.as_of == wanted.as_of).all()
    assert found.meanings == wanted.meanings
    pd.testing.assert_frame_equal(found.features, wanted.features, check_exact=True)
    np.testing.assert_array_equal(found.value, wanted.value)
    # and the future was another
    assert (found.lost_in_lead != wanted.lost_in_lead).any() or (found.target[-50:] != wanted.target[-50:]).any()


def test_snapshots_do_not_depend_on_other_dates_or_the_order_of_rows() -> None:
    alone = kb.snapshots(opened(tables("baseline")), as_of=DATES[1])
    rng = np.random.default_rng(1)
    shuffled = {name: frame.iloc[rng.permutation(len(frame))] for name, frame in tables("baseline").items()}
    both = kb.snapshots(opened(shuffled), as_of=[pd.Timestamp(date) for date in reversed(DATES)])
    second = both.as_of == np.datetime64(DATES[1])
    features = both.features[second].reset_index(drop=True)
    for name in features:
        if isinstance(features[name].dtype, pd.CategoricalDtype):
            features[name] = features[name].cat.remove_unused_categories()
    pd.testing.assert_frame_equal(features, alone.features, check_exact=True)
    np.testing.assert_array_equal(both.target[second], alone.target)
