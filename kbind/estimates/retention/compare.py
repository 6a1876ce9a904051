"""Comparisons within one activity: who returns after an absence, and whether cohorts differ."""

from __future__ import annotations

from dataclasses import dataclass

from kbind.errors import ArgumentError
from kbind.estimates.intervals import newcombe
from kbind.estimates.retention.cohorts import CohortRetention
from kbind.estimates.retention.rates import Rate, rate_of

#: Periods after an absence that a customer must have been observed for.
FOLLOW_UP = 3


@dataclass(frozen=True)
class Difference:
    """Difference of two independent rates, first minus second, with Newcombe's hybrid score interval."""

    value: float
    ci_lower: float
    ci_upper: float
    conf_level: float


def rate_difference(first: Rate, second: Rate) -> Difference:
    """How far two counted rates lie apart; NaN if one of them rests on nobody."""
    counts = (first.numerator, first.denominator, second.numerator, second.denominator)
    value, lower, upper = (float(x) for x in newcombe(*counts, first.conf_level))
    return Difference(value, lower, upper, first.conf_level)


def follow_up(result: CohortRetention) -> int:
    """Periods for which an absence is followed before it counts: three, or half of what has been lived."""
    return max(1, min(FOLLOW_UP, (result.activity.calendar.lived - 2) // 2))


def return_rate(on: CohortRetention, ever: CohortRetention) -> Rate:
    """Of those who were not active in the period after their first, the share who were active later.

    Only customers count who have been observed for some periods after the absence (see `follow_up`): who was
    missing just before the data ends has had no time to return.

    Parameters
    ----------
    on, ever : CohortRetention
        Kinds "on" and "on_or_after" of the same activity.
    """
    if on.activity is not ever.activity or (on.kind, ever.kind) != ("on", "on_or_after"):
        raise ArgumentError("return_rate needs the kinds 'on' and 'on_or_after' of one activity")
    calendar = on.activity.calendar
    young = calendar.labels[max(calendar.lived - 1 - follow_up(on), 0) :]
    here, later = on.rate(1, exclude=young), ever.rate(1, exclude=young)
    period = calendar.period
    definition = (
        f"customers active later, divided by those not active in the {period} after their first and observed for at "
        f"least {follow_up(on)} more"
    )
    missing = int(here.denominator - here.numerator)
    return rate_of(int(later.numerator - here.numerator), missing, on.conf_level, definition)


def early_and_late(on: CohortRetention, age: int = 1) -> tuple[Rate, Rate]:
    """Share at an age of the earlier and of the later half of the cohorts after the first that have lived it."""
    calendar = on.activity.calendar
    usable = [i for i in range(1, calendar.lived - age) if on.cohort_size[0][i] > 0]
    middle = len(usable) // 2
    halves = usable[:middle], usable[middle:]
    first, second = (
        on.rate(age, exclude=[label for i, label in enumerate(calendar.labels) if i not in half]) for half in halves
    )
    return first, second


def same_cohorts(on: CohortRetention, age: int) -> tuple[Rate, Rate]:
    """Share at age 1 and at a later age of those customers who have lived the later age."""
    calendar = on.activity.calendar
    young = calendar.labels[max(calendar.lived - age, 0) :]
    return on.rate(1, exclude=young), on.rate(age, exclude=young)
