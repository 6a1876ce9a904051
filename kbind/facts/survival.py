"""How long customers stay, as facts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import newcombe
from kbind.survival.contact_loss import CONTACT_LOST
from kbind.survival.curve import SurvivalCurve
from kbind.survival.hazard_curve import HazardCurve
from kbind.survival.hazard_model import HazardModel
from kbind.survival.incidence import CumulativeIncidence
from kbind.text.facts import Fact

#: Months that it takes to say when customers leave.
HALF_A_YEAR = 6
#: A month is dangerous if its share is surely above, and so many times, that of so many months on each side.
SPIKE, NEAR = 1.5, 2


def staying(curve: SurvivalCurve, month: int) -> Fact:
    """Share still there after so many months, of all customers together."""
    row = curve.at([month]).iloc[0]
    table = curve.curves[0].risk
    place = int(np.searchsorted(table.times, month, side="right")) - 1
    n, source = int(table.at_risk[max(place, 0)]), f"survival_curve(...).at([{month}])"
    return Fact.of(f"stay.{month}", Estimate.in_row(row, "survival", curve.definition, curve.conf_level, n=n), source)


def by_month(hazard: HazardCurve, least: float = 0.0) -> pd.DataFrame:
    """The hazard by month, as far as so many were at risk; month 0 if anybody left on the first day."""
    frame = hazard.to_frame().rename(columns={hazard.durations.unit: "month"})
    shown = (frame["month"] > 0) | (frame["events"] > 0)
    return frame[shown & (frame["at_risk"] >= least)].reset_index(drop=True)


def leaving(hazard: HazardCurve, months: pd.DataFrame, month: int) -> Fact:
    """Share of those still there who leave in a month of age, which is a row of `by_month`."""
    row = months[months["month"] == month].iloc[0]
    told, n, count = (hazard.definition, hazard.conf_level), int(row["at_risk"]), int(row["events"])
    source = "hazard_curve(...).to_frame()"
    return Fact.of(f"month.{month}", Estimate.in_row(row, "hazard", *told, n=n, count=count), source)


def lost_to(incidence: CumulativeIncidence, cause: str, month: int) -> Fact:
    """Share lost to a cause by an age, of all customers together."""
    frame = incidence.at([month])
    row = frame[frame["cause"] == cause].iloc[0]
    told, n = (incidence.definition, incidence.conf_level), int(row["at_risk"])
    source = f"cumulative_incidence(...).at([{month}])"
    return Fact.of(f"lost.{cause}.{month}", Estimate.in_row(row, "incidence", *told, n=n), source)


def contact_ratio(model: HazardModel) -> Fact:
    """Hazard ratio of the months after our contact person has left."""
    frame = model.to_frame()
    row = frame[frame["covariate"] == CONTACT_LOST].iloc[0]
    told, n, count = (model.definition, model.conf_level), int(row["n"]), int(row["events"])
    source = "hazard_model(...).to_frame()"
    return Fact.of("contact", Estimate.in_row(row, "hazard_ratio", *told, n=n, count=count), source, "ratio")


def spikes(months: pd.DataFrame) -> list[int]:
    """Months of `by_month` in which surely more customers leave than in the months on each side."""
    if len(months) < HALF_A_YEAR:
        return []
    left, seen = (months[name].to_numpy(dtype=float) for name in ("events", "at_risk"))
    level = 1 - 0.05 / len(months)  # every month is looked at, so chance has that many tries

    def stands_out(month: int, side: slice) -> bool:
        others = left[side].sum(), seen[side].sum()
        sure = newcombe(left[month], seen[month], *others, level)[1] > 0
        return bool(sure and left[month] / seen[month] > SPIKE * others[0] / others[1])

    return [
        int(months["month"].iloc[i])
        for i in range(NEAR, len(months))
        if all(stands_out(i, side) for side in (slice(i - NEAR, i), slice(i + 1, i + 1 + NEAR)) if seen[side].sum() > 0)
    ]
