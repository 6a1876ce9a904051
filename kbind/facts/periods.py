"""Retention of counted periods as facts, and what periods are called."""

from __future__ import annotations

from kbind.estimate.estimate import Estimate
from kbind.retention.period_rates import PeriodRates
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
