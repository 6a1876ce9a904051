from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.customers.profiles import profiles
from kbind.personas.by_period import periods_of
from kbind.personas.matching import score, strange_levels
from kbind.personas.members import members

TEXT = {"de": "x", "en": "x"}


def persona(*rules: kb.Rule, min_match: float = 1.0) -> kb.Persona:
    return kb.Persona("p", 1, "Sales", "2026-01-01", TEXT, rules, min_match)


def test_match_is_the_weighted_share_among_known_attributes() -> None:
    frame = pd.DataFrame({
        "goal": ["grow", "save", None, " ", "GROW"],
        "size": [10, 9.99, np.nan, np.nan, 50],
        "flag": pd.array([True, False, None, None, False], dtype="boolean"),
    })  # fmt: skip
    who = persona(
        kb.Rule("goal", in_=("grow", "keep"), weight=2), kb.Rule("size", range=(10, 50)), kb.Rule("flag", in_=(1,))
    )
    assert score(who.rules, frame) == pytest.approx([1, 0, np.nan, np.nan, 2 / 4], nan_ok=True)
    assert who.matches(frame).tolist() == [True, False, False, False, False]
    half = persona(*who.rules, min_match=0.5)
    assert half.matches(frame).tolist() == [True, False, False, False, True]


@pytest.mark.parametrize("level", ["Yes", "yes", True, 1, "1", 1.0])
def test_yes_is_yes_however_it_is_written(level: object) -> None:
    who = persona(kb.Rule("x", in_=(level,)))
    columns = [pd.Series([1, 0]), pd.Series([True, False])]
    columns += [pd.Series(["Yes", "No"]), pd.Series(["true", "false"])]
    for values in columns:
        assert score(who.rules, pd.DataFrame({"x": values})).tolist() == [1.0, 0.0]


def test_thirds_reach_a_third() -> None:
    who = persona(*(kb.Rule(name, in_=("1",), weight=0.1) for name in "abc"), min_match=1 / 3)
    assert who.matches(pd.DataFrame({"a": [1], "b": [0], "c": [0]})).all()


def test_frames_of_other_libraries_match_too() -> None:
    frame = pl.DataFrame({"goal": ["grow", None, "save"], "size": [10.0, None, 20.0]})
    who = persona(kb.Rule("goal", in_=("grow",)), kb.Rule("size", range=(None, 20)))
    assert who.matches(frame).tolist() == [True, False, False]


def test_profiles_and_frames_give_the_same(telco: kb.Dataset) -> None:
    who = persona(
        kb.Rule("streaming_tv", in_=("Yes",)), kb.Rule("partner", in_=(0,)), kb.Rule("monthly_charges", range=(70, 90))
    )
    found = profiles(telco, attributes=["streaming_tv", "partner"], adjust=["monthly_charges"])
    by_row = score(who.rules, telco.table("customers"))
    by_profile = score(who.rules, found)
    assert {value: int((by_row == value).sum()) for value in np.unique(by_row)} == {
        value: int(found.n[by_profile == value].sum()) for value in np.unique(by_profile)
    }
    cut = profiles(telco, attributes=["streaming_tv", "partner", "monthly_charges"])
    with pytest.raises(kb.ArgumentError, match="cut into ranges in these profiles; ask for it by adjust too"):
        score(who.rules, cut)


def test_rules_on_what_is_not_there() -> None:
    frame = pd.DataFrame({"customer_id": [1], "goal": ["grow"]})
    with pytest.raises(kb.ArgumentError, match="column that is not there; did you mean 'goal'"):
        score([kb.Rule("gaol", in_=("grow",))], frame)
    with pytest.raises(kb.ArgumentError, match="'goal' is no number"):
        score([kb.Rule("goal", range=(1, 2))], frame)
    assert strange_levels([kb.Rule("goal", in_=("grow", "grwo"))], frame) == (
        "nobody has goal 'grwo'; did you mean 'grow'?",)  # fmt: skip


