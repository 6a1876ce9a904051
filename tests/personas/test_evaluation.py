from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

import kbind as kb
from kbind.dataset.config import Role
from kbind.dataset.provenance import Provenance
from kbind.estimate.estimate import UNKNOWN, Estimate
from kbind.estimate.intervals import newcombe
from kbind.personas.members import Members
from kbind.personas.staying import Staying, recall, revenue_kept, staying
from kbind.survival.durations import Durations
from simulations.company import simulate_saas

PERSONAS = Path(__file__).parents[2] / "data" / "personas"
TEXT = {"de": "x", "en": "x"}


def persona(name: str = "p", negative: bool = False, **levels: tuple[object, ...]) -> kb.Persona:
    rules = tuple(kb.Rule(attribute, in_=values) for attribute, values in levels.items())
    return kb.Persona(name, 1, "Sales", "2026-01-01", TEXT, rules, negative=negative)


def customers(rows: list[tuple[float, float, bool, float]], counts: list[int] | None = None) -> Members:
    """Entry, duration, left, revenue: one row a customer, or more of them alike."""
    entry, duration, left, paid = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    n = np.array(counts or [1] * len(rows), dtype=np.int64)
    lives = Durations("month", (), ((),), ("left",), np.zeros(len(n), dtype=np.int64), entry, duration,
                      left.astype(np.int64), n, "subscriptions", "x", Provenance("x", None, None))  # fmt: skip
    known = pd.DataFrame({"goal": ["a"] * len(n)})
    return Members(known, None, lives, duration - entry, n, paid * n, paid**2 * n, False, "mrr")


def test_evaluation_of_telco_is_near_the_prototype(telco: kb.Dataset) -> None:
    """Prototype on a held-out third: streaming .614 with 55.1 of retained revenue, family .723."""
    found = kb.evaluate_personas(kb.Persona.load_all(PERSONAS / "telco"), telco)
    frame = found.to_frame().set_index("persona")
    assert frame.loc["streaming", "retention"] == pytest.approx(0.614, abs=0.005)
    assert frame.loc["streaming", "retained_revenue"] == pytest.approx(55.1, abs=1)
    assert frame.loc["family", "retention"] == pytest.approx(0.723, abs=0.005)
    assert frame.loc["basic", "retention"] > 0.9
    table = telco.table("customers")
    fits = table[(table["streaming_tv"] == "Yes") & (table["streaming_movies"] == "Yes") & (table["partner"] == 0)]
    stayed = fits["churn"] == "No"
    kept = fits["monthly_charges"] * stayed
    row = frame.loc["streaming"]
    assert row["n"] == len(fits)
    assert row["retention"] == pytest.approx(stayed.mean(), rel=1e-12)
    assert row["rate"] == pytest.approx((~stayed).sum() / fits["tenure"].sum(), rel=1e-12)
    assert row["retained_revenue"] == pytest.approx(kept.mean(), rel=1e-12)
    paid = fits["monthly_charges"]
    error = kept.std(ddof=0) / np.sqrt(len(kept)) / kept.mean()
    factor = np.exp(student.ppf(0.975, paid.sum() ** 2 / (paid**2).sum() / 4) * error)  # on the log scale
    assert row["retained_revenue_ci_lower"] == pytest.approx(kept.mean() / factor, rel=1e-6)
    assert row["recall"] == pytest.approx(stayed.sum() / (table["churn"] == "No").sum(), rel=1e-12)
    assert np.isnan(row["rmst"])
    assert "snapshot" in found.notes[0]
    assert found.by_channel().empty
    assert frame.loc["(none)", "n"] + frame.loc["(any)", "n"] == frame.loc["(all)", "n"] == 7043


def test_retention_takes_late_entry_into_account_as_lifelines_does() -> None:
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    data = simulate_saas(n_accounts=800, rng=3)
    row = kb.evaluate_personas(persona(goal=("grow",)), data).to_frame().iloc[0]
    lives = kb.durations(data, by="goal").to_frame().query("goal == 'grow'")
    assert (lives["entry"] > 0).any()
    fitter = KaplanMeierFitter().fit(
        lives["duration"], lives["event_observed"], entry=lives["entry"], weights=lives["n"]
    )
    assert row["retention"] == pytest.approx(float(fitter.predict(12)), abs=1e-9)
    assert row["rmst"] == pytest.approx(restricted_mean_survival_time(fitter, t=12), abs=1e-6)
    seen = ((lives["duration"] - lives["entry"]) * lives["n"]).sum()
    assert row["rate"] == pytest.approx(lives.loc[lives["event_observed"], "n"].sum() / seen, rel=1e-9)


