"""Survival curves, comparisons and monthly hazards against hand counts, R, properties and simulations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter, WeibullFitter
from lifelines.statistics import multivariate_logrank_test

import kbind as kb
from kbind.survival.at_risk import risk_table
from kbind.survival.comparison import restricted_mean
from kbind.survival.curve import Curve
from simulations.company import simulate_saas

GOLDEN = Path(__file__).parents[1] / "golden"
R = json.loads((GOLDEN / "survival.json").read_text())


def lives(duration: Any, event: Any, entry: Any = None, **columns: Any) -> kb.Dataset:
    """Customers with a tenure and a flag, perhaps an age at which observation began."""
    frame = pd.DataFrame({"customer_id": range(len(duration)), "tenure": duration, "gone": np.array(event, dtype=bool)})
    roles = {"tenure": "tenure", "churned": "gone"}
    if entry is not None:
        frame["entry"] = entry
        roles["entry"] = "entry"
    return kb.open_dataset({"customers": frame.assign(**columns)}, roles=roles)


@pytest.fixture(scope="module")
def telco() -> kb.Dataset:
    return kb.datasets.load_telco()


@pytest.fixture(scope="module")
def freireich() -> kb.Dataset:
    frame = pd.read_csv(GOLDEN / "freireich.csv")
    return lives(frame["time"], frame["event"], arm=np.where(frame["trt"] == 1, "6-MP", "placebo"))


# -- by hand ---------------------------------------------------------------------------------------


def test_curve_by_hand() -> None:
    """Five customers: one leaves on the first day, two at 2, one is last seen at 2, one at 5."""
    curve = kb.survival_curve(lives([0, 2, 2, 2, 5], [1, 1, 1, 0, 0]))
    frame = curve.to_frame()
    assert frame["time"].tolist() == [0, 2, 5]
    assert frame["at_risk"].tolist() == [5, 4, 1]  # who is last seen at 2 is still at risk at 2
    assert frame["events"].tolist() == [1, 2, 0]
    assert frame["censored"].tolist() == [0, 1, 1]
    np.testing.assert_allclose(frame["survival"], [4 / 5, 4 / 5 * 2 / 4, 4 / 5 * 2 / 4])
    assert curve.quantiles([0.5])["time"].tolist() == [2.0]


def test_nobody_left_and_everybody_left() -> None:
    """Of three, 3, 2 and 1 were seen up to 1, 2 and 3: Clopper and Pearson's lower limit is .025 ** (1 / n)."""
    stays = kb.survival_curve(lives([1, 2, 3], [0, 0, 0])).to_frame()
    assert stays["survival"].tolist() == stays["survival_ci_upper"].tolist() == [1.0] * 3
    assert stays["survival_ci_lower"].tolist() == pytest.approx([0.025 ** (1 / n) for n in (3, 2, 1)])
    leaves = kb.survival_curve(lives([1, 2], [1, 1])).to_frame()
    assert leaves["survival"].tolist() == [0.5, 0.0]
    assert np.isnan(leaves["survival_ci_upper"].iloc[-1])


def test_while_nobody_has_left_the_fewest_seen_count() -> None:
    """Twenty are seen from age 6 on; before that only four were. After 12 the one leaver's interval is log-log's."""
    data = lives([5, *[12] * 3, *[24] * 20], [0] * 23 + [1], entry=[0] * 4 + [4] * 20)
    curve = kb.survival_curve(data)
    found = curve.at([3, 5, 12])["survival_ci_lower"].tolist()
    assert found == pytest.approx([0.025 ** (1 / 4)] * 3)
    assert curve.at([6], given=6)["survival_ci_lower"].tolist() == pytest.approx([0.025 ** (1 / 23)])
    assert curve.at([25]).isna()["survival_ci_lower"].all()


def test_a_time_that_nobody_was_seen_at_has_no_interval_while_nobody_has_left() -> None:
    found = kb.survival_curve(lives([2, 9, 9], [0, 0, 0], entry=[0, 4, 4])).at([1, 3, 8])
    assert found["survival_ci_lower"].isna().tolist() == [False, True, True]


