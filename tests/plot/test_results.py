"""Every result draws itself in one line, says what it is in one line, and is read by other libraries as it is."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest

import kbind as kb
from kbind.plot.base import alt_text
from simulations.company import simulate_saas


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def saas() -> kb.Dataset:
    return simulate_saas(300, rng=2)


def drawn(result: object, **options: object) -> tuple[str, str]:
    """Title and text alternative in English; German is another, and both can be laid out."""
    texts = {}
    for lang in ("en", "de"):
        ax = result.plot(lang=lang, **options)  # type: ignore[attr-defined]
        ax.get_figure(root=True).canvas.draw()
        texts[lang] = " ".join(ax.get_title(loc="left").split()), alt_text(ax)
    assert texts["en"][0] != texts["de"][0]
    assert texts["en"][1] != texts["de"][1]
    return texts["en"]


def test_survival_is_drawn_with_those_at_risk_below_the_groups(telco: kb.Dataset) -> None:
    curve = kb.survival_curve(kb.durations(telco, by="contract"))
    title, text = drawn(curve)
    assert title == "Share of customers still there, by contract"
    assert "Two year: month 0: 100.0%, month 14: 100.0%" in text
    ax = curve.plot()
    rows = [text.get_text() for text in ax.texts]
    assert rows.count("One year") == 2  # beside its line, and before its row
    assert {"At risk", "3,875", "1,202", "1,695"} <= set(rows)
    assert "At risk" not in [text.get_text() for text in curve.plot(at_risk=False).texts]
    alone = kb.survival_curve(telco)
    assert "7,043" in [text.get_text() for text in alone.plot(at_risk=True).texts]
    assert "At risk" not in [text.get_text() for text in alone.plot().texts]
    assert drawn(alone)[0] == "Share of customers still there, by age"


def test_hazard_and_causes_are_drawn(telco: kb.Dataset, saas: kb.Dataset) -> None:
    assert "month 1: 5.4%" in drawn(kb.hazard_curve(telco))[1]
    assert "Month-to-month: 1: 9.8%" in drawn(kb.hazard_curve(kb.durations(telco, by="contract")))[1]
    assert "cancelled, after 0 months: 0.0%" in drawn(kb.cumulative_incidence(saas))[1]
    with pytest.raises(kb.ArgumentError, match="one group at a time; this result is split by plan"):
        kb.cumulative_incidence(kb.durations(saas, by="plan")).plot()


def test_wrong_options_are_refused_by_name(telco: kb.Dataset) -> None:
    curve = kb.survival_curve(telco)
    wrong = {"titel": "x", "title": 4, "voice": 2, "until": "x", "at_risk": 2, "lang": "fr", "ax": 3, "marks": "x"}
    for name, value in wrong.items():
        with pytest.raises(kb.ArgumentError, match=rf"^{name}"):
            curve.plot(**{name: value})
    with pytest.raises(kb.ArgumentError, match="did you mean 'title'"):
        curve.plot(titel="x")
    with pytest.raises(kb.KbindError, match="a Durations has no picture"):
        curve.durations.plot()


def test_results_stand_in_one_line(telco: kb.Dataset) -> None:
    curve = kb.survival_curve(telco)
    said = "IBM Telco Customer Churn: 7,043 customers, 1,869 have left; median not reached"
    assert repr(curve) == f"SurvivalCurve({said})"


def test_other_libraries_read_results_as_they_are(telco: kb.Dataset) -> None:
    curve = kb.survival_curve(kb.durations(telco, by="contract"))
    assert pl.DataFrame(curve).columns == list(curve.to_frame())
    counted = duckdb.sql("select count(*), sum(events) from curve").fetchall()
    assert counted == [(len(curve.to_frame()), 1869)]


def test_revenue_and_orders_are_drawn(saas: kb.Dataset, grocery: kb.Dataset) -> None:
    assert drawn(kb.revenue_retention(saas))[0] == "Recurring revenue gained and lost, by month"
    bought = kb.purchases(grocery)
    assert drawn(bought)[0] == "Revenue so far, mean of new households, by age"
    assert "January 2017 (" in drawn(bought, kind="cohorts")[1]
    assert "days" in drawn(kb.lapse(grocery))[1]
    worth = kb.retention_value(customers=1000, price=50, margin=0.5, churn=0.05)
    assert drawn(worth)[0].startswith("More margin after 12 months: ")
    with pytest.raises(kb.ArgumentError, match="kind='pie' is not known"):
        bought.plot(kind="pie")


def test_counts_and_rows_are_drawn(saas: kb.Dataset) -> None:
    assert drawn(kb.period_rates(kb.datasets.load_counts("en")))[0] == "Share of customers that stayed, by period"
    assert drawn(saas.quality())[0] == "Rows of events by month"


def test_cohorts_and_life_cycle_are_drawn(grocery: kb.Dataset) -> None:
    record = kb.activity(grocery)
    retention = kb.cohort_retention(record)
    assert drawn(retention)[0] == "Share of households active, by starting month and age in months"
    assert drawn(retention, kind="curves")[0] == "Share of households active, by age in months"
    assert drawn(kb.lifecycle(record))[0] == "New, returned, retained and churned households by month"


def test_models_and_contrasts_are_drawn(telco: kb.Dataset) -> None:
    seen = kb.snapshots(telco)
    tested = kb.backtest(seen, ["logistic"], validation=kb.Validation(folds=2, repeats=1, resamples=10))
    assert drawn(tested)[0] == "Share that left, by predicted risk"
    assert drawn(tested, kind="calibration", groups=20)[0] == "What happened, over what had been predicted"
    assert drawn(kb.drivers(kb.ChurnClassifier("logistic"), seen, folds=2))[0] == "What moves the predicted risk"
    assert "contract: Month-to-month" in drawn(kb.contrast(telco))[1].replace("Contract", "contract")


def test_ratios_segments_reasons_and_scores_are_drawn(telco: kb.Dataset, saas: kb.Dataset) -> None:
    model = kb.hazard_model(telco, ["contract", "partner"])
    title, text = drawn(model)
    assert title == "Who leaves sooner: hazard ratios"
    assert "contract: Two year / Month-to-month 0.02 (0.01" in text
    segments = kb.segment_churned(
        telco, k=3, attributes=["contract", "internet_service"], resamples=20, null_samples=19
    )
    assert "Of all customers 26.5% left." in drawn(segments)[1]
    assert drawn(kb.reason_by_type(saas))[0] == "How closely stated reasons go with each attribute"
    said = kb.feedback_score(saas, "nps", by="respondent_role", period="year")
    assert "decision_maker, 2023 " in drawn(said)[1]
    assert drawn(kb.feedback_score(saas, "nps"))[0] == "Score (nps)"
    assert drawn(said.with_threshold(10**6))[1].endswith(": .")


def test_what_marks_mean_is_written(telco: kb.Dataset, grocery: kb.Dataset) -> None:
    shares = kb.contrast(telco, attributes=["contract", "partner"], adjust=["contract", "partner"]).plot()
    marks = [x for line in shares.lines for x in line.get_xdata()]
    low, high = shares.get_xlim()
    assert low == 0 < min(marks)
    assert max(marks) < high <= 1
    assert {line.get_markerfacecolor() for line in shares.lines}.isdisjoint({"none"})  # no rings
    assert "below: most alarms are right" in [text.get_text() for text in kb.lapse(grocery).plot().texts]
    cells = kb.cohort_retention(kb.activity(grocery)).plot()
    assert cells.get_xlabel() == "Months since the first purchase; shares in %"


def test_what_moves_is_drawn(saas: kb.Dataset) -> None:
    title, text = drawn(kb.satisfaction_trend(saas, "nps"))
    assert title == "How satisfied each of the customers is (nps), and which way it goes"
    assert "of 0 it surely falls" in text
    drift = kb.persona_drift(kb.datasets.load_personas("accounts"), saas, "year")
    assert drawn(drift)[0] == "Share of new customers who fit each persona, by year"
    assert "keeper: 2022 " in drawn(drift, measure="retention")[1]


def test_personas_are_drawn(telco: kb.Dataset) -> None:
    personas = [persona for persona in kb.datasets.load_personas("telco") if not persona.negative]
    evaluation = kb.evaluate_personas(personas, telco)
    refined = kb.refine_persona(personas[0], telco, exclude=("payment_method", "paperless_billing", "monthly_charges"))
    assert drawn(evaluation)[0] == "Share that stays, of those who fit each persona"
    if refined.held_out is None:
        with pytest.raises(kb.NotEnoughData, match="no new version"):
            refined.plot()
    else:
        assert drawn(refined)[0].endswith(", old and new: share that stays")
        assert len(evaluation.plot(refinement=refined).get_yticklabels()) == len(personas) + 2


@pytest.mark.parametrize(("lang", "said"), [("en", "Observed up to period 4"), ("de", "Beobachtet bis zur Periode 4")])
def test_projection_shows_what_was_observed_and_goes_on(lang: str, said: str) -> None:
    projection = kb.project_retention([1000, 869, 743, 653, 593], horizon=12)
    axes = projection.plot(lang=lang)
    assert axes.get_xlim() == (0, 12)
    assert np.isfinite(axes.lines[1].get_ydata()).sum() == 5
    assert said in alt_text(axes)


@pytest.mark.parametrize("outcome", ["retained", "revenue", "time"])
def test_an_effect_on_any_outcome_draws_itself(outcome: str) -> None:
    effect = kb.measure_effect(kb.datasets.load_saas(), "loyalty_offer", outcome=outcome)
    assert effect.plot().get_xlabel()
