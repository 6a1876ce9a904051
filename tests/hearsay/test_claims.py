from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kbind as kb
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import wilson
from kbind.hearsay.checks import CHECKS, LEAST, YEARS, paired_ratio, rate_ratio
from kbind.hearsay.claims_checked import CHECKED, CLAIMS, NEEDS, TOO_LITTLE, Check, Claim
from kbind.hearsay.customer_counts import Referrals, kept_for_a_year
from kbind.hearsay.order_counts import days_between, won_by_campaign
from simulations.company import simulate_saas


@pytest.fixture(scope="module")
def saas() -> kb.Dataset:
    return simulate_saas(2000, rng=3)


def contracts(gone: int, stayed: int) -> kb.Dataset:
    """As many customers a year before the end, of whom some leave within the year."""
    ends = ["2023-09-01"] * gone + [None] * stayed
    frame = pd.DataFrame({"customer_id": range(gone + stayed), "start": "2020-01-01", "end": ends})
    return kb.open_dataset({"subscriptions": frame}, as_of="2024-01-01")


# -- what is claimed ------------------------------------------------------------------------------------


def test_every_claim_is_listed_once_and_either_checked_or_lacking() -> None:
    keys = [claim.key for claim in CLAIMS]
    assert len(set(keys)) == len(keys)
    assert set(CHECKS) == {claim.key for claim in CLAIMS if not claim.lacks}


@pytest.mark.parametrize(
    ("low", "high", "unit", "words"),
    [(7, 7, "ratio", "7"), (5, 25, "ratio", "5 to 25"), (1, np.inf, "ratio", "more than 1"),
     (-np.inf, 0.3, "share", "up to 30%"), (0.25, 0.95, "share", "25% to 95%"), (np.nan, np.nan, "", "")],
)  # fmt: skip
def test_claims_say_their_number(low: float, high: float, unit: str, words: str) -> None:
    assert Claim("k", "t", unit, low, high).says == words


@pytest.mark.parametrize(
    ("claimed", "interval", "verdict"),
    [
        ((7, 7), (6.0, 8.0), "open"),
        ((7, 7), (7.1, 8.0), "higher"),
        ((7, 7), (5.0, 6.9), "lower"),
        ((5, 25), (6.0, 8.0), "borne out"),
        ((5, 25), (4.0, 8.0), "open"),
        ((1, np.inf), (1.1, 1.4), "borne out"),
        ((1, np.inf), (0.9, 1.4), "open"),
        ((1, np.inf), (0.7, 0.9), "lower"),
        ((-np.inf, 7), (7.5, 9.0), "higher"),
        ((-np.inf, 7), (2.0, 3.0), "borne out"),
    ],
)
def test_verdict_compares_the_interval_with_the_claim(
    claimed: tuple[float, float], interval: tuple[float, float], verdict: str
) -> None:
    check = Check(Claim("k", "t", "ratio", *claimed), CHECKED, Estimate(1.0, *interval, 100), "", "")
    assert check.verdict == verdict
    assert replace(check, status=TOO_LITTLE).verdict == ""


# -- what retention brings ------------------------------------------------------------------------------


def test_growth_by_hand() -> None:
    """40 of 200 leave in a year, so 80 % stay; with 5 points more 85 %."""
    found = kb.claims(contracts(40, 160))
    check = found["five_points"]
    t = np.arange(1, YEARS + 1)
    assert check.estimate.value == pytest.approx((0.85**t).sum() / (0.8**t).sum() - 1, rel=1e-12)
    assert check.estimate.n == 200
    # for as long as they stay: h / (1 - h) years each
    assert found["five_points_lifetime"].estimate.value == pytest.approx((0.85 / 0.15) / (0.8 / 0.2) - 1, rel=1e-9)
    assert found["one_point_lifetime"].estimate.value == pytest.approx((0.81 / 0.19) / (0.8 / 0.2) - 1, rel=1e-9)
    lower, upper = (float(x) for x in wilson(40, 200)[1:])
    ends = [((1.05 - c) / (c - 0.05)) / ((1 - c) / c) - 1 for c in (upper, lower)]
    lifetime = found["five_points_lifetime"]
    assert lifetime.estimate.interval == pytest.approx(tuple(ends), rel=1e-6)
    assert "computed, not observed" in check.estimate.definition