def test_who_enters_as_another_goes_leaves_no_gap() -> None:
    found = kb.survival_curve(lives([4, 9], [0, 0], entry=[0, 4])).at([8])
    assert found["survival_ci_lower"].tolist() == pytest.approx([0.025])


def test_limits_of_quantiles_do_not_come_from_ages_at_which_nobody_has_left() -> None:
    found = kb.survival_curve(lives([1, 2, 3, 4], [0, 1, 1, 1])).quantiles([0.5])
    assert found["time_ci_lower"].tolist() == [2.0]


def test_mean_time_stayed_has_a_width_where_nobody_left() -> None:
    """Ten without a leaver, and ten of whom all leave at 6."""
    data = lives(
        [*[14] * 10, *[6] * 10, 3, 14], [0] * 10 + [1] * 10 + [1, 0], g=["all"] * 10 + ["none"] * 10 + ["b"] * 2
    )
    frame = kb.compare_survival(data, by="g", horizon=12).to_frame().set_index("g")
    assert frame["rmst"].to_dict() == {"all": 12.0, "b": 7.5, "none": 6.0}
    assert frame.loc["all", "rmst_ci_lower"] == pytest.approx(12 * 0.025 ** (1 / 10))
    assert frame.loc["all", "rmst_ci_upper"] == 12
    assert frame.loc["none", ["rmst_se", "rmst_ci_lower", "rmst_ci_upper"]].isna().all()
    assert frame["rmst_se"].isna().tolist() == [True, False, True]
    pair = kb.compare_survival(data, by="g", horizon=12).pairwise().iloc[0]
    assert np.isnan(pair["rmst_difference_ci_lower"])


def test_median_in_a_flat_part_is_its_middle() -> None:
    """Survival is exactly one half from 2 to 3, as quantile() of R has it."""
    curve = kb.survival_curve(lives([1, 2, 3, 4], [1, 1, 1, 1]))
    assert curve.quantiles().to_numpy()[:, 1].tolist() == [1.5, 2.5, 3.5]


def test_log_rank_by_hand() -> None:
    """a leaves at 1 and 3, b at 2 and is last seen at 4. Expected in a: 2/4 at 1, 1/3 at 2, 1/2 at 3."""
    found = kb.compare_survival(lives([1, 3, 2, 4], [1, 1, 1, 0], g=list("aabb")), by="g")
    expected = 2 / 4 + 1 / 3 + 1 / 2
    variance = 1 / 4 + 2 / 9 + 1 / 4
    np.testing.assert_allclose(found.expected, [expected, 3 - expected])
    assert found.statistic == pytest.approx((2 - expected) ** 2 / variance)


def test_restricted_mean_by_hand() -> None:
    """Survival 1 to 1, 2/3 to 2, 1/3 to 4: area to 4 is 1 + 2/3 + 2/3."""
    d = kb.durations(lives([1, 2, 4], [1, 1, 0]))
    curve = Curve.of(risk_table(d, d.n > 0))
    mean, se = restricted_mean(curve, 4)
    assert mean == pytest.approx(1 + 2 / 3 + 2 / 3)
    assert se == pytest.approx(np.sqrt((4 / 3) ** 2 / (3 * 2) + (2 / 3) ** 2 / (2 * 1)))


def test_hazard_counts_who_is_lost_within_a_month_in_part() -> None:
    frame = kb.hazard_curve(lives([0.5, 1.2, 1.6, 1.9, 3.0], [0, 1, 0, 1, 0])).to_frame()
    # month 2 begins with four; one leaves of four, one is lost, one leaves of two: 1 - 3/4 * 1/2
    assert frame["month"].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(frame["hazard"], [0, 0, 1 - 3 / 4 / 2, 0])
    assert frame["events"].tolist() == [0, 0, 2, 0]


# -- against R ---------------------------------------------------------------------------------------


