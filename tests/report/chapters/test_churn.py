from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.churn import risk_drivers
from kbind.churn.forecast import Forecast
from kbind.churn.snapshots.snapshot_table import Feature
from kbind.facts.signs import OTHER, sign_groups, sign_of
from kbind.plot.base import alt_text
from kbind.report.chapters.churn import ChurnStory, churn_story
from simulations.company import simulate_saas


def flagged(n: int = 1500, effect: float = 2.5, seed: int = 0, **columns: Any) -> kb.Dataset:
    """Customers of whom a third have left, those with much trouble more often."""
    rng = np.random.default_rng(seed)
    trouble = rng.normal(size=n)
    frame = pd.DataFrame({"customer_id": range(n), "trouble": trouble.round(3), "shoe": rng.integers(35, 48, n)})
    frame["gone"] = rng.random(n) < 1 / (1 + np.exp(1 - effect * trouble))
    return kb.open_dataset({"customers": frame.assign(**columns)}, roles={"churned": "gone", **_roles(columns)})


def _roles(columns: dict[str, Any]) -> dict[str, str]:
    return {"revenue": "price"} if "price" in columns else {}


@pytest.fixture(scope="module")
def saas() -> Forecast:
    with pytest.MonkeyPatch.context() as patch:  # of many features; fewer customers are watched, for speed
        patch.setattr(risk_drivers, "WATCHED", 8)
        return kb.forecast_churn(simulate_saas(1200, rng=3))


@pytest.fixture(scope="module")
def priced() -> Forecast:
    return kb.forecast_churn(flagged(price=20.0))


def test_dates_are_one_horizon_apart_and_end_with_the_data(saas: Forecast) -> None:
    seen = kb.snapshots(saas.data, horizon="60D")
    dates = np.unique(seen.as_of)
    assert dates[-1] == np.datetime64(saas.data.as_of)
    assert set(np.diff(dates) / np.timedelta64(1, "D")) == {60}
    assert dates[0] >= np.datetime64(saas.data.recorded_from + pd.Timedelta(days=90))
    assert seen.notes[0].startswith(f"as_of was not given; looked at {str(dates[0])[:10]}, ")
    assert kb.snapshots(flagged(50)).notes == ()


def test_what_is_told_is_what_was_computed(saas: Forecast) -> None:
    story = churn_story(saas)
    calls = story.facts.calls.to_frame()
    assert story.facts.hit.value == pytest.approx(calls["left"].sum() / (calls["called"] - calls["gone"]).sum())
    assert story.facts.found.value == pytest.approx(calls["left"].sum() / calls["leavers"].sum())
    assert story.facts.miss.value == pytest.approx(1 - calls["left"].sum() / calls["called"].sum())
    # one base: what the tenths say adds up to the average
    assert story.facts.anyone.value == pytest.approx(story.facts.risks["left"].sum() / story.facts.risks["n"].sum())
    assert calls["gone"].sum() > 0
    assert any("still there when the time counted begins" in line for line in story.definitions())
    assert story.facts.past.value == pytest.approx(calls["money"].mean())
    assert (calls["called"] == calls["left"] + calls["stayed"] + calls["gone"]).all()
    assert story.facts.risks["n"].sum() == calls["customers"].sum() - story.tested.n_lost
    assert story.finding().startswith("Those about to leave can be narrowed down: of 100 customers")
    assert "does not say why anybody leaves" in story.certainty()


def test_german_says_the_same(saas: Forecast) -> None:
    story = churn_story(saas, lang="de")
    assert story.finding().startswith("Wer bald geht, lässt sich eingrenzen")
    assert "sagt nicht, warum jemand geht" in story.certainty()
    assert "keine Ursache" in story.drivers.caption()


@pytest.mark.parametrize("lang", ["de", "en"])
def test_no_identifier_and_no_small_count_reach_the_page(lang: str) -> None:
    data = flagged(price=20.0)
    names = {key: f"ACME-{key}" for key in range(1500)}
    frame = data.table("customers")
    frame["customer_id"] = frame["customer_id"].map(names)
    data = kb.open_dataset({"customers": frame}, roles={"churned": "gone", "revenue": "price"})
    story = churn_story(kb.forecast_churn(data), lang=lang, threshold=20)
    table = story.list_table()
    text = " ".join([story.finding(), story.means(), story.act(), *story.list_text(), *story.errors_text()])
    assert "ACME" not in text + str(table) + alt_text(story.drivers.moved.plot(**story.drivers.figure())) + alt_text(
        story.tested.plot(**story.risk_figure())
    )
    assert all(group.n >= 20 for group in story.signs)
    assert sum(group.n for group in story.signs) == story.size


def test_signs_add_up_and_none_is_small(saas: Forecast) -> None:
    assert saas.contacts is not None
    assert saas.snapshots is not None
    n = len(saas.contacts.customer)
    for least in (2, 5, 15, n):
        groups = sign_groups(saas.contacts, saas.snapshots, least)
        assert sum(group.n for group in groups) == n
        assert min(group.n for group in groups) >= least
        assert sum(group.gain for group in groups) == pytest.approx(saas.contacts.expected_gain.sum())
    assert [group.signs for group in groups] == [(OTHER,)]
    assert sign_groups(saas.contacts, saas.snapshots, n + 1) == []


