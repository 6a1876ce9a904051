"""Rates from counts by period: for those who know how many customers they had, but not which."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from kbind.dataset.dataset import Dataset, check_dataset
from kbind.dataset.provenance import Provenance
from kbind.errors import check_conf_level, check_count, check_kind
from kbind.estimate.estimate import Estimate
from kbind.estimate.intervals import interval_columns, rate_of, wilson
from kbind.result import Shown
from kbind.retention.rates import rescale_churn

#: Periods are of one length if the longest has at most so many times the days of the shortest.
_ALIKE = 1.04
_REVENUE = ("revenue_start", "revenue_lost", "revenue_contraction", "revenue_expansion")


@dataclass(frozen=True, eq=False, repr=False)
class PeriodRates(Shown):
    """Retention and churn of every period. Made by `period_rates`.

    Attributes
    ----------
    counts : DataFrame
        One row a period in order of time: first_day, last_day, customers_start, gained, lost, and revenue_start,
        revenue_lost, revenue_contraction, revenue_expansion (NaN where not given).
    reasons : DataFrame
        Columns reason, customers: why those lost left, over all periods, most frequent first.
    conf_level : float
        Level of the Wilson intervals.
    provenance : Provenance
        Where the counts come from.
    """

    counts: pd.DataFrame = field(repr=False)
    reasons: pd.DataFrame
    conf_level: float
    provenance: Provenance

    @property
    def definition(self) -> str:
        """What was counted and divided."""
        return (
            "retention: (customers at the end - gained) / customers at the start of each period, with Wilson score "
            "interval; churn: 1 - retention; a year: churn rescaled to the twelve months from the first day on, "
            "assuming the same hazard every day; GRR: (revenue at the start - lost - contraction) / revenue at the "
            "start; NRR: the same with expansion; revenue has no interval, because no single customer is known. "
            f"{self.provenance}"
        )

    @property
    def kind(self) -> str:
        """Calendar period that every row is: "week", "month", "quarter", "year", or "" if they are none or differ."""
        kinds = {_kind(*days) for days in zip(self.counts["first_day"], self.counts["last_day"], strict=True)}
        return kinds.pop() if len(kinds) == 1 else ""

    @property
    def alike(self) -> bool:
        """Whether all periods have one length, so that their customers may be added up."""
        days = self.counts["days"]
        return bool(self.kind) or float(days.max()) <= _ALIKE * float(days.min())

    def rate(self, position: int) -> Estimate:
        """Retention of one period, by its place in order of time; negative from the end."""
        row = self.counts.iloc[self._place("position", position)]
        return self._retention(int(row["customers_start"] - row["lost"]), int(row["customers_start"]))

    def pooled(self, first: int = 0, last: int | None = None) -> Estimate:
        """Retention per period over several of them: customers kept / customers at the starts, added up.

        Parameters
        ----------
        first, last : int, optional
            Places in order of time, the last one excluded; default all.

        Returns
        -------
        Estimate
            Without a value if the periods differ in length, or nobody was there.
        """
        end = None if last is None else self._place("last", last, behind=1)
        rows = self.counts.iloc[self._place("first", first) : end]
        start = int(rows["customers_start"].sum()) if self.alike else 0
        return self._retention(start - int(rows["lost"].sum()) if start else 0, start)

    def year(self, rate: Estimate, position: int = -1) -> Estimate:
        """A retention per period as retention over the twelve months from a period's first day on."""
        check_kind("rate", rate, Estimate, "pooled(...) or rate(...)")
        row = self.counts.iloc[self._place("position", position)]
        if np.isnan(rate.value):
            return rate
        churn = replace(rate.complement(), kind="churn")
        whole = rescale_churn(churn, days_from=float(row["days"]), days_to=_year_from(row["first_day"]))
        definition = f"{rate.definition}; over twelve months, assuming the same hazard every day"
        return replace(whole.complement(), n=rate.n, count=rate.count, definition=definition, kind="retention")

    def _place(self, parameter: str, position: int, behind: int = 0) -> int:
        """The place of a period, or the one behind the last where a range ends there."""
        n = len(self.counts)
        return check_count(parameter, position, -n, n - 1 + behind)

    def _retention(self, kept: int, start: int) -> Estimate:
        definition = "(customers at the end - gained) / customers at the start; Wilson score interval"
        return rate_of(kept, start, self.conf_level, definition)

    def to_frame(self) -> pd.DataFrame:
        """One row a period.

        Returns
        -------
        DataFrame
            Columns first_day, last_day, days, customers_start, gained, lost, customers_end, retention, churn and
            churn_year, each with `_ci_lower` and `_ci_upper`, grr and nrr. NaN where there was nobody or no revenue.
        """
        frame = self.counts.copy()
        start, lost = frame["customers_start"], frame["lost"]
        frame.insert(list(frame).index("lost") + 1, "customers_end", start + frame["gained"] - lost)
        value, lower, upper = wilson(start - lost, start, self.conf_level)
        times = np.array([_year_from(day) for day in frame["first_day"]]) / frame["days"].to_numpy(dtype=float)
        found = {"retention": (value, lower, upper), "churn": (1 - value, 1 - upper, 1 - lower)}
        found["churn_year"] = tuple(1 - share**times for share in (value, upper, lower))
        for name, limits in found.items():
            frame = frame.assign(**interval_columns(name, limits))
        before = frame["revenue_start"].where(frame["revenue_start"] > 0)
        kept = before - frame["revenue_lost"] - frame["revenue_contraction"]
        frame["grr"], frame["nrr"] = kept / before, (kept + frame["revenue_expansion"]) / before
        return frame.drop(columns=list(_REVENUE))


