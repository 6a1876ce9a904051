"""In which months of their life as customers most are lost: early, at renewal, or evenly; in customers and in money."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import newcombe, normal
from kbind.facts.survival import HALF_A_YEAR, SPIKE, leaving, spikes, staying
from kbind.survival.curve import SurvivalCurve
from kbind.survival.departures import Departures
from kbind.survival.hazard_curve import HazardCurve
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from kbind.typing import Bools

#: The early months are compared with those up to this one.
COMPARED = 24
#: Ends of the early months that explain the data nearly as well as the best: so much less log-likelihood (95 %).
NEARLY = 1.92
#: Months of a year, after which contracts are renewed; money a month times this is money a year.
YEAR = 12

_SOURCE = "departures(...).to_frame()"


def early_block(months: pd.DataFrame, apart: list[int]) -> int:
    """How many months from the start on customers surely leave more often than in the calm months after; 0 if none.

    Parameters
    ----------
    months : DataFrame
        As `by_month` makes it.
    apart : list of int
        Months such as those of a renewal, which are neither early nor calm.

    Notes
    -----
    Of all ends up to half a year, and up to half of what was observed, those are taken that part the months into two
    levels nearly as well as the best; of them the first. The share before it has to be half as large again as after it,
    and surely larger; every end has been tried, so chance has that many tries.
    """
    frame = months[(months["month"] <= COMPARED) & ~months["month"].isin(apart)]
    last = int(months["month"].max()) if len(months) else 0
    ends = range(1, min(HALF_A_YEAR, last // 2) + 1)
    if last < HALF_A_YEAR:
        return 0
    age, left, seen = (frame[name].to_numpy(dtype=float) for name in ("month", "events", "at_risk"))

    def fit(end: int) -> float:
        return sum(_likelihood(left[side].sum(), seen[side].sum()) for side in (age <= end, age > end))

    fits = {end: fit(end) for end in ends}
    end = min(end for end in ends if fits[end] >= max(fits.values()) - NEARLY)
    (n, of), (others, among) = ((left[side].sum(), seen[side].sum()) for side in (age <= end, age > end))
    if not of or not among or n / of <= SPIKE * others / among:
        return 0
    return end if newcombe(n, of, others, among, 1 - 0.05 / len(ends))[1] > 0 else 0


def _likelihood(left: float, seen: float) -> float:
    if not 0 < left < seen:
        return 0.0
    share = left / seen
    return float(left * np.log(share) + (seen - left) * np.log1p(-share))


def renewal_months(found: list[int], last: int) -> list[int]:
    """Dangerous months; where several of them end a year as customer and no others do, every such month until `last`.

    >>> renewal_months([12, 24], 50), renewal_months([12], 50), renewal_months([7, 24], 50)
    ([12, 24, 36, 48], [12], [7, 24])
    """
    if len(found) > 1 and all(month % YEAR == 0 for month in found):
        return list(range(YEAR, last + 1, YEAR))
    return found


@dataclass(frozen=True, eq=False)
class LeavingFacts:
    """Facts about when customers leave.

    Parameters
    ----------
    curve : SurvivalCurve
        Of all customers together.
    hazard : HazardCurve
    months : DataFrame
        As `by_month` makes it, of months that are known well enough.
    departures : Departures or None
        Of the last year that is over; None where contracts tell no revenue.
    disclosure : Disclosure
    """

    curve: SurvivalCurve
    hazard: HazardCurve
    months: pd.DataFrame = field(repr=False)
    departures: Departures | None
    disclosure: Disclosure

    @cached_property
    def last(self) -> int:
        """The oldest month that is known well enough."""
        return int(self.months["month"].max()) if len(self.months) else 0

    @cached_property
    def followed(self) -> int:
        """The oldest month that somebody was seen to the end of."""
        seen = self.curve.curves[0].risk.times
        return min(self.last, int(seen[-1])) if len(seen) else 0

    @cached_property
    def later(self) -> pd.DataFrame:
        """The months after the first day."""
        return self.months[self.months["month"] > 0].reset_index(drop=True)

    @cached_property
    def spikes(self) -> list[int]:
        """Dangerous months: surely worse than the months around them."""
        found = spikes(self.later)
        return [month for month in found if self.disclosure.tells(leaving(self.hazard, self.months, month))]

    @cached_property
    def renewals(self) -> list[int]:
        """Months of renewal, or whatever else is dangerous."""
        return renewal_months(self.spikes, self.last)

    @property
    def yearly(self) -> bool:
        """Whether the dangerous months are those after each year, in which contracts are renewed."""
        renewed = all(month % YEAR == 0 for month in self.renewals)
        return bool(self.renewals) and renewed and self.hazard.durations.log == "subscriptions"

    @cached_property
    def block(self) -> int:
        """Early months with surely more departures than later; 0 if there are none."""
        end = early_block(self.months, self.renewals)
        return end if end and self.disclosure.tells(self.left_by(end)) else 0

    @property
    def early_months(self) -> Fact:
        """The same as a fact."""
        definition = "first months in which customers surely leave more often than in the calm months after"
        return Fact("early.months", float(self.block), "count", definition, source="hazard_curve(...).to_frame()")

    @property
    def times(self) -> tuple[str, ...]:
        """Times that stand out: "early", "renewal", both or neither."""
        return ("early",) * bool(self.block) + ("renewal",) * bool(self.renewals)

    @cached_property
    def horizon(self) -> int:
        """Months that departures are counted over: a year, or until the first dangerous month if that comes later."""
        return max([min(YEAR, self.followed), *(month for month in self.renewals[:1] if month <= self.followed)])

    @cached_property
    def late(self) -> Fact:
        """Customers who came before recording began."""
        lives = self.hazard.durations
        number = float(lives.n[lives.entry > 0].sum())
        definition = "customers who count only from the start of recording on, as they came before"
        return Fact("customers.before", number, "customers", definition, source="durations(...)")

    # -- shares of new customers ---------------------------------------------------------------------

    def left_by(self, month: int) -> Fact:
        """Share of new customers who have left by an age."""
        stay = staying(self.curve, month)
        limits = 1 - stay.ci_upper, 1 - stay.ci_lower
        definition = f"1 - share still there: {stay.definition}"
        return replace(
            stay,
            id=f"left.{month}",
            value=1 - stay.value,
            ci_lower=limits[0],
            ci_upper=limits[1],
            definition=definition,
        )

    @cached_property
    def at_renewal(self) -> Fact:
        """Share of new customers who leave in dangerous months up to the horizon."""
        chosen = [month for month in self.renewals if month <= self.horizon]
        before = [staying(self.curve, month - 1).value for month in chosen]
        rates = [leaving(self.hazard, self.months, month) for month in chosen]
        limits = [
            sum(share * getattr(rate, name) for share, rate in zip(before, rates, strict=True))
            for name in ("value", "ci_lower", "ci_upper")
        ]
        definition = "share still there before a dangerous month times the share of them who leave in it, added up"
        counts = {"n": min((rate.n or 0 for rate in rates), default=0), "count": sum(rate.count or 0 for rate in rates)}
        share = Estimate.of(limits, **counts, conf_level=self.hazard.conf_level, definition=definition)
        return Fact.of("left.renewal", share, "hazard_curve(...).to_frame()")

    def a_month(self, name: str) -> Fact:
        """Share that leaves in a month, over all months of a kind: "early", "renewal" or "quiet"."""
        month = self.later["month"]
        renewal = month.isin(self.renewals)
        kinds: dict[str, tuple[pd.Series[bool], str]] = {
            "early": (~renewal & (month <= self.block), f"a month from 1 to {self.block}"),
            "renewal": (renewal, "a dangerous month"),
            "quiet": (~renewal & (month > self.block), "a month that is neither early nor dangerous"),
        }
        chosen, which = kinds[name]
        frame = self.later[chosen]
        left, seen = float(frame["events"].sum()), float(frame["at_risk"].sum())
        definition = f"customers who leave in {which}, divided by those there when it begins"
        share = left / seen if seen else float("nan")
        source = "hazard_curve(...).to_frame()"
        return Fact(f"month.{name}", share, "share", definition, n=int(seen), count=int(left), source=source)

    # -- money a year --------------------------------------------------------------------------------

    def lost(self, name: str) -> Fact | None:
        """Revenue a year that went in the last year: "all" of it, "early" or at "renewal"; None if it is not known."""
        found = self.departures
        if found is None:
            return None
        chosen: dict[str, Bools] = {
            "all": np.ones(len(found.month), dtype=bool),
            "early": found.month <= self.block,
            "renewal": np.isin(found.month, self.renewals),
        }
        lost, error = _money(found, chosen[name])
        estimate, n = normal(lost, error, 0.95), int(found.n[chosen[name]].sum())
        limits = lost, max(estimate.ci_lower, 0.0), estimate.ci_upper
        fact = Fact.of(f"lost.{name}", Estimate.of(limits, n=n, definition=found.definition), _SOURCE, "money")
        return fact if lost > 0 and self.disclosure.tells(fact) else None

    def share_lost(self, name: str) -> Fact | None:
        """Of the revenue that went in the last year, the share that went "early" or at "renewal"; None if not known."""
        part, whole = self.lost(name), self.lost("all")
        if part is None or whole is None:
            return None
        definition = f"{part.definition}: of all of it, what went then"
        some, every = (
            self.disclosure.fact(fact).value for fact in (part, whole)
        )  # so that it is the share of what is told
        return Fact(f"lost.{name}.share", some / every, "share", definition, source=part.source)

    def tenth(self, name: str, margin: float | None = None) -> Fact | None:
        """A tenth of the revenue that went "early" or at "renewal", or of its margin: what one in ten is worth."""
        part = self.lost(name)
        if part is None:
            return None
        times = 0.1 if margin is None else 0.1 * margin
        limits = times * part.value, times * part.ci_lower, times * part.ci_upper
        what = "" if margin is None else " the stated margin of"
        told = Estimate.of(limits, n=part.n, definition=f"a tenth of{what}: {part.definition}")
        return Fact.of(f"lost.{name}.tenth{'' if margin is None else '.margin'}", told, part.source, "money")

    @property
    def surely_dearer(self) -> bool:
        """Whether one of early months and dangerous ones surely costs more than the other."""
        early, renewal = self.lost("early"), self.lost("renewal")
        if early is None or renewal is None:
            return False
        widths = [fact.ci_upper - fact.value for fact in (early, renewal)]
        return abs(early.value - renewal.value) > math.hypot(*widths)

    @cached_property
    def first(self) -> str:
        """Where most is lost, in money where that is known: "early", at "renewal", or "" where neither stands out."""
        if len(self.times) < 2:
            return "".join(self.times)
        early, renewal = self.lost("early"), self.lost("renewal")
        if early is None or renewal is None:
            return self.in_order[0]
        return "early" if early.value >= renewal.value else "renewal"

    def told_coarsely(self, *times: str) -> bool:
        """Whether shares are told so coarsely that more would leave at some of these times than in all."""
        parts = [self.left_by(self.block) if time == "early" else self.at_renewal for time in times]
        whole, *told = (self.disclosure.fact(fact).value for fact in (self.left_by(self.horizon), *parts))
        return any(part >= whole for part in told)

    @property
    def in_order(self) -> tuple[str, str]:
        """Early months and dangerous ones, first those in which more new customers leave."""
        more = self.left_by(self.block).value >= self.at_renewal.value
        return ("early", "renewal") if more else ("renewal", "early")


def _money(found: Departures, chosen: Bools) -> tuple[float, float]:
    """Money a year that some who left paid, and by how much it would differ by chance: who leaves comes one by one."""
    return YEAR * float(found.revenue[chosen].sum()), YEAR * float(np.sqrt(found.squares[chosen].sum()))