@settings(max_examples=5, deadline=None)
@given(st.integers(20, 150))
def test_a_longer_view_makes_a_point_worth_more(gone: int) -> None:
    found = kb.claims(contracts(gone, 200 - gone))
    for name in ("five_points", "one_point"):
        short, long = found[name], found[f"{name}_lifetime"]
        assert long.status == CHECKED
        assert 0 < short.estimate.value < long.estimate.value
    assert found["one_point"].estimate.value < found["five_points"].estimate.value


def test_points_that_cannot_be_gained_are_not_computed() -> None:
    found = kb.claims(contracts(10, 390))
    assert found["one_point"].status == CHECKED
    assert found["five_points"].status == TOO_LITTLE
    assert np.isnan(found["five_points"].estimate.value)
    assert "leave in a year, so that 5 points cannot be gained" in found["five_points"].estimate.definition


def test_growth_from_nothing_is_not_computed() -> None:
    assert kb.claims(contracts(200, 0))["one_point_lifetime"].status == TOO_LITTLE


def test_a_year_that_was_not_recorded_says_nothing() -> None:
    frame = pd.DataFrame({"customer_id": range(200), "start": "2020-01-01", "end": None})
    frame.loc[:50, "end"] = "2023-11-01"
    late = kb.open_dataset({"subscriptions": frame}, as_of="2024-01-01", recorded_from="2023-06-01")
    assert kb.claims(late)["one_point"].status == TOO_LITTLE
    assert "not recorded for a year" in kb.claims(late)["one_point"].estimate.definition


def test_growth_is_near_the_truth_of_the_simulation(saas: kb.Dataset) -> None:
    counted = kb.claims(saas)["five_points"]
    assert counted.status == CHECKED
    assert 0.1 < counted.estimate.value < 0.25
    life = kb.claims(saas)["five_points_lifetime"]
    long = kb.retention_value(
        customers=1, price=1, margin=1, churn=1 - kept_for_a_year(saas).count / life.estimate.n, points=5, horizon=500
    )
    assert life.estimate.value == pytest.approx(long.growth, rel=1e-9)


# -- devices and referrals ------------------------------------------------------------------------------


def test_first_devices_are_as_planted() -> None:
    """Eight of ten events come from the usual device (mobile for .32), the others from any of three."""
    found = kb.claims(simulate_saas(4000, scenario="b2c", rng=5))
    check = found["phone_first"]
    assert check.estimate.ci_lower < 0.8 * 0.32 + 0.2 / 3 < check.estimate.ci_upper
    assert check.verdict == "lower"
    assert found["phone_computer"].estimate.n == found["phone_tablet"].estimate.n < check.estimate.count


def referrals(early: Any, early_days: Any, late: Any, late_days: Any) -> Referrals:
    parts = np.array([early, early_days, late, late_days], dtype=float)
    return Referrals(parts.shape[1], parts.sum(axis=1), parts @ parts.T)


def test_rate_ratio_by_hand() -> None:
    """40 customers refer once in each half; the other 40 refer twice in the second half only."""
    counted = referrals([1] * 40 + [0] * 40, [100] * 80, [1] * 40 + [2] * 40, [200] * 80)
    found = rate_ratio(counted, 0.95, "d")
    assert found.value == pytest.approx((120 / 16000) / (40 / 8000))
    # parts in the log ratio: 1/120 - 1/40 and 2/120 - 0, the days cancel out
    error = np.sqrt(40 * (1 / 120 - 1 / 40) ** 2 + 40 * (2 / 120) ** 2)
    assert found.ci_lower == pytest.approx(1.5 * np.exp(-1.959964 * error))
    assert found.ci_upper == pytest.approx(1.5 * np.exp(1.959964 * error))