def test_telco_curve(telco: kb.Dataset) -> None:
    frame = kb.survival_curve(telco).to_frame().set_index("time")
    for row in R["telco_curve"]["expected"]:
        mine = frame.loc[row["t"]]
        assert mine["at_risk"] == row["n_risk"]
        found = mine[["survival", "survival_ci_lower", "survival_ci_upper"]].to_numpy(dtype=float)
        np.testing.assert_allclose(found, [row["surv"], row["lower"], row["upper"]], rtol=1e-10)


def test_telco_quantiles(telco: kb.Dataset) -> None:
    frame = kb.survival_curve(telco).quantiles()
    expected = R["telco_quantiles"]["expected"]
    assert frame["time"].iloc[0] == expected["q25"]
    assert frame["time"].iloc[1:].isna().all()


def test_telco_cumulative_hazard(telco: kb.Dataset) -> None:
    """lifelines smooths it unless told not to, and is up to 5 % off."""
    frame = kb.survival_curve(telco).cumulative_hazard().set_index("time")
    for row in R["telco_cumulative_hazard"]["expected"]:
        assert frame.loc[row["t"]].tolist() == pytest.approx([row["cumhaz"], row["se"]], rel=1e-9)


def test_telco_given_a_year(telco: kb.Dataset) -> None:
    expected = pd.DataFrame(R["telco_given_12"]["expected"])
    frame = kb.survival_curve(telco).at(expected["t"] - 12, given=12)
    np.testing.assert_allclose(frame["survival"], expected["cond_surv"], rtol=1e-9)


def test_telco_hazard(telco: kb.Dataset) -> None:
    frame = kb.hazard_curve(telco).to_frame().set_index("month").loc[1:]
    np.testing.assert_allclose(frame["hazard"], R["telco_hazard"]["expected"]["hazard"], rtol=1e-9)
    assert frame["at_risk"].iloc[0] == pytest.approx(7032)


@pytest.mark.parametrize(("key", "strata"), [("telco_log_rank", None), ("telco_log_rank_stratified", "contract")])
def test_telco_log_rank(telco: kb.Dataset, key: str, strata: str | None) -> None:
    expected = R[key]["expected"]
    found = kb.compare_survival(telco, by="internet_service", strata=strata)
    np.testing.assert_allclose(found.expected, expected["expected"], rtol=1e-10)
    np.testing.assert_allclose(found.covariance, expected["var"], rtol=1e-9)
    assert found.to_frame()["customers"].tolist() == expected["n"]
    assert found.statistic == pytest.approx(expected["chisq"], rel=1e-10)
    assert found.p_value == pytest.approx(expected["p"], rel=1e-8)


def test_telco_pairs(telco: kb.Dataset) -> None:
    frame = kb.compare_survival(telco, by="internet_service").pairwise()
    expected = pd.DataFrame(R["telco_pairwise"]["expected"])
    for mine, theirs in (("statistic", "chisq"), ("p_value", "p"), ("p_holm", "holm"), ("p_bh", "BH")):
        np.testing.assert_allclose(frame[mine], expected[theirs], rtol=1e-8)


def test_telco_restricted_means(telco: kb.Dataset) -> None:
    """lifelines returns the variance of min(T, 24), 7.36, where the standard error is .0904."""
    whole, one = R["telco_rmst"]["expected"], R["telco_rmst_month_to_month"]["expected"]
    curve = kb.survival_curve(telco)
    assert restricted_mean(curve.curves[0], 24) == pytest.approx((whole["rmst"], whole["se_survRM2"]), rel=1e-10)
    contracts = kb.compare_survival(telco, by="contract", horizon=24).to_frame().set_index("contract")
    mine = contracts.loc["Month-to-month", ["rmst", "rmst_se", "rmst_ci_lower", "rmst_ci_upper"]].tolist()
    assert mine == pytest.approx([one["rmst"], one["se_survRM2"], one["lower"], one["upper"]], rel=1e-10)