def period_rates(data: Dataset, *, conf_level: float = 0.95) -> PeriodRates:
    """Retention and churn by period from counts, as a filled template holds them.

    Parameters
    ----------
    data : Dataset
        With a table `periods`, and perhaps `reasons`.
    conf_level : float
        Level of the Wilson intervals.

    Returns
    -------
    PeriodRates

    Raises
    ------
    ArgumentError
        The data set has no table `periods`, or the level is none.

    Examples
    --------
    >>> import pandas as pd
    >>> from kbind.dataset.opening import open_dataset
    >>> counts = {"first_day": ["2024-01-01", "2024-04-01"], "last_day": ["2024-03-31", "2024-06-30"],
    ...           "customers_start": [20, 44], "gained": [5, 12], "lost": [1, 13]}
    >>> rates = period_rates(open_dataset({"periods": pd.DataFrame(counts)}))
    >>> rates.to_frame()[["customers_end", "retention", "retention_ci_lower", "retention_ci_upper"]].round(4)
       customers_end  retention  retention_ci_lower  retention_ci_upper
    0             24     0.9500              0.7639              0.9911
    1             43     0.7045              0.5578              0.8184
    """
    check_dataset(data)
    check_conf_level(conf_level)
    frame = data.table(data.require("periods")).sort_values("first_day", ignore_index=True)
    days = [_days(frame[name]) for name in ("first_day", "last_day")]
    counts = pd.DataFrame({"first_day": days[0], "last_day": days[1]})
    counts["days"] = [(last - first).days + 1 for first, last in zip(*days, strict=True)]
    for name in ("customers_start", "gained", "lost"):
        counts[name] = frame[name].astype("int64")
    for name in _REVENUE:
        counts[name] = frame[name].astype(float) if name in frame else np.nan
    reasons = pd.DataFrame({"reason": pd.Series(dtype="str"), "customers": pd.Series(dtype="int64")})
    if "reasons" in data.tables:
        found = data.engine.query(
            "SELECT reason, CAST(sum(customers) AS BIGINT) AS customers FROM reasons GROUP BY reason "
            "HAVING sum(customers) > 0 ORDER BY customers DESC, reason",
            tables={"reasons": "reasons"},
        )
        reasons = found.to_pandas()
    return PeriodRates(counts, reasons, conf_level, Provenance.of(data, data.as_of))


@dataclass(frozen=True)
class LateChange:
    """The last periods against all before them. Made by `late_change`.

    Parameters
    ----------
    periods : int
        How many of the last periods are compared.
    late, before : Estimate
        Retention in them, and in all before.
    chance : float
        How often so large a difference arises where nothing has changed, however many of the last periods were tried.
    """

    periods: int
    late: Estimate
    before: Estimate
    chance: float


def late_change(rates: PeriodRates, most: int = 2) -> LateChange | None:
    """The last period, or the last few, against those before: whichever differs most surely.

    Fisher's exact test of those who stayed; the chance is multiplied by the number of tests, as one looks at several.

    Parameters
    ----------
    rates : PeriodRates
        Of periods of one length, else there is nothing to compare.
    most : int
        Up to so many of the last periods are taken together.

    Returns
    -------
    LateChange or None
        None where there is no earlier period, or nobody was there.

    Examples
    --------
    >>> import pandas as pd
    >>> from kbind.dataset.opening import open_dataset
    >>> months = pd.date_range("2024-01-01", periods=4, freq="MS")
    >>> counts = {"first_day": months, "last_day": months + pd.offsets.MonthEnd(), "customers_start": 500, "gained": 0,
    ...           "lost": [25, 25, 60, 55]}
    >>> found = late_change(period_rates(open_dataset({"periods": pd.DataFrame(counts)})))
    >>> found.periods, round(found.late.value, 3), found.before.value, found.chance < 0.001
    (2, 0.885, 0.95, True)
    """
    from scipy.stats import fisher_exact

    looks = range(1, min(most, len(rates.counts) - 1) + 1) if rates.alike else range(0)
    found = []
    for k in looks:
        late, before = rates.pooled(-k), rates.pooled(0, -k)
        if late.n and before.n:
            stayed = [(each.count, each.n - each.count) for each in (late, before) if each.n and each.count is not None]
            found.append(LateChange(k, late, before, min(1.0, len(looks) * float(fisher_exact(stayed)[1]))))
    return min(found, key=lambda change: change.chance, default=None)


def _days(column: pd.Series[date]) -> Sequence[date]:
    return [day.date() for day in pd.to_datetime(column)]


def _kind(first: date, last: date) -> str:
    """The calendar period from a first to a last day."""
    after = last + timedelta(days=1)
    if (last - first).days == 6 and first.isoweekday() == 1:
        return "week"
    if first.day != 1 or after.day != 1:
        return ""
    months = 12 * (after.year - first.year) + after.month - first.month
    names = {1: "month", 3: "quarter", 12: "year"}
    return names.get(months, "") if (first.month - 1) % months == 0 else ""


def _year_from(first: date) -> float:
    """Days of the twelve months from a day on; of 29 February, up to 28 February."""
    day = min(first.day, monthrange(first.year + 1, first.month)[1])
    return float((date(first.year + 1, first.month, day) - first).days)