def test_rate_ratio_is_silent_about_few_referrals() -> None:
    assert np.isnan(rate_ratio(referrals([1] * 9, [9] * 9, [3] * 9, [9] * 9), 0.95, "d").value)
    assert np.isnan(rate_ratio(referrals([3] * 9, [9] * 9, [3] * 9, [0] * 9), 0.95, "d").value)


def test_rate_ratio_holds_its_level_although_some_refer_many() -> None:
    """1,000 runs of 400 customers whose own rates differ twofold in spread; the truth is a ratio of 1.5."""
    rng = np.random.default_rng(7)
    runs, covered = 1000, 0
    for _ in range(runs):
        rate = rng.gamma(0.5, 2.0, 400) * 0.3
        later = rng.uniform(0, 3, 400)
        early = rng.poisson(rate)
        late = rng.poisson(1.5 * rate * later)
        found = rate_ratio(referrals(early, np.ones(400), late, later), 0.95, "d")
        covered += found.ci_lower <= 1.5 <= found.ci_upper
    assert abs(covered / runs - 0.95) < 2 * np.sqrt(0.95 * 0.05 / runs)


def test_referrals_that_do_not_depend_on_age_are_not_called_loyalty() -> None:
    found = kb.claims(simulate_saas(4000, scenario="b2c", rng=2))["loyal_recommend"]
    assert found.verdict == "open"


# -- purchases ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop() -> kb.Dataset:
    """40 customers who buy once for 10, and 60 who buy on days 0, 40, 60 and 80 for 10, 10, 20 and 31.

    As nothing without variation has limits, some pay a tenth more and as many a tenth less, some come back two days
    later and as many two days earlier, and persons 40 to 59 buy one category on day 80 instead of two.
    """
    rows, spread, later = [], (0.9, 1.1, 0.9, 1, 1.1), (0, 0, -2, 0, 2)
    starts = [pd.Timestamp("2024-01-05") + pd.Timedelta(days=9 * (person % 20)) for person in range(100)]
    for person, start in enumerate(starts):
        k = person // 20
        bought = [
            (0, 10, "a"),
            (40, 10, "a"),
            (60, 20, "b"),
            (60, 0, "c"),
            (80, 30, "a"),
            (80, 1, "a" if k == 2 else "b"),
        ]
        for day, amount, category in bought[: 1 if person < 40 else 6]:
            time = start + pd.Timedelta(days=day + later[k] if day else 0)
            rows.append((person, time, amount * (spread[k] if person < 40 or day else 1), category))
    log = pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount", "category"])
    asked = pd.DataFrame({"customer_id": range(20, 80), "campaign": "free first order"})
    asked["assigned_at"] = [start - pd.Timedelta(days=3) for start in starts[20:80]]
    asked["arm"] = ["Control"] * 10 + ["treatment"] * 50
    return kb.open_dataset({"events": log, "campaigns": asked}, as_of="2024-11-01")


def test_claims_about_purchases_by_hand(shop: kb.Dataset) -> None:
    found = kb.claims(shop)
    spend = found["regulars_spend"]
    # of 100, the 85 who came by May are enough of each kind, and have been seen for five months after their first
    assert (spend.estimate.value, spend.estimate.n) == (pytest.approx((10 + 10 + 20 + 31) / 10), 85)
    assert "up to 5 months" in spend.estimate.definition
    assert found["loyal_more"].estimate.value == pytest.approx((10 + 20 + 31) / 3 / 10)
    assert found["loyal_often"].estimate.value == pytest.approx(40 / 20)
    # one category on the first day; later one, one (a row that cost nothing is no purchase), two or one
    assert found["loyal_across"].estimate.value == pytest.approx((2 * (1 + 1 + 2) / 3 + 1) / 3)
    assert found["loyal_often"].estimate.n == found["loyal_across"].estimate.n == found["loyal_more"].estimate.n == 60
    # treated are 30 to 79: 10 of them never come back
    free = found["free_first"]
    assert (free.estimate.count, free.estimate.n) == (40, 50)
    assert free.estimate.interval == pytest.approx(tuple(float(x) for x in wilson(40, 50)[1:]))