def test_telco_difference_of_means(telco: kb.Dataset) -> None:
    expected = R["telco_rmst_difference"]["expected"]
    frame = kb.compare_survival(telco, by="internet_service", horizon=24).pairwise()
    row = frame[(frame["group"] == "DSL") & (frame["other"] == "Fiber optic")].iloc[0]
    assert -row["rmst_difference"] == pytest.approx(expected["diff"], rel=1e-10)
    assert row["rmst_difference_se"] == pytest.approx(expected["diff_se"], rel=1e-10)
    assert row["rmst_difference_p_value"] == pytest.approx(expected["diff_p"], rel=1e-8)
    ratio = 1 / row[["rmst_ratio", "rmst_ratio_ci_upper", "rmst_ratio_ci_lower"]].to_numpy(dtype=float)
    np.testing.assert_allclose(ratio, [expected["ratio"], expected["ratio_lower"], expected["ratio_upper"]], rtol=1e-10)
    assert row["rmst_ratio_p_value"] == pytest.approx(expected["ratio_p"], rel=1e-8)


def test_left_truncated() -> None:
    rows, expected = pd.DataFrame(R["left_truncated"]["rows"]), R["left_truncated"]["expected"]
    frame = kb.survival_curve(lives(rows["exit"], rows["event"], rows["entry"])).to_frame()
    frame = frame[frame["events"] > 0]
    assert frame["time"].tolist() == expected["t"]
    assert frame["at_risk"].tolist() == expected["n_risk"]
    for mine, theirs in (
        ("survival", "surv"),
        ("survival_ci_lower", "lower_loglog"),
        ("survival_ci_upper", "upper_loglog"),
    ):
        np.testing.assert_allclose(frame[mine], expected[theirs], rtol=1e-12)


def test_freireich(freireich: kb.Dataset) -> None:
    expected = R["freireich"]["expected"]
    curve = kb.survival_curve(freireich, by="arm")
    frame = curve.to_frame()
    frame = frame[(frame["arm"] == "6-MP") & (frame["events"] > 0)]
    np.testing.assert_allclose(frame["survival"], expected["surv"], rtol=1e-7)
    np.testing.assert_allclose(frame["survival_ci_lower"], expected["lower"], rtol=1e-7)
    np.testing.assert_allclose(frame["survival_ci_upper"], expected["upper"], rtol=1e-7)
    assert curve.quantiles([0.5])["time"].tolist() == [expected["median_6mp"], expected["median_placebo"]]
    assert kb.compare_survival(freireich, by="arm").statistic == pytest.approx(expected["logrank_chisq"], rel=1e-9)


def test_fleming_harrington_is_that_of_r(freireich: kb.Dataset) -> None:
    """R's survdiff(rho=1); what lifelines calls peto is 1.8 to 10 % off."""
    found = kb.compare_survival(freireich, by="arm").weighted(rho=1)
    assert found.statistic == pytest.approx(R["freireich"]["expected"]["peto_rho1"], rel=1e-9)


def test_duration_zero_with_weights(telco: kb.Dataset) -> None:
    """Telco has eleven customers with tenure 0; a weighted test must not stumble over them."""
    found = kb.compare_survival(telco, by="internet_service").weighted(rho=1, gamma=1)
    assert np.isfinite(found.statistic)


# -- what always holds ---------------------------------------------------------------------------------

ROWS = st.lists(
    st.tuples(st.integers(0, 12), st.booleans(), st.sampled_from("ab"), st.integers(0, 5)), min_size=4, max_size=60
)