def test_planted_personas_are_told_apart() -> None:
    data = simulate_saas(n_accounts=3000, rng=1)
    found = kb.evaluate_personas(kb.Persona.load_all(PERSONAS / "accounts"), data)
    frame = found.to_frame().set_index("persona")
    assert frame.loc["bargain", "retention_ci_upper"] < frame.loc["keeper", "retention_ci_lower"]
    assert frame.loc["keeper", "retention_ci_upper"] < frame.loc["grower", "retention_ci_lower"]
    assert frame.loc["grower", "recall"] > frame.loc["grower", "coverage"]
    assert frame.loc["bargain", "recall_ci_upper"] < frame.loc["bargain", "coverage_ci_lower"]
    # who fits only whom not to sell to fits none
    assert frame.loc["(any)", "n"] == frame.loc[["grower", "keeper"], "n"].sum()
    assert frame.loc["bargain", "distance"] > frame.loc["keeper", "distance"] > frame.loc["(all)", "distance"]
    channels = found.by_channel()
    assert channels.groupby("persona")["n"].sum()["grower"] == frame.loc["grower", "n"]
    assert (channels["n"] >= 0).all()
    # of those won in one way, who fit
    won = channels[channels["persona"] == "(all)"].set_index("channel")["n"]
    grower = channels[channels["persona"] == "grower"].set_index("channel")
    assert grower["coverage"].to_dict() == pytest.approx((grower["n"] / won).to_dict())
    assert len(won) > 1


def test_overlap_is_counted() -> None:
    people = pd.DataFrame({
        "customer_id": range(10), "x": [1] * 6 + [0] * 4, "y": [0] * 4 + [1] * 6,
        "gone": ["yes"] * 3 + ["no"] * 7, "months": range(1, 11),
    })  # fmt: skip
    data = kb.open_dataset({"customers": people})
    data = replace(data, roles={"churned": Role("gone"), "tenure": Role("months")})
    found = kb.evaluate_personas(
        [persona("x", x=(1,)), persona("y", y=(1,)), persona("z", negative=True, x=(0,))], data
    )
    assert found.jaccard().loc["x", "y"] == found.jaccard().loc["y", "x"] == pytest.approx(0.2)
    pair = found.overlap().iloc[0]
    assert (pair["n"], pair["n_both"]) == (10, 2)
    frame = found.to_frame().set_index("persona")
    assert frame["n"].to_dict() == {"x": 6, "y": 6, "z": 4, "(any)": 10, "(none)": 0, "(all)": 10}
    assert np.isnan(frame.loc["(none)", "retention"])
    # of those who stay x is 1 for 3 of 7 and 0 for 4; of those who fit x it is always 1; y: 1 for 6 of 7, and 2 of 6
    assert frame.loc["x", "distance"] == pytest.approx((4 / 7 + (6 / 7 - 2 / 6)) / 2)
    assert frame.loc["x", "recall"] == pytest.approx(3 / 7)
    assert np.isnan(frame.loc["x", "revenue"])
    assert len(found.notes) == 4


def test_whom_not_to_sell_to_is_measured_against_the_others() -> None:
    people = pd.DataFrame({
        "customer_id": range(200), "x": [1] * 100 + [0] * 100, "y": [0, 1] * 100,
        "gone": ["yes"] * 60 + ["no"] * 40 + ["yes"] * 20 + ["no"] * 80, "months": [1] * 200,
    })  # fmt: skip
    data = kb.open_dataset({"customers": people})
    data = replace(data, roles={"churned": Role("gone"), "tenure": Role("months")})
    found = kb.evaluate_personas([persona("x", negative=True, x=(1,)), persona("y", negative=True, y=(1,))], data)
    frame = found.to_frame().set_index("persona")
    # .4 against .8; Newcombe's interval of two shares is what limits of Wilson give
    low, high = (float(side) for side in newcombe(40, 100, 80, 100)[1:])
    assert frame.loc["x", "difference"] == pytest.approx(-0.4)
    assert frame.loc["x", ["difference_ci_lower", "difference_ci_upper"]].tolist() == pytest.approx([low, high])
    assert frame.loc["y", "difference"] == pytest.approx(0)
    # nobody fits a persona to sell to
    assert np.isnan(frame.loc["(any)", "difference"])
    assert np.isnan(frame.loc["(all)", "difference"])
    (doubt,) = [note for note in found.notes if "whom not to sell to" in note]
    assert doubt.startswith("y says whom not to sell to, but those who fit do not clearly stay less")


def test_retained_revenue_by_hand() -> None:
    # at 1 leaves 10 of 10 + 20 + 30, at 2 leaves 20 of 20 + 30 + 40 who came late
    part = customers([(0, 1, True, 10), (0, 2, True, 20), (0, 3, False, 30), (1, 3, False, 40)])
    (revenue, _), (kept, error) = revenue_kept(part, 2.5)
    assert revenue == pytest.approx(20)
    assert kept == pytest.approx(20 * (50 / 60) * (70 / 90))
    assert error > 0
    assert np.isnan(revenue_kept(part, 4)[1][0])


