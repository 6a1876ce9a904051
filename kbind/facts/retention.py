"""What stories and figures of retention share."""

from __future__ import annotations

#: Cohorts up to which a heat map carries numbers.
NUMBERED_COHORTS = 16
#: What customers are in a period of their life cycle.
STATES = ("retained", "resurrected", "new", "churned")