@settings(max_examples=15, deadline=None)
@given(ROWS)
def test_curve_falls_and_counts_everybody(rows: list[Any]) -> None:
    duration, event, _, _ = zip(*rows, strict=True)
    data = lives(duration, event)
    frame = kb.survival_curve(data).to_frame()
    assert (frame["survival"].diff().dropna() <= 0).all()
    assert frame["events"].sum() + frame["censored"].sum() == len(rows)
    inside = frame.dropna()
    assert (inside["survival_ci_lower"] <= inside["survival"] + 1e-12).all()
    assert (inside["survival"] <= inside["survival_ci_upper"] + 1e-12).all()
    if not any(e for d, e in zip(duration, event, strict=True) if d < max(duration)) or all(event):
        return
    # one minus the product of the monthly shares is the curve
    hazard = kb.hazard_curve(data).to_frame()["hazard"].fillna(0)
    assert np.prod(1 - hazard) == pytest.approx(frame["survival"].iloc[-1])


@settings(max_examples=15, deadline=None)
@given(ROWS)
def test_at_risk_is_counted_one_by_one(rows: list[Any]) -> None:
    duration, event, _, entry = (np.array(x) for x in zip(*rows, strict=True))
    d = kb.durations(lives(duration, event, entry))
    table = risk_table(d, d.n > 0)
    seen = (entry == 0) | (entry < duration)
    for time, at_risk, left in zip(table.times, table.at_risk, table.left, strict=True):
        assert at_risk == (seen & ((entry < time) | (entry == 0)) & (duration >= time)).sum()
        assert left == (seen & (duration == time) & event).sum()


@settings(max_examples=15, deadline=None)
@given(ROWS)
def test_log_rank_does_not_care_about_names_or_units(rows: list[Any]) -> None:
    duration, event, group, _ = (np.array(x) for x in zip(*rows, strict=True))
    if len(set(group)) < 2:
        return
    found = kb.compare_survival(lives(duration, event, g=group), by="g", horizon=1)
    swapped = np.where(group == "a", "b", "a")
    other = kb.compare_survival(lives(duration * 3.5, event, g=swapped), by="g", horizon=1)
    assert found.statistic == pytest.approx(other.statistic, nan_ok=True, abs=1e-9)
    assert found.observed.sum() == pytest.approx(found.expected.sum())


def test_simulated_company_has_the_curve_that_was_planted() -> None:
    """With a fifth of the accounts older than the records, contracts that end with the data, and people who return."""
    data = simulate_saas(12_000, rng=5)
    planted = data.truth.survival_by_age().set_index("time")["survival"]
    found = kb.survival_curve(data).at([1, 6, 12, 24, 36]).set_index("time")
    spread = (found["survival_ci_upper"] - found["survival_ci_lower"]) / (2 * 1.96)
    distance = (found["survival"] - planted.loc[found.index]) / spread
    assert distance.abs().max() < 3
    naive = kb.survival_curve(kb.durations(data, origin="start")).at([24])["survival"].iloc[0]
    assert naive == pytest.approx(found.loc[24, "survival"], abs=0.01)  # the first contract is the acquisition here


# -- rates that are claimed ------------------------------------------------------------------------------


def test_intervals_cover_and_tests_keep_their_level() -> None:
    """200 samples of 150 customers, exponential lives, uniform censoring; three Monte-Carlo standard errors."""
    rng = np.random.default_rng(3)
    runs, covered, mean_covered, rejected = 200, 0, 0, 0
    truth, area = np.exp(-0.1 * 6), (1 - np.exp(-0.1 * 6)) / 0.1
    for _ in range(runs):
        life, seen = rng.exponential(10, 150), rng.uniform(2, 20, 150)
        d = lives(np.minimum(life, seen), life <= seen, g=np.where(rng.random(150) < 0.5, "a", "b"))
        row = kb.survival_curve(d).at(6).iloc[0]
        covered += row["survival_ci_lower"] <= truth <= row["survival_ci_upper"]
        found = kb.compare_survival(d, by="g", horizon=6)
        rejected += found.p_value < 0.05
        one = found.to_frame().iloc[0]
        mean_covered += one["rmst_ci_lower"] <= area <= one["rmst_ci_upper"]
    spread = 3 * np.sqrt(0.05 * 0.95 / runs)
    assert covered / runs == pytest.approx(0.95, abs=spread)
    assert mean_covered / runs == pytest.approx(0.95, abs=spread + 0.01)  # normal limits at 75 customers
    assert rejected / runs == pytest.approx(0.05, abs=spread)


