"""One row per customer and observation date: what was known then, and what became of the customer afterwards."""

from kbind.statistics.snapshots.model import Feature, Snapshots

__all__ = ["Feature", "Snapshots"]
