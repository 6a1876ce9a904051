from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind.churn import choosing, risk_drivers
from kbind.churn import forecast as forecasting
from kbind.churn.forecast import Forecast
from kbind.churn.snapshots.snapshot_table import Feature
from kbind.facts.churn import feature_value, lever_name
from kbind.facts.signs import OTHER, sign_groups, sign_of
from kbind.plot.base import alt_text
from kbind.report.chapters.churn import ChurnStory, churn_story
from kbind.text.voice import Voice
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


@pytest.fixture(scope="module", autouse=True)
def _few_trees() -> Iterator[None]:
    """How many trees are grown, and how many parts judge them, is tested where models are; here it is what is told."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forecasting, "_TESTED", replace(forecasting._TESTED, folds=3))
        patch.setattr(choosing, "MOST_TREES", 60)
        patch.setattr(choosing, "PARTS", 2)
        yield


@pytest.fixture(scope="module")
def saas() -> Forecast:
    with pytest.MonkeyPatch.context() as patch:  # of many features; fewer customers are watched, for speed
        patch.setattr(risk_drivers, "WATCHED", 8)
        patch.setattr(risk_drivers, "DONORS", 10)
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
    assert story.finding().startswith("Ranking by risk works: of 100 customers who leave in 30 to 120 days, ")
    left = story.facts.risks["left"]
    assert story.calls.calling.in_top.value == pytest.approx(left.iloc[-1] / left.sum())


def test_german_says_the_same(saas: Forecast) -> None:
    story = churn_story(saas, lang="de")
    assert story.finding().startswith("Die Reihenfolge nach Risiko stimmt: Von 100 Kunden, die in 30 bis 120 Tagen ")
    assert "Reihenfolge nach Risiko: ziemlich verlässlich" in story.certainty()
    assert "keine Ursache" in story.drivers.caption()


@pytest.fixture(scope="module")
def named() -> Forecast:
    """Customers whose names could be found on a page."""
    frame = flagged(price=20.0).table("customers")
    frame["customer_id"] = [f"ACME-{key}" for key in frame["customer_id"]]
    return kb.forecast_churn(kb.open_dataset({"customers": frame}, roles={"churned": "gone", "revenue": "price"}))


@pytest.mark.parametrize("lang", ["de", "en"])
def test_no_identifier_and_no_small_count_reach_the_page(named: Forecast, lang: str) -> None:
    story = churn_story(named, lang=lang, threshold=20)
    calls = story.calls
    table = calls.list_table()
    text = " ".join([story.finding(), story.means(), story.act(), *calls.list_text(), *calls.errors_text()])
    assert "ACME" not in text + str(table) + alt_text(story.drivers.moved.plot(**story.drivers.figure())) + alt_text(
        story.tested.plot(**story.risk_figure())
    )
    assert all(group.n >= 20 for group in calls.signs)
    assert sum(group.n for group in calls.signs) == story.size


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


def test_tables_of_the_list_are_facts(saas: Forecast) -> None:
    story = churn_story(saas, threshold=1)
    known, calls = story.voice.told, story.calls
    table, terms = calls.list_table(), calls.terms_table()
    for group, row in zip(calls.signs, table.rows, strict=True):
        name = f"list.sign.{'+'.join(group.signs)}"
        assert row[1] == str(int(known[f"{name}.n"].value)) == str(group.n)
        assert known[f"{name}.risk"].value == pytest.approx(group.leaving / group.n)
    assert saas.terms is not None
    assert known["terms.budget"].value == saas.terms.campaign.budget
    assert terms.rows[0][1] == story.voice.money(known["terms.budget"].value)
    assert known["terms.worth"].value == pytest.approx(story.listed.value.mean())
    alt_text(story.drivers.moved.plot(**story.drivers.figure()))
    strongest = story.drivers.levers.iloc[0]
    high = known[f"driver.{strongest['feature']}.high"]
    assert high.value == pytest.approx(float(strongest["value_high"]), abs=0.5)


def test_nobody_is_contacted_where_it_costs_more_than_it_brings() -> None:
    story = churn_story(
        kb.forecast_churn(flagged(price=20.0), campaign=kb.Campaign(cost=500.0, offer=10.0, budget=5000.0))
    )
    assert story.verdict == "nobody"
    assert "does not pay to contact anybody" in story.means()
    assert story.act().startswith("Contact nobody")
    assert not story.listing
    assert len(story.tiles()) == 2  # who is at risk, and what they pay
    assert ["stated" in row for row in story.calls.terms_table().rows] == [True, True, True, False]
    line = story.line()
    assert line is not None
    assert (line.measure, line.sure) == ("", "Ranking by risk: reliable. No call list pays.")


def test_data_without_money_gives_a_list_by_risk() -> None:
    story = churn_story(kb.forecast_churn(flagged()), threshold=1)
    assert story.verdict == "unpriced"
    assert len(story.calls.list_table().head) == 3
    assert len(story.tiles()) == 3
    assert "the data hold no money" in story.means()
    line = story.line()
    assert line is not None
    assert (line.stake, line.measure) == (None, "")
    listed = story.calls.listed
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
    assert full.calls.listed.value.max() == 240
    assert any("revenue counts as value" in line for line in full.definitions())
    object.__setattr__(data.card, "margin", 0.5) if hasattr(data.card, "margin") else None
    if hasattr(data.card, "margin"):
        half = churn_story(kb.forecast_churn(data))
        assert half.calls.listed.value.max() == 120


def test_past_lists_bring_less_than_they_promise_and_that_is_said(saas: Forecast) -> None:
    story = churn_story(saas)
    promised = story.facts.calls.to_frame()["expected"].sum()
    assert story.facts.kept.value == pytest.approx(story.facts.calls.money.sum() / promised)
    text = " ".join(story.calls.yield_text())
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


def test_a_group_of_few_leavers_is_hidden(priced: Forecast) -> None:
    story = churn_story(priced)
    few = ChurnStory(priced, churn_story(priced).voice)
    few.facts.__dict__["risks"] = story.facts.risks.assign(left=[0, 2, 9, 9, 12, 20, 30, 40, 50, 60])
    assert few.facts.few_left
    assert [story.voice.disclosure.fact(few.facts.risk(group)).hidden for group in (1, 2, 3)] == [True, True, False]
    assert "A ring" in few.risk_caption()
    assert few.risk_title().startswith("In the tenth with the highest risk")
    few = ChurnStory(priced, churn_story(priced).voice)
    few.facts.__dict__["risks"] = story.facts.risks.assign(left=[5, 5, 9, 9, 12, 20, 30, 40, 50, 60])
    assert not few.facts.few_left
    assert "A ring" not in few.risk_caption()


# -- what calling brings ---------------------------------------------------------------------------------------------


def test_list_is_compared_with_everybody_else(saas: Forecast, priced: Forecast) -> None:
    """The shares of those on lists and of the others add up to that of all, and their difference decides."""
    for forecast in (saas, priced):
        calling = churn_story(forecast, threshold=1).calls.calling
        every, on, off = calling.facts.calls.anyone, calling.facts.calls.leaving, calling.others
        assert (on.n + off.n, on.count + off.count) == (every.n, every.count)
        assert calling.better.value == pytest.approx(on.value - off.value)
        assert calling.surely_better == (calling.better.ci_lower > 0)
    assert "clearly beats calling at random" in churn_story(priced, threshold=1).means()


def test_list_that_may_be_chance_is_not_called_sure(priced: Forecast) -> None:
    story = churn_story(priced, threshold=1)
    calling = story.calls.calling
    calling.__dict__["others"] = replace(calling.others, value=calling.facts.hit.value)
    assert not calling.surely_better
    assert story.calls.chance().startswith(
        "A call list ordered by expected gain instead is not shown to beat calling at random"
    )
    assert story.calls.chance() in story.means()
    line = story.line()
    assert line is not None
    assert "not shown to beat chance" in line.sure


@pytest.fixture(scope="module")
def stated(priced: Forecast) -> Forecast:
    """The same, its acceptance not assumed but given."""
    return kb.forecast_churn(priced.data, campaign=kb.Campaign(acceptance=0.3))


def test_a_report_takes_a_forecast_that_was_made_before(priced: Forecast, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the page of that forecast, and nothing is computed again."""

    def again(*_: Any, **__: Any) -> Forecast:
        raise AssertionError("computed again")

    monkeypatch.setattr("kbind.report.chapters.churn.forecast_churn", again)
    page = kb.Report(priced).page("03")
    assert churn_story(priced).finding() in str(page)
    with pytest.raises(AssertionError, match="computed again"):
        kb.Report(priced.data).page("03")
    with pytest.raises(kb.ArgumentError, match="campaign: this forecast was made before"):
        kb.Report(priced, campaign=kb.Campaign(cost=1.0))