def test_customers_of_unknown_group_are_left_out_and_counted() -> None:
    groups = ["a", "a", "b", "b", None]
    found = kb.compare_survival(lives([1, 3, 2, 4, 1], [1, 1, 1, 0, 1], g=groups), by="g")
    assert found.to_frame()["g"].tolist() == ["a", "b"]
    assert found.expected.sum() == pytest.approx(3)
    assert "1 customers of unknown group are left out" in found.definition


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "nothing"}, "by='nothing' is no column"),
        ({"by": "contract", "strata": "contract"}, "names a column that by compares"),
        ({"by": "contract", "horizon": 0}, "horizon=0"),
        ({"by": []}, "by is empty"),
    ],
)
def test_mistakes(telco: kb.Dataset, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.compare_survival(telco, **arguments)


# -- plain arrays, and lifelines -------------------------------------------------------------------------


def monthly(seed: int = 4, n: int = 400) -> dict[str, Any]:
    """Tied lives with late entries, in two groups."""
    rng = np.random.default_rng(seed)
    durations = rng.integers(0, 24, n).astype(float)
    entry = np.where(rng.random(n) < 0.3, np.floor(rng.random(n) * durations), 0.0)
    return {"durations": durations, "event_observed": rng.random(n) < 0.6, "entry": entry}


def test_plain_arrays_give_what_a_data_set_gives() -> None:
    rows, plan = monthly(), np.where(np.arange(400) % 3 == 0, "a", "b")
    data = lives(rows["durations"], rows["event_observed"], rows["entry"], plan=plan)
    for call in (kb.survival_curve, kb.hazard_curve, kb.cumulative_incidence):
        plain = call(**rows, by=pd.Series(plan, name="plan")).to_frame()
        whole = call(data, by="plan").to_frame().rename(columns={"month": "period"})
        pd.testing.assert_frame_equal(plain, whole, check_dtype=False)
    plain, whole = kb.compare_survival(**rows, by={"plan": plan}), kb.compare_survival(data, by="plan")
    pd.testing.assert_frame_equal(plain.to_frame(), whole.to_frame())
    assert plain.p_value == whole.p_value


def test_weights_are_repeated_rows() -> None:
    rows, often = monthly(n=60), np.random.default_rng(1).integers(0, 4, 60)
    counted = kb.survival_curve(**rows, weights=often).to_frame()
    repeated = kb.survival_curve(**{name: np.repeat(values, often) for name, values in rows.items()}).to_frame()
    pd.testing.assert_frame_equal(counted, repeated)


@pytest.mark.parametrize(
    ("codes", "names"),
    [
        ([1, 0, 2, 0, 10], ("1", "2", "10")),
        (["a", None, "b", None, "c"], ("a", "b", "c")),
        ([True, False, True, np.nan, True], ("left",)),
    ],
)
def test_codes_of_events_are_causes(codes: list[Any], names: tuple[str, ...]) -> None:
    found = kb.cumulative_incidence([1, 2, 2, 3, 5], codes)
    assert found.durations.causes == names
    assert found.durations.events == 3


def test_strata_may_be_labels_too() -> None:
    rows = monthly()
    plan, region = np.where(np.arange(400) % 3 == 0, "a", "b"), np.arange(400) % 2
    data = lives(rows["durations"], rows["event_observed"], rows["entry"], plan=plan, region=region)
    plain = kb.compare_survival(**rows, by=plan, strata=region)
    assert plain.statistic == pytest.approx(kb.compare_survival(data, by="plan", strata="region").statistic)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"event_observed": None}, "allowed: these, or arrays of durations together with event_observed"),
        ({"event_observed": [1]}, r"event_observed has shape \(1,\)"),
        ({"event_observed": [0, 1, 2]}, "event_observed has 1 value other than 0 and 1"),
        ({"durations": [1, -2, 3]}, "durations has 1 negative value"),
        ({"durations": ["a", 1, 2]}, "durations holds something else than numbers"),
        ({"entry": [0, 9, 9]}, "entry has 2 values behind the duration"),
        ({"weights": [1, 0.5, 1]}, "weights has 1 value that counts no customers"),
        ({"weights": [0, 0, 0]}, "weights are 0 in every row"),
        ({"by": "plan"}, "by='plan' is a name; allowed beside arrays: labels, one a row"),
        ({"by": ["a", "b"]}, r"labels 'group' has shape \(2,\)"),
        ({"by": ["a", 1, 2]}, "labels 'group' mix int, str"),
    ],
)
def test_mistakes_in_plain_arrays(change: dict[str, Any], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.survival_curve(**{"durations": [1, 2, 3], "event_observed": [0, 1, 1], **change})


def test_arrays_go_with_arrays_only(telco: kb.Dataset) -> None:
    for name in ("event_observed", "entry", "weights"):
        with pytest.raises(kb.ArgumentError, match=f"{name} goes with arrays of durations only, not with a Dataset"):
            kb.survival_curve(telco, **{name: [1]})
    with pytest.raises(kb.ArgumentError, match="durations reach 1,000,000 periods; allowed: up to 100,000"):
        kb.hazard_curve([1e6], [True])


def test_lifelines_takes_the_counts_and_agrees() -> None:
    """Curve and log-rank test by lifelines, of arrays row by row and of the counts handed out."""
    rows = monthly()
    rows["durations"] += 1  # at 0 lifelines counts nobody as at risk
    group = np.arange(400) % 2
    curve = kb.survival_curve(**rows, by=group)
    for name in (0, 1):
        mine = curve.to_frame().query("group == @name")
        fitted = KaplanMeierFitter().fit(**curve.durations.to_lifelines(name))
        theirs = fitted.survival_function_at_times(mine["time"]).to_numpy()
        np.testing.assert_allclose(mine["survival"], theirs, rtol=1e-10)
    assert WeibullFitter().fit(**curve.durations.to_lifelines()).predict(5) < 1
    del rows["entry"]  # their test knows no late entry
    test = multivariate_logrank_test(rows["durations"], group, rows["event_observed"])
    found = kb.compare_survival(**rows, by=group)
    assert (found.statistic, found.p_value) == pytest.approx((test.test_statistic, test.p_value), rel=1e-9)
    with pytest.raises(kb.ArgumentError, match="group=7 is no group"):
        curve.durations.to_lifelines(7)


def test_the_level_of_intervals_can_be_another(telco: kb.Dataset) -> None:
    found = kb.compare_survival(telco, by="contract", horizon=24)
    wide, narrow = found.to_frame(), found.with_conf_level(0.5).to_frame()
    assert (narrow["rmst_ci_lower"] > wide["rmst_ci_lower"]).all()
    assert "50% intervals" in found.with_conf_level(0.5).definition
    with pytest.raises(kb.ArgumentError, match="conf_level=2"):
        found.with_conf_level(2)


def test_columns_of_the_durations_only(telco: kb.Dataset) -> None:
    split = kb.durations(telco, by=["contract", "internet_service"])
    assert kb.survival_curve(split, by="contract").to_frame()["contract"].nunique() == 3
    pd.testing.assert_frame_equal(kb.survival_curve(split, by=()).to_frame(), kb.survival_curve(telco).to_frame())
    with pytest.raises(kb.ArgumentError, match="does not split these durations; did you mean 'contract'"):
        kb.survival_curve(split, by="contrct")


@pytest.mark.parametrize("shares", [0.5, "half", [[0.5]], [1.0], [None]])
def test_quantiles_of_what_is_no_list_of_shares(shares: Any) -> None:
    curve = kb.survival_curve(lives([1, 2, 3], [1, 1, 1]))
    with pytest.raises(kb.ArgumentError, match="are no shares; allowed: a list of numbers between 0 and 1"):
        curve.quantiles(shares)
