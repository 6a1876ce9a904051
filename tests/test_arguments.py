"""Everything public is called with nonsense in every parameter: it is refused in one sentence, or means something."""

from __future__ import annotations

import inspect
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from functools import cached_property
from pathlib import Path
from time import time_ns
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import kbind as kb
from kbind import datasets
from kbind.churn.backtests import Backtest
from kbind.churn.forecast import Forecast
from kbind.churn.snapshots.snapshot_table import Snapshots
from kbind.dataset.config import Config
from kbind.errors import check_amount, check_conf_level, check_count, check_flag, check_number, check_rng, check_share
from kbind.estimate.estimate import Estimate
from kbind.personas.evaluation import PersonaEvaluation
from kbind.personas.refinement.refinement import Refinement
from kbind.report.template import write_template
from kbind.retention.activity import Activity
from kbind.retention.cohorts import CohortRetention
from kbind.retention.period_rates import PeriodRates
from kbind.retention.rates import rescale_churn
from kbind.revenue.retention_value import RetentionValue
from kbind.segments.segmentation import Segmentation
from kbind.survival.contact_loss import contact_loss
from kbind.survival.hazard_model import HazardModel
from kbind.value.purchase_model import Alive


def _company() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(0)
    n = 120
    start = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 500, n), unit="D")
    lived = rng.integers(40, 500, n)
    end = (start + pd.to_timedelta(lived, unit="D")).where(rng.random(n) < 0.7)
    ids = np.arange(n)
    orders = rng.integers(0, n, 900)
    answered = rng.integers(0, n, 200)
    size = np.where((lived + rng.integers(-150, 150, n)) < 250, "small", "large")
    return {
        "customers": pd.DataFrame(
            {
                "customer_id": ids,
                "size": size,
                "region": rng.choice(["north", "south"], n),
                "staff": rng.integers(1, 90, n),
                "acquired_at": start,
                "referred_by": [None if k % 3 else (k + 1) % n for k in ids],
            }
        ),
        "subscriptions": pd.DataFrame(
            {"customer_id": ids, "start": start, "end": end, "mrr": rng.integers(10, 90, n), "plan": size}
        ),
        "events": pd.DataFrame(
            {
                "customer_id": orders,
                "timestamp": start.to_numpy()[orders] + pd.to_timedelta(rng.integers(0, 300, len(orders)), unit="D"),
                "amount": rng.integers(1, 50, len(orders)),
                "category": rng.choice(["tea", "milk"], len(orders)),
            }
        ),
        "feedback": pd.DataFrame(
            {
                "customer_id": answered,
                "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 200), unit="D"),
                "instrument": "csat",
                "score": rng.integers(1, 6, 200),
                "role": rng.choice(["boss", "user"], 200),
            }
        ),
        "cancellations": pd.DataFrame(
            {
                "customer_id": ids[end.notna()],
                "timestamp": end.dropna(),
                "reason": rng.choice(["price", "service"], int(end.notna().sum())),
                "reason_text": "zu teuer",
            }
        ),
        "tickets": pd.DataFrame({"customer_id": [1, 5, 9], "opened": start[[1, 5, 9]] + pd.Timedelta("20D")}),
    }