@pytest.mark.parametrize("lang", ["de", "en"])
def test_list_pays_from_the_acceptance_at_which_it_brings_nothing(
    priced: Forecast, stated: Forecast, lang: str
) -> None:
    """Made again with that acceptance, the same calls bring 0; and the range holds the assumed acceptance's."""
    story = churn_story(priced, lang=lang)
    calling, terms = story.calls.calling, story.calls.listed.terms
    calls = story.facts.calls.to_frame()
    costs = (terms.cost * calls["called"] + terms.offer * calls["stayed"]).mean()
    worth = (calls["money"].mean() + costs) / terms.acceptance
    assert calling.even.value * worth - costs == pytest.approx(0)
    assert calling.even.ci_lower < calling.even.value < calling.even.ci_upper
    width = calling.gain.ci_upper - calling.gain.ci_lower
    assert width > calling.lists * (story.facts.past.ci_upper - story.facts.past.ci_lower)
    assert churn_story(stated).calls.calling.gain.value == pytest.approx(calling.gain.value)
    known = churn_story(stated).calls.calling.gain
    assert known.ci_upper - known.ci_lower == pytest.approx(story.facts.past.ci_upper - story.facts.past.ci_lower)
    assert story.voice.tell(calling.even, "interval") in story.calls.assumed()


