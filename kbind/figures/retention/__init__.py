"""Figures of retention: curves by age, cohort heat map, life cycle by period."""

from kbind.figures.retention.curves import plot_retention_curves
from kbind.figures.retention.heatmap import plot_cohort_heatmap
from kbind.figures.retention.lifecycle import plot_lifecycle

__all__ = ["plot_cohort_heatmap", "plot_lifecycle", "plot_retention_curves"]
