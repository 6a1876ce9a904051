"""Arms of an offer: which is best, how the dose works, and what to try next."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.stats.proportion import confint_proportions_2indep

import kbind as kb

#: First order free: few come back; so a half and a quarter of the price were tried.
ARMS = pd.DataFrame(
    {
        "arm": ["none", "quarter", "half", "free"],
        "dose": [0, 0.25, 0.5, 1],
        "cost": [0, 8, 16, 40],
        "n": [1250, 1250, 1250, 1250],
        "kept": [125, 200, 256, 275],
    }
)

DOSES = {"none": 0.0, "quarter": 0.25, "half": 0.5, "free": 1.0}


def rows(arms: pd.DataFrame) -> pd.DataFrame:
    """One row a customer."""
    every = arms.loc[arms.index.repeat(arms["n"])].reset_index(drop=True)
    return every.assign(kept=every.groupby("arm").cumcount() < every["kept"]).drop(columns="n")


def test_returns_are_as_by_hand() -> None:
    found = kb.compare_offers(ARMS, value=400)
    assert (found.best, found.second, found.reference, found.n) == ("half", "quarter", "none", 5000)
    assert found.returns("half").value == pytest.approx((256 - 125) / 1250 * 400 - 16)
    assert found.gap.value == pytest.approx((256 - 200) / 1250 * 400 - 8)
    frame = found.to_frame().set_index("arm")
    assert frame.loc["free", "returned"] == pytest.approx(150 / 1250 * 400 / 40)
    assert frame["share"].tolist() == pytest.approx([0.1, 0.16, 0.2048, 0.22])
    assert np.isnan(frame.loc["none", "return"])


def test_limits_are_newcombes_for_all_arms_together() -> None:
    found = kb.compare_offers(ARMS, value=400)
    expected = confint_proportions_2indep(256, 1250, 125, 1250, method="newcomb", alpha=0.05 / 3)
    assert found.difference("half").interval == pytest.approx(expected)
    assert found.returns("half").ci_lower == pytest.approx(400 * expected[0] - 16)


def test_slope_and_smooth_shares_are_those_of_a_logistic_regression() -> None:
    found = kb.compare_offers(ARMS, value=400)
    outcome = np.column_stack([ARMS["kept"], ARMS["n"] - ARMS["kept"]])
    fit = GLM(outcome, np.column_stack([np.ones(4), ARMS["dose"]]), family=Binomial()).fit()
    assert found.slope.value == pytest.approx(np.exp(fit.params[1]))
    assert found.slope.interval == pytest.approx(tuple(np.exp(fit.conf_int()[1])))
    assert found.to_frame()["smooth"].tolist() == pytest.approx(fit.fittedvalues.tolist())


def test_shares_of_larger_doses_never_fall() -> None:
    found = kb.compare_offers(ARMS.assign(kept=[125, 250, 200, 275]), value=400)
    assert found.to_frame()["rising"].tolist() == pytest.approx([0.1, 0.18, 0.18, 0.22])


def test_rows_of_customers_say_the_same_as_counts() -> None:
    counted, single = kb.compare_offers(ARMS, value=400), kb.compare_offers(rows(ARMS), value=400)
    pd.testing.assert_frame_equal(counted.to_frame(), single.to_frame())
    assert single.step == counted.step


def test_customers_that_are_worth_differently_are_held_by_welch() -> None:
    rng = np.random.default_rng(0)
    frame = rows(ARMS).assign(value=rng.gamma(2, 200, 5000))
    found = kb.compare_offers(frame)
    net = (frame["value"] * frame["kept"] - frame["cost"]).groupby(frame["arm"]).mean()
    assert found.returns("half").value == pytest.approx(net["half"] - net["none"])
    assert found.returns("half").ci_lower > -16
    assert found.step.decision in ("try", "keep")


def test_the_next_dose_lies_beside_the_best() -> None:
    free = ARMS.iloc[[0, 3]].assign(kept=[38, 62])  # 5 % came back, 3 % came anyway
    assert str(kb.compare_offers(free, value=400).step) == "stop"  # half of it would not pay if it did as much
    first = kb.compare_offers(free, value=800)
    assert (first.best, first.step.decision, first.step.dose) == ("none", "try", 0.5)
    assert kb.compare_offers(ARMS, value=400).step.dose == 0.75  # between half and free, to which the returns lean


def test_an_offer_that_cannot_pay_stops() -> None:
    found = kb.compare_offers(ARMS.iloc[[0, 3]].assign(kept=[125, 126]), value=100)
    assert (found.best, str(found.step)) == ("none", "stop")
    assert found.returns("free").ci_upper < 0


def test_doses_as_near_as_is_worth_a_trial_are_kept() -> None:
    assert kb.compare_offers(ARMS, value=400, finest=0.5).step.decision == "keep"
    assert kb.compare_offers(ARMS, value=2000).step.dose == 0.75


def test_without_worth_nothing_is_said_of_money() -> None:
    found = kb.compare_offers(ARMS)
    assert (found.best, found.step.decision) == ("free", "unpriced")
    assert np.isnan(found.returns("free").value)
    assert found.gap.value == pytest.approx(19 / 1250)


def test_offers_without_doses_are_compared_all_the_same() -> None:
    found = kb.compare_offers(ARMS.drop(columns="dose"), value=400)
    assert (found.best, found.reference, found.step.decision) == ("half", "none", "keep")
    assert np.isnan(found.slope.value)
    named = kb.compare_offers(ARMS.drop(columns="dose"), value=400, doses=DOSES)
    assert named.step == kb.compare_offers(ARMS, value=400).step


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(20, 400), st.floats(0, 1), st.floats(0, 50)), min_size=2, max_size=5),
    st.floats(1, 1000),
    st.floats(0.1, 10),
)
def test_money_in_another_currency_changes_nothing(
    arms: list[tuple[int, float, float]], value: float, rate: float
) -> None:
    frame = pd.DataFrame({"arm": [f"a{k}" for k in range(len(arms))], "dose": range(len(arms)),
                          "n": [n for n, _, _ in arms], "kept": [round(n * share) for n, share, _ in arms],
                          "cost": [0.0, *(cost for _, _, cost in arms[1:])]})  # fmt: skip
    found, other = (kb.compare_offers(frame.assign(cost=frame["cost"] * one), value=value * one) for one in (1.0, rate))
    assert other.returns(found.best).value == pytest.approx(found.returns(found.best).value * rate, abs=1e-6)
    assert found.returns(found.best).value >= -1e-9  # the reference would be better else
    assert found.gap.value >= -1e-9


@pytest.mark.parametrize(
    ("frame", "arguments", "message"),
    [
        (ARMS.drop(columns="kept"), {}, "no column 'kept'"),
        (ARMS.assign(kept=2000), {}, "is more than n"),
        (ARMS.assign(kept=1.5), {}, "a whole number"),
        (ARMS.assign(arm="x"), {}, "given twice"),
        (ARMS.assign(dose=1), {}, "same dose"),
        (ARMS.assign(dose=[0, None, 1, 2]), {}, "arms without a dose: quarter"),
        (ARMS.assign(arm=[None, "a", "b", "c"]), {}, "names no arm"),
        (ARMS, {"doses": {"none": 0}}, "says nothing of arm quarter"),
        (ARMS, {"doses": {"hlaf": 0}}, "did you mean 'half'"),
        (ARMS, {"value": -1}, "is no amount"),
        (ARMS, {"campaign": "welcome"}, "for a data set"),
        (rows(ARMS).assign(kept=3), {}, "other than yes and no"),
        (rows(ARMS).assign(cost=None), {}, "empty cells"),
        (3, {}, "is not possible"),
    ],
)
def test_wrong_arguments_are_refused(frame: object, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(kb.ArgumentError, match=message):
        kb.compare_offers(frame, **{"value": 400, **arguments})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def shop() -> kb.Dataset:
    """An offer in three arms to customers under contract, of whom some leave within half a year."""
    frame = rows(ARMS.assign(arm=["control", "quarter", "half", "free"]))
    ids, day = np.arange(len(frame)), pd.Timestamp("2023-06-01")
    gone = pd.Series(day + pd.Timedelta("40D"), index=ids).where(~frame["kept"])
    start = pd.Timestamp("2023-01-01")
    contracts = pd.DataFrame({"customer_id": ids, "start": start, "mrr": 30.0, "end": gone})
    sent = frame[["arm", "cost"]].assign(customer_id=ids, campaign="welcome", assigned_at=day)
    tables = {"subscriptions": contracts, "campaigns": sent}
    return kb.open_dataset(tables, as_of="2024-03-01", recorded_from="2022-12-01")


def test_arms_of_a_campaign_say_the_same_as_counts(shop: kb.Dataset) -> None:
    doses = {"control": 0.0, "quarter": 0.25, "half": 0.5, "free": 1.0}
    found = kb.compare_offers(shop, "welcome", doses=doses)
    counted = kb.compare_offers(ARMS.assign(arm=list(doses)), value=360)
    pd.testing.assert_frame_equal(found.to_frame(), counted.to_frame())
    assert found.value == 360  # a year of 30 a month
    assert "welcome" in found.definition
    assert kb.compare_offers(shop, "welcome", value=10).best == "control"


def test_only_what_was_drawn_by_lot_is_compared(shop: kb.Dataset) -> None:
    sent = shop.table("campaigns")
    chosen = sent.assign(propensity=np.where(sent["customer_id"] % 2, 0.3, 0.6))
    tables = {"subscriptions": shop.table("subscriptions"), "campaigns": chosen}
    with pytest.raises(kb.NotEnoughData, match="not drawn by lot"):
        kb.compare_offers(kb.open_dataset(tables, as_of="2024-03-01"), "welcome")
    with pytest.raises(kb.NotEnoughData, match="held back"):
        kb.compare_offers(
            kb.open_dataset(tables | {"campaigns": sent[sent["arm"] != "control"]}, as_of="2024-03-01"), "welcome"
        )
    with pytest.raises(kb.ArgumentError, match="did you mean 'welcome'"):
        kb.compare_offers(shop, "welcom")


def test_too_few_customers_are_no_comparison() -> None:
    with pytest.raises(kb.NotEnoughData, match="needed: 10"):
        kb.compare_offers(ARMS.assign(n=9, kept=3))
    with pytest.raises(kb.NotEnoughData, match="fewer than two arms"):
        kb.compare_offers(ARMS.iloc[:1])
