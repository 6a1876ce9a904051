"""Snapshots made by hand: Telco as it is, and a panel of customers whose risk is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.churn.snapshots.snapshot_table import Feature, Snapshots
from kbind.dataset.provenance import Provenance

START, MONTH = np.datetime64("2024-01-01", "us"), 30


def snapshots_of(features: pd.DataFrame, target: Any, **changes: Any) -> Snapshots:
    """Snapshots of one date, or as the changes say."""
    n = len(features)
    parts: dict[str, Any] = {
        "customer": np.arange(n).astype(object),
        "as_of": np.full(n, np.datetime64("NaT", "us")),
        "features": features,
        "target": np.asarray(target, dtype=float),
        "lost_in_lead": np.zeros(n, dtype=bool),
        "value": np.full(n, np.nan),
        "consent": np.full(n, np.nan),
        "meanings": tuple(Feature(c, "tenure" if c == "tenure" else "attribute", "customers", c) for c in features),
        "lead": 0,
        "horizon": MONTH,
        "notes": (),
        "provenance": Provenance("made by hand", None, None),
    }
    return Snapshots(**parts | changes)


def panel(
    rng: np.random.Generator, customers: int, months: int, *, lead: int = 1, horizon: int = 1, noise: int = 2
) -> Snapshots:
    """A snapshot a month of everybody still there.

    The log odds of leaving in a month are -3 + steady + .8 moving; `steady` never changes, `moving` does slowly. Noise
    is steady and means nothing, so that a model which learns customers by heart learns it.
    """
    span = months + lead + horizon
    steady, moving = rng.normal(size=customers), np.empty((span, customers))
    moving[0] = rng.normal(size=customers)
    for t in range(1, span):
        moving[t] = 0.7 * moving[t - 1] + np.sqrt(1 - 0.49) * rng.normal(size=customers)
    chance = 1 / (1 + np.exp(3 - steady - 0.8 * moving))
    leaves = rng.random((span, customers)) < chance
    gone = np.where(leaves.any(axis=0), leaves.argmax(axis=0), span)  # the month in which they leave
    person = {"steady": steady} | {f"noise{k}": rng.normal(size=customers) for k in range(noise)}
    frames, who, when, left, lost = [], [], [], [], []
    for t in range(months):
        here = np.flatnonzero(gone >= t)
        frames.append(
            pd.DataFrame({name: values[here] for name, values in person.items()} | {"moving": moving[t][here]})
        )
        who.append(here)
        when.append(np.full(len(here), START + np.timedelta64(MONTH * t, "D")))
        lost.append(gone[here] < t + lead)
        left.append(((gone[here] >= t + lead) & (gone[here] < t + lead + horizon)).astype(float))
    return snapshots_of(
        pd.concat(frames, ignore_index=True),
        np.concatenate(left),
        customer=np.concatenate(who).astype(object),
        as_of=np.concatenate(when),
        lost_in_lead=np.concatenate(lost),
        value=np.full(sum(map(len, who)), np.nan),
        consent=np.full(sum(map(len, who)), np.nan),
        lead=lead * MONTH,
        horizon=horizon * MONTH,
    )


@pytest.fixture(scope="session")
def reference() -> dict[str, Any]:
    return json.loads((Path(__file__).parents[1] / "golden" / "churn.json").read_text())


@pytest.fixture(scope="session")
def telco_snapshots(telco: kb.Dataset) -> Snapshots:
    """Every column but the flag, as it is; six of them repeat that there is no internet."""
    customers = telco.table("customers")
    features = customers.drop(columns=["customer_id", "churn"])
    return snapshots_of(
        features,
        customers["churn"] == "Yes",
        customer=customers["customer_id"].to_numpy(dtype=object),
        value=customers["monthly_charges"].to_numpy(dtype=float),
    )


@pytest.fixture(scope="session")
def make_snapshots() -> Callable[..., Snapshots]:
    return snapshots_of


@pytest.fixture(scope="session")
def make_panel() -> Callable[..., Snapshots]:
    return panel
