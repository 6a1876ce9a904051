from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.errors import ArgumentError, NotEnoughData
from kbind.estimate.estimate import Estimate
from kbind.experiments.campaign import Assigned
from kbind.experiments.groups import effect_by_group, labels_of
from kbind.experiments.looks import always_valid, look_at
from kbind.experiments.randomised import chance_chose, judge
from kbind.experiments.uplift import learn_uplift
from kbind.plot.base import alt_text
from simulations.effects import DAYS, drawn


@pytest.fixture(scope="module")
def people() -> Assigned:
    return drawn(np.random.default_rng(5), 3000, 0.4)


def test_measure_effect_shows_what_is_there_and_nothing_where_there_is_none() -> None:
    found = kb.measure_effect(kb.datasets.load_saas(), "loyalty_offer")
    assert found.verdict == "shown"
    assert found.reasons[0].code == "better"
    assert found.randomised
    assert found.n == {"control": 774, "treatment": 728}
    assert found.difference is found.naive
    assert found.hazard_ratio.ci_upper < 1 < found.rmst.ci_lower
    none = kb.measure_effect(kb.datasets.load_saas("no_effect"), "loyalty_offer")
    assert (none.verdict, none.reasons[0].code) == ("not shown", "interval_holds_zero")


@pytest.mark.parametrize("outcome", ["retained", "revenue", "time"])
def test_measure_effect_of_a_shop(outcome: str) -> None:
    found = kb.measure_effect(kb.datasets.load_saas("b2c"), "loyalty_offer", outcome=outcome)
    assert np.isfinite([*found.naive, *found.adjusted, *found.placebo]).all()
    assert "bought again" in found.definition
    assert {"naive", "adjusted", "placebo"} <= set(found.to_frame()["estimate"])


def test_judge_takes_only_those_whose_horizon_is_over(people: Assigned) -> None:
    found = judge(people, outcome="retained", how="", share=0.5, conf_level=0.95)
    assert sum(found.n.values()) == people.lived.sum() < len(people)
    assert "horizon_not_over" in [reason.code for reason in found.reasons]
    later = replace(people, left=people.left | ~people.lived)
    again = judge(later, outcome="retained", how="", share=0.5, conf_level=0.95)
    assert tuple(again.naive) == tuple(found.naive)


def test_judge_sees_that_arms_were_not_dealt_out_as_planned(people: Assigned) -> None:
    lost = people.take(~people.treated | (np.arange(len(people)) % 5 > 0))
    found = judge(lost, outcome="retained", how="", share=0.5, conf_level=0.95)
    assert (found.verdict, found.reasons[0].code) == ("not identified", "sample_ratio")
    assert found.sample_ratio < 0.001


def test_judge_refuses_too_few(people: Assigned) -> None:
    with pytest.raises(NotEnoughData, match="whose 182 days are over"):
        judge(people.take(np.arange(15)), outcome="retained", how="", share=0.5, conf_level=0.95)


def test_chance_chose_goes_by_what_is_recorded(people: Assigned) -> None:
    assert chance_chose(people, None)[0]
    assert not chance_chose(people, False)[0]
    unknown = replace(people, propensity=np.full(len(people), np.nan))
    assert not chance_chose(unknown, None)[0]
    assert chance_chose(unknown, True)[0]
    targeted = replace(people, propensity=np.linspace(0.2, 0.8, len(people)))
    assert chance_chose(targeted, None)[:2] == (False, "the recorded chance of treatment goes from 0.2 to 0.8")
    with pytest.raises(ArgumentError, match="goes from 0.2 to 0.8"):
        chance_chose(targeted, True)
    with pytest.raises(ArgumentError, match="nobody of campaign 'call' was held back"):
        chance_chose(replace(people, held_back=False), True)


def test_always_valid_intervals_are_wider_and_widest_early() -> None:
    once = Estimate(0.1, 0.0, 0.2)
    late, early = always_valid(once, 1.0), always_valid(once, 0.2)
    assert late.ci_lower == pytest.approx(0.1 - 0.1 * 1.5487, abs=1e-4)
    assert early.ci_lower < late.ci_lower < once.ci_lower
    # Waudby-Smith et al. (2024), theorem 2.2 with n = 100, sigma = 1, rho as tuned for 100
    rho2 = (-2 * np.log(0.05) + np.log(-2 * np.log(0.05)) + 1) / 100
    half = np.sqrt(2 * (100 * rho2 + 1) / (100**2 * rho2) * np.log(np.sqrt(100 * rho2 + 1) / 0.05))
    wald = 1.959963984540054 / 10
    assert always_valid(Estimate(0.0, -wald, wald), 1.0).ci_upper == pytest.approx(half)


