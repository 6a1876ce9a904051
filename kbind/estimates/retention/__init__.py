"""Retention metrics: rates over a window, cohorts by age, and the life cycle by period."""

from kbind.estimates.retention.cohorts import CohortRetention, cohort_retention
from kbind.estimates.retention.lifecycle import Lifecycle, lifecycle
from kbind.estimates.retention.rates import Rate, churn_rate, rescale_churn, retention_rate

__all__ = [
    "CohortRetention",
    "Lifecycle",
    "Rate",
    "churn_rate",
    "cohort_retention",
    "lifecycle",
    "rescale_churn",
    "retention_rate",
]