@given(
    st.lists(st.tuples(*[st.sampled_from([None, 0, 1, 2])] * 3), min_size=1, max_size=20),
    st.lists(st.floats(0.1, 10), min_size=3, max_size=3),
    st.floats(0.5, 4),
)
@settings(max_examples=25, deadline=None)
def test_scores_lie_between_0_and_1_and_ignore_the_scale_of_weights(
    rows: list[tuple[int | None, ...]], weights: list[float], scale: float
) -> None:
    frame = pd.DataFrame(rows, columns=list("abc"), dtype="Int64")
    one, other = (
        persona(*(kb.Rule(name, in_=(1, 2), weight=w * s) for name, w in zip("abc", weights, strict=True)))
        for s in (1.0, scale)
    )
    found = score(one.rules, frame)
    assert np.allclose(found, score(other.rules, frame), equal_nan=True)
    known = ~np.isnan(found)
    assert (known == frame.notna().any(axis=1).to_numpy()).all()
    assert ((found[known] >= 0) & (found[known] <= 1)).all()


CONTRACTS = pd.DataFrame(
    [
        # a came before recording began; b left and came back; c pays for two; d stays to the end of the data
        ("a", "2023-06-01", "2024-05-01", 10), ("b", "2024-01-01", "2024-04-01", 20), ("b", "2024-07-01", None, 99),
        ("c", "2024-02-01", None, 30), ("c", "2024-02-01", "2024-03-01", 5), ("d", "2024-04-01", "2025-01-01", 40),
    ],
    columns=["customer_id", "start", "end", "mrr"],
)  # fmt: skip


def company() -> kb.Dataset:
    people = pd.DataFrame(
        {"customer_id": list("abcd"), "goal": ["grow", "grow", "save", "save"], "channel": list("wwww")}
    )
    events = pd.DataFrame(
        [("b", "2024-01-05", "report"), ("b", "2024-01-06", "report"), ("c", "2024-02-03", "login"),
         ("a", "2024-04-02", "report"), ("a", "2024-04-02", "login")],
        columns=["customer_id", "timestamp", "kind"],
    )  # fmt: skip
    tables = {"customers": people, "subscriptions": CONTRACTS, "events": events}
    return kb.open_dataset(tables, as_of="2025-01-01", recorded_from="2024-01-01")


def test_members_count_lives_and_the_first_revenue() -> None:
    found = members(company(), ["goal"])
    frame = found.known.assign(
        entry=found.lives.entry, duration=found.lives.duration.round(6), left=found.lives.cause, paid=found.revenue
    ).sort_values("paid")
    assert frame.to_numpy().tolist() == [
        ["grow", "w", 7.0, 11.0, 1, 10.0],
        ["grow", "w", 0.0, 3.0, 1, 20.0],
        ["save", "w", 0.0, 11.0, 0, 35.0],
        ["save", "w", 0.0, 9.0, 0, 40.0],
    ]
    assert found.channel == "channel"
    assert found.revenue_squared.sum() == 10**2 + 20**2 + 35**2 + 40**2


def test_periods_count_who_comes_is_there_and_leaves() -> None:
    found = periods_of(company(), ["goal"], "quarter")
    assert found.labels == ("2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4")
    assert found.starts[0] == date(2024, 1, 1)
    save = (found.lives.known["goal"] == "save").to_numpy()
    counts = {name: values[~save].sum(axis=0).tolist() for name, values in found.lives.counts.items()}
    # b is gone with the first moment of April and so not there in the second quarter
    assert counts == {"new": [1, 0, 0, 0], "there": [2, 1, 0, 0], "left": [1, 1, 0, 0]}
    counts = {name: values[save].sum(axis=0).tolist() for name, values in found.lives.counts.items()}
    assert counts == {"new": [1, 1, 0, 0], "there": [0, 2, 2, 2], "left": [0, 0, 0, 0]}
    # d leaves at the very moment at which the data ends, which nobody sees
    assert found.settled == 3
    assert found.uses is not None
    grow = (found.uses.known["goal"] == "grow").to_numpy()
    assert {name: values[grow].sum(axis=0).tolist() for name, values in found.uses.counts.items()} == {
        "": [1, 1, 0, 0], "login": [0, 1, 0, 0], "report": [1, 1, 0, 0]}  # fmt: skip


def test_periods_need_times_and_a_whole_period(telco: kb.Dataset) -> None:
    with pytest.raises(kb.NotEnoughData, match="'subscriptions' or 'events'"):
        periods_of(telco, ["partner"], "quarter")
    with pytest.raises(kb.NotEnoughData, match="no whole one between"):
        periods_of(company(), ["goal"], "year", as_of="2024-12-31")
    with pytest.raises(kb.ArgumentError, match="uses='knd' is no column of events; did you mean 'kind'"):
        periods_of(company(), ["goal"], "month", uses="knd")