def test_acceptance_that_never_pays_is_said(priced: Forecast) -> None:
    story = churn_story(priced)
    story.calls.calling.__dict__["even"] = replace(story.calls.calling.even, value=np.nan)
    assert story.calls.assumed() == (
        "The call list would not have paid even if all who would leave had accepted the offer; 30% is assumed."
    )


def test_trial_is_made_where_it_shows_soonest(saas: Forecast) -> None:
    story = churn_story(saas)
    calling = story.calls.calling
    tenth, listed = calling.trial("tenth"), calling.trial("list")
    assert tenth is not None
    assert listed is not None
    assert calling.best_trial == (listed if listed.rounds <= tenth.rounds else tenth)
    for trial in (tenth, listed):
        assert trial.rounds * trial.size >= 2 * trial.needed.value > (trial.rounds - 1) * trial.size
        assert trial.days == 90 * (trial.rounds - 1) + 120
    best = calling.best_trial
    assert story.voice.day(calling.known_on(best)) in story.act() or best.rounds > 12
    assert "FOLDER" in " ".join(story.definitions())  # a command is for whoever runs it, at the foot
    assert "FOLDER" not in " ".join([story.act(), *story.calls.list_text()])


def test_list_reaches_what_the_budget_pays_for(saas: Forecast) -> None:
    """5 of 100 customers of the last date, also where past lists held fewer."""
    story = churn_story(saas, threshold=1)
    reached = int(np.ceil(0.05 * story.calls.listed.n_customers))
    assert story.calls.calling.reached.value == reached
    assert f"the budget reaches {reached} customers a list" in " ".join(story.calls.errors_text())


def test_riskiest_tenth_holds_what_its_customers_pay(priced: Forecast) -> None:
    calling = churn_story(priced).calls.calling
    n = len(calling.top.customer)
    assert n == calling.facts.listed.n_customers // 10
    assert calling.held is not None
    assert calling.held.value == pytest.approx(n * 12 * 20)
    line = churn_story(priced).line()
    assert line is not None
    assert line.stake == calling.going
    assert calling.going is not None
    assert calling.going.value == pytest.approx(12 * 20 * calling.top.probability.sum())


@pytest.mark.parametrize(
    ("feature", "value", "text"),
    [
        (Feature("x", "days_to", "subscriptions", column="term_end"), 20.0, "20 Tage"),
        (Feature("x", "tenure", "customers"), 1.0, "1 Monat"),
        (Feature("x", "attribute", "customers", column="budget"), 309.0, "309 €"),
        (Feature("x", "value", "subscriptions", column="discount"), 0.15, "15 %"),
        (Feature("x", "count", "events", window=30), 5.5, "5,5"),
        (Feature("x", "attribute", "customers", column="industry"), "retail", "Handel"),
        (Feature("x", "attribute", "customers", column="company_size"), "1-9", "1–9"),
    ],
)
def test_values_have_units_and_words(priced: Forecast, feature: Feature, value: Any, text: str) -> None:
    assert priced.snapshots is not None
    seen = replace(priced.snapshots, meanings=(feature,), features=pd.DataFrame({"x": [value, 2, 7]}))
    assert feature_value(seen, Voice("de", currency="EUR"), value, "x", "saas").replace("\xa0", " ") == text


@pytest.mark.parametrize(("column", "example", "said"), [
    ("budget", "saas", "Monatsbudget"), ("company_size", "saas", "Mitarbeiterzahl"), ("budget", "", "Budget"),
    ("shoe", "saas", "Shoe"),
])  # fmt: skip
def test_attributes_of_example_data_are_called_as_in_other_chapters(
    priced: Forecast, column: str, example: str, said: str
) -> None:
    assert priced.snapshots is not None
    seen = replace(priced.snapshots, meanings=(Feature("x", "attribute", "customers", column=column),))
    assert lever_name(seen, Voice("de"), "x", example) == said


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
    assert "exit 41, exit 7, exit 38, ... (550 Kunden)" in story.leaks_text()[1]


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