class World:
    """What the right calls are made of, each made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "personas").mkdir(exist_ok=True)

    @cached_property
    def data(self) -> kb.Dataset:
        return kb.open_dataset(_company(), as_of="2024-12-01")

    @cached_property
    def shop(self) -> kb.Dataset:
        return datasets.load_saas("b2c")

    @cached_property
    def alive(self) -> Alive:
        return kb.alive(self.shop, model="mbg_nbd")

    @cached_property
    def flagged(self) -> kb.Dataset:
        rng = np.random.default_rng(1)
        n = 160
        gone, size = rng.random(n) < 0.5, rng.choice(["small", "large"], n)
        people = {"size": size, "region": rng.choice(["n", "s"], n), "staff": rng.integers(1, 9, n) + 4 * gone}
        frame = pd.DataFrame({"customer_id": np.arange(n), **people, "months": rng.integers(1, 40, n), "gone": gone})
        return kb.open_dataset({"customers": frame}, roles={"churned": "gone", "tenure": "months"})

    @cached_property
    def snapshots(self) -> Snapshots:
        return kb.snapshots(self.data, as_of=["2023-12-01", "2024-04-01", "2024-07-01"], lead="7D", horizon="90D")

    @cached_property
    def fitted(self) -> kb.ChurnClassifier:
        known = ~np.isnan(self.snapshots.target)
        return kb.ChurnClassifier().fit(self.snapshots.features[known], self.snapshots.target[known].astype(int))

    @cached_property
    def table(self) -> tuple[pd.DataFrame, Any]:
        frame = pd.DataFrame({"a": np.arange(40.0), "b": ["x", "y"] * 20})
        return frame, np.tile([0, 0, 1, 1], 10)

    @cached_property
    def persona(self) -> kb.Persona:
        rules = (kb.Rule("size", in_=("small",)),)
        return kb.Persona("small", 1, "Sales", "2023-01-01", {"de": "Klein", "en": "Small"}, rules)  # type: ignore[arg-type]

    @cached_property
    def backtest(self) -> Backtest:
        terms: dict[str, Any] = {"budget": 20, "cost": 1, "offer": 5, "acceptance": 0.3, "value": 100}
        return kb.backtest(
            self.snapshots,
            ["logistic"],
            campaign=kb.Campaign(**terms),
            validation=kb.Validation(folds=2, repeats=1, resamples=10),
        )

    @cached_property
    def forecast(self) -> Forecast:
        return kb.forecast_churn(self.flagged)

    @cached_property
    def activity(self) -> Activity:
        return kb.activity(self.data)

    @cached_property
    def on(self) -> CohortRetention:
        return kb.cohort_retention(self.activity)

    @cached_property
    def evaluation(self) -> PersonaEvaluation:
        return kb.evaluate_personas(self.persona, self.data)

    @cached_property
    def model(self) -> HazardModel:
        return kb.hazard_model(self.data, "size")

    @cached_property
    def segments(self) -> Segmentation:
        return kb.segment_churned(self.flagged_many, resamples=20, null_samples=19)

    @cached_property
    def flagged_many(self) -> kb.Dataset:
        people = self.flagged.table("customers")
        twice = pd.concat([people, people.assign(customer_id=people["customer_id"] + 1000)])
        return kb.open_dataset({"customers": twice}, roles={"churned": "gone", "tenure": "months"})

    @cached_property
    def trial(self) -> kb.Dataset:
        rng = np.random.default_rng(2)
        ids = np.arange(300)
        end = pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.integers(1, 500, 300), unit="D")
        tables = {
            "customers": pd.DataFrame({"customer_id": ids, "size": rng.choice(["small", "large"], 300)}),
            "subscriptions": pd.DataFrame({"customer_id": ids, "start": "2023-01-01", "mrr": rng.integers(10, 90, 300),
                                           "end": end.where(end < pd.Timestamp("2024-12-01"))}),
            "campaigns": pd.DataFrame({"customer_id": ids, "campaign": "call", "assigned_at": "2024-03-01",
                                       "arm": np.where(rng.random(300) < 0.5, "treatment", "control"),
                                       "propensity": 0.5, "cost": 2.0}),
        }  # fmt: skip
        return kb.open_dataset(tables, as_of="2024-12-01")

    @cached_property
    def large(self) -> kb.Dataset:
        rng = np.random.default_rng(2)
        n = 1600
        size, region = rng.choice(["small", "large"], n), rng.choice(["n", "s"], n)
        gone = rng.random(n) < np.where((size == "small") & (region == "n"), 0.2, 0.6)
        frame = pd.DataFrame({"customer_id": np.arange(n), "size": size, "region": region, "gone": gone})
        return kb.open_dataset({"customers": frame}, roles={"churned": "gone"})

    @cached_property
    def refined(self) -> Refinement:
        return kb.refine_persona(self.persona, self.large)

    @cached_property
    def counts(self) -> kb.Report:
        return kb.Report(datasets.load_counts())

    @cached_property
    def periods(self) -> PeriodRates:
        return kb.period_rates(datasets.load_counts())


def public() -> dict[str, Callable[..., Any]]:
    """Every public function with parameters, and methods of public classes and of results that functions return."""
    found: dict[str, Callable[..., Any]] = {}
    classes: dict[str, type] = {}
    for name, thing in {**{name: getattr(kb, name) for name in kb.__all__}, **BESIDE}.items():
        if inspect.isfunction(thing):
            found[name] = thing
            made = vars(sys.modules[thing.__module__]).get(str(inspect.signature(thing).return_annotation))
            if inspect.isclass(made) and made.__module__.startswith("kbind."):
                classes[made.__name__] = made
        elif inspect.ismodule(thing):
            own = {key: value for key, value in vars(thing).items() if inspect.isfunction(value) and key[0] != "_"}
            found |= {f"{name}.{key}": value for key, value in own.items() if value.__module__ == thing.__name__}
        elif inspect.isclass(thing) and not issubclass(thing, Exception):
            classes[name] = thing
    found |= {made.__name__: made for made in MADE_BY_HAND}
    for name, thing in classes.items():
        found |= {f"{name}.{key}": value for key, value in inspect.getmembers(thing)
                  if key[0] != "_" and callable(value) and f"{name}.{key}" not in INHERITED}  # fmt: skip
    # all results draw themselves by one method: asked once
    found = {
        name: call for name, call in found.items() if name == "SurvivalCurve.plot" or name.split(".")[-1] != "plot"
    }
    return {name: call for name, call in found.items() if parameters(call)}


def parameters(call: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """What can be given, by name."""
    try:
        known = inspect.signature(call).parameters
    except ValueError:
        return {}
    return {name: p for name, p in known.items() if name != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}


#: Public, but not on top.
BESIDE: dict[str, Callable[..., Any]] = {
    "contact_loss": contact_loss,
    "rescale_churn": rescale_churn,
    "write_template": write_template,
}
#: Classes that users make themselves; the others come out of functions.
MADE_BY_HAND = (
    kb.Persona,
    kb.Rule,
    kb.After,
    kb.ThemeDictionary,
    kb.ChurnClassifier,
    kb.Campaign,
    kb.Finding,
    kb.Design,
    kb.Refining,
    kb.Report,
    kb.Validation,
)
#: From scikit-learn, which checks on its own; and what only kbind itself calls.
INHERITED = {f"ChurnClassifier.{name}" for name in ("get_params", "set_fit_request", "set_score_request", "score")}
INHERITED |= {"Dataset.customers_in", "Dataset.end_at", "Dataset.require", "Dataset.wall_clock"}
INHERITED |= {
    "Estimate.complement",
    "Estimate.in_row",
    "Estimate.minus",
    "Estimate.of",
    "Report.page_of",
    "Report.lists_of",
}
INHERITED |= {
    "Alive.purchases_of_cells",
    "CohortRetention.rate_in",
    "Dataset.wall_time",
    "Dataset.constant",
    "Dataset.period_index",
    "Plan.dealt_to",
}

TERMS: dict[str, Any] = {"budget": 20, "cost": 1, "offer": 5, "acceptance": 0.3, "value": 100}
TEXT = {"de": "Klein", "en": "Small"}

#: Function -> right arguments; a function that is not here fails the test.
CALLS: dict[str, Callable[[World], Mapping[str, Any]]] = {
    "open_dataset": lambda w: {"source": _company(), "as_of": "2024-12-01"},
    "Campaign": lambda w: TERMS,
    "Refining": lambda w: {"fdr": 0.1},
    "Validation": lambda w: {"folds": 2, "repeats": 1, "resamples": 10},
    "bonding_scores": lambda w: {"data": w.data},
    "BondingScores.positions": lambda w: {"self": kb.bonding_scores(w.data), "by": "size"},
    "BondingScores.validity": lambda w: {"self": kb.bonding_scores(w.data), "resamples": 20},
    "backtest": lambda w: {"snapshots": w.snapshots, "models": ["logistic"], "campaign": kb.Campaign(**TERMS),
                           "validation": kb.Validation(folds=2, repeats=1, resamples=10)},
    "contact_list": lambda w: {"model": w.fitted, "snapshots": w.snapshots, "campaign": kb.Campaign(**TERMS)},
    "forecast_churn": lambda w: {"data": w.flagged},
    "account_health": lambda w: {"data": w.flagged},
    "AccountHealth.drivers": lambda w: {"self": kb.account_health(w.forecast), "customer": 1},
    "occasions": lambda w: {"data": w.data, "effects": False},
    "measure_effect": lambda w: {"data": w.trial, "campaign": "call"},
    "Effect.return_on": lambda w: {"self": kb.measure_effect(w.trial, "call"), "cost": 2, "value": 100},
    "plan_experiment": lambda w: {"data_or_rates": 0.9, "effect": 0.05},
    "Plan.assign": lambda w: {"self": kb.plan_experiment(0.9, effect=0.05), "customers": [1, 2]},
    "Plan.record": lambda w: {"self": kb.plan_experiment(0.9, effect=0.05),
                              "path": w.folder / f"log{time_ns()}.yaml", "date": "2024-01-08"},
    "Effect.record": lambda w: {"self": kb.measure_effect(w.trial, "call"),
                                "path": w.folder / f"log{time_ns()}.yaml"},
    "Plan.of": lambda w: {"plan": kb.plan_experiment(0.9, effect=0.05)},
    "Plan.write": lambda w: {"self": kb.plan_experiment(0.9, effect=0.05), "path": w.folder / f"{time_ns()}.yaml"},
    "Effect.by": lambda w: {"self": kb.measure_effect(w.trial, "call"), "columns": "size"},
    "Design": lambda w: {"share": 0.3},
    "uplift": lambda w: {"effect": kb.measure_effect(w.trial, "call")},
    "Uplift.score": lambda w: {"self": kb.uplift(kb.measure_effect(w.trial, "call")), "data": w.trial},
    "compare_offers": lambda w: {"arms": _offers(), "value": 300},
    "Offers.difference": lambda w: {"self": kb.compare_offers(_offers(), value=300), "arm": "free"},
    "Offers.returns": lambda w: {"self": kb.compare_offers(_offers(), value=300), "arm": "free"},
    "learned": lambda w: {"path": _log(w.folder)},
    "recommend_measures": lambda w: {"scores": {"forced": 1.0, "value": 0.0}},
    "Recommendations.of_kind": lambda w: {"self": kb.recommend_measures({"forced": 1.0, "value": 0.0}),
                                          "kind": "family"},
    "Finding": lambda w: {"effect": Estimate(1.0, 0.5, 1.5)},
    "drivers": lambda w: {"model": w.fitted, "snapshots": w.snapshots, "folds": 2},
    "leakage_report": lambda w: {"snapshots": w.snapshots},
    "claims": lambda w: {"data": w.data},
    "contrast": lambda w: {"data": w.flagged},
    "contact_loss": lambda w: {"data": datasets.load_saas()},
    "bond_questions": lambda w: {"data": w.data},
    "service_recovery": lambda w: {"data": datasets.load_saas()},
    "single_contacts": lambda w: {"data": datasets.load_saas()},
    "feedback_score": lambda w: {"data": w.data, "instrument": "csat"},
    "satisfaction_trend": lambda w: {"data": w.data, "instrument": "csat"},
    "lapse": lambda w: {"data": w.data, "min_events": 3},
    "repeat_contacts": lambda w: {"data": w.shop},
    "feedback_moments": lambda w: {"data": w.data},
    "early_warning": lambda w: {"data": datasets.load_saas()},
    "onboarding": lambda w: {"data": w.data},
    "service_consistency": lambda w: {"data": w.shop},
    "milestones": lambda w: {"data": w.data},
    "incident_effect": lambda w: {"data": _struck()},
    "contact_pressure": lambda w: {"data": datasets.load_saas()},
    "practices": lambda w: {"data": w.data},
    "Practices.indicator": lambda w: {"self": kb.practices(w.data), "key": "feedback"},
    "evaluate_personas": lambda w: {"personas": w.persona, "data": w.data},
    "persona_drift": lambda w: {"personas": w.persona, "data": w.data},
    "purchases": lambda w: {"data": w.data},
    "referrals": lambda w: {"data": w.data},
    "alive": lambda w: {"data": w.shop, "model": "mbg_nbd"},
    "Alive.probability_alive": lambda w: {"self": w.alive, "frequency": 2, "recency": 2, "T": 9},
    "Alive.expected_purchases": lambda w: {"self": w.alive, "t": 5, "frequency": 2, "recency": 2, "T": 9},
    "spend": lambda w: {"data": w.shop},
    "Spend.expected_spend": lambda w: {"self": kb.spend(w.shop), "frequency": 2, "mean": 30},
    "lifetime_value": lambda w: {"alive": w.alive, "spend": kb.spend(w.shop)},
    "LifetimeValue.cohorts": lambda w: {"self": kb.lifetime_value(w.alive, kb.spend(w.shop))},
    "LifetimeValue.tiers": lambda w: {"self": kb.lifetime_value(w.alive, kb.spend(w.shop))},
    "qualifying_questions": lambda w: {"persona": w.persona, "data": w.large},
    "code_reasons": lambda w: {"texts": ["zu teuer", None]},
    "reason_by_type": lambda w: {"data": w.data},
    "refine_persona": lambda w: {"persona": w.persona, "data": w.large},
    "retention_rate": lambda w: {"start": 10, "end": 9, "gained": 1},
    "cohort_retention": lambda w: {"activity": w.activity},
    "event_retention": lambda w: {"data": w.shop, "start": "purchase", "window": "month"},
    "lifecycle": lambda w: {"activity": w.activity},
    "period_rates": lambda w: {"data": datasets.load_counts()},
    "rescale_churn": lambda w: {"rate": 0.1, "days_from": 30, "days_to": 365},
    "revenue_retention": lambda w: {"data": w.data},
    "segment_churned": lambda w: {"data": w.flagged_many, "resamples": 20, "null_samples": 19},
    "compare_survival": lambda w: {"durations": w.data, "by": "size"},
    "cumulative_incidence": lambda w: {"durations": w.data},
    "hazard_curve": lambda w: {"durations": w.data},
    "hazard_model": lambda w: {"durations": w.data, "covariates": "size"},
    "project_retention": lambda w: {"survivors": [100, 80, 70], "horizon": 3},
    "survival_curve": lambda w: {"durations": w.data},
    "retention_value": lambda w: {"customers": 100, "price": 10, "margin": 0.5, "churn": 0.1},
    "write_template": lambda w: {"path": w.folder / "form.xlsx", "force": True},
    "activity": lambda w: {"data": w.data},
    "durations": lambda w: {"data": w.data},
    "snapshots": lambda w: {"data": w.data, "as_of": "2024-04-01"},
    "datasets.load_grocery": lambda w: {"campaigns": False},
    "datasets.load_counts": lambda w: {},
    "datasets.load_personas": lambda w: {},
    "datasets.load_saas": lambda w: {"name": "b2c"},
    "Report": lambda w: {"data": w.data},
    "Report.page": lambda w: {"self": w.counts, "chapter": "01c"},
    "Report.write": lambda w: {"self": w.counts, "out": w.folder / "report", "chapters": ["01c"]},
    "customer_page": lambda w: {"data": w.data, "customer_id": 1},
    "CustomerPage.write": lambda w: {"self": kb.customer_page(w.data, 1), "path": w.folder / "one.html"},
    "Dataset.customer": lambda w: {"self": w.data, "customer_id": 1},
    "Dataset.has": lambda w: {"self": w.data, "need": "events"},
    "Dataset.assuming": lambda w: {"self": w.data, "as_of": "2024-10-01"},
    "Dataset.table": lambda w: {"self": w.data, "name": "events"},
    "Persona": lambda w: {"name": "x", "version": 1, "owner": "S", "valid_from": "2023-01-01", "description": TEXT,
                          "rules": (kb.Rule("size", in_=("small",)),)},
    "Persona.load": lambda w: {"path": w.persona.save(w.folder / "one.yaml")},
    "Persona.load_all": lambda w: {"folder": w.persona.save(w.folder / "personas" / "one.yaml").parent},
    "Persona.card": lambda w: {"self": w.persona, "evaluation": w.evaluation},
    "Persona.matches": lambda w: {"self": w.persona, "customers": w.data.table("customers")},
    "Persona.save": lambda w: {"self": w.persona, "path": w.folder / "one.yaml"},
    "Persona.of": lambda w: {"value": {"name": "x", "version": 1, "owner": "S", "valid_from": "2023-01-01",
                                       "description": TEXT, "rules": [{"attribute": "size", "in": ["small"]}]}},
    "Rule": lambda w: {"attribute": "size", "in_": ("small",)},
    "Rule.of": lambda w: {"value": {"attribute": "size", "in": ["small"]}},
    "After": lambda w: {"table": "tickets", "time": "opened"},
    "ThemeDictionary": lambda w: {key: getattr(kb.ThemeDictionary.load(), key) for key in
                                  ("labels", "patterns", "negations", "exceptions", "dismissals", "text")},
    "ThemeDictionary.code": lambda w: {"self": kb.ThemeDictionary.load(), "text": "zu teuer"},
    "ThemeDictionary.hits": lambda w: {"self": kb.ThemeDictionary.load(), "text": "zu teuer"},
    "ThemeDictionary.load": lambda w: {},
    "ThemeDictionary.save": lambda w: {"self": kb.ThemeDictionary.load(), "path": w.folder / "themes.yaml"},
    "ChurnClassifier": lambda w: {},
    "ChurnClassifier.fit": lambda w: {"self": kb.ChurnClassifier(), "X": w.table[0], "y": w.table[1]},
    "ChurnClassifier.predict": lambda w: {"self": w.fitted, "X": w.snapshots.features},
    "ChurnClassifier.predict_proba": lambda w: {"self": w.fitted, "X": w.snapshots.features},
    "Backtest.by_risk": lambda w: {"self": w.backtest},
    "Backtest.by_tenure": lambda w: {"self": w.backtest},
    "Backtest.calls": lambda w: {"self": w.backtest},
    "ContactList.to_csv": lambda w: {"self": kb.contact_list(w.fitted, w.snapshots, kb.Campaign(**TERMS)),
                                     "path": w.folder / "l.csv"},
    "ContactList.to_excel": lambda w: {"self": kb.contact_list(w.fitted, w.snapshots, kb.Campaign(**TERMS)),
                                       "path": w.folder / "l.xlsx"},
    "Drivers.of_customer": lambda w: {"self": kb.drivers(w.fitted, w.snapshots, folds=2),
                                      "customer": w.snapshots.customer[0]},
    "FeedbackScore.compare": lambda w: {"self": kb.feedback_score(w.data, "csat", by="role"), "column": "role",
                                        "first": "boss", "second": "user"},
    "FeedbackScore.with_threshold": lambda w: {"self": kb.feedback_score(w.data, "csat"), "threshold": 5},
    "Lapse.curve": lambda w: {"self": kb.lapse(w.data, min_events=3), "floors": ["14D"]},
    "Purchases.repeat": lambda w: {"self": kb.purchases(w.data)},
    "Purchases.waiting": lambda w: {"self": kb.purchases(w.data)},
    "Referrals.retention": lambda w: {"self": kb.referrals(w.data)},
    "ReasonsByType.counts": lambda w: {"self": kb.reason_by_type(w.data), "attribute": "size"},
    "Refinement.accept": lambda w: {"self": w.refined},
    "CohortRetention.pooled": lambda w: {"self": w.on},
    "CohortRetention.rate": lambda w: {"self": w.on, "age": 1},
    "EventRetention.rate": lambda w: {"self": kb.event_retention(w.shop), "age": 1},
    "PeriodRates.pooled": lambda w: {"self": w.periods},
    "PeriodRates.rate": lambda w: {"self": w.periods, "position": 0},
    "PeriodRates.year": lambda w: {"self": w.periods, "rate": w.periods.rate(0)},
    "Segmentation.assign": lambda w: {"self": w.segments, "new_data": w.flagged_many},
    "Segmentation.compare": lambda w: {"self": w.segments,
                                       "groups": w.flagged_many.table("customers").set_index("customer_id")["size"]},
    "CumulativeIncidence.at": lambda w: {"self": kb.cumulative_incidence(w.data), "times": [1, 2]},
    "HazardModel.with_conf_level": lambda w: {"self": w.model, "conf_level": 0.9},
    "SurvivalComparison.weighted": lambda w: {"self": kb.compare_survival(w.data, by="size"), "rho": 1},
    "SurvivalComparison.with_conf_level": lambda w: {"self": kb.compare_survival(w.data, by="size"), "conf_level": 0.9},
    "HazardModel.proportional_hazards_test": lambda w: {"self": w.model},
    "RetentionProjection.holdout": lambda w: {"self": kb.project_retention([100, 80, 70], horizon=3),
                                              "survivors_later": [60]},
    "Durations.to_lifelines": lambda w: {"self": kb.durations(w.data, by="size")},
    "SurvivalCurve.at": lambda w: {"self": kb.survival_curve(w.data), "times": [1, 2]},
    "SurvivalCurve.plot": lambda w: {"self": kb.survival_curve(w.data)},
    "SurvivalCurve.quantiles": lambda w: {"self": kb.survival_curve(w.data)},
    "RetentionValue.assuming": lambda w: {"self": _value(), "gained": 5},
    "RetentionValue.extremes": lambda w: {"self": _value()},
    "RetentionValue.interval": lambda w: {"self": _value(), "figure": "value"},
    "RetentionValue.sensitivity": lambda w: {"self": _value()},
    "SingleContacts.if_leaves": lambda w: {"self": kb.single_contacts(datasets.load_saas())},
}  # fmt: skip


def _offers() -> pd.DataFrame:
    return pd.DataFrame({"arm": ["none", "free"], "dose": [0, 1], "cost": [0, 40], "n": 1000, "kept": [30, 80]})


def _log(folder: Path) -> Path:
    path = folder / "learned.yaml"
    path.write_text("- experiment: cards\n  status: planned\n  date: 2024-01-08\n  measure: personal_cards\n")
    return path


def _struck() -> kb.Dataset:
    """A company of which every third customer was hit by an incident."""
    tables = _company()
    hit = tables["customers"].iloc[::3]
    when = pd.Timestamp("2024-03-01")
    rows = pd.DataFrame({"customer_id": hit["customer_id"], "timestamp": when, "kind": "incident"})
    return kb.open_dataset({"subscriptions": tables["subscriptions"], "events": rows}, as_of="2024-12-01")


def _value() -> RetentionValue:
    return kb.retention_value(customers=100, price=10, margin=0.5, churn=0.1)


#: What means nothing, by name; each is made anew.
NONSENSE: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "-1": lambda: -1,
    "0": lambda: 0,
    "2.5": lambda: 2.5,
    "huge": lambda: 10**30,
    "1e300": lambda: 1e300,
    "inf": lambda: float("inf"),
    "nan": lambda: float("nan"),
    "complex": lambda: 1j,
    "NA": lambda: pd.NA,
    "text": lambda: "nonsense",
    "empty text": lambda: "",
    "nul": lambda: "a\0b",
    "bytes": lambda: b"nonsense",
    "empty list": list,
    "list": lambda: ["nonsense"],
    "list of None": lambda: [None],
    "nested": lambda: [[1, 2], [3]],
    "dict": lambda: {"nonsense": 1},
    "object": object,
    "type": lambda: dict,
    "frame": lambda: pd.DataFrame({"a": [1, 2]}),
    "array": lambda: np.array([[1.0, np.nan]]),
    "function": lambda: len,
    "datetime": lambda: datetime(1, 1, 1),
}

#: Kind of parameter -> nonsense that it may take; everything else must be refused.
FINE: dict[str, set[str]] = {
    "nothing": set(),
    "flag": {"True"},
    "rng": {"0", "huge"},
    "names": {"None", "empty list"},
    "optional": {"None"},
    "amount": {"0", "2.5"},
    "number": {"0", "2.5"},
    "age": {"0", "2.5", "huge", "1e300"},
    "place": {"-1", "0"},
    "text": {"text", "nul"},
    "words": {"None", "text", "empty text", "nul"},
    "label": {"None", "text", "nul"},
    "list": {"empty list", "list", "list of None"},
    "path": {"text"},
    "levels": {"True", "-1", "0", "2.5", "huge", "1e300", "inf", "nan", "text", "empty text", "nul", "bytes", "list",
               "frame", "array"},
    "later": set(NONSENSE),
    "none of them": {"empty list"},
}  # fmt: skip

#: Function and parameter, or a parameter wherever it stands -> kind. What is not here takes no nonsense at all.
KINDS: dict[str, str] = {
    "rng": "rng", "by": "names", "adjust": "names", "bond": "names", "exclude": "names", "insist": "names",
    "keep": "names", "strata": "names", "budget": "amount", "cost": "amount", "offer": "amount", "value": "amount",
    "price": "amount", "acquisition_cost": "amount", "gained": "amount", "points": "amount", "customers": "amount",
    "margin": "amount", "discount": "amount", "rho": "number", "gamma": "number", "given": "number",
    "days_from": "number", "days_to": "number", "rate": "number", "times": "age", "force": "flag",
    "include_reactivation": "flag", "negative": "flag", "position": "place", "first": "place",
    "last": "place", "edges": "levels", "shares": "nothing", "reasons": "list", "texts": "list",
    "CohortRetention.rate.age": "age", "EventRetention.rate.age": "age", "event_retention.times": "nothing",
    "service_recovery.severity": "number",
    "compare_survival.horizon": "number", "evaluate_personas.horizon": "number", "contrast.exposure": "flag",
    "lapse.quantile": "names", "lifetime_value.months": "number", "recency": "age", "T": "age", "frequency": "age",
    "Spend.expected_spend.mean": "age", "Alive.expected_purchases.t": "number",
    "early_warning.threshold": "effect", "Rule.in_": "levels", "Rule.weight": "number", "Rule.attribute": "text",
    "Persona.name": "text", "Persona.owner": "text", "Persona.description": "text", "Persona.source": "words",
    "Persona.label": "label",
    "Persona.version": "age", "Persona.of.source": "words", "needs": "list", "channels": "list",
    "qualifying_questions": "list", "evidence": "list", "Dataset.has.need": "text", "After.table": "text",
    "After.time": "text", "ThemeDictionary.text": "words", "ThemeDictionary.code.text": "words",
    "ThemeDictionary.hits.text": "words", "ContactList.to_csv.path": "path", "ContactList.to_excel.path": "path",
    "ThemeDictionary.save.path": "path", "Drivers.of_customer.customer": "place", "ChurnClassifier.model": "later",
    "ChurnClassifier.keep": "later", "Refining.adjust": "later", "Refining.bond": "later",
    "Refining.insist": "later", "Refining.protected": "later",
    "labels": "mapping", "patterns": "mapping", "where": "mapping",
    "negations": "list", "exceptions": "list", "dismissals": "list", "Dataset.table.name": "nothing",
    "FeedbackScore.compare.first": "nothing", "ContactList.to_csv": "path",
    "code_reasons.texts": "list", "PeriodRates.year.rate": "nothing", "Persona.of.value": "nothing",
    "Rule.of.value": "nothing", "retention_rate.gained": "place",
    "revenue_retention.period": "optional", "Report.period": "optional", "Report.adjust": "names",
    "measure_effect.outcome": "optional", "measure_effect.horizon": "optional", "measure_effect.looks": "optional",
    "measure_effect.conf_level": "optional", "Effect.by.columns": "names", "design": "optional",
    "randomised": "maybe", "looks": "flag", "Effect.return_on.cost": "spent", "Effect.return_on.value": "kept",
    "Design.strata": "strata",
    "plan_experiment.name": "text", "salt": "label", "Plan.assign.customers": "ids", "assigned_at": "day",
    "Plan.write.path": "path", "compare_offers.finest": "spent", "campaigns": "flag",
    "Effect.record.experiment": "text",
    "Report.campaign": "optional", "Report.personas": "names",
    "Report.write.chapters": "none of them", "Finding.smallest": "effect",
    "occasions.proven": "none of them", "AccountHealth.drivers.customer": "place", "Finding.neutral": "effect",
    "customer_id": "customer", "CustomerPage.write.path": "path", "lower_is_better": "flag", "trial": "flag",
    "effects": "flag", "Report.write.out": "path", "Report.write.compare": "optional", "Report.write.lists": "path",
}  # fmt: skip
FINE["mapping"] = {"dict"}
FINE["customer"] = {"0"}
FINE |= {
    "maybe": {"None", "True"},
    "spent": {"None", "2.5"},
    "kept": {"None", "0", "2.5"},
    "ids": {"empty list", "list"},
    "strata": {"None", "text", "empty text", "nul", "empty list", "list"},
    "day": {"None", "datetime"},
}
FINE["effect"] = {"-1", "0", "2.5"}
#: Seconds after which a call is taken to hang.
PATIENCE = 30


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("nonsense"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is taken for a file name is written here; what hangs is stopped."""

    def stop(*_: object) -> None:
        raise TimeoutError("hangs")

    monkeypatch.chdir(tmp_path)
    before = signal.signal(signal.SIGALRM, stop)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    plt.close("all")