@pytest.mark.parametrize(
    ("feature", "value", "usual", "sign"),
    [
        (Feature("x", "count", "events", window=30), 1.0, 5.0, "use_low"),
        (Feature("x", "count", "events", window=30), 9.0, 5.0, "use_other"),
        (Feature("x", "days_since", "events"), 90.0, 5.0, "use_low"),
        (Feature("x", "trend", "events", window=30), 0.2, 1.0, "use_falling"),
        (Feature("x", "days_to", "subscriptions", column="term_end"), 30.0, 200.0, "renewal"),
        (Feature("x", "days_to", "subscriptions", column="term_end"), 300.0, 200.0, "contract"),
        (Feature("x", "tenure", "subscriptions"), 10.0, 400.0, "new"),
        (Feature("x", "mean", "feedback", column="score", level="nps"), 3.0, 8.0, "mood"),
        (Feature("x", "attribute", "customers", column="plan"), "basic", None, "profile"),
    ],
)
def test_sign_of_a_feature(feature: Feature, value: Any, usual: Any, sign: str) -> None:
    assert sign_of(feature, value, usual) == sign


def test_nobody_is_contacted_where_it_costs_more_than_it_brings() -> None:
    story = churn_story(
        kb.forecast_churn(flagged(price=20.0), campaign=kb.Campaign(cost=500.0, offer=10.0, budget=5000.0))
    )
    assert story.verdict == "nobody"
    assert "does not pay to contact anybody" in story.finding()
    assert story.act().startswith("Contact nobody")
    assert not story.listing
    assert story.tiles() == []
    assert ["stated" in row for row in story.terms_table().rows] == [True, True, True, False]


def test_data_without_money_gives_a_list_by_risk() -> None:
    story = churn_story(kb.forecast_churn(flagged()))
    assert story.verdict == "unpriced"
    assert len(story.list_table().head) == 3
    assert len(story.tiles()) == 2
    listed = story.listed
    assert (np.diff(listed.probability) <= 0).all()


def test_features_that_tell_nothing_are_said_to_tell_nothing() -> None:
    # one draw in forty looks as if something told: an interval of 95 % errs that often on this side
    story = churn_story(kb.forecast_churn(flagged(effect=0.0, seed=6, price=20.0)))
    assert story.verdict == "blind"
    assert not story.listing
    assert "guessing" in story.means()
    assert story.risk_title() == "Those held to be at risk did not surely leave more often"


def test_what_is_short_is_said_departures_or_time() -> None:
    """400 customers of whom three have left; and a log of two months, too short for a look back."""
    frame = pd.DataFrame({"customer_id": range(400), "trouble": np.arange(400) % 7, "gone": np.arange(400) < 30})
    few = churn_story(kb.forecast_churn(kb.open_dataset({"customers": frame}, roles={"churned": "gone"})))
    assert few.finding().startswith("Too few customers have left so far")
    assert "takes 50 departures" in few.means()
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(60), unit="D")
    log = pd.DataFrame({"customer_id": np.tile(np.arange(80), 60), "timestamp": np.repeat(days, 80)})
    young = churn_story(kb.forecast_churn(kb.open_dataset({"events": log})))
    assert "do not reach back far enough" in young.finding()
    assert "data of 210 days or more" in young.means()
    assert young.act().startswith("Keep recording")


@pytest.mark.parametrize("n", [3, 40])
def test_few_customers_are_not_told_of(n: int) -> None:
    story = churn_story(kb.forecast_churn(flagged(n)))
    assert story.short
    assert story.finding().startswith("There are too few customers")
    assert "there are fewer customers than that" in story.means()
    assert "Wait" not in story.act()
    assert story.tiles() == []
    assert story.definitions()


def test_margin_makes_customers_worth_less(priced: Forecast) -> None:
    data = flagged(price=20.0)
    full = churn_story(priced)
    assert full.listed.value.max() == 240
    assert any("revenue counts as value" in line for line in full.definitions())
    object.__setattr__(data.card, "margin", 0.5) if hasattr(data.card, "margin") else None
    if hasattr(data.card, "margin"):
        half = churn_story(kb.forecast_churn(data))
        assert half.listed.value.max() == 120


def test_past_lists_bring_less_than_they_promise_and_that_is_said(saas: Forecast) -> None:
    story = churn_story(saas)
    promised = story.facts.calls.to_frame()["expected"].sum()
    assert story.facts.kept.value == pytest.approx(story.facts.calls.money.sum() / promised)
    text = " ".join(story.yield_text())
    assert "of what they promised" in text


def test_figures_carry_their_numbers_as_text(priced: Forecast) -> None:
    story = churn_story(priced)
    bars, levers = story.tested.plot(**story.risk_figure()), story.drivers.moved.plot(**story.drivers.figure())
    assert "group 10:" in alt_text(bars)
    assert "Trouble: " in alt_text(levers)
    assert levers.get_title(loc="left") == "What says most about the risk: Trouble"