def test_looks_hold_what_was_known_by_then(people: Assigned) -> None:
    table = look_at(people, "retained", np.array(["2024-06-30", *DAYS], dtype="datetime64[D]"), 0.95)
    assert list(table["n"]) == sorted(table["n"])
    assert np.isnan(table["difference"][0])  # nobody's horizon was over
    day = np.datetime64("2024-09-01")
    assert table["n"][2] == (people.lived & (people.assigned_at + np.timedelta64(182, "D") < day)).sum()
    found = judge(people, outcome="retained", how="", share=0.5, conf_level=0.95, looks=DAYS)
    assert found.valid.ci_lower < found.adjusted.ci_lower
    assert "however often one looks" in found.reasons[0].words
    with pytest.raises(ArgumentError, match="looks='2031-01-01' is no day up to the end of the data"):
        judge(people, outcome="retained", how="", share=0.5, conf_level=0.95, looks=["2031-01-01"])


def test_groups_are_told_apart_with_few_false_discoveries(people: Assigned) -> None:
    values = (~people.left).astype(float)
    table = effect_by_group(people, values, ["size", "region"], "retained", 0.95)
    assert list(table["column"]) == ["size"] * 3 + ["region"] * 4
    assert (table["q_value"] >= table["p_value"]).all()
    row = table.iloc[0]
    inside = people.attributes["size"].codes == 0  # type: ignore[union-attr]
    gap = values[inside & people.treated].mean() - values[inside & ~people.treated].mean()
    rest = values[~inside & people.treated].mean() - values[~inside & ~people.treated].mean()
    assert (row["difference"], row["against_rest"]) == pytest.approx((gap, gap - rest))


def test_groups_may_be_given_as_labels(people: Assigned) -> None:
    half = pd.Series(np.where(np.arange(2000) % 2, "odd", "even"), index=np.arange(2000))
    labels, groups = labels_of(people, {"persona": half})["persona"]
    assert groups == ("even", "odd")
    assert list(labels[:3]) == ["even", "odd", "even"]
    assert labels[-1] is None
    with pytest.raises(ArgumentError, match="labels of nobody"):
        labels_of(people, {"persona": pd.Series(["a"], index=[-1])})
    with pytest.raises(ArgumentError, match="no Series"):
        labels_of(people, {"persona": ["a"]})
    with pytest.raises(ArgumentError, match="by='sise' is no column.*did you mean 'size'"):
        labels_of(people, "sise")


def test_uplift_draws_itself(people: Assigned) -> None:
    next_ones = learn_uplift(people, share=0.2, chance=0.5, learner="x", folds=3, conf_level=0.95,
                             rng=np.random.default_rng(0))  # fmt: skip
    for lang, said in (("en", "for each 100 treated are kept"), ("de", "von je 100 Behandelten gehalten")):
        assert said in alt_text(next_ones.plot(lang=lang))


def test_numbers_are_cut_into_ranges_in_order(people: Assigned) -> None:
    priced = replace(people, attributes={"price": people.revenue})
    table = effect_by_group(priced, (~people.left).astype(float), "price", "retained", 0.95)
    assert [name.split(" ")[0] for name in table["group"]][0::2] == ["up", "over"]
    assert table[["n_treated", "n_others"]].sum(axis=1).min() > 900


def test_return_on_divides_by_what_was_spent() -> None:
    found = kb.measure_effect(kb.datasets.load_saas(), "loyalty_offer")
    back = found.return_on(cost=40, value=1000)
    assert back.customers.value == pytest.approx(found.adjusted.value / 40)
    assert tuple(back.money) == pytest.approx([x * 1000 / 40 for x in found.adjusted])
    assert back.gain.value == pytest.approx(found.adjusted.value * 1000 - 40)
    assert found.return_on().cost == 20  # as recorded
    with pytest.raises(NotEnoughData, match="an effect on time has no return"):
        kb.measure_effect(kb.datasets.load_saas(), "loyalty_offer", outcome="time").return_on()


def test_measure_effect_judges_by_the_plan_and_says_what_departs(tmp_path: Path) -> None:
    data = kb.datasets.load_saas()
    ids = data.table("customers")["customer_id"]
    plan = kb.plan_experiment(0.9, effect=0.06, horizon="90D", name="call", design=kb.Design(conf_level=0.9))
    sent = plan.assign(ids, assigned_at="2024-01-01")
    frames = {name: data.table(name) for name in ("subscriptions", "customers")} | {"campaigns": sent}
    trial = kb.open_dataset(frames, as_of="2024-12-31")
    plan.write(tmp_path / "plan.yaml")
    found = kb.measure_effect(trial, tmp_path / "plan.yaml")
    assert (found.horizon, found.conf_level, found.departures) == (90, 0.9, ())
    assert found.how == "dealt out as planned in 'call'"
    other = kb.measure_effect(trial, plan, horizon="60D", looks=["2024-06-01"])
    assert other.departures == ("horizon: planned 90, asked 60", "looks: none were planned")
    flipped = sent.assign(arm=np.where(sent["customer_id"] < 50, "control", sent["arm"]))
    wrong = kb.open_dataset(frames | {"campaigns": flipped}, as_of="2024-12-31")
    assert "are in another one than the plan deals them to" in kb.measure_effect(wrong, plan).departures[-1]