def outcome(call: Callable[..., Any], arguments: dict[str, Any]) -> str:
    """What came of a call: taken, refused, or a foreign error."""
    own = {name: value for name, value in arguments.items() if name != "self"}
    me = [arguments["self"]] if "self" in arguments else []
    signal.alarm(PATIENCE)
    try:
        call(*me, **own)
    except kb.KbindError as error:
        return "refused" if len(str(error)) < 1000 else "refused at length"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:100]
    finally:
        signal.alarm(0)
    return "taken"


def kind_of(name: str, parameter: str) -> str:
    return KINDS.get(f"{name}.{parameter}") or KINDS.get(parameter, "nothing")


def test_every_public_function_has_a_right_call() -> None:
    assert set(public()) == set(CALLS)


#: Records, with a field for each thing that is known.
MANY = {"Persona", "Refining"}


def test_functions_have_fewer_than_eight_parameters() -> None:
    assert {name for name, call in public().items() if len(parameters(call)) > 7} == MANY


@pytest.mark.parametrize("name", [each.name for each in fields(Config) if each.name not in ("tables", "roles")])
def test_keys_of_the_file_are_checked_as_keywords_too(name: str) -> None:
    fine = {"title": {"True", "-1", "0", "2.5", "huge", "1e300", "inf", "nan", "text", "empty text", "nul", "datetime"},
            "currency": {"empty text"}, "margin": {"0"}, "acquisition_cost": {"0", "2.5"}}  # fmt: skip
    for label, make in NONSENSE.items():
        came = outcome(kb.open_dataset, {"source": _company(), name: make()})
        assert came == "refused" or (came == "taken" and label in {"None", *fine.get(name, ())}), (label, came)


