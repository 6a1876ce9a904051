"""Movements of recurring revenue as facts; amounts of a page are those of a year, twelve times what a month brings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import rate_of
from kbind.revenue.revenue_retention import RevenueRetention
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact

#: What happens to revenue, above the line and below.
GAINS, LOSSES = ("new", "reactivation", "expansion"), ("contraction", "churn")
#: Months of a year: recurring revenue is told as that of a year.
YEAR = 12
#: Share of what new customers bring from which on those who came back are told of apart.
VISIBLE = 0.01
#: Months that price, churn and new customers are averaged over.
RECENT = 12


def shown_windows(result: RevenueRetention) -> int:
    """Windows of a figure: without a last one that lacks the contracts which begin at its end."""
    return result.movements.calendar.lived - result.movements.lacking


def movements(result: RevenueRetention) -> dict[str, list[Fact]]:
    """Revenue that moved, by kind and window, of all customers together."""
    frame, counts = result.to_frame().iloc[: shown_windows(result)], result.movements.counts
    source = f"revenue_retention(data, period={result.movements.calendar.period!r}).to_frame()"
    return {
        kind: [
            Fact(f"revenue.{kind}.{label}", float(amount), "money", f"monthly revenue of {kind}", count=int(count),
                 source=source)
            for label, amount, count in zip(frame["period"], frame[kind], counts[kind][0], strict=False)
        ]
        for kind in (*GAINS, *LOSSES)
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class YearOfRevenue:
    """Facts about the last long window, which is a year where one is over, with amounts of a year.

    Parameters
    ----------
    window : RevenueRetention
        Its last window is told of.
    months : RevenueRetention
        The same by month.
    disclosure : Disclosure
        What may be told of.
    """

    window: RevenueRetention
    months: RevenueRetention
    disclosure: Disclosure

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a window."""
        return self.window.to_frame()

    def rate(self, figure: str, place: int = -1) -> Fact:
        """A rate of a window, the last unless told otherwise."""
        return rate_of_window(self.window, figure, place)

    def stayed(self, place: int = -1) -> Fact:
        """Share of the customers of the start who pay at the end."""
        share = estimate_of_window(self.window, "logo_churn", place).complement()
        return Fact.of(f"revenue.stayed{_before(place)}", share, _source(self.window))

    def moved(self, kind: str) -> Fact:
        """Revenue a year that moved in the last window; what was lost counts as a positive amount."""
        definition = f"12 x monthly revenue of {kind} between the two ends of the window"
        return self._money(kind, float(self.frame[kind].iloc[-1]), definition, self._count(kind))

    @cached_property
    def start(self) -> Fact:
        """Revenue a year at the start of the last window."""
        n = int(self.frame["n_start"].iloc[-1])
        return self._money("start", float(self.frame["start_mrr"].iloc[-1]), "12 x monthly revenue at the start", n)

    @cached_property
    def end(self) -> Fact:
        """Revenue a year at the end of the last window."""
        net = sum(self._count(kind) for kind in ("new", "reactivation")) - self._count("churn")
        n = int(self.frame["n_start"].iloc[-1]) + net
        return self._money("end", float(self.frame["end_mrr"].iloc[-1]), "12 x monthly revenue at the end", n)

    @cached_property
    def growth(self) -> Fact:
        """By which share revenue grew, or fell, as a positive share."""
        first, last = self.start.value, self.end.value
        share = abs(last - first) / first if first > 0 else np.nan
        return Fact(
            "revenue.growth", share, "share", "distance of both ends, divided by the start", source="start, end"
        )

    @cached_property
    def gap(self) -> Fact:
        """Revenue a year of the customers of the start that went, less what they pay more; or the reverse."""
        lost = sum(self.moved(kind).value for kind in LOSSES) - self.moved("expansion").value
        definition = "12 x monthly revenue, churn + contraction - expansion between the two ends of the window"
        return Fact("revenue.gap", abs(lost), "money", definition, source=_source(self.window))

    def steps(self) -> list[tuple[str, Fact]]:
        """From the revenue at the start to that at the end, by kind; empty if one of them may not be told.

        Losses are negative. Who came back is put together with who is new where that is little, or too few to be told.
        """
        back = () if self.together else (("reactivation", self.moved("reactivation")),)
        gains = [("gained" if self.together else "new", self.won), *back, ("expansion", self.moved("expansion"))]
        losses = [(kind, _negative(self.moved(kind))) for kind in LOSSES]
        steps = [("start", self.start), *(step for step in (*gains, *losses) if step[1].value), ("end", self.end)]
        return steps if self.disclosure.tells(*(fact for _, fact in steps)) else []

    @property
    def together(self) -> bool:
        """Whether too few came back to be told of apart, or too little with them to be seen."""
        new, back = (float(self.frame[kind].iloc[-1]) for kind in ("new", "reactivation"))
        return bool(back > 0) and (self.disclosure.hides(self._count("reactivation")) or back < VISIBLE * new)

    @cached_property
    def won(self) -> Fact:
        """Revenue a year of new customers, and of those who came back where they are not told of apart."""
        if not self.together:
            return self.moved("new")
        amount = float(self.frame[["new", "reactivation"]].iloc[-1].sum())
        count = self._count("new") + self._count("reactivation")
        return self._money("gained", amount, "12 x monthly revenue of new customers and of those who came back", count)

    # -- what is not settled yet -----------------------------------------------------------------------

    @property
    def _ends_with_data(self) -> bool:
        mine, months = self.window.movements.calendar, self.months.movements.calendar
        return mine.starts[mine.lived] == months.starts[months.lived]

    @cached_property
    def lacking(self) -> bool:
        """Whether contracts that begin at the end of the window are missing, so that gains are too low."""
        return self._ends_with_data and self.months.movements.lacking

    @cached_property
    def open(self) -> Fact:
        """Revenue a year of contracts that have just ended, so that others may follow: they count as staying."""
        moved = self.window.movements
        place = moved.calendar.lived - 1
        amount, n = float(moved.open[:, place].sum()) / moved.scale, int(moved.n_open[:, place].sum())
        return self._money("open", amount, "12 x monthly revenue of contracts that have ended within grace", n)

    @cached_property
    def least(self) -> Fact:
        """Share of the customers of the start who surely pay at the end: a lower limit.

        It takes all open contracts for those of customers of the start; which of them are is not counted.
        """
        stayed = self.stayed()
        n, kept = stayed.n or 0, max((stayed.count or 0) - (self.open.count or 0), 0)
        definition = (
            "customers of the start who pay at the end, less all customers whose contract has just ended (some of whom "
            "came after the start), divided by those at the start: a lower limit"
        )
        return Fact.of(
            "revenue.stayed.least", rate_of(kept, n, self.window.conf_level, definition), _source(self.window)
        )

    # -- what a point is worth ---------------------------------------------------------------------------

    @cached_property
    def _settled(self) -> slice:
        """The last months of which everything is known."""
        moved = self.months.movements
        unsettled = moved.lacking or bool(moved.n_open[:, -1].sum())
        end = moved.calendar.lived - (unsettled and moved.calendar.lived > 1)
        return slice(max(end - RECENT, 0), end)

    def recent(self, kind: str) -> tuple[float, int]:
        """Amount and customers of a kind of movement over the last months of which everything is known."""
        months = self.months.to_frame().iloc[self._settled]
        return float(months[kind].sum()), int(self.months.movements.counts[kind][0, self._settled].sum())

    @cached_property
    def gained(self) -> float:
        """New customers in an average one of these months."""
        months = len(self.months.to_frame().iloc[self._settled])
        return self.recent("new")[1] / max(months, 1)

    @cached_property
    def churn(self) -> Estimate:
        """Share of the paying customers who are gone a month later, over these months."""
        seen = int(self.months.to_frame()["n_start"].iloc[self._settled].sum())
        definition = "customers gone at the end of a month, divided by those paying at its start, over the last months"
        return rate_of(self.recent("churn")[1], seen, self.months.conf_level, definition)

    def prices(self) -> tuple[float, float, float]:
        """What a customer pays a month: those who left, with the lower and the higher of them and of all at the end.

        Whoever is kept would have left, so that the price of those who left comes first; where they are too few, all.
        """
        every = self.end.value / YEAR / max(self.end.count or 0, 1)
        amount, n = self.recent("churn")
        if not n or self.disclosure.hides(n):
            return every, every, every
        left = amount / n
        return left, min(left, every), max(left, every)

    # -- how facts are made ------------------------------------------------------------------------------

    def _count(self, kind: str) -> int:
        return int(self.window.movements.counts[kind][0, len(self.frame) - 1])

    def _money(self, name: str, monthly: float, definition: str, count: int) -> Fact:
        return Fact(f"revenue.{name}", YEAR * monthly, "money", definition, count=count, source=_source(self.window))


