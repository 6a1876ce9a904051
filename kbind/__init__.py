"""kbind: customer-retention research (Kundenbindung) from a company's own data.

Import as ``import kbind as kb``. Names are loaded when first used, so that importing costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kbind._version import __version__ as __version__

if TYPE_CHECKING:
    from kbind.data import datasets as datasets
    from kbind.data.dataset import Dataset as Dataset
    from kbind.data.dataset import open_dataset as open_dataset
    from kbind.data.dataset.quality import quality as quality
    from kbind.data.personas import Persona as Persona
    from kbind.data.personas import Rule as Rule
    from kbind.errors import ArgumentError as ArgumentError
    from kbind.errors import DatasetError as DatasetError
    from kbind.errors import KbindError as KbindError
    from kbind.errors import NotEnoughData as NotEnoughData
    from kbind.estimates.churn import Backtest as Backtest
    from kbind.estimates.churn import Campaign as Campaign
    from kbind.estimates.churn import ChurnClassifier as ChurnClassifier
    from kbind.estimates.churn import ContactList as ContactList
    from kbind.estimates.churn import Drivers as Drivers
    from kbind.estimates.churn import Forecast as Forecast
    from kbind.estimates.churn import LeakageReport as LeakageReport
    from kbind.estimates.churn import Validation as Validation
    from kbind.estimates.churn import backtest as backtest
    from kbind.estimates.churn import contact_list as contact_list
    from kbind.estimates.churn import drivers as drivers
    from kbind.estimates.churn import forecast_churn as forecast_churn
    from kbind.estimates.churn import leakage_report as leakage_report
    from kbind.estimates.claims import Claims as Claims
    from kbind.estimates.claims import claims as claims
    from kbind.estimates.contrasts import Contrasts as Contrasts
    from kbind.estimates.contrasts import contrast as contrast
    from kbind.estimates.feedback import FeedbackScore as FeedbackScore
    from kbind.estimates.feedback import SatisfactionTrend as SatisfactionTrend
    from kbind.estimates.feedback import feedback_score as feedback_score
    from kbind.estimates.feedback import satisfaction_trend as satisfaction_trend
    from kbind.estimates.lapse import Lapse as Lapse
    from kbind.estimates.lapse import lapse as lapse
    from kbind.estimates.personas import PersonaDrift as PersonaDrift
    from kbind.estimates.personas import PersonaEvaluation as PersonaEvaluation
    from kbind.estimates.personas import evaluate_personas as evaluate_personas
    from kbind.estimates.personas import persona_drift as persona_drift
    from kbind.estimates.purchases import Purchases as Purchases
    from kbind.estimates.purchases import Referrals as Referrals
    from kbind.estimates.purchases import purchases as purchases
    from kbind.estimates.purchases import referrals as referrals
    from kbind.estimates.questions import QualifyingQuestions as QualifyingQuestions
    from kbind.estimates.questions import qualifying_questions as qualifying_questions
    from kbind.estimates.reasons import CodedReasons as CodedReasons
    from kbind.estimates.reasons import ReasonsByType as ReasonsByType
    from kbind.estimates.reasons import code_reasons as code_reasons
    from kbind.estimates.reasons import reason_by_type as reason_by_type
    from kbind.estimates.refinement import Refinement as Refinement
    from kbind.estimates.refinement import refine_persona as refine_persona
    from kbind.estimates.retention import CohortRetention as CohortRetention
    from kbind.estimates.retention import Lifecycle as Lifecycle
    from kbind.estimates.retention import PeriodRates as PeriodRates
    from kbind.estimates.retention import Rate as Rate
    from kbind.estimates.retention import churn_rate as churn_rate
    from kbind.estimates.retention import cohort_retention as cohort_retention
    from kbind.estimates.retention import lifecycle as lifecycle
    from kbind.estimates.retention import period_rates as period_rates
    from kbind.estimates.retention import rescale_churn as rescale_churn
    from kbind.estimates.retention import retention_rate as retention_rate
    from kbind.estimates.revenue import RevenueRetention as RevenueRetention
    from kbind.estimates.revenue import definitions as definitions
    from kbind.estimates.revenue import revenue_retention as revenue_retention
    from kbind.estimates.segments import Segmentation as Segmentation
    from kbind.estimates.segments import segment_churned as segment_churned
    from kbind.estimates.survival import CumulativeIncidence as CumulativeIncidence
    from kbind.estimates.survival import HazardCurve as HazardCurve
    from kbind.estimates.survival import HazardModel as HazardModel
    from kbind.estimates.survival import RetentionProjection as RetentionProjection
    from kbind.estimates.survival import SurvivalComparison as SurvivalComparison
    from kbind.estimates.survival import SurvivalCurve as SurvivalCurve
    from kbind.estimates.survival import compare_survival as compare_survival
    from kbind.estimates.survival import contact_loss as contact_loss
    from kbind.estimates.survival import cumulative_incidence as cumulative_incidence
    from kbind.estimates.survival import hazard_curve as hazard_curve
    from kbind.estimates.survival import hazard_model as hazard_model
    from kbind.estimates.survival import project_retention as project_retention
    from kbind.estimates.survival import survival_curve as survival_curve
    from kbind.estimates.value import RetentionValue as RetentionValue
    from kbind.estimates.value import retention_value as retention_value
    from kbind.report.card import persona_card as persona_card
    from kbind.report.form import write_template as write_template
    from kbind.statistics.activity import Activity as Activity
    from kbind.statistics.activity import activity as activity
    from kbind.statistics.customers.words import protected_characteristics as protected_characteristics
    from kbind.statistics.durations import Durations as Durations
    from kbind.statistics.durations import durations as durations
    from kbind.statistics.durations.after import After as After
    from kbind.statistics.reasons import ThemeDictionary as ThemeDictionary
    from kbind.statistics.snapshots import Snapshots as Snapshots
    from kbind.statistics.snapshots import snapshots as snapshots

_HOMES = {
    "Dataset": "kbind.data.dataset",
    "open_dataset": "kbind.data.dataset",
    "quality": "kbind.data.dataset.quality",
    "Persona": "kbind.data.personas",
    "Rule": "kbind.data.personas",
    "ArgumentError": "kbind.errors",
    "DatasetError": "kbind.errors",
    "KbindError": "kbind.errors",
    "NotEnoughData": "kbind.errors",
    "Backtest": "kbind.estimates.churn",
    "ChurnClassifier": "kbind.estimates.churn",
    "ContactList": "kbind.estimates.churn",
    "Drivers": "kbind.estimates.churn",
    "LeakageReport": "kbind.estimates.churn",
    "Campaign": "kbind.estimates.churn",
    "Forecast": "kbind.estimates.churn",
    "Validation": "kbind.estimates.churn",
    "forecast_churn": "kbind.estimates.churn",
    "backtest": "kbind.estimates.churn",
    "contact_list": "kbind.estimates.churn",
    "drivers": "kbind.estimates.churn",
    "leakage_report": "kbind.estimates.churn",
    "Claims": "kbind.estimates.claims",
    "claims": "kbind.estimates.claims",
    "Contrasts": "kbind.estimates.contrasts",
    "contrast": "kbind.estimates.contrasts",
    "FeedbackScore": "kbind.estimates.feedback",
    "SatisfactionTrend": "kbind.estimates.feedback",
    "feedback_score": "kbind.estimates.feedback",
    "satisfaction_trend": "kbind.estimates.feedback",
    "Lapse": "kbind.estimates.lapse",
    "lapse": "kbind.estimates.lapse",
    "PersonaDrift": "kbind.estimates.personas",
    "PersonaEvaluation": "kbind.estimates.personas",
    "evaluate_personas": "kbind.estimates.personas",
    "persona_drift": "kbind.estimates.personas",
    "Purchases": "kbind.estimates.purchases",
    "Referrals": "kbind.estimates.purchases",
    "purchases": "kbind.estimates.purchases",
    "referrals": "kbind.estimates.purchases",
    "QualifyingQuestions": "kbind.estimates.questions",
    "qualifying_questions": "kbind.estimates.questions",
    "CodedReasons": "kbind.estimates.reasons",
    "ReasonsByType": "kbind.estimates.reasons",
    "code_reasons": "kbind.estimates.reasons",
    "reason_by_type": "kbind.estimates.reasons",
    "Refinement": "kbind.estimates.refinement",
    "refine_persona": "kbind.estimates.refinement",
    "CohortRetention": "kbind.estimates.retention",
    "Lifecycle": "kbind.estimates.retention",
    "PeriodRates": "kbind.estimates.retention",
    "Rate": "kbind.estimates.retention",
    "churn_rate": "kbind.estimates.retention",
    "cohort_retention": "kbind.estimates.retention",
    "lifecycle": "kbind.estimates.retention",
    "period_rates": "kbind.estimates.retention",
    "rescale_churn": "kbind.estimates.retention",
    "retention_rate": "kbind.estimates.retention",
    "RevenueRetention": "kbind.estimates.revenue",
    "definitions": "kbind.estimates.revenue",
    "revenue_retention": "kbind.estimates.revenue",
    "Segmentation": "kbind.estimates.segments",
    "segment_churned": "kbind.estimates.segments",
    "CumulativeIncidence": "kbind.estimates.survival",
    "HazardCurve": "kbind.estimates.survival",
    "HazardModel": "kbind.estimates.survival",
    "RetentionProjection": "kbind.estimates.survival",
    "SurvivalComparison": "kbind.estimates.survival",
    "SurvivalCurve": "kbind.estimates.survival",
    "compare_survival": "kbind.estimates.survival",
    "contact_loss": "kbind.estimates.survival",
    "cumulative_incidence": "kbind.estimates.survival",
    "hazard_curve": "kbind.estimates.survival",
    "hazard_model": "kbind.estimates.survival",
    "project_retention": "kbind.estimates.survival",
    "survival_curve": "kbind.estimates.survival",
    "RetentionValue": "kbind.estimates.value",
    "retention_value": "kbind.estimates.value",
    "persona_card": "kbind.report.card",
    "write_template": "kbind.report.form",
    "Activity": "kbind.statistics.activity",
    "activity": "kbind.statistics.activity",
    "Durations": "kbind.statistics.durations",
    "durations": "kbind.statistics.durations",
    "After": "kbind.statistics.durations.after",
    "protected_characteristics": "kbind.statistics.customers.words",
    "ThemeDictionary": "kbind.statistics.reasons",
    "Snapshots": "kbind.statistics.snapshots",
    "snapshots": "kbind.statistics.snapshots",
}
_MODULES = {"datasets": "kbind.data.datasets"}

__all__ = [*_HOMES, *_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name not in _HOMES:
        raise AttributeError(f"module 'kbind' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
