"""Figures: each takes a result, draws on one Axes, and carries its finding and a text alternative."""

from kbind.figures.base import alt_text
from kbind.figures.retention import plot_cohort_heatmap, plot_lifecycle, plot_retention_curves

__all__ = ["alt_text", "plot_cohort_heatmap", "plot_lifecycle", "plot_retention_curves"]
