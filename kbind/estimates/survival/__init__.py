"""When customers leave: survival curves, comparisons, causes, hazards, projections."""

from kbind.estimates.survival.compare import SurvivalComparison, compare_survival
from kbind.estimates.survival.contact import contact_loss
from kbind.estimates.survival.curve import SurvivalCurve, survival_curve
from kbind.estimates.survival.incidence import CumulativeIncidence, cumulative_incidence
from kbind.estimates.survival.model import HazardModel, hazard_model
from kbind.estimates.survival.monthly import HazardCurve, hazard_curve
from kbind.estimates.survival.projection import RetentionProjection, project_retention

__all__ = [
    "CumulativeIncidence",
    "HazardCurve",
    "HazardModel",
    "RetentionProjection",
    "SurvivalComparison",
    "SurvivalCurve",
    "compare_survival",
    "contact_loss",
    "cumulative_incidence",
    "hazard_curve",
    "hazard_model",
    "project_retention",
    "survival_curve",
]