def estimate_of_window(result: RevenueRetention, figure: str, place: int = -1) -> Estimate:
    """A rate of a window with its interval."""
    row, moved = result.to_frame().iloc[place], result.movements
    counts = {kind: int(moved.counts[kind][0, : moved.calendar.lived][place]) for kind in ("churn", "new")}
    gone = min(counts.values()) if figure == "quick_ratio" else counts["churn"]
    return Estimate.in_row(row, figure, result.definition, result.conf_level, n=int(row["n_start"]), count=gone)


def rate_of_window(result: RevenueRetention, figure: str, place: int = -1) -> Fact:
    """The same as a fact."""
    unit = "ratio" if figure == "quick_ratio" else "share"
    name = f"revenue.{figure}.{result.preset}{_before(place)}"
    return Fact.of(name, estimate_of_window(result, figure, place), _source(result), unit)


def _before(place: int) -> str:
    return "" if place == -1 else f".{-place - 1}_before"


def _source(result: RevenueRetention) -> str:
    return f"revenue_retention(data, period={result.movements.calendar.period!r}, definition={result.preset!r})"


def _negative(fact: Fact) -> Fact:
    """A loss as a step down, under a name of its own."""
    return Fact(f"{fact.id}.step", -fact.value, fact.unit, f"minus {fact.definition}", count=fact.count,
                source=fact.source)  # fmt: skip
