"""What the chapter knows about how long customers stay: its facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from kbind.data.dataset import Dataset
from kbind.estimates.intervals import newcombe
from kbind.estimates.survival import CumulativeIncidence, HazardCurve, HazardModel, SurvivalCurve
from kbind.estimates.survival.contact import CONTACT_LOST
from kbind.facts.survival import by_month, leaving, lost_to, staying
from kbind.statistics.durations import Durations
from kbind.story.base import Scope
from kbind.wording import Fact, Voice

#: An age is told of if so many customers were still under observation.
SOLID = 50
#: Months that it takes to say when customers leave.
HALF_A_YEAR = 6
#: A month is dangerous if its share is surely above, and so many times, that of so many months on each side.
SPIKE, NEAR = 1.5, 2


@dataclass(frozen=True, eq=False)
class SurvivalFacts:
    """Facts about how long customers stay.

    Parameters
    ----------
    data : Dataset
        What it is about.
    curve : SurvivalCurve
        Of all customers together.
    hazard : HazardCurve
        By month of age.
    incidence : CumulativeIncidence or None
        By cause, if there are several.
    contact : Fact or None
        Hazard ratio of customers who have lost their contact person at our house.
    voice : Voice
        Who speaks.
    """

    data: Dataset
    curve: SurvivalCurve
    hazard: HazardCurve
    incidence: CumulativeIncidence | None
    contact: Fact | None
    voice: Voice = field(repr=False)

    @property
    def durations(self) -> Durations:
        """What it is made of."""
        return self.curve.durations

    def scope(self) -> Scope:
        """Who and when it is about."""
        as_of = self.durations.provenance.as_of
        span = self.data.tables[self.durations.log].span
        if as_of is None or span is None:
            return Scope(customers=self.durations.customers, log=self.durations.log)
        first = max(self.data.wall_clock(span[0]), self.data.recorded_from or self.data.wall_clock(span[0]))
        last = (pd.Timestamp(as_of) - pd.Timedelta(microseconds=1)).date()
        return Scope(self.durations.customers, self.durations.log, first.date(), last)

    # -- facts ---------------------------------------------------------------------------------------

    @cached_property
    def months(self) -> pd.DataFrame:
        """The hazard by month, up to the last that is known well enough; month 0 if anybody left on the first day."""
        return by_month(self.hazard, SOLID)

    @cached_property
    def later(self) -> pd.DataFrame:
        """The same after the first day."""
        return self.months[self.months["month"] > 0].reset_index(drop=True)

    @cached_property
    def at_once(self) -> Fact | None:
        """Share that is never seen again after the first day; None if nobody, or if it may not be told."""
        if not (self.months["month"] == 0).any():
            return None
        fact = self.in_month(0)
        return fact if self.told(fact) else None

    @property
    def short(self) -> bool:
        """Whether too few customers were followed for half a year."""
        return len(self.later) < HALF_A_YEAR

    @property
    def lack(self) -> str:
        """Why it is short: "few" customers, "young" data, or too few left because most have "gone"."""
        lives, scope = self.durations, self.scope()
        if lives.customers < SOLID:
            return "few"
        days = (scope.last - scope.first).days if scope.first and scope.last else 30 * float(lives.duration.max())
        return "gone" if days >= 30 * HALF_A_YEAR and 2 * lives.events > lives.customers else "young"

    @property
    def last(self) -> int:
        """The oldest age that figures show."""
        return int(self.months["month"].max()) if len(self.months) else 1

    @cached_property
    def marks(self) -> list[int]:
        """One or two ages to speak of: a year and two, or what has been observed."""
        seen = self.curve.curves[0].risk.times  # a month that nobody has seen to its end is not told of
        last = min(int(self.months["month"].max()), int(seen[-1])) if len(self.months) else 0
        return [12, 24] if last >= 24 else [12] if last >= 12 else [last]

    def at(self, month: int) -> Fact:
        """Share still there after so many months."""
        return staying(self.curve, month)

    def in_month(self, month: int) -> Fact:
        """Share of those still there who leave in a month of age."""
        return leaving(self.hazard, self.months, month)

    @cached_property
    def spikes(self) -> list[int]:
        """Dangerous months: surely worse than the months around them."""
        frame = self.later
        if len(frame) < HALF_A_YEAR:
            return []
        left, seen = (frame[name].to_numpy(dtype=float) for name in ("events", "at_risk"))
        found = []
        for i in range(NEAR, len(frame)):
            month = int(frame["month"].iloc[i])
            sides = [slice(i - NEAR, i), slice(i + 1, i + 1 + NEAR)]
            # every month is looked at, so chance has that many tries
            level = 1 - 0.05 / len(frame)
            high = [
                newcombe(left[i], seen[i], left[side].sum(), seen[side].sum(), level)[1] > 0
                and left[i] / seen[i] > SPIKE * left[side].sum() / seen[side].sum()
                for side in sides
                if seen[side].sum() > 0
            ]
            if all(high) and self.told(self.in_month(month)):
                found.append(month)
        return found

    @cached_property
    def quiet(self) -> Fact:
        """Share that leaves in a month which is not dangerous, over all of them."""
        return self._leaving("quiet", ~self.later["month"].isin(self.spikes), "a month that is not dangerous")

    @cached_property
    def spiking(self) -> Fact:
        """Share that leaves in a dangerous month, over all of them."""
        return self._leaving("spikes", self.later["month"].isin(self.spikes), "a dangerous month")

    @cached_property
    def early(self) -> tuple[Fact, Fact]:
        """Mean share that leaves per month in the first quarter of a year of age, and after the first year."""
        month = self.later["month"]
        calm = ~month.isin(self.spikes)
        return (
            self._leaving("early", calm & month.between(1, 3), "a month from 1 to 3"),
            self._leaving("late", calm & (month >= 13), "a month from 13 on"),
        )

    def _leaving(self, name: str, months: pd.Series[bool], which: str) -> Fact:
        """Share that leaves in one of some months of age, over all of them."""
        frame = self.later[months]
        left, seen = float(frame["events"].sum()), float(frame["at_risk"].sum())
        definition = f"customers who leave in {which}, divided by those there when it begins"
        share = left / seen if seen else float("nan")
        source = "hazard_curve(...).to_frame()"
        return Fact(name, share, "share", definition, n=int(seen), count=int(left), source=source)

    def lost_to(self, cause: str, month: int) -> Fact:
        """Share lost to a cause by an age."""
        assert self.incidence is not None
        return lost_to(self.incidence, cause, month)

    def told(self, fact: Fact) -> bool:
        """Whether a fact is known and may be told."""
        return self.voice.disclosure.fact(fact).known


def contact_fact(model: HazardModel) -> Fact:
    """Hazard ratio of the months after our contact person has left."""
    frame = model.to_frame()
    row = frame[frame["covariate"] == CONTACT_LOST].iloc[0]
    return Fact(
        "contact",
        float(row["hazard_ratio"]),
        "ratio",
        model.definition,
        float(row["hazard_ratio_ci_lower"]),
        float(row["hazard_ratio_ci_upper"]),
        model.conf_level,
        n=int(row["n"]),
        count=int(row["events"]),
        source="hazard_model(...).to_frame()",
    )
