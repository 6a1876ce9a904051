"""Every feature once more, the slow way: one customer and one date at a time, in pandas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from simulations.company import simulate_saas

DATES = ["2023-08-01", "2024-07-15"]
LEAD, HORIZON, LAPSE = 30, 90, 56
Row = dict[str, Any]


def days(n: float) -> pd.Timedelta:
    return pd.Timedelta(days=n)


def since(times: pd.Series, at: pd.Timestamp) -> float:
    return (at - times.max()) / days(1) if len(times) else np.nan


def counts(row: Row, prefix: str, suffix: str, times: pd.Series, at: pd.Timestamp, *, trend: bool) -> None:
    n = {w: float((times >= at - days(w)).sum()) for w in (30, 90, 365)}
    row |= {f"{prefix}_count{suffix}_{w}": value for w, value in n.items()}
    row[f"{prefix}_days_since{suffix}"] = since(times, at)
    if trend:
        row[f"{prefix}_trend{suffix}_30"] = n[30] / (n[90] * 30 / 90) if n[90] else np.nan


def usage(row: Row, events: pd.DataFrame, at: pd.Timestamp, kinds: list[str]) -> None:
    past = events[events["timestamp"] < at]
    counts(row, "events", "", past["timestamp"], at, trend=True)
    late, before = past["timestamp"] >= at - days(90), past["timestamp"] >= at - days(180)
    row["events_change_90"] = float(late.sum()) - float((before & ~late).sum())
    active = past["timestamp"].dt.normalize()
    active = active[active < at.normalize()].drop_duplicates().sort_values()
    row["events_gap"] = active.diff().median() / days(1) if len(active) > 1 else np.nan
    row["events_rhythm"] = (at.normalize() - active.max()) / days(1) / row["events_gap"] if len(active) else np.nan
    if "amount" in past:
        for w in (30, 90, 365):
            row[f"events_amount_sum_{w}"] = past.loc[past["timestamp"] >= at - days(w), "amount"].sum()
        spent = [past.loc[rows, "amount"].sum() for rows in (late, before & ~late)]
        row["events_amount_sum_change_90"] = spent[0] - spent[1]
    for kind in kinds if len(kinds) > 1 else ():
        counts(row, "events", f"_{kind}", past.loc[past["kind"] == kind, "timestamp"], at, trend=True)


def contracts(row: Row, table: pd.DataFrame, at: pd.Timestamp) -> None:
    known = table[table["start"] < at]
    now = known[known["end"].isna() | (known["end"] >= at)]
    row["subscriptions_number"] = float(len(now))
    row["subscriptions_count_365"] = float((known["start"] >= at - days(365)).sum())
    for name in ("mrr", "seats"):
        row[f"subscriptions_{name}"] = float(now[name].sum())
        for w in (90, 365):
            then = at - days(w)
            held = table[(table["start"] < then) & (table["end"].isna() | (table["end"] >= then))]
            row[f"subscriptions_{name}_change_{w}"] = now[name].sum() - held[name].sum() if len(held) else np.nan
    newest = now.sort_values("start").iloc[-1]
    row["subscriptions_mrr_price_per_seat"] = row["subscriptions_mrr"] / row["subscriptions_seats"]
    row |= {"subscriptions_discount": newest["discount"], "subscriptions_plan": newest["plan"]}
    row["term"] = float(newest["term"])
    following = newest["term_end"]
    while following - pd.DateOffset(months=newest["term"]) >= at:
        following -= pd.DateOffset(months=newest["term"])
    row["subscriptions_term_end_days_to"] = (following - at) / days(1)


def service(row: Row, tables: dict[str, pd.DataFrame], at: pd.Timestamp) -> None:
    tickets = tables["tickets"][tables["tickets"]["opened"] < at]
    counts(row, "tickets", "", tickets["opened"], at, trend=False)
    row["tickets_open"] = float((tickets["closed"].isna() | (tickets["closed"] >= at)).sum())
    year = tickets[tickets["opened"] >= at - days(365)]
    row["tickets_severity_mean_365"] = year["severity"].mean()
    row["tickets_severity_last"] = tickets.sort_values("opened")["severity"].iloc[-1] if len(tickets) else np.nan
    row["tickets_goodwill_sum_365"] = year["goodwill"].sum()
    for side in ("ours", "theirs") if "contacts" in tables else ():
        people = tables["contacts"][tables["contacts"]["side"] == side]
        there = (people["start"] < at) & (people["end"].isna() | (people["end"] >= at))
        row[f"contacts_number_{side}"] = float(there.sum())
        gone = (people["end"] < at) & (people["end"] >= at - days(90))
        row[f"contacts_left_{side}_90"] = float(gone.sum())
    campaigns = tables["campaigns"][tables["campaigns"]["assigned_at"] < at]["assigned_at"]
    row["campaigns_count_365"] = float((campaigns >= at - days(365)).sum())
    row["campaigns_days_since"] = since(campaigns, at)
    goodbyes = tables["cancellations"][tables["cancellations"]["timestamp"] < at]["timestamp"]
    row |= {"cancellations_count": float(len(goodbyes)), "cancellations_days_since": since(goodbyes, at)}


def voices(row: Row, feedback: pd.DataFrame, at: pd.Timestamp, instruments: list[str]) -> None:
    for name in instruments:
        said = feedback[(feedback["timestamp"] < at) & (feedback["instrument"] == name)].sort_values("timestamp")
        year = said[said["timestamp"] >= at - days(365)]
        row[f"feedback_score_last_{name}"] = said["score"].iloc[-1] if len(said) else np.nan
        row[f"feedback_score_mean_{name}_365"] = year["score"].mean()
        row[f"feedback_count_{name}_365"] = float(len(year))
        row[f"feedback_days_since_{name}"] = since(said["timestamp"], at)


def decision_by_contract(tables: dict[str, pd.DataFrame], at: pd.Timestamp) -> pd.Timestamp | None:
    """When the customer decides to leave; NaT for never; None for who is no customer or has said so before."""
    table = tables["subscriptions"].sort_values("start")
    now = table[(table["start"] < at) & (table["end"].isna() | (table["end"] >= at))]
    if now.empty or (now["notice_at"] < at).all():
        return None
    said = tables["cancellations"]["timestamp"]
    if ((said < at) & (said >= now["start"].min())).any():
        return None
    last = now.iloc[-1]
    for _, following in table[table["start"] > last["start"]].iterrows():
        if pd.notna(last["end"]) and following["start"] <= last["end"] + days(1):
            last = following
    return last["notice_at"] if pd.notna(last["notice_at"]) else last["end"]


def decision_by_silence(tables: dict[str, pd.DataFrame], at: pd.Timestamp, end: pd.Timestamp) -> pd.Timestamp | None:
    active = sorted(tables["events"]["timestamp"].dt.normalize().unique())
    before = [day for day in active if day < at.normalize()]
    if not before or before[-1] + days(LAPSE) < at.normalize():
        return None
    goodbyes = sorted(tables["cancellations"]["timestamp"].dt.normalize())
    if any(before[-1] <= day < at.normalize() for day in goodbyes):
        return None
    onwards = [before[-1], *[day for day in active if day >= at.normalize()]]
    for day, back in zip(onwards, [*onwards[1:], None], strict=True):
        said = [goodbye for goodbye in goodbyes if goodbye >= day and goodbye <= day + days(LAPSE)]
        if day + days(LAPSE) < (end if back is None else back) or (back is None and said):
            return min([*said, day + days(LAPSE + 1)])
    return pd.NaT


def slowly(data: kb.Dataset, names: pd.Index) -> pd.DataFrame:
    tables = {name: data.table(name) for name in data.tables}
    kinds = list(tables["events"]["kind"].value_counts().index)
    instruments = [
        name.removeprefix("feedback_score_last_") for name in names if name.startswith("feedback_score_last")
    ]
    end, rows = pd.Timestamp(data.as_of), []
    for at in map(pd.Timestamp, DATES):
        for _, person in tables["customers"].sort_values("customer_id").iterrows():
            own = {name: table[table["customer_id"] == person["customer_id"]] for name, table in tables.items()}
            held = "subscriptions" in own
            decided = decision_by_contract(own, at) if held else decision_by_silence(own, at, end)
            if decided is None or not person["acquired_at"] < at:
                continue
            first = own["subscriptions"]["start"] if held else own["events"]["timestamp"].dt.normalize()
            row: Row = {"customer_id": person["customer_id"], "as_of": at}
            row["tenure"] = (at - min(person["acquired_at"], first.min())) / days(1)
            if held:
                contracts(row, own["subscriptions"], at)
            usage(row, own["events"], at, kinds)
            service(row, own, at)
            voices(row, own["feedback"], at, instruments)
            for name in set(person.index) - {"customer_id", "acquired_at", "referred_by", "consent"}:
                row[name] = person[name]
            row["customers_referred_by_flag"] = float(pd.notna(person["referred_by"]))
            row["consent"] = float(person["consent"])
            row["lost"] = bool(decided < at + days(LEAD))
            row["target"] = np.nan
            if at + days(LEAD + HORIZON) <= end:
                row["target"] = float(at + days(LEAD) <= decided < at + days(LEAD + HORIZON))
            rows.append(row)
    return pd.DataFrame(rows)


@pytest.mark.parametrize("scenario", ["baseline", "b2c"])
def test_snapshots_agree_with_the_slow_way(scenario: str) -> None:
    data = simulate_saas(200, scenario=scenario, rng=3)
    found = kb.snapshots(data.assuming(lapse=f"{LAPSE}D"), as_of=DATES)
    wanted = slowly(data, found.features.columns)
    assert found.customer.tolist() == wanted.pop("customer_id").tolist()
    assert (found.as_of == wanted.pop("as_of").to_numpy()).all()
    np.testing.assert_array_equal(found.target, wanted.pop("target"))
    np.testing.assert_array_equal(found.lost_in_lead, wanted.pop("lost"))
    np.testing.assert_array_equal(found.consent, wanted.pop("consent"))
    assert set(found.features) == set(wanted)
    for name, values in found.features.items():
        if isinstance(values.dtype, pd.CategoricalDtype):
            assert values.astype(object).tolist() == wanted[name].tolist(), name
        else:
            np.testing.assert_allclose(values, wanted[name].astype(float), rtol=1e-12, atol=1e-9, err_msg=str(name))
    if scenario == "baseline":
        np.testing.assert_array_equal(found.value, found.features["subscriptions_mrr"])
    assert np.nansum(found.target) > 5
