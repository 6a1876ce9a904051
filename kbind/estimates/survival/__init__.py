"""When customers leave: survival curves, comparisons, causes, hazards, projections."""

from kbind.estimates.survival.compare import SurvivalComparison, compare_survival
from kbind.estimates.survival.curve import SurvivalCurve, survival_curve
from kbind.estimates.survival.monthly import HazardCurve, hazard_curve

__all__ = [
    "HazardCurve",
    "SurvivalComparison",
    "SurvivalCurve",
    "compare_survival",
    "hazard_curve",
    "survival_curve",
]
