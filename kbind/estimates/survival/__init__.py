"""Survival: how long customers stay, what ends it, and how it will go on."""

from kbind.estimates.survival.incidence import CumulativeIncidence, cumulative_incidence
from kbind.estimates.survival.projection import RetentionProjection, project_retention

__all__ = [
    "CumulativeIncidence",
    "RetentionProjection",
    "cumulative_incidence",
    "project_retention",
]
