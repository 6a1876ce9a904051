"""Retention of counted periods as facts, and what periods are called."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

from kbind.estimate.estimate import Estimate
from kbind.retention.period_rates import LateChange, PeriodRates
from kbind.text.disclosure import Disclosure
from kbind.text.facts import Fact
from kbind.text.voice import Voice

SOURCE = "period_rates(...).to_frame()"


def together(rates: PeriodRates) -> bool:
    """Whether all periods are told of as one: there are several, of one length."""
    return len(rates.counts) > 1 and rates.alike


def main_rate(rates: PeriodRates) -> Estimate:
    """Retention per period over all of them, or in the last where they differ in length."""
    return rates.pooled() if together(rates) else rates.rate(-1)


def kept(rates: PeriodRates) -> Fact:
    """The main rate."""
    return Fact.of("kept", main_rate(rates), "period_rates(...).pooled()" if together(rates) else SOURCE)


def late_and_before(rates: PeriodRates, periods: int) -> dict[str, Fact]:
    """Retention over so many of the last periods, and over all before them."""
    return {
        "late": Fact.of("late", rates.pooled(-periods), f"period_rates(...).pooled({-periods})"),
        "before": Fact.of("before", rates.pooled(0, -periods), f"period_rates(...).pooled(0, {-periods})"),
    }


def of_year(rates: PeriodRates, rate: Estimate, name: str, disclosure: Disclosure, position: int = -1) -> Fact:
    """A rate per period as one over twelve months, made from the rate as it is told."""
    told = disclosure.estimate(rate)
    year = Fact.of(name, rates.year(told, position), "period_rates(...).year(...)")
    return replace(year, hidden=isnan(told.value) and not isnan(rate.value))


def periods_of_year(rates: PeriodRates) -> float:
    """How many periods make a year."""
    known = {"week": 52.0, "month": 12.0, "quarter": 4.0, "year": 1.0}
    return known.get(rates.kind, 365.25 / float(rates.counts["days"].iloc[-1]))


def lost_revenue(rates: PeriodRates, places: slice) -> Fact:
    """Revenue a year that some periods lost: that of a period, times the periods of a year."""
    rows, times = rates.counts.iloc[places], periods_of_year(rates)
    lost = float((rows["revenue_lost"] + rows["revenue_contraction"]).sum(skipna=False)) * times
    definition = f"revenue lost or contracted in {len(rows)} periods, times {times:.3g} periods a year"
    return Fact("revenue.lost", lost, "money", definition, count=int(rows["lost"].sum()), source=SOURCE)


def more_lost(rates: PeriodRates, change: LateChange) -> Fact:
    """Revenue a year that the last periods lost beyond the share that was lost before them."""
    late, before = rates.counts.iloc[-change.periods :], rates.counts.iloc[: -change.periods]
    gone = [rows["revenue_lost"] + rows["revenue_contraction"] for rows in (late, before)]
    share = float(gone[1].sum(skipna=False)) / max(float(before["revenue_start"].sum()), 1e-12)
    extra = float((gone[0] - share * late["revenue_start"]).sum(skipna=False)) * periods_of_year(rates)
    definition = "revenue lost or contracted, less the share of the periods before, times the periods of a year"
    return Fact("revenue.more_lost", extra, "money", definition, count=int(late["lost"].sum()), source=SOURCE)


def in_period(rates: PeriodRates, position: int) -> Fact:
    """Share of the customers at the start of a period who were there at its end."""
    position %= len(rates.counts)
    return Fact.of(f"period.{position}", rates.rate(position), SOURCE)


def label(rates: PeriodRates, position: int) -> str:
    """A period as the calendar counts it: "2024-Q1"; its first day where it is no calendar period."""
    day = rates.counts["first_day"].iloc[position]
    week = day.isocalendar()
    labels = {
        "week": f"{week.year}-W{week.week:02d}",
        "month": f"{day:%Y-%m}",
        "quarter": f"{day.year}-Q{(day.month + 2) // 3}",
        "year": f"{day.year}",
    }
    return labels.get(rates.kind, str(day))


def name(rates: PeriodRates, position: int, voice: Voice) -> str:
    """What a reader calls a period."""
    row = rates.counts.iloc[position]
    if rates.kind:
        return voice.period_name(row["first_day"], label(rates, position))
    return voice.days(row["first_day"], row["last_day"])