def test_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(kb.ArgumentError, match="grance= is no setting; did you mean 'grace'"):
        kb.open_dataset(_company(), grance="1D")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(CALLS))
def test_nonsense_is_refused(name: str, world: World) -> None:
    call, right = public()[name], dict(CALLS[name](world))
    assert outcome(call, right) == "taken"
    wrong = {}
    for parameter, about in parameters(call).items():
        fine = FINE[kind_of(name, parameter)]
        for label, make in NONSENSE.items():
            if label == "None" and about.default is None:
                continue
            came = outcome(call, {**right, parameter: make()})
            if came != "refused" and not (came == "taken" and label in fine):
                wrong[parameter, label] = came
    assert wrong == {}


@pytest.mark.filterwarnings("ignore")
def test_a_classifier_checks_its_parameters_when_fitted(world: World) -> None:
    for parameter, fine in (("model", set()), ("keep", FINE["names"])):
        for label, make in NONSENSE.items():
            model = kb.ChurnClassifier(**{"model": "logistic", parameter: make()})
            came = outcome(model.fit, {"X": world.snapshots})
            assert came == "refused" or (came == "taken" and label in fine), (parameter, label, came)


@pytest.mark.parametrize(
    ("call", "arguments", "message"),
    [
        ("revenue_retention", {"include_reactivation": "nonsense"}, "neither yes nor no; allowed: True, False"),
        ("open_dataset", {"lapse": -1}, "lapse=-1 is no length"),
        ("open_dataset", {"lapse": "0D"}, "lapse='0D' is no length"),
        ("Dataset.assuming", {"lapse": "0W"}, "lapse='0W' is no length"),
        ("snapshots", {"lead": "9999999999D"}, "lead='9999999999D' is no length"),
        (
            "RetentionValue.assuming",
            {"discount": 1e6},
            "discount=1000000.0 is not possible; allowed: numbers from 0 to 1",
        ),
        ("retention_value", {"margin": 30}, "margin=30 is not possible"),
        ("retention_value", {"horizon": 10**9}, "horizon=1000000000 is not a number of periods"),
        ("Validation", {"resamples": 10**30}, "resamples=1000000000000000000000000000000 is not possible"),
        ("backtest", {"models": []}, r"models=\[\] is not usable"),
        ("Campaign", {"offer": 1e300}, "offer=1e.300 is no amount; allowed: a number from 0 to 1e.15"),
        ("evaluate_personas", {"personas": 5}, "a int is no persona"),
        ("SurvivalCurve.plot", {"ax": "left"}, "ax of type str is not possible; allowed: Axes of Matplotlib, or None"),
        ("backtest", {"snapshots": "2024"}, r"allowed: the result of kb.snapshots\(...\)"),
        ("drivers", {"model": 5}, "model=5 gives no probabilities"),
        ("contrast", {"outcome": ["churned"]}, r"outcome=\['churned'\] is no text"),
        ("refine_persona", {"rng": None}, "rng=None starts no random numbers"),
        ("SurvivalCurve.at", {"times": -1}, "times=-1 is not possible; allowed: numbers from 0"),
        ("PeriodRates.rate", {"position": 99}, "position=99 is not possible; allowed: whole numbers from -"),
    ],
)
def test_what_is_said(call: str, arguments: dict[str, Any], message: str, world: World) -> None:
    right = {**CALLS[call](world), **arguments}
    me = [right.pop("self")] if "self" in right else []
    with pytest.raises(kb.ArgumentError, match=message):
        public()[call](*me, **right)


