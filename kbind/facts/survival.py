"""How long customers stay, as facts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kbind.estimates.survival import CumulativeIncidence, HazardCurve, SurvivalCurve
from kbind.wording import Fact


def staying(curve: SurvivalCurve, month: int) -> Fact:
    """Share still there after so many months, of all customers together."""
    row = curve.at([month]).iloc[0]
    table = curve.curves[0].risk
    place = int(np.searchsorted(table.times, month, side="right")) - 1
    return Fact(
        f"stay.{month}",
        float(row["survival"]),
        "share",
        curve.definition,
        float(row["survival_ci_lower"]),
        float(row["survival_ci_upper"]),
        curve.conf_level,
        n=int(table.at_risk[max(place, 0)]),
        source=f"survival_curve(...).at([{month}])",
    )


def by_month(hazard: HazardCurve, least: float = 0.0) -> pd.DataFrame:
    """The hazard by month, as far as so many were at risk; month 0 if anybody left on the first day."""
    frame = hazard.to_frame().rename(columns={hazard.durations.unit: "month"})
    shown = (frame["month"] > 0) | (frame["events"] > 0)
    return frame[shown & (frame["at_risk"] >= least)].reset_index(drop=True)


def leaving(hazard: HazardCurve, months: pd.DataFrame, month: int) -> Fact:
    """Share of those still there who leave in a month of age, which is a row of `by_month`."""
    row = months[months["month"] == month].iloc[0]
    return Fact(
        f"month.{month}",
        float(row["hazard"]),
        "share",
        hazard.definition,
        float(row["hazard_ci_lower"]),
        float(row["hazard_ci_upper"]),
        hazard.conf_level,
        n=int(row["at_risk"]),
        count=int(row["events"]),
        source="hazard_curve(...).to_frame()",
    )


def lost_to(incidence: CumulativeIncidence, cause: str, month: int) -> Fact:
    """Share lost to a cause by an age, of all customers together."""
    frame = incidence.at([month])
    row = frame[frame["cause"] == cause].iloc[0]
    return Fact(
        f"lost.{cause}.{month}",
        float(row["incidence"]),
        "share",
        incidence.definition,
        float(row["incidence_ci_lower"]),
        float(row["incidence_ci_upper"]),
        incidence.conf_level,
        n=int(row["at_risk"]),
        source=f"cumulative_incidence(...).at([{month}])",
    )