def test_a_return_after_a_campaign_needs_time(shop: kb.Dataset) -> None:
    tables = {name: shop.table(name) for name in ("events", "campaigns")}
    early = kb.open_dataset(tables, as_of="2024-05-01")  # 90 days are over for those who came by 31 January
    came = [person for person in range(30, 80) if person % 20 <= 2]
    assert won_by_campaign(early, soon=3, within=90).n == len(came)
    assert won_by_campaign(early, soon=3, within=89).n == sum(person % 20 <= 3 for person in range(30, 80))
    assert won_by_campaign(early, soon=2, within=90).n == 0


def test_regular_gaps_are_not_called_faster_although_only_short_ones_fit() -> None:
    """Every customer keeps a rhythm of their own throughout a window of a year; 30 runs at 95 %."""
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(30):
        people, starts = 300, rng.uniform(0, 300, 300)
        gaps = rng.exponential(rng.gamma(2, 30, people)[:, None], (people, 40)) + 1
        days = np.concatenate([starts[:, None], starts[:, None] + gaps.cumsum(axis=1)], axis=1)
        who, _ = np.nonzero(days < 365)
        times = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.floor(days[days < 365]), unit="D")
        data = kb.open_dataset({"events": pd.DataFrame({"customer_id": who, "timestamp": times})}, as_of="2024-12-31")
        found = paired_ratio(days_between(data), 0.95, "d", later_first=False)
        covered += found.ci_lower <= 1 <= found.ci_upper
    assert covered >= 26


def test_grocery_is_checked_without_the_start_of_recording(grocery: kb.Dataset) -> None:
    found = kb.claims(grocery)
    assert {check.claim.key for check in found.checks if check.status == CHECKED} == {
        "regulars_spend", "loyal_more", "loyal_often", "loyal_across",
    }  # fmt: skip
    assert found["loyal_often"].estimate.n < 500  # January's 1,983 households were there before


# -- the table ------------------------------------------------------------------------------------------


def test_what_is_missing_is_named(telco: kb.Dataset) -> None:
    frame = kb.claims(telco).to_frame().set_index("key")
    assert (frame["status"] == NEEDS).all()
    assert frame["estimate"].isna().all()
    assert (frame["n"] == 0).all()
    assert frame.loc["phone_first", "missing"] == "events.device"
    assert frame.loc["loyal_recommend", "missing"] == "customers.acquired_at, customers.referred_by"
    assert frame.loc["acquisition_cost", "missing"].startswith("campaigns.cost, what winning")
    assert (frame["missing"] != "").all()


def test_few_customers_are_not_enough() -> None:
    small = kb.claims(contracts(10, LEAST - 11))
    assert small["one_point"].status == TOO_LITTLE
    assert small["one_point"].estimate.n == LEAST - 1
    assert kb.claims(contracts(10, LEAST - 10))["one_point"].status == CHECKED


def test_frame_holds_every_claim_with_its_interval(saas: kb.Dataset) -> None:
    found = kb.claims(saas, conf_level=0.9)
    frame = found.to_frame()
    assert frame["key"].tolist() == [claim.key for claim in CLAIMS]
    checked = frame[frame["status"] == CHECKED]
    assert len(checked) >= 6
    assert (checked["ci_lower"] <= checked["estimate"]).all()
    assert (checked["estimate"] <= checked["ci_upper"]).all()
    assert (checked["n"] >= LEAST).all()
    assert (checked["definition"] != "").all()
    assert (checked["verdict"] != "").all()
    wide = kb.claims(saas)
    assert wide["phone_first"].estimate.ci_lower < found["phone_first"].estimate.ci_lower
    assert "not that it is true" in found.definition
    assert "hypothesis" in found._repr_html_()


def test_wrong_arguments_are_named(saas: kb.Dataset) -> None:
    with pytest.raises(kb.ArgumentError, match="conf_level=95 is not a confidence level"):
        kb.claims(saas, conf_level=95)
    with pytest.raises(kb.ArgumentError, match="data of type str is no data set; open it first"):
        kb.claims("saas.csv")
    with pytest.raises(kb.ArgumentError, match="key='one_pont' is not known; did you mean 'one_point'"):
        _ = kb.claims(saas)["one_pont"]
