"""Retention metrics: rates over a window or by period, cohorts by age, and the life cycle by period."""

from kbind.estimates.retention.cohorts import CohortRetention, cohort_retention
from kbind.estimates.retention.lifecycle import Lifecycle, lifecycle
from kbind.estimates.retention.periods import PeriodRates, period_rates
from kbind.estimates.retention.rates import Rate, churn_rate, rescale_churn, retention_rate

__all__ = [
    "CohortRetention",
    "Lifecycle",
    "PeriodRates",
    "Rate",
    "churn_rate",
    "cohort_retention",
    "lifecycle",
    "period_rates",
    "rescale_churn",
    "retention_rate",
]