def test_probabilities_that_are_wrong_are_called_inexact(priced: Forecast) -> None:
    story = churn_story(priced)
    assert story.facts.calibrated
    wrong = ChurnStory(priced, churn_story(priced).voice)
    risks = story.facts.risks.assign(predicted=story.facts.risks["predicted"] * 2)
    wrong.facts.__dict__["risks"] = risks
    assert not wrong.facts.calibrated
    assert "inexact" in wrong.risk_caption()


def test_a_group_of_few_leavers_cannot_be_computed_back(priced: Forecast) -> None:
    story = churn_story(priced)
    few = ChurnStory(priced, story.voice)
    few.facts.__dict__["risks"] = story.facts.risks.assign(left=[0, 2, 9, 9, 12, 20, 30, 40, 50, 60])
    assert few.facts.hidden_groups == {2, 3}
    assert few.facts.risk(2).hidden
    assert few.risk_title().startswith("In the tenth with the highest risk")
    assert "lower half" not in few.risk_title()
    few = ChurnStory(priced, story.voice)
    few.facts.__dict__["risks"] = story.facts.risks.assign(left=[0, 0, 9, 9, 12, 20, 30, 40, 50, 60])
    assert not few.facts.hidden_groups


# -- columns that know the outcome ----------------------------------------------------------------------------------


def leaking(**columns: Any) -> Forecast:
    return kb.forecast_churn(flagged(price=20.0, **columns))


def gone_of(data: kb.Dataset) -> np.ndarray:
    return data.table("customers").sort_values("customer_id")["gone"].to_numpy()


GONE = gone_of(flagged())


@pytest.fixture(scope="module")
def leaky() -> Forecast:
    """The CRM says who is a former customer, but for every ninth; and has codes of departures, each of a dozen."""
    kind = np.where(GONE & (np.arange(len(GONE)) % 9 > 0), "Former Customer", "Customer")
    code = np.where(GONE, [f"exit {k % 47}" for k in range(len(GONE))], None)
    return leaking(type=kind, code=code)


def test_a_column_that_knows_the_outcome_is_left_out_and_told(leaky: Forecast) -> None:
    story = churn_story(leaky, threshold=40)
    assert story.leaks_title() == "Left out, because the outcome shows in it: type, code"
    first, second, act = story.leaks_text()
    assert first.startswith("Type: only those who have left have Former Customer (")
    assert second.startswith("Code: only those who have left have such values (")
    assert "exit" not in second
    assert act.startswith("Check when these values are entered.")
    assert story.drivers.levers["feature"].tolist()[0] == "trouble"
    assert leaky.snapshots is not None
    assert leaky.leakage is not None
    assert leaky.leakage.proven == leaky.leaks
    assert list(leaky.snapshots.features) == ["trouble", "shoe", "price"]
    assert story.facts.metric("auc").value < 0.92


def test_it_is_told_in_german_too_and_levels_of_many_are_named(leaky: Forecast) -> None:
    story = churn_story(leaky, lang="de")
    assert story.leaks_title() == "Weggelassen, weil der Ausgang schon darin steht: type, code"
    assert "Nur wer gegangen ist, hat Former Customer (" in story.leaks_text()[0]
    assert "exit 41, exit 7, exit 38, ... (552 Kunden)" in story.leaks_text()[1]


def test_a_column_can_be_kept_and_is_then_to_be_checked(leaky: Forecast) -> None:
    kept = kb.forecast_churn(leaky.data, keep=["type", "code"])
    assert kept.leaks == ()
    assert kept.suspects == ("code", "type")
    assert churn_story(kept).facts.metric("auc").value > 0.95


def test_clean_data_says_nothing_of_leaks(priced: Forecast, saas: Forecast) -> None:
    for forecast in (priced, saas):
        assert forecast.leaks == forecast.suspects == ()


def test_weaker_alarms_are_told_and_nothing_is_removed() -> None:
    """Nine of ten leavers have no entry, and one of ten stayers."""
    rng = np.random.default_rng(0)
    empty = np.where(GONE, rng.random(len(GONE)) < 0.85, rng.random(len(GONE)) < 0.1)
    forecast = leaking(answer=np.where(empty, np.nan, rng.normal(size=len(GONE))))
    assert (forecast.leaks, forecast.suspects) == ((), ("answer",))
    assert any(line.startswith("To be checked: answer.") for line in churn_story(forecast).definitions())


def test_the_model_is_named_at_the_foot(priced: Forecast) -> None:
    assert churn_story(priced).definitions().count(churn_story(priced).voice.say("churn.foot.model.logistic")) == 1
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 1500))
    gone = rng.random(1500) < np.where(a * b > 0, 0.6, 0.1)
    frame = pd.DataFrame({"customer_id": range(1500), "a": a, "b": b, "gone": gone})
    forecast = kb.forecast_churn(kb.open_dataset({"customers": frame}, roles={"churned": "gone"}))
    assert "Model: boosted trees." in " ".join(churn_story(forecast).definitions())