def test_rate_has_garwoods_interval_at_the_level_asked_for() -> None:
    from scipy.stats import chi2

    part = customers([(0, 4, True, 1), (0, 6, True, 1), (0, 10, False, 1)])
    found = staying(part, 5, 0.8).rate
    assert tuple(found) == pytest.approx((2 / 20, chi2.ppf(0.1, 4) / 2 / 20, chi2.ppf(0.9, 6) / 2 / 20))


def test_retention_has_the_interval_of_the_level_asked_for() -> None:
    part = customers([(0, 4, True, 1), (0, 6, True, 1), (0, 10, False, 1), (0, 10, False, 1)])
    value, lower, upper = staying(part, 5, 0.8).retention
    # Greenwood: 1 of 4 left; of log(-log S) with the quantile of 80 %
    half = 1.2815516 * np.sqrt(1 / (4 * 3)) / abs(np.log(0.75))
    assert value == pytest.approx(0.75)
    assert (lower, upper) == pytest.approx((0.75 ** np.exp(half), 0.75 ** np.exp(-half)))


def test_recall_by_hand() -> None:
    """Of 40 seen from their start 10 fit; 20 more of those who fit were there before recording began."""
    whole = customers([(0, 5, False, 1), (0, 5, False, 1), (2, 5, False, 1)], [10, 30, 20])
    inside = Staying(30, Estimate(0.8, 0.7, 0.9), 0.01, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    outside = Staying(30, Estimate(0.4, 0.3, 0.5), 0.04, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    found = recall(whole, np.array([True, False, True]), inside, outside, 0.9)
    value = 0.25 * 0.8 / (0.25 * 0.8 + 0.75 * 0.4)
    half = 1.6448536 * np.sqrt(1 / (40 * 0.25 * 0.75) + 0.01 + 0.04)
    odds = value / (1 - value) * np.exp(half * np.array([-1, 1]))
    assert tuple(found) == pytest.approx((value, *(odds / (1 + odds))))


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.5, 1.5]), st.integers(2, 6), st.booleans(), st.integers(1, 50)),
        min_size=6,
        max_size=15,
    )
)
@settings(max_examples=25, deadline=None)
def test_error_of_retained_revenue_is_the_infinitesimal_jackknife(rows: list[tuple[float, int, bool, int]]) -> None:
    """The slope in every customer's weight, taken by moving the weight a little."""
    lives = [(entry, float(duration), left, float(paid)) for entry, duration, left, paid in rows]
    lives += [(0.0, 7.0, False, 5.0), (0.0, 7.0, False, 8.0)]
    (_, _), (kept, error) = revenue_kept(customers(lives), 4.0)

    def moved(k: int, step: float) -> float:
        whole = customers(lives)
        weight = np.ones(len(lives))
        weight[k] += step
        entry, duration = whole.lives.entry, whole.lives.duration
        paid, left = whole.revenue * weight, whole.lives.cause > 0
        start = entry <= 0
        value = paid[start].sum() / weight[start].sum()
        for t in np.unique(duration[left & (duration <= 4)]):
            at_risk = ((entry < t) | start) & (duration >= t)
            value *= 1 - paid[left & (duration == t)].sum() / paid[at_risk].sum()
        return float(value)

    slopes = [(moved(k, 1e-5) - moved(k, -1e-5)) / 2e-5 for k in range(len(lives))]
    assert kept == pytest.approx(moved(0, 0.0), rel=1e-9)
    assert error == pytest.approx(float(np.sqrt(np.sum(np.square(slopes)))), rel=1e-4, abs=1e-7)
    # alike customers may stand in one row
    twice = customers(lives, [2] * len(lives))
    assert revenue_kept(twice, 4.0)[1] == pytest.approx((kept, error / np.sqrt(2)), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"personas": []}, "nothing is no persona"),
        ({"personas": ["streaming"]}, "a str is no persona; read one first"),
        ({"personas": [persona(partner=(1,)), persona(partner=(0,))]}, "names a persona twice"),
        ({"personas": persona(partnr=(1,))}, "attributes='partnr' is no column of customers; did you mean 'partner'"),
        ({"horizon": 0}, "horizon=0 is no length"),
        ({"attributes": []}, r"attributes=\[\] names no column"),
        ({"attributes": "contrct"}, "attributes='contrct' is no column of customers; did you mean 'contract'"),
        ({"conf_level": 2}, "conf_level=2"),
        ({"channel": "chanel"}, "channel='chanel' is no column of customers"),
        ({"data": "telco"}, "data of type str is no data set"),
    ],
)  # fmt: skip
def test_evaluation_refuses(telco: kb.Dataset, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.evaluate_personas(**{"personas": persona(partner=(1,)), "data": telco, **arguments})