def test_a_persona_has_no_other_fields(world: World) -> None:
    with pytest.raises(kb.ArgumentError, match="onwer is no field of a persona; did you mean 'owner'"):
        world.persona.changed(onwer="me")


def test_numbers_of_numpy_are_numbers(world: World) -> None:
    assert check_flag("x", np.bool_(True)) is True
    assert check_count("x", np.int64(3), 1) == 3
    for check in (check_amount, check_share, check_number):
        assert check("x", np.float32(0.5)) == check("x", np.float64(0.5)) == 0.5
    assert check_conf_level(np.float32(0.5)) == 0.5
    assert check_rng(np.int64(3)).random() == check_rng(3).random()
    terms: dict[str, Any] = {name: np.float64(value) for name, value in TERMS.items()}
    assert len(kb.contact_list(world.fitted, world.snapshots, kb.Campaign(**terms)).customer) > 0
    assert kb.revenue_retention(world.data, period=np.str_("month"), include_reactivation=np.bool_(False)).preset
    asked = kb.feedback_score(world.data, "csat", scale=(np.int64(1), np.int64(5)))
    assert asked.with_threshold(np.int64(5)).to_frame().size
    assert kb.lapse(world.data, min_events=np.int64(3), quantile=np.float32(0.9)).to_frame().size


def test_a_message_stays_short_whatever_was_given() -> None:
    class Loud:
        def __repr__(self) -> str:
            raise RuntimeError

    for value in (10**5000, "x" * 10**6, Loud(), [[0] * 1000] * 1000):
        with pytest.raises(kb.ArgumentError) as error:
            check_amount("budget", value)
        assert len(str(error.value)) < 200
        assert "\n" not in str(error.value)
